"""Every URL of the site: pages, API, health, and Django's admin."""

from django.contrib import admin
from django.urls import include, path

from collector import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/", include("collector.api.urls")),
    path("", include("collector.urls")),
]

handler500 = "collector.refusals.server_error"
