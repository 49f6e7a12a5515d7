"""Every URL of the site: pages, API, health, and Django's admin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from collector import health
from collector.views import accounts

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/login/", accounts.admin_sign_in),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
    path("api/", include("collector.api.urls")),
    path("", include("collector.urls")),
]

handler500 = "collector.refusals.server_error"
