"""What an admin sees and does on a person's page: suspend or reinstate them, change their role,
take away lost second factors, and compare the model with one that lacks their samples."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.forms import ReasonForm, RoleForm
from collector.models import AdminAction, Person
from collector.people import factors, mails, roles, suspensions
from collector.views.parts import figures
from collector.views.parts.buttons import Button, Forms, leads_back, number_of
from trainer import words
from trainer.learning.gate import SIGNIFICANT
from trainer.learning.report import Ablation
from trainer.models import RoundModel
from trainer.saying import number, say, told

State, Role = RoundModel.State, Person.Role
RESET, ROLE = "reset_factors", "role"
Change = Callable[[Person, Person, int | None, str], str]


def act(request: HttpRequest, admin: Person, person: Person, bound: Forms) -> bool:
    """Do what the button says; whether the browser is led back to the page then. Else a form in
    `bound` says what is wrong."""

    def button(do: str, change: Change, post: QueryDict) -> Button:
        seen = number_of(post.get("seen_ablation" if do == "ablate" else "seen_last", ""))
        return Button(partial(change, person, admin, seen), ReasonForm(post, prefix=do))

    def reset(post: QueryDict) -> Button:
        act = partial(_reset_factors, person, admin, mails.site_of(request))
        return Button(act, ReasonForm(post, prefix=RESET))

    def role(post: QueryDict) -> Button:
        act = partial(_change_role, person, admin, post.get("seen_role"))
        return Button(act, RoleForm(post, prefix=ROLE))

    buttons = {do: partial(button, do, change) for do, change in CHANGES.items()}
    return leads_back(request, buttons | {RESET: reset, ROLE: role}, bound)


def _change_role(person: Person, admin: Person, seen_role: str | None, role: str, why: str) -> str:
    roles.change(person, admin, role, why, seen_role)
    return say(_("{name} is {role} now."), name=person.username, role=told(roles.NAMED[Role(role)]))


def _suspend(person: Person, admin: Person, seen_last: int | None, why: str) -> str:
    withdrawn = suspensions.suspend(person, admin, why, seen_last)
    return say(
        _("{name} is suspended; {samples} withdrawn."),
        name=person.username,
        samples=words.samples(withdrawn),
    )


def _reinstate(person: Person, admin: Person, seen_last: int | None, why: str) -> str:
    back = suspensions.reinstate(person, admin, why, seen_last)
    return say(
        _("{name} is back; {samples} too."), name=person.username, samples=words.samples(back)
    )


def _ablate(person: Person, admin: Person, seen_ablation: int | None, why: str) -> str:
    suspensions.ablate(person, admin, why, seen_ablation)
    return say(
        _("A model without {name} is in training. What comes of it will stand on this page."),
        name=person.username,
    )


def _reset_factors(person: Person, admin: Person, site: str, why: str) -> str:
    factors.reset(person, admin, why, site)
    return say(
        _("{name} has no second factor any more, is signed out, and is told."),
        name=person.username,
    )


CHANGES: dict[str, Change] = {
    "suspend": _suspend,
    "reinstate": _reinstate,
    "ablate": _ablate,
}


def context(person: Person, admin: Person, bound: Forms) -> dict[str, object]:
    """The admin's part of the page."""
    impact, last = suspensions.impact_of(person), suspensions.last(person)
    ablation = suspensions.latest_ablation(person)
    return {
        "may_suspend": person.is_active and person.pk != admin.pk,
        "is_suspended": person.is_suspended,
        "impact": _impact(impact),
        "last": last and _last(last, person),
        "last_when": last and last.done_at,
        "seen_last": last.pk if last else 0,
        "seen_ablation": ablation.pk if ablation else 0,
        "forms": {do: bound.get(do) or ReasonForm(prefix=do) for do in (*CHANGES, RESET)},
        "role_form": bound.get(ROLE) or RoleForm(prefix=ROLE, initial={"role": person.role}),
        "is_named": told(roles.NAMED[Role(person.role)]),
        "may_change_role": person.pk != admin.pk and person.closed_at is None,
        "may_reset": person.pk != admin.pk and person.factors.exists(),
        "ablation": _ablation(ablation, person.username) if ablation else None,
    }


def _impact(impact: suspensions.SuspensionImpact) -> str:
    waiting = ngettext(
        "{samples} and {n:,} waiting drawing",
        "{samples} and {n:,} waiting drawings",
        impact.waiting,
    )
    return say(waiting, n=impact.waiting, samples=words.samples(impact.samples))


def _last(action: AdminAction, person: Person) -> str:
    return say(
        _("{admin} suspended {person}: {why}")
        if action.kind == AdminAction.Kind.SUSPENDED
        else _("{admin} reinstated {person}: {why}"),
        admin=action.admin.username,
        person=person.username,
        why=action.why,
    )


def _ablation(model: RoundModel, name: str) -> dict[str, object]:
    """Tell of a model without a person how it stands, and once it is measured, its figures."""
    candidate = figures.candidate(model)
    if model.state != State.ABLATED:
        return candidate
    ablation = Ablation.from_json(model.report or {})
    without, whole = ablation.samples
    return candidate | {
        "rows": [
            _row(ablation, set_name) for set_name, figures in ablation.sets.items() if figures.n
        ],
        "of": say(
            _("Trained on {samples}, the model with {name} on {whole:,}; all else is the same."),
            samples=words.samples(without),
            name=name,
            whole=whole,
        ),
        "meaning": _meaning(ablation, name),
    }


def _row(ablation: Ablation, set_name: str) -> dict[str, object]:
    """Tell both models on one set, and the paired test of the two."""
    pairs = ablation.paired[set_name]
    text = figures.set_name(set_name)
    return {
        "name": text,
        "without": figures.figure(ablation.sets[set_name], text),
        "whole": figures.figure(ablation.other_sets[set_name], text),
        "gained": number(pairs.gained),
        "lost": number(pairs.lost),
        "p": f"< {number(0.001, '.3f')}" if pairs.p < 0.001 else number(pairs.p, ".3f"),
    }


def _meaning(ablation: Ablation, name: str) -> str:
    """Say what the paired tests mean, in a sentence or two."""
    clear = {
        figures.set_name(set_name): pairs
        for set_name, pairs in ablation.paired.items()
        if pairs.n and pairs.p < SIGNIFICANT
    }
    better = [text for text, pairs in clear.items() if pairs.gained > pairs.lost]
    worse = [text for text, pairs in clear.items() if pairs.gained < pairs.lost]
    said = []
    if better:
        said.append(
            say(
                _("Without {name} it reads clearly more of: {sets}. The samples did harm there."),
                name=name,
                sets=", ".join(better),
            )
        )
    if worse:
        said.append(
            say(
                _("Without {name} it reads clearly less of: {sets}. The samples helped there."),
                name=name,
                sets=", ".join(worse),
            )
        )
    if not said:
        said.append(
            say(
                _(
                    "No set shows a clear difference: whether {name}’s samples harm or help, these "
                    "images do not tell."
                ),
                name=name,
            )
        )
    said.append(
        say(
            _("Clear means p under {p}; of many sets, one in twenty seems clear by chance."),
            p=SIGNIFICANT,
        )
    )
    return " ".join(said)
