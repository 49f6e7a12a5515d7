"""The API's URLs; what each takes and answers is in CONTRACT and at /api/schema/."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path, reverse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from collector.api import views
from collector.errors import NotFound
from collector.refusals import answer
from trainer.learning.sentences import Sentence


@csrf_exempt  # nothing is written, and whoever asks gets the API's answer, not a page about cookies
def _nothing_here(request: HttpRequest) -> HttpResponse:
    return answer(
        request,
        NotFound(
            Sentence(
                "There is no such address in this API; {schema} lists them.",
                schema=reverse("schema"),
            )
        ),
    )


urlpatterns = [
    path("accounts/", views.AccountsView.as_view()),
    path("tokens/", views.TokensView.as_view(), name="api_tokens"),
    path("rounds/", views.RoundsView.as_view()),
    path("rounds/current/", views.CurrentRoundView.as_view(), name="api_current_round"),
    path("rounds/<int:number>/", views.RoundView.as_view(), name="api_round"),
    path("predictions/", views.PredictionsView.as_view(), name="api_predictions"),
    path("attempts/", views.AttemptsView.as_view(), name="api_attempts"),
    path("attempts/<uuid:id>/", views.AttemptView.as_view()),
    path("attempts/<uuid:id>/retract/", views.RetractView.as_view(), name="api_retract"),
    path("attempts/<uuid:id>/reason/", views.ReasonView.as_view(), name="api_reason"),
    path("assignments/", views.AssignmentsView.as_view(), name="api_assignments"),
    path("assignments/<uuid:id>/reading/", views.ReadingView.as_view()),
    path("leaderboard/", views.LeaderboardView.as_view()),
    path("study/", views.StudyView.as_view()),
    path("samples/", views.SamplesView.as_view()),
    path("releases/", views.ReleasesView.as_view(), name="api_releases"),
    path(
        "releases/<int:number>/<str:name>", views.ReleaseFileView.as_view(), name="api_release_file"
    ),
    path("analysis/", views.AnalysisView.as_view(), name="api_analysis"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="schema",
            http_method_names=["get", "head"],
            template_name="pages/api_docs.html",
        ),
        name="api_docs",
    ),
    re_path("", _nothing_here),
]
