"""Every URL of the site: pages, API, and Django's admin. The probes are answered before any of them
(collector/middleware.py)."""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from collector.views import accounts
from dadc_site import inside

_icon = RedirectView.as_view(url=lazy(static, str)("img/favicon.ico"))

_site: list[URLPattern | URLResolver] = [
    path("admin/login/", accounts.admin_sign_in),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
    path("metrics", inside.metrics, name="metrics"),
    path("api/", include("collector.api.urls")),
    path("favicon.ico", require_safe(_icon)),
    path("", include("collector.urls")),
]
urlpatterns = [path(f"{settings.PATH[1:]}/", include(_site))] if settings.PATH else _site

handler404 = "dadc_site.languages.not_found"
handler500 = "collector.refusals.server_error"
