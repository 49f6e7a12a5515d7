"""The endpoints of the contract: each parses, calls one function and answers."""

import uuid
from functools import cache
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from collector import limits
from collector.api import ranges
from collector.api import serializers as shapes
from collector.api.pages import PAGED, Pages, is_moment, is_number
from collector.api.rates import Counted
from collector.api.schema import refused
from collector.api.tags import Tagged
from collector.data import analyses, exports, releases
from collector.drawings import asking, attempts, reasons, timeline
from collector.errors import Forbidden, NotFound, Refused
from collector.models import Attempt, Person, Phase, Study
from collector.moderation import queue, readings
from collector.people import accounts, factors, mails, panels
from collector.standings import leaderboards, round_figures
from collector.study import protocol
from trainer.learning.sentences import Sentence
from trainer.models import Arm

# A line of the export, by content type.
SAMPLES = {
    "application/jsonl": '{"id": "…", "round": 3, "label": 4, "split": "train", "pixels": "AAAA…"}',
    "text/csv": "id,attempt,contributor,round,label,split,fooling,audited,added,pixels",
}

CONSENTING = OpenApiExample(
    "Where there is a consent text",
    value={**shapes.SOMEBODY, "consent_version": 1, "is_of_age": True},
    request_only=True,
)


def _parsed(shape: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Refused(Sentence("Send a JSON object."))
    values: dict[str, Any] = _reader(shape).run_validation(request.data)
    return values


@cache
def _reader(shape: type[Serializer[Any]]) -> Serializer[Any]:
    """Give one reader of a shape for all requests: a new one copies all of its fields."""
    return shape()


def _person(request: Request) -> Person:
    assert isinstance(request.user, Person)
    return request.user


def _trusted(request: Request) -> Person:
    """Return who asks for what crowdworkers do not get. Raises Forbidden where the study wants a
    second factor of them first."""
    person = _person(request)
    if person.lacks_second_factor:
        raise Forbidden(
            Sentence(
                "This site asks its admins for a second factor: add one at {address}, and get a "
                "new token.",
                address=reverse("factors"),
            )
            if person.role == Person.Role.ADMIN
            else Sentence(
                "This site asks its moderators for a second factor: add one at {address}, and get "
                "a new token.",
                address=reverse("factors"),
            ),
            code="second_factor",
        )
    return person


class AccountsView(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        request=OpenApiRequest(shapes.NewAccount, examples=[CONSENTING]),
        responses={
            201: shapes.Account,
            **refused(
                {
                    409: "The consent text is another version by now.",
                    429: "Too many accounts from here, or emails to one address.",
                }
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Sign up as a crowdworker. Where the study has a consent text, say which version of it
        they read and agree to, and that they are of its age; both can wait until they draw, which
        is refused (`consent`) before."""
        person = accounts.sign_up(
            **_parsed(shapes.NewAccount, request),
            address=limits.address_of(request._request),
            site=mails.site_of(request._request),
        )
        return Response(shapes.Account(person).data, status=201)


class TokensView(APIView):
    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        request=shapes.NewToken,
        responses={
            201: shapes.IssuedToken,
            **refused(
                {
                    401: "This name and password don’t go together.",
                    409: "The account was changed in this very moment.",
                    429: "Too many tries: the account is closed to them for a while.",
                }
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Get a token for the API. Who has a second factor sends a code of an authenticator app, or
        a recovery code, as `code`; without one, or with a wrong one, the answer is 400,
        `second_factor`. A new password ends all tokens."""
        credentials = _parsed(shapes.NewToken, request)
        code, name = credentials.pop("code"), credentials.pop("name")
        person = accounts.authenticate(request._request, **credentials)
        if person is None:
            raise AuthenticationFailed(_("That user name and password don’t go together."))
        factors.require_code(request._request, person, code)
        text, row = accounts.issue_token(person, request.headers.get("User-Agent", ""), name)
        return Response(
            shapes.IssuedToken({"token": text, "expires": row.expires_at}).data, status=201
        )

    def get_authenticate_header(self, request: Request) -> str:
        """Without one, DRF turns a 401 into a 403."""
        return "Token"


def _round(overview: round_figures.RoundOverview) -> dict[str, object]:
    """The open round says more than the others."""
    shape = shapes.Round if overview.due is None else shapes.CurrentRound
    return shape(overview).data


ARM = OpenApiParameter(
    "arm", enum=Arm.values, description="of the study; one's own, of strangers the dynamic"
)


def _arm(request: Request) -> str:
    return round_figures.shown_arm(_anybody(request), request.query_params.get("arm", ""))


class RoundsView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="rounds_list",
        parameters=[*PAGED, ARM],
        responses=shapes.listed(shapes.Round),
    )
    def get(self, request: Request) -> Response:
        """All rounds, newest first; of each report what does not grow with the rounds. A round by
        its number has the whole."""
        pages = Pages("-number", is_place=is_number)
        page = pages.paginate_queryset(round_figures.newest_first(_arm(request)), request, self)
        overviews = round_figures.overviews(page or [])
        return pages.get_paginated_response(list(map(_round, overviews)))


class RoundView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(parameters=[ARM], responses=shapes.Round)
    def get(self, request: Request, number: int) -> Response:
        """One round, with the whole report. It also has each earlier round's test samples, and the
        line of its model in the newest round × model matrix."""
        return Response(_round(round_figures.describe(number, _arm(request))))


class CurrentRoundView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(parameters=[ARM], responses=shapes.CurrentRound)
    def get(self, request: Request) -> Response:
        """The open round, with what is due and what is in training; to admins of a study of several
        arms also with its arm."""
        arm, viewer, study = _arm(request), _anybody(request), Study.current()
        told = _round(round_figures.current(arm, study))
        is_named = viewer and viewer.is_admin and study.has_several_arms
        return Response(told | {"arm": arm} if is_named else told)


class PredictionsView(Counted):
    permission_classes = [AllowAny]

    @extend_schema(
        request=shapes.Drawing,
        responses={
            200: shapes.Prediction,
            **refused(
                {
                    422: "Fewer than two distinct points: nobody could read it.",
                    429: "Too many previews in this minute.",
                }
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """What the target model sees in a drawing. It is not submitted. Who has a drawing to read
        gets a 403 until it is read, and who is in an arm of the study without a verdict always."""
        body = _parsed(shapes.Drawing, request)
        asker = _person(request) if request.user.is_authenticated else None
        who = str(asker.pk) if asker else limits.address_of(request._request)
        limits.take(limits.PREDICTIONS_A_MINUTE, who)
        number, prediction = asking.predict(attempts.parse(**body), asker, who)
        return Response(
            {
                "round": number,
                "predicted_label": prediction.digit,
                "probabilities": prediction.probabilities,
            }
        )


def _own(attempt: Attempt, fate: str) -> dict[str, object]:
    stands = attempt.fate()
    is_told = attempt.round.has_verdict
    return {
        **shapes.Attempt(attempt).data,
        "original": attempt.is_original or not is_told,
        "submitted": attempt.submitted_at,
        "settled": stands.settled_at,
        "settled_label": stands.settled_label,
        "credit": attempt.credit if is_told else 0.0,
        "fate": fate,
    }


class AttemptsView(Counted):
    @extend_schema(
        operation_id="attempts_list", parameters=PAGED, responses=shapes.listed(shapes.OwnAttempt)
    )
    def get(self, request: Request) -> Response:
        """One's own attempts, newest first, each with its fate."""
        pages = Pages("-submitted_at", "-id", is_place=is_moment)
        own = _person(request).attempts.select_related("round")
        page = pages.paginate_queryset(own, request, self) or []
        return pages.get_paginated_response(
            [_own(attempt, fate) for attempt, fate in timeline.with_headlines(page)]
        )

    @extend_schema(
        request=shapes.NewAttempt,
        responses={
            201: shapes.Attempt,
            200: OpenApiResponse(
                shapes.Attempt, description="It is here already, by this key; or it is practice."
            ),
            **refused(
                {
                    409: "These very pixels, or this client key, were submitted already; or the "
                    "study has ended.",
                    403: "The study asks for your consent first (`consent`).",
                    422: "Too little or too much ink: nobody could read it.",
                    429: "Too many drawings, or too many that wait to be read.",
                }
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Submit a drawing; the answer is the target model's verdict, unless one's arm of the study
        is given none. Sent again with the same `client_key`, of your choice, and the same body it
        is not taken twice: the answer is the same, with 200. Before a study with a protocol has
        started a drawing is practice: judged, answered with 200, and not kept."""
        body = _parsed(shapes.NewAttempt, request)
        drawn = attempts.parse(**{key: body[key] for key in ("strokes", "width") if key in body})
        submission = attempts.Submission(body["target_label"], drawn, body.get("client_key"))
        drawer = _person(request)
        attempt, new = attempts.submit(drawer, submission)
        if drawer.is_of_panel:
            panels.note_drawing(drawer)
        return Response(shapes.Attempt(attempt).data, status=201 if new else 200)


class AttemptView(APIView):
    @extend_schema(responses=shapes.OwnAttemptInFull)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """One of one's own attempts, with its drawing and the timeline of its fate."""
        own = _person(request).attempts.select_related("round", "reason")
        attempt = own.filter(pk=id).first()
        if attempt is None:
            raise NotFound(Sentence("You have no such drawing."))
        [(_, fate)] = timeline.with_headlines([attempt])
        events = shapes.Event(timeline.timeline(attempt), many=True).data
        drawn = {"strokes": attempt.strokes, "width": attempt.width}
        said = {"reason": reasons.said_of(attempt)}
        return Response({**_own(attempt, fate), **drawn, **said, "timeline": events})


class RetractView(APIView):
    @extend_schema(
        request=None,
        responses={200: shapes.Attempt, **refused({409: "A moderator has looked at it already."})},
    )
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Take a drawing back, before its first reading or lease."""
        return Response(shapes.Attempt(attempts.retract(_person(request), id)).data)


class ReasonView(Counted):
    @extend_schema(
        request=shapes.NewReason,
        responses={
            200: shapes.SaidReason,
            **refused(
                {
                    409: "It did not fool the model, or it has settled since you said it.",
                    429: "Too many in this minute.",
                }
            ),
        },
    )
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Say in a line what you did to fool the model, if you like. It may be changed until the
        drawing settles; nobody who reads the drawing sees it."""
        person = _person(request)
        limits.take(limits.REASONS_A_MINUTE, str(person.pk))
        said = reasons.say(person, id, _parsed(shapes.NewReason, request)["reason"])
        return Response({"reason": said.text if said else ""})


class AssignmentsView(APIView):
    @extend_schema(
        request=None,
        responses={
            201: shapes.Assignment,
            204: OpenApiResponse(description="There is nothing to read."),
        },
    )
    def post(self, request: Request) -> Response:
        """The next drawing to read, chosen by the server and leased. For moderators."""
        reading = queue.assign(_trusted(request))
        return Response(queue.shown(reading), status=201) if reading else Response(status=204)


class ReadingView(APIView):
    @extend_schema(
        request=shapes.NewReading,
        responses={
            201: OpenApiResponse(
                {"type": "object", "maxProperties": 0},
                examples=[OpenApiExample("For example", value={})],
            ),
            **refused(
                {409: "It was read or decided already.", 410: "The lease ran out; ask for another."}
            ),
        },
    )
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """Say what an assigned drawing shows: 0–9, ambiguous or junk. A reading is final."""
        readings.read(_trusted(request), id, _parsed(shapes.NewReading, request)["reading"])
        return Response({}, status=201)


class LeaderboardView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="leaderboard_list",
        parameters=[
            OpenApiParameter("period", enum=list(leaderboards.PERIODS), default="round"),
            ARM,
        ],
        responses=shapes.listed(shapes.Standing),
    )
    def get(self, request: Request) -> Response:
        """The best by verified fools: in the open round, the last seven days, or of all time."""
        period = request.query_params.get("period", "round")
        standings = leaderboards.standings(period, _arm(request))
        results = shapes.Standing(standings, many=True).data
        return Response({"next": None, "previous": None, "results": results})


class StudyView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(
        responses={200: shapes.StudyProtocol, **refused({404: "The study has no protocol."})}
    )
    def get(self, request: Request) -> Response:
        """The study's protocol, its SHA-256, and how far the study is. What was changed of it since
        the start says why. For admins, and for everybody once it has ended."""
        found = protocol.current()
        if (found is None or found.phase != Phase.ENDED) and not _is_admin(request):
            raise Forbidden(
                Sentence("A study’s protocol is for its admins until the study has ended.")
            )
        if found is None:
            raise NotFound(Sentence("This study has no protocol."))
        return Response(shapes.StudyProtocol(found).data)


class SamplesView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("as", enum=list(exports.FORMATS), default="jsonl")],
        responses={
            (200, content_type): OpenApiResponse(
                OpenApiTypes.STR, examples=[OpenApiExample("For example", value=line)]
            )
            for content_type, line in SAMPLES.items()
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All active samples, streamed as JSON Lines or CSV. For admins."""
        if not _trusted(request).is_admin:
            raise Forbidden(Sentence("Only an admin exports the samples."))
        form = request.query_params.get("as", "jsonl")
        lines, content_type = exports.stream(form)
        headers = {"Content-Disposition": f'attachment; filename="samples.{form}"'}
        return StreamingHttpResponse(lines, content_type=content_type, headers=headers)


def _is_admin(request: Request) -> bool:
    return request.user.is_authenticated and _trusted(request).is_admin


def _anybody(request: Request) -> Person | None:
    return _person(request) if request.user.is_authenticated else None


class ReleasesView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="releases_list", parameters=PAGED, responses=shapes.listed(shapes.Release)
    )
    def get(self, request: Request) -> Response:
        """The releases of the data, newest first. For everybody where the study says so, otherwise
        for admins."""
        pages = Pages("-major", "-minor", "-patch", is_place=is_number)
        found = releases.visible_to(_anybody(request)).prefetch_related("files", "publications")
        page = pages.paginate_queryset(found, request, self) or []
        return pages.get_paginated_response(shapes.Release(page, many=True).data)


class ReleaseFileView(APIView):
    permission_classes = [AllowAny]

    @extend_schema(
        parameters=[
            OpenApiParameter("version", description="of the release; the newest without it"),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiResponse(
                OpenApiTypes.BINARY, description="The bytes that `Range` asks for."
            ),
            **refused({410: "Somebody removed drawings that are in it, and its files went."}),
            416: OpenApiResponse(description="There are no such bytes."),
        },
    )
    def get(self, request: Request, number: int, name: str) -> HttpResponseBase:
        """A file of a round's release, streamed. Also a range of its bytes, by `Range`, and only if
        the file is still that of a tag, by `If-Range`."""
        version = request.query_params.get("version", "")
        release = releases.get(_anybody(request), number, version)
        file = releases.get_file(release, name)
        return ranges.answer(
            request._request,
            file.size,
            file.sha256,
            f"{release.version}-{name}",
            lambda start, end: releases.content(file, start, end),
        )


class AnalysisView(Tagged):
    permission_classes = [AllowAny]

    @extend_schema(
        responses={
            200: shapes.Analysis,
            **refused({404: "The arms of this study were not compared yet."}),
        }
    )
    def get(self, request: Request) -> Response:
        """How the arms of the study compare: the newest look, with its intervals and counts. For
        admins, and for everybody once the study has ended."""
        look = analyses.shown_to(_anybody(request))
        return Response(shapes.Analysis(look).data)
