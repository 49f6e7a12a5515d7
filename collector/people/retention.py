"""How long rows stay: one table of rules for every model of the database. What is data of the study
stays; nothing else may grow for ever."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.apps import apps
from django.db.models import Model, Q, QuerySet

from collector.drawings import asking
from collector.models import clock
from collector.people import accounts
from trainer import heartbeats

BATCH = 500  # rows in one transaction: others wait for no more
AT_MOST = 30.0  # seconds in one run; the next one goes on
_NONE = timedelta(0)


@dataclass(frozen=True)
class Rule:
    """That a model's rows go once `field` is longer ago than `kept`: all, or those that `which`
    names."""

    model: str
    field: str
    kept: timedelta
    rows: str
    which: Q | None = None

    def old(self, now: datetime) -> QuerySet[Model]:
        """Return the rows that may go."""
        over = {f"{self.field}__lt": now - self.kept}
        rows: QuerySet[Model] = apps.get_model(self.model)._base_manager.filter(**over)
        return rows.filter(self.which or Q()).order_by(self.field)

    def __str__(self) -> str:
        days = self.kept.days
        after = f"{days} day{'' if days == 1 else 's'} after" if days else "until"
        return f"{after} `{self.field}`"


RULES = (
    Rule("collector.Allowance", "ends_at", _NONE, "what limits count; places that are known"),
    Rule("collector.Token", "expires_at", _NONE, "API tokens"),
    Rule("collector.Session", "expire_date", _NONE, "sessions"),
    Rule("collector.AskedPrediction", "asked_at", asking.KEPT, "what the model was asked"),
    Rule(
        "collector.Notice",
        "seen_at",
        timedelta(days=90),
        "notices that were seen",
        ~Q(round__state="open"),  # who was told of it is not told again
    ),
    Rule(
        "collector.Notice",
        "created_at",
        timedelta(days=365),
        "notices that were not seen",
        Q(seen_at=None) & ~Q(round__state="open"),
    ),
    Rule(
        "collector.Email",
        "queued_at",
        timedelta(days=2),
        "emails that no worker sent or gave up",
    ),
    Rule(
        "collector.Release",
        "made_at",
        timedelta(days=1),
        "releases that were never stored whole",
        Q(published_at=None),
    ),
    Rule(
        "collector.Delivery",
        "ended_at",
        timedelta(days=30),
        "events that webhooks took, or that were given up",
    ),
    Rule("collector.Alarm", "ended_at", timedelta(days=365), "alarms that are over"),
    Rule("django_q.Task", "stopped", timedelta(days=7), "tasks that were done, or failed"),
    Rule("django_q.OrmQ", "lock", timedelta(days=7), "messages that no worker took"),
    Rule(
        "django_q.OrmQ",
        "lock",
        heartbeats.FORGOTTEN_AFTER,
        "questions to machines that are gone",
        Q(key__contains="@"),
    ),
    Rule(
        "trainer.Heartbeat",
        "beat_at",
        heartbeats.FORGOTTEN_AFTER,
        "signs of life of machines that are gone",
    ),
)
# Why all others stay.
_STUDY, _BY_HAND, _FIXED = "data of the study", "what admins did", "as many as the code has"
_SUMS = "counts of attempts and readings, by whom, round and day"
STAYING = {
    "admin.LogEntry": _BY_HAND,
    "auth.Group": _FIXED,
    "auth.Group_permissions": _FIXED,
    "auth.Permission": _FIXED,
    "collector.AdminAction": _BY_HAND,
    "collector.Allocation": _STUDY,
    "collector.Answer": "until whoever gave it takes it back, or closes the account",
    "collector.Analysis": _STUDY,
    "collector.Appeal": _STUDY,
    "collector.Attempt": _STUDY,
    "collector.ConfusionTally": _SUMS,
    "collector.Consent": _STUDY,
    "collector.Decision": _BY_HAND,
    "collector.DigitTally": _SUMS,
    "collector.Factor": "until whoever has it removes it, or closes the account",
    "collector.Gold": _STUDY,
    "collector.ModerationPause": _STUDY,
    "collector.Panel": _BY_HAND,
    "collector.PanelMember": "until an admin releases it, or the account is closed",
    "collector.Person": "whose drawings these are; a closed one without a name",
    "collector.Publication": "where a release is elsewhere, and was",
    "collector.Reading": _STUDY,
    "collector.ReadingDayTally": _SUMS,
    "collector.ReadingTally": _SUMS,
    "collector.Reason": "until its drawer, or an admin, removes it",
    "collector.RecoveryCode": "ten of a person, until used or made anew",
    "collector.ReleaseFile": "as long as its release",
    "collector.ReleasePart": "until somebody removes drawings that are in it",
    "collector.SampleTally": "counts of samples, by whom and models",
    "collector.Study": "one row",
    "collector.StudyAct": _BY_HAND,
    "collector.StudyChange": _BY_HAND,
    "collector.StudyText": _BY_HAND,
    "collector.Tally": _SUMS,
    "collector.Webhook": "until an admin removes it",
    "contenttypes.ContentType": _FIXED,
    "django_q.Schedule": _FIXED,
    "trainer.Contributor": _STUDY,
    "trainer.EarlierReport": _STUDY,
    "trainer.Matrix": "the newest alone",
    "trainer.MatrixRow": "the newest matrix's",
    "trainer.MnistThumbnails": "ten rows",
    "trainer.Round": _STUDY,
    "trainer.RoundModel": _STUDY,
    "trainer.Sample": _STUDY,
    "trainer.Weights": _STUDY,
}


def keep() -> dict[str, int]:
    """Delete what is older than its rule, and the addresses that nobody confirmed: a short batch of
    each rule's in turn, so that none waits for another's to be gone. Return how many rows went, by
    what they were; the next run goes on where this one had no more time."""
    now, until = clock.now(), monotonic() + AT_MOST
    gone: dict[str, int] = {}
    left = list(RULES)
    while left and monotonic() < until:
        for rule in list(left):
            if count := _deleted(rule.old(now)):
                gone[rule.rows] = gone.get(rule.rows, 0) + count
            else:
                left.remove(rule)
    accounts.forget_unconfirmed()
    return gone


def _deleted(old: QuerySet[Model]) -> int:
    """Delete a batch, of which what was renewed meanwhile stays; return how many went."""
    batch = list(old.values_list("pk", flat=True)[:BATCH])
    return old.order_by().filter(pk__in=batch).delete()[0] if batch else 0


def table() -> list[str]:
    """Return the rules as the lines of a table for people: what, and how long it stays."""
    going = [f"| {rule.rows} | `{rule.model}` | {rule} |" for rule in RULES]
    why: dict[str, list[str]] = {}
    for model, reason in STAYING.items():
        why.setdefault(reason, []).append(f"`{model}`")
    staying = [f"| {reason} | {', '.join(models)} | for good |" for reason, models in why.items()]
    return going + staying
