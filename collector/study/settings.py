"""The study's settings: copied from the environment at first start, then changed by admins, each
change logged."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from collector.errors import Refused
from collector.models import Person, Study, StudyChange, require_admin
from trainer import rounds


def begin() -> Study:
    """Return the study, made from the environment's settings if this is the first start."""
    study, _ = Study.objects.get_or_create(pk=1, defaults=settings.STUDY)
    return study


def change(admin: Person, **values: object) -> Study:
    """Change settings, writing down who changed which from what to what, and return the study.
    Raises Forbidden, Refused with the field at fault."""
    require_admin(admin, "changes the study")
    if "architecture" in values and values["architecture"] not in rounds.architectures():
        raise Refused(
            f"The network is one of {', '.join(rounds.architectures())}.", field="architecture"
        )
    with transaction.atomic():
        study = Study.objects.select_for_update(no_key=True).get()
        changes = {field: (getattr(study, field), value) for field, value in values.items()}
        for field, (before, after) in changes.items():
            if before != after:
                setattr(study, field, after)
                StudyChange.objects.create(
                    admin=admin, field=field, before=str(before), after=str(after)
                )
        try:
            study.full_clean()
        except ValidationError as error:
            field, messages = next(iter(error.message_dict.items()))
            raise Refused(" ".join(messages), field=field) from error
        study.save()
    return study
