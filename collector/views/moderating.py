"""The moderator's page. It tells nothing of any drawing: the script gets each from the API, blind."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector.models import Person
from collector.views.access import for_moderators


@require_safe
@for_moderators
def moderate(request: HttpRequest, person: Person) -> HttpResponse:
    return render(request, "pages/moderate.html", {"digits": range(10)})
