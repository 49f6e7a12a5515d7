"""What is raised becomes an answer: which refusal an exception means, and its JSON or page."""

import sys
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware import csrf
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.log import log_response

from collector.errors import Conflict, NotFound, Refused, TooMany, Unavailable, trouble_of
from trainer.candidates import NotNow
from trainer.learning.sentences import Sentence
from trainer.rounds import AnotherIsOpen, NoSuchRound
from trainer.saying import told
from trainer.target import TargetUnavailable

_LATER = 60  # seconds
_TOO_OLD = Sentence(
    "This page was open for too long, or you signed in or out elsewhere meanwhile. Go back, load "
    "it again and send it once more."
)
_NO_REFERER = Sentence(
    "Your browser does not say from which page this comes. Allow it to tell this site, load the "
    "page again and send it once more."
)
_WHY_REFUSED = {
    csrf.REASON_NO_CSRF_COOKIE: Sentence(
        "Your browser sent no cookie with this. Allow cookies for this site, load the page again "
        "and send it once more."
    ),
    csrf.REASON_NO_REFERER: _NO_REFERER,
    csrf.REASON_MALFORMED_REFERER: _NO_REFERER,
    csrf.REASON_INSECURE_REFERER: Sentence(
        "This comes from a page that was not opened by https. Open it so and send it once more."
    ),
}
_VOID = "CSRF token from POST incorrect."  # as Django says it
_NOT_TRUSTED = csrf.REASON_BAD_ORIGIN.rpartition("%s")[2]


def as_refusal(exception: BaseException | None) -> Refused | None:
    """Return what an exception means to the outside; None where it is a fault of ours.

    The trainer knows no statuses: what it refuses gets them here.
    """
    if isinstance(exception, Refused):
        return exception
    if isinstance(exception, NoSuchRound):
        return NotFound(exception.args[0])
    if isinstance(exception, NotNow | AnotherIsOpen):
        return Conflict(exception.args[0])
    if isinstance(exception, TargetUnavailable):
        return Unavailable(Sentence("The model cannot be asked: {why}", why=exception.args[0]))
    if trouble := trouble_of(exception):
        return Unavailable(
            trouble.told,
            cause=f"{trouble.cause} {' '.join(str(exception).split())}",
            retry_after=_LATER if trouble.is_busy else None,
        )
    return None


def answer(request: HttpRequest, refusal: Refused, status: int | None = None) -> HttpResponse:
    """Return a refusal as JSON under /api/, as a page elsewhere, with its own status or another."""
    status = status or refusal.status
    response: HttpResponse
    if is_api(request):
        response = JsonResponse(body_of(refusal), status=status)
    else:
        context = {"message": told(refusal.message), "code": refusal.code}
        asked_by: HttpRequest | None = request
        if status >= 500:
            # Who is there would be asked of the database, which may be what is missing.
            asked_by = None
            context["request_id"] = request.META.get("HTTP_X_REQUEST_ID", "")
        page = render_to_string([f"{status}.html", "400.html"], context, asked_by)
        response = HttpResponse(page, status=status)
    tell(request, response, refusal)
    return response


def tell(request: HttpRequest, response: HttpResponse, refusal: Refused) -> None:
    """Say in an answer when to come back, and in the log, once, why nothing could be done."""
    if isinstance(refusal, TooMany | Unavailable) and refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, Unavailable):
        log_response(
            "%s %s %s: %s",
            *(response.status_code, request.method, request.path, refusal.cause),
            response=response,
            request=request,
            level="warning" if refusal.retry_after else "error",
        )


def is_api(request: HttpRequest) -> bool:
    """Say whether a request is the API's, and is answered in JSON."""
    return request.path.startswith(f"{settings.PATH}/api/")


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that may be another site's, as Django's CSRF_FAILURE_VIEW. Whose second press
    finds that the first has signed them in, which makes the form's token void, is shown in."""
    signing = {reverse("sign_up"), reverse("sign_in"), reverse("second_step")}
    if reason == _VOID and request.user.is_authenticated and request.path in signing:
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(
        request, "403_csrf.html", {"message": told(why_refused(request, reason))}, status=403
    )


def why_refused(request: HttpRequest, reason: str) -> Sentence:
    """Say why a form, or a script's request, was not taken; `reason` is Django's."""
    if not reason.endswith(_NOT_TRUSTED):
        return _WHY_REFUSED.get(reason, _TOO_OLD)
    referer = urlsplit(request.META.get("HTTP_REFERER", ""))
    origin = request.META.get("HTTP_ORIGIN") or f"{referer.scheme}://{referer.netloc}"
    ours = f"{request.scheme}://{request.get_host()}"
    if origin == "null":
        return Sentence(
            "Your browser does not say from which site this comes. Open {ours} itself, not within "
            "another page, and send it once more.",
            ours=ours,
        )
    return Sentence(
        "This comes from {origin}, and this site knows itself as {ours}. If both are this site, "
        "its admin has to add {origin} to DADC_ORIGINS, or have the proxy in front pass on the "
        "browser’s Host, and its scheme as X-Forwarded-Proto.",
        origin=origin,
        ours=ours,
    )


def body_of(refusal: Refused) -> dict[str, dict[str, str]]:
    """Return a refusal in the one shape that the API's errors have."""
    error = {"code": refusal.code, "message": told(refusal.message)}
    return {"error": error | ({"field": refusal.field} if refusal.field else {})}


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what broke, as Django's handler500. What fails in a middleware comes here too: a
    database that is gone is no 500."""
    refusal = as_refusal(sys.exc_info()[1])
    if refusal:
        return answer(request, refusal)
    # Django logs it, with its traceback, once it has this.
    return answer(
        request, Refused(Sentence("Something broke on our side."), code="server_error"), 500
    )
