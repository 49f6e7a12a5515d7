"""The rows, one file a subject; everybody imports them from here."""

from collector.models.drawings import SHOWABLE, SWITCHED_OFF, Attempt, Sureness
from collector.models.moderation import Appeal, Decision, Gold, Reading, Suspension
from collector.models.people import Act, Allowance, Notice, Person, Token
from collector.models.study import Study, StudyChange

__all__ = [
    "SHOWABLE",
    "SWITCHED_OFF",
    "Act",
    "Allowance",
    "Appeal",
    "Attempt",
    "Decision",
    "Gold",
    "Notice",
    "Person",
    "Reading",
    "Study",
    "StudyChange",
    "Sureness",
    "Suspension",
    "Token",
]
