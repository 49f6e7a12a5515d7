"""The study's settings: copied from the environment at first start, then changed by admins, each
change logged."""

from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from collector.errors import Conflict, NotFound, Refused
from collector.models import (
    LONGEST_SETTING,
    OF_THE_PROTOCOL,
    Allocation,
    Person,
    Phase,
    Study,
    StudyChange,
    require_admin,
    require_reason,
)
from collector.rules import arms, origins
from collector.study import texts
from trainer import candidates, rounds
from trainer.learning.sentences import Sentence


def begin() -> Study:
    """Return the study, made from the environment's settings if this is the first start."""
    study, _ = Study.objects.get_or_create(pk=1, defaults=settings.STUDY)
    return study


def start_if_due() -> None:
    """Start the training of each arm's candidate that is due by the study's settings."""
    study = Study.current()
    for arm in study.weights:
        candidates.start_if_due(study.architecture, study.round_size, study.max_per_person, arm)


def change(
    admin: Person, seen: Mapping[str, object] | None = None, why: str = "", **values: object
) -> Study:
    """Change settings, writing down who changed which from what to what, and return the study.

    `seen` is what settings were for the admin, who may have read them a while ago: what they left
    as it was stays as it is now. Once the study has started, what is part of its protocol is
    changed for a reason. Raises Forbidden, Refused with the field at fault, Conflict where somebody
    else has changed the same setting since.
    """
    require_admin(admin, Sentence("Only an admin changes the study."))
    if "architecture" in values and values["architecture"] not in rounds.architectures():
        raise Refused(
            Sentence("The network is one of {names}.", names=", ".join(rounds.architectures())),
            field="architecture",
        )
    if "embed_origins" in values:
        values["embed_origins"] = _framing(str(values["embed_origins"]))
    with transaction.atomic():
        study = Study.objects.select_for_update(no_key=True).get()
        for field, after in values.items():
            before = getattr(study, field)
            was = (seen or {}).get(field, before)
            if after in (before, was):
                continue
            _require_allowed(admin, study, field, after)
            reason = _reason(study, field, why)
            if was != before:
                raise Conflict(
                    Sentence(
                        "Somebody set {field} from {was} to {before} since you read it, so nothing "
                        "was saved. Look again, and change what is still to be changed.",
                        field=field,
                        was=str(was),
                        before=str(before),
                    )
                )
            setattr(study, field, after)
            StudyChange.objects.create(
                admin=admin, field=field, before=str(before), after=str(after), why=reason
            )
        try:
            study.full_clean()
        except ValidationError as error:
            field, messages = next(iter(error.message_dict.items()))
            raise Refused(" ".join(messages), field=field) from error
        study.save()
        if "arms" in values:
            for arm in study.weights:
                rounds.open_first(study.architecture, arm)
    texts.forget()
    return study


def train_now(admin: Person, arm: str, seen_newest: int | None) -> None:
    """Start an arm's candidate, whatever is due, and log who had it trained. Raises NotFound, and
    what `candidates.start` raises."""
    study = Study.current()
    if arm not in study.weights:
        raise NotFound(Sentence("There is no such arm."))
    with transaction.atomic():
        candidates.start(study.architecture, study.max_per_person, arm, seen_newest=seen_newest)
        now = f"now, {arm}" if study.has_several_arms else "now"
        StudyChange.objects.create(admin=admin, field="training", before="when due", after=now)


def _require_allowed(admin: Person, study: Study, field: str, after: object) -> None:
    """Raise Refused where an admin may not set this so."""
    if field == "requires_second_factor" and after and not admin.factors.exists():
        raise Refused(Sentence("Add a second factor to your own account first."), field=field)
    if field == "arms":
        _check_arms(study, str(after))
    if field == "stop_samples" and after is None and study.phase != Phase.DRAFT:
        raise Refused(Sentence("A study that has started keeps its stop rule."), field=field)


def _reason(study: Study, field: str, why: str) -> str:
    """Return the reason for a change of what a start has frozen; of anything else there is none.
    Raises Refused where it lacks."""
    if field not in OF_THE_PROTOCOL or study.phase not in (Phase.RUNNING, Phase.ENDED):
        return ""
    return require_reason(
        why,
        Sentence(
            "The study has started: say why its protocol changes. It is told beside every result."
        ),
    )


def _framing(text: str) -> str:
    """Return the origins that a text names, each once, with spaces between them. Raises Refused."""
    found = [origins.for_policy(each, with_http=settings.LOCAL) for each in text.split()]
    named = [origin for origin in found if origin]
    if len(named) < len(found) or len(" ".join(named)) > LONGEST_SETTING:
        raise Refused(
            Sentence(
                "Origins are https://host or https://host:port each, with spaces between them, "
                "nothing after them, no * and {most} characters in all.",
                most=LONGEST_SETTING,
            ),
            field="embed_origins",
        )
    return " ".join(dict.fromkeys(named))


def _check_arms(study: Study, after: str) -> None:
    """Raise Refused for what are no arms, or where one is missing that people are in. Of a draft an
    arm may go as long as the lot has given nobody to it."""
    try:
        gone = arms.parse(study.arms).keys() - arms.parse(after).keys()
    except ValueError as error:
        raise Refused(error.args[0], field="arms") from error
    is_free = study.phase == Phase.DRAFT and not Allocation.objects.filter(arm__in=gone).exists()
    if gone and not is_free:
        raise Refused(Sentence("An arm that is there stays; people are in it."), field="arms")
