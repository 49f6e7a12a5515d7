"""The try-out within a page of another site that an admin named."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from collector.errors import NotFound
from collector.models import Study
from collector.standings import round_figures
from trainer.learning.sentences import Sentence


class Framed(HttpResponse):
    """A page that these origins, and nobody else, may frame."""

    xframe_options_exempt = True  # that header knows no list

    def __init__(self, content: str, framed_by: str) -> None:
        super().__init__(content)
        self.framed_by = framed_by  # for dadc_site.sending's policy


@require_safe
def embed(request: HttpRequest) -> HttpResponse:
    """Raises NotFound where no site is named. It asks nobody who they are, and needs no cookie."""
    origins = Study.current().embed_origins
    if not origins:
        raise NotFound(Sentence("No other site may show this one."))
    context = {"digits": range(10), "round_number": round_figures.current().number}
    return Framed(render_to_string("pages/embed.html", context, request), origins)
