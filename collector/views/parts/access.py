"""Who may open a page: others are asked to sign in, or for a second factor, or told whom it is
for."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from collector.errors import Forbidden
from collector.models import Person
from collector.people.notices import PAUSED
from trainer.learning.sentences import Sentence

NOT_ONE = Sentence("This page is for moderators.")
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
PersonView = Callable[Concatenate[HttpRequest, Person, P], HttpResponseBase]


def _for(
    allowed: Callable[[Person], bool], refusal: Callable[[Person], str]
) -> Callable[[PersonView[P]], View[P]]:
    def decorate(view: PersonView[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not isinstance(request.user, Person):
                return redirect_to_login(request.get_full_path())
            if not allowed(request.user):
                if request.user.lacks_second_factor:
                    return redirect("factors")
                raise Forbidden(refusal(request.user))
            return view(request, request.user, *args, **kwargs)

        return guarded

    return decorate


def viewer_of(request: HttpRequest) -> Person | None:
    """Return who is signed in; None for a stranger."""
    return request.user if isinstance(request.user, Person) else None


def signed_in(view: PersonView[P]) -> View[P]:
    """Ask others to sign in; the view gets the person as its second argument."""
    return _for(lambda person: True, lambda person: "")(view)


def for_moderators(view: PersonView[P]) -> View[P]:
    """Let moderators in whose moderating is not paused, and admins. Raises Forbidden for others."""
    return _for(
        lambda person: person.is_moderator,
        lambda person: PAUSED if person.is_moderation_paused else NOT_ONE,
    )(view)


def for_readers(view: PersonView[P]) -> View[P]:
    """Let moderators in, those who are paused too, and admins. Raises Forbidden for others."""
    return _for(lambda person: person.may_see_readings, lambda person: NOT_ONE)(view)


def for_admins(view: PersonView[P]) -> View[P]:
    """Let admins in. Raises Forbidden for others."""
    return _for(
        lambda person: person.is_admin,
        lambda person: Sentence("This page is for the admins of this site."),
    )(view)
