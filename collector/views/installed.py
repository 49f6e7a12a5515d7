"""The site as an app on a device: its manifest, and the worker with the one page that it keeps."""

import hashlib
import json
import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

OFFLINE = "pages/offline.html"


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Say what the app is called, where it begins, and which icons it has."""
    return render(request, "manifest.json", content_type="application/manifest+json")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """Show what the worker shows where the site cannot be reached; it is nobody's."""
    return HttpResponse(render_to_string(OFFLINE))


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Tell the worker what it keeps. Whenever the offline page, a file of it or the worker itself
    changes, so does this script: then browsers take the new one."""
    page = render_to_string(OFFLINE)
    files = re.findall(rf'"({re.escape(settings.STATIC_URL)}[^"]+)"', page)
    kept = {
        # Other sites of this origin keep theirs in the same store.
        "site": f"offline {reverse('home')} ",
        "version": hashlib.sha256(page.encode()).hexdigest(),
        "page": reverse("offline"),
        "files": files,
    }
    script = (
        f"self.KEPT = {json.dumps(kept)};\nimportScripts({json.dumps(static('js/worker.js'))});\n"
    )
    response = HttpResponse(script, content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response
