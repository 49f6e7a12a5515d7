"""What is under every answer of the site: the same gunicorn and the same body, parsed, with a
constant answer: by WSGI alone at `/wsgi`, by a view of a bare Django at `/view`, and by that view
under the site's middleware at `/ours/view`."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from dadc_site import settings as sites

ANSWER = {
    "round": 1,
    "predicted_label": 7,
    "probabilities": [2.0**-digit for digit in (3, 4, 5, 6, 7, 8, 9, 1, 9, 2)],
}


@csrf_exempt
def view(request: HttpRequest) -> JsonResponse:
    json.loads(request.body)
    return JsonResponse(ANSWER)


urlpatterns = [path("view", view), path("ours/view", view)]
settings.configure(
    **{name: value for name, value in vars(sites).items() if name.isupper()}
    | {"ROOT_URLCONF": __name__, "MIDDLEWARE": ["django.middleware.common.CommonMiddleware"]}
)
_bare = get_wsgi_application()
settings.MIDDLEWARE = sites.MIDDLEWARE  # which a handler reads once, when it is made
_ours = WSGIHandler()


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/view":
        return _bare(environ, start)
    if environ["PATH_INFO"] == "/ours/view":
        return _ours(environ, start)
    json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    body = json.dumps(ANSWER).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
