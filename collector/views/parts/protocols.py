"""What is told of a study's protocol on its own page, on the desk and beside results."""

from django.utils.translation import gettext as _

from collector.models import Person, Phase, Study
from collector.study import protocol
from trainer import saying
from trainer.models import Arm
from trainer.saying import say


def beside_results(study: Study, viewer: Person | None) -> dict[str, object] | None:
    """Tell under which protocol results came to be, and what was changed of it since: to admins
    once the study has started, to all others once it has ended. The database is asked only where
    there is a protocol."""
    found = protocol.of(study)
    if found is None or found.start is None:
        return None
    is_admin = viewer is not None and viewer.is_admin
    return told(found) if is_admin or found.phase == Phase.ENDED else None


def told(found: protocol.Protocol) -> dict[str, object]:
    """Tell how far a study is with its protocol."""
    return {
        "phase": found.phase,
        "phase_name": found.phase.label,
        "sha256": found.sha256,
        "started_at": found.started_at,
        "ended_at": found.ended_at,
        "ended_why": found.ended_why,
        "changes": found.changes,
        "progress": [
            {
                "arm": arm,
                "said": say(
                    _("{have} of {need} samples"),
                    have=saying.number(count),
                    need=saying.number(found.stop_samples),
                ),
                "count": count,
            }
            for arm, count in found.sample_counts.items()
        ],
        "need": found.stop_samples,
        "may_end": found.phase == Phase.RUNNING and found.has_reached_stop,
    }


def weights(arms: dict[str, int]) -> str:
    """Say arms with their weights, as in “dynamic 2, static 1, none 1”."""
    return ", ".join(f"{arm} {arms[arm]}" for arm in Arm.values if arm in arms)


def said(value: object) -> str:
    """Say a number or a name."""
    return saying.number(value) if isinstance(value, int) else str(value)
