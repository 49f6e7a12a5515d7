"""What a page's forms do: the values are checked, one function is called with them, and what is
refused stands where it helps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.views.decorators.http import require_http_methods

from collector.errors import Conflict, Forbidden, NotFound, Refused, TooMany, Unavailable
from collector.refusals import as_refusal
from trainer.learning.sentences import Sentence
from trainer.saying import told

Forms = dict[str, BaseForm]
with_a_form = require_http_methods(["GET", "HEAD", "POST"])  # Django's own take PUT for POST
NOT_OF_THE_FORM = (NotFound, Forbidden, TooMany, Unavailable)


class Unchanged(str):
    """The sentence of an act that found nothing to do."""


@dataclass(frozen=True)
class Button:
    """A button that was pressed: what it does, given the form's values by name, and the form that
    came with it. `act` returns a sentence that says what was done, Unchanged where nothing was."""

    act: Callable[..., str]
    form: BaseForm | None = None


def press(
    request: HttpRequest, buttons: Mapping[str, Callable[[QueryDict], Button]], bound: Forms
) -> bool:
    """Do what the posted button, `do`, says; whether it was done.

    The button's form goes into `bound`, under its prefix or the button's name, so that the page can
    show it again. Raises what `submit` raises, and Refused where the page has no such button.
    """
    name = request.POST.get("do", "")
    if name not in buttons:
        raise Refused(Sentence("This page has no such button."))
    button = buttons[name](request.POST)
    if button.form is not None:
        bound[button.form.prefix or name] = button.form
    return submit(request, button.act, button.form)


def leads_back(
    request: HttpRequest, buttons: Mapping[str, Callable[[QueryDict], Button]], bound: Forms
) -> bool:
    """Press the button that was posted, if one was; whether the browser is led back to the page: it
    is but where a form says what is wrong, for what is refused for how things stand by now is seen
    from how they stand by now."""
    if request.method != "POST":
        return False
    return press(request, buttons, bound) or not any(form.errors for form in bound.values())


def number_of(text: str) -> int | None:
    """Read the number that a form was shown with; None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def submit(
    request: HttpRequest,
    act: Callable[..., str],
    form: BaseForm | None = None,
    check: Callable[..., None] | None = None,
) -> bool:
    """Call `act` with the values of a bound form, if it is valid; whether it was done. Where it is
    not, `check`, if given, is called with those values that are, and says what else is wrong.

    What was done becomes a message. A refusal stands in the form, at each field at fault if there
    are any; a Conflict, and any refusal without a form, becomes a message too. Raises NotFound,
    Forbidden, TooMany and Unavailable, which are not about the form.
    """
    if form is None:
        done = _done(request, act)
    elif form.is_valid():
        done = _done(request, partial(act, **form.cleaned_data), form)
    elif check and form.is_bound:
        done = _done(request, partial(check, **form.cleaned_data), form)
    else:
        done = None
    if done is not None:
        say = messages.info if isinstance(done, Unchanged) else messages.success
        say(request, done)
    return done is not None


def _done(
    request: HttpRequest, act: Callable[[], str | None], form: BaseForm | None = None
) -> str | None:
    """Return what was done; None where it was not, and why is said where it helps."""
    try:
        return act()
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None or isinstance(refusal, NOT_OF_THE_FORM):
            raise
        if form is None or isinstance(refusal, Conflict):
            messages.error(request, told(refusal.message))
        else:
            _stand_in(form, refusal)
        return None


def _stand_in(form: BaseForm, refusal: Refused) -> None:
    """Put a refusal into a form, but for fields of which it has said already what is wrong."""
    wrong = set(form.errors)
    for field, message in ((refusal.field, refusal.message), *refusal.also.items()):
        if field not in wrong:
            form.add_error(field if field in form.fields else None, told(message))
