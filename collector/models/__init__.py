"""The rows, one file a subject; everybody imports them from here."""

from collector.models import clock
from collector.models.drawings import (
    BEST_FIRST,
    COPY,
    DRAWER_SUSPENDED,
    ORIGINAL,
    SHOWABLE,
    Appeal,
    AskedPrediction,
    Attempt,
    Decision,
    Fate,
    Sureness,
)
from collector.models.moderation import Gold, ModerationPause, Reading
from collector.models.people import (
    AdminAction,
    Alarm,
    Allowance,
    Email,
    Factor,
    Notice,
    Person,
    RecoveryCode,
    Session,
    Token,
    require_admin,
    require_open,
    require_reason,
)
from collector.models.prepared import Prepared
from collector.models.releases import Release, ReleaseFile, ReleasePart
from collector.models.study import Licence, Study, StudyChange

__all__ = [
    "BEST_FIRST",
    "COPY",
    "DRAWER_SUSPENDED",
    "ORIGINAL",
    "SHOWABLE",
    "AdminAction",
    "Alarm",
    "Allowance",
    "Appeal",
    "AskedPrediction",
    "Attempt",
    "Decision",
    "Email",
    "Factor",
    "Fate",
    "Gold",
    "Licence",
    "ModerationPause",
    "Notice",
    "Person",
    "Prepared",
    "Reading",
    "RecoveryCode",
    "Release",
    "ReleaseFile",
    "ReleasePart",
    "Session",
    "Study",
    "StudyChange",
    "Sureness",
    "Token",
    "clock",
    "require_admin",
    "require_open",
    "require_reason",
]
