"""Limits on how often somebody may do a thing, and on how much may wait, counted in the database so
that they hold over all processes."""

import ipaddress
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from ipaddress import IPv4Network, IPv6Network
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Func, IntegerField, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_noop as _

from collector.errors import TooMany
from collector.models import ORIGINAL, Allowance, Attempt, Person, Tally, clock
from trainer.learning.sentences import Sentence, counted
from trainer.prepared import Prepared


@dataclass(frozen=True)
class Limit:
    """At most `most` (times DADC_LIMIT_SCALE) in each window of `seconds`; `told` says, with a
    place for `most`, what was too much. A process claims `block` at once, so that most requests
    write nothing; what another process of the site claimed and does not use is lost to it."""

    rule: str
    most: int
    seconds: int
    told: str
    code: str = TooMany.code
    block: int = 1
    unit: str = "requests"


@dataclass(frozen=True)
class Taken:
    """How much somebody has left of `most` of a limit, for so many seconds."""

    limit: Limit
    most: int
    left: int
    seconds: int


_noted: ContextVar[list[Taken] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[list[Taken]]:
    """Within, what is counted in the database is listed with what is left of it."""
    noted: list[Taken] = []
    token = _noted.set(noted)
    try:
        yield noted
    finally:
        _noted.reset(token)


# Of these two a drawing takes its shares of work, up to 32.
SUBMISSIONS_A_MINUTE = Limit(
    "submissions a minute",
    40,
    60,
    _("That was more than {most:,} drawings, long scribbles counted as several, in a minute."),
)
PREDICTIONS_A_MINUTE = Limit(
    "predictions a minute",
    1200,
    60,
    _("That was more than {most:,} previews, long scribbles counted as several, in a minute."),
    block=20,
)
LOOKS_A_MINUTE = Limit(
    "looks a minute",
    60,
    60,
    _("That was more than {most:,} looks at how today stands in a minute."),
)
REASONS_A_MINUTE = Limit(
    "reasons a minute",
    60,
    60,
    _("That was more than {most:,} changes of what you did in a minute."),
)
SUBMISSIONS_A_DAY = Limit(
    "submissions a day",
    2000,
    24 * 3600,
    _("That was more than {most:,} drawings in a day."),
)
KILOBYTES_A_DAY = Limit(
    "kilobytes a day",
    20_000,
    24 * 3600,
    _("That was more than {most:,} kB of drawings in a day."),
    unit="kilobytes",
)
SIGN_UPS_AN_HOUR = Limit(
    "sign-ups an hour",
    30,
    3600,
    _("That was more than {most:,} new accounts from one address in an hour."),
)
SIGN_UPS_AN_HOUR_NEARBY = Limit(
    "sign-ups an hour nearby",
    90,
    3600,
    _("That was more than {most:,} new accounts from addresses next to each other in an hour."),
)
# Of those whom a panel sends: a laboratory, or a town behind one address, comes at once.
PANEL_SIGN_UPS_AN_HOUR = Limit(
    "panel sign-ups an hour",
    300,
    3600,
    _("That was more than {most:,} new accounts from one address in an hour."),
)
RESETS_AN_HOUR = Limit(
    "resets an hour",
    3,
    3600,
    _("That was more than {most:,} emails to one address in an hour."),
)
CONFIRMATIONS_AN_HOUR = Limit(
    "confirmations an hour",
    3,
    3600,
    _("That was more than {most:,} emails to one address in an hour."),
)
CONFIRMATIONS_AN_HOUR_FROM = Limit(
    "confirmations an hour from",
    20,
    3600,
    _("That was more than {most:,} email addresses in an hour."),
)
RESETS_AN_HOUR_FROM = Limit(
    "resets an hour from",
    20,
    3600,
    _("That was more than {most:,} forgotten passwords in an hour."),
)
PASSWORDS_AN_HOUR = Limit(
    "passwords an hour",
    10,
    3600,
    _("That was more than {most:,} passwords in an hour."),
)
SIGN_INS_A_MINUTE = Limit(
    "tokens a minute",
    20,
    60,
    _("That was more than {most:,} sign-ins from here in a minute."),
)
SIGN_INS_FROM_A_PLACE = Limit(
    "sign-ins from a place",
    10,
    900,
    _(
        "That was more than {most:,} tries to sign in to this account from here in a quarter "
        "of an hour."
    ),
    "locked_out",
)
SIGN_INS_FROM_NEW_PLACES = Limit(
    "sign-ins from new places",
    100,
    3600,
    _(
        "That was more than {most:,} tries to sign in to this account from where nobody had "
        "signed in to it before in an hour."
    ),
    "locked_out",
)
CODES_FROM_A_PLACE = Limit(
    "codes from a place",
    10,
    900,
    _("That was more than {most:,} codes for this account from here in a quarter of an hour."),
    "locked_out",
)
# A code is right by chance in three of a million tries.
CODES_FROM_NEW_PLACES = Limit(
    "codes from new places",
    20,
    3600,
    _(
        "That was more than {most:,} codes for this account from where nobody had signed in "
        "to it before in an hour."
    ),
    "locked_out",
)

NEW_UNTIL = 10  # verified fools
PENDING_WHILE_NEW = 20
PENDING_OF_ONE = 500
PENDING_IN_ALL = 5000
FEW = 5  # more that may wait: then it is told
_LATER = 600  # seconds

_COUNT = """
    INSERT INTO {table} (rule, who, slot, used_count, ends_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (rule, who, slot)
        DO UPDATE SET used_count = {table}.used_count + excluded.used_count
    RETURNING used_count
"""

_FIRST = """
    INSERT INTO {table} (rule, who, slot, used_count, ends_at) VALUES (%s, %s, 0, 1, %s)
    ON CONFLICT (rule, who, slot) DO UPDATE SET ends_at = excluded.ends_at
        WHERE {table}.ends_at NOT BETWEEN %s AND excluded.ends_at
    RETURNING slot
"""


def take(limit: Limit, who: str, amount: int = 1) -> None:
    """Count `amount` more for `who`, in one statement, so that simultaneous ones are all counted.
    Raises TooMany."""
    slot, ends = _window(limit)
    left = _left_of_block(limit, who, slot)
    if left < amount:
        most = _scaled(limit.most)
        claimed = max(amount, min(limit.block, most // 50))
        unclaimed = most - _claim(limit, who, slot, ends, claimed)
        left += min(claimed, unclaimed + claimed)
        if (noted := _noted.get()) is not None:
            rest = max(0, unclaimed) + max(0, left - amount)
            noted.append(Taken(limit, most, rest, _seconds_to(ends)))
    if left < amount:
        raise _too_many(limit, ends)
    if left > amount:
        _keep_block(limit, who, slot, left - amount)


def take_each(who: str, *amounts: tuple[Limit, int]) -> None:
    """Count for `who` by one limit after the other until one is used up, in one transaction: each
    of its own would have the database write to its disk once more. Raises TooMany."""
    refused = None
    with transaction.atomic():
        for limit, amount in amounts:
            try:
                take(limit, who, amount)
            except TooMany as error:  # what was counted is
                refused = error
                break
    if refused:
        raise refused


def _claim(limit: Limit, who: str, slot: int, ends: datetime, amount: int) -> int:
    """Count `amount` more and return how many there are by now."""
    with connection.cursor() as cursor:
        sql = _COUNT.format(table=Allowance._meta.db_table)
        ends_at = connection.ops.adapt_datetimefield_value(ends)
        cursor.execute(sql, [limit.rule, who, slot, amount, ends_at])
        (used,) = cursor.fetchone()
    return int(used)


# What is left of the blocks that this process has claimed, by rule and who: with the window.
_blocks: dict[tuple[str, str], tuple[int, int]] = {}
_block_lock = threading.Lock()
_MOST_BLOCKS = 10_000


def _left_of_block(limit: Limit, who: str, slot: int) -> int:
    """Take what is left of the block for this window, and return how much that is."""
    if limit.block == 1:
        return 0
    with _block_lock:
        of_slot, left = _blocks.pop((limit.rule, who), (slot, 0))
    return left if of_slot == slot else 0


def _keep_block(limit: Limit, who: str, slot: int, left: int) -> None:
    with _block_lock:
        if len(_blocks) >= _MOST_BLOCKS:
            _blocks.clear()
        of_slot, already = _blocks.get((limit.rule, who), (slot, 0))
        _blocks[limit.rule, who] = (slot, left + (already if of_slot == slot else 0))


def is_first(rule: str, who: str, within: timedelta) -> bool:
    """Say whether `who` has not done this within that time, and note that they do it now: of
    simultaneous ones one is the first."""
    now = clock.now()
    ends, begins = map(connection.ops.adapt_datetimefield_value, (now + within, now))
    with connection.cursor() as cursor:
        cursor.execute(_FIRST.format(table=Allowance._meta.db_table), [rule, who, ends, begins])
        return cursor.fetchone() is not None


def take_from(limit: Limit, address: str) -> None:
    """Count one more for an address, as `take` does. One household may have a /48 of IPv6 whole,
    which is as many addresses as it likes again: together they have three times as much."""
    take(limit, address)
    if ":" in address:
        around = replace(limit, rule=f"{limit.rule} nearby", most=3 * limit.most)
        take(around, neighbourhood(address))


def require_left(limit: Limit, who: str) -> None:
    """Raise TooMany where `who` has been refused in this window already; counts nothing."""
    slot, ends = _window(limit)
    counted = Allowance.objects.filter(rule=limit.rule, who=who, slot=slot)
    if counted.filter(used_count__gt=_scaled(limit.most)).exists():
        raise _too_many(limit, ends)


def _window(limit: Limit) -> tuple[int, datetime]:
    """Return the number of the window that is now, by the database's clock, and when it ends."""
    slot = int(clock.now().timestamp() // limit.seconds)
    return slot, datetime.fromtimestamp((slot + 1) * limit.seconds, tz=UTC)


def _too_many(limit: Limit, ends: datetime) -> TooMany:
    wait = _seconds_to(ends)
    much = Sentence(limit.told, most=_scaled(limit.most))
    told = Sentence("{much} {again}", much=much, again=_again_in(wait))
    return TooMany(told, wait, code=limit.code)


def _seconds_to(ends: datetime) -> int:
    return max(1, math.ceil((ends - clock.now()).total_seconds()))  # it may have ended meanwhile


def address_of(request: HttpRequest) -> str:
    """Return what a request is counted by where no account is: its IPv4 address; of IPv6 the
    network, /64, in which one machine has as many addresses as it likes. What is no address stands
    for itself."""
    address: str = request.META.get("REMOTE_ADDR", "")
    network = _network(address, 32, 64)
    return str(network.network_address) if network else address


def neighbourhood(address: str) -> str:
    """Return the network that an IP address is in, as providers give them out: /24 of IPv4, /48 of
    IPv6. What is no address stands for itself."""
    return str(_network(address, 24, 48) or address)


@lru_cache(maxsize=1024)
def _network(address: str, v4: int, v6: int) -> IPv4Network | IPv6Network | None:
    """Return the network with so many bits that an address is in; None for what is no address."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ipaddress.ip_network((ip, v4 if ip.version == 4 else v6), strict=False)


def leave_room(drawer: Person) -> None:
    """Raise TooMany unless another drawing of this person may wait to be read.

    Whoever has fewer than `NEW_UNTIL` verified fools has at most `PENDING_WHILE_NEW` fools waiting,
    nobody more than `PENDING_OF_ONE`, so that no one person fills the queue, and all together
    `PENDING_IN_ALL` drawings. Exact, for fools, where the caller holds a lock that every insert of
    one takes.
    """
    if full := _is_full(drawer):
        raise TooMany(full, _LATER)
    if (_WAITING_IN_ALL.first() or 0) >= _scaled(PENDING_IN_ALL):
        raise TooMany(
            Sentence(
                "The moderators are behind: so many drawings wait that no more are taken for now."
            ),
            _LATER,
        )


def little_room(drawer: Person) -> Sentence | None:
    """Say how many more fools of this person may wait to be read, where they are few or none;
    mostly one query."""
    while_new, of_one = _scaled(PENDING_WHILE_NEW), _scaled(PENDING_OF_ONE)
    if not _as_many(_fools_waiting, max(1, while_new - FEW), drawer.pk):
        return None
    if full := _is_full(drawer):
        return full
    most = while_new if _is_new(drawer) else of_one
    left = most - _fools_waiting(drawer.pk).order_by()[:most].count()
    if left > FEW:
        return None
    return counted(
        "There is room for {n:,} more trick of yours until moderators have read some.",
        "There is room for {n:,} more tricks of yours until moderators have read some.",
        n=left,
    )


def _is_full(drawer: Person) -> Sentence | None:
    """Say that no more fools of this person may wait to be read; None where one may."""
    while_new, of_one = _scaled(PENDING_WHILE_NEW), _scaled(PENDING_OF_ONE)
    if not _as_many(_fools_waiting, while_new, drawer.pk):
        return None
    if _is_new(drawer):
        return Sentence(
            "{while_new} of your drawings wait to be read, and that is the most until "
            "{new_until} of them are verified. Come back when some have been read.",
            while_new=while_new,
            new_until=NEW_UNTIL,
        )
    if _as_many(_fools_waiting, of_one, drawer.pk):
        return Sentence(
            "{of_one} of your drawings wait to be read, and that is the most of one person. "
            "Come back when some have been read.",
            of_one=of_one,
        )
    return None


def may_check(drawer: Person) -> bool:
    """Whether another drawing of this person that did not fool may be chosen to be read: not while
    as many of a newcomer's wait as of their fools may."""
    most = _scaled(PENDING_WHILE_NEW)
    return not _as_many(_chosen_waiting, most, drawer.pk) or not _is_new(drawer)


def _is_new(drawer: Person) -> bool:
    return not _as_many(_verified_fools, NEW_UNTIL, drawer.pk)


# Of the sums, since those who wait are counted with every drawing. None where nobody does.
_WAITING_IN_ALL: Prepared[int | None] = Prepared(
    lambda: (
        Tally.objects.filter(day=None, round=None, all_pending_count__gt=0)
        .order_by()
        .values_list(
            Func("all_pending_count", function="SUM", output_field=IntegerField()), flat=True
        )
    )
)


def _waiting(drawer_id: UUID) -> QuerySet[Attempt]:
    return Attempt.objects.filter(status=Attempt.Status.PENDING, drawer=drawer_id)


def _fools_waiting(drawer_id: UUID) -> QuerySet[Attempt]:
    return _waiting(drawer_id).filter(has_fooled=True)


def _chosen_waiting(drawer_id: UUID) -> QuerySet[Attempt]:
    return _waiting(drawer_id).filter(has_fooled=False)


def _verified_fools(drawer_id: UUID) -> QuerySet[Attempt]:
    return Attempt.objects.filter(ORIGINAL, drawer=drawer_id, status=Attempt.Status.VERIFIED)


def _as_many(which: Callable[[UUID], QuerySet[Attempt]], number: int, drawer_id: UUID) -> bool:
    """Say whether there are at least so many; reads no more of the index than that."""
    return bool(_numbered(which, number).ask(drawer_id))


@cache
def _numbered(which: Callable[[UUID], QuerySet[Attempt]], number: int) -> Prepared[UUID]:
    def build(drawer_id: UUID) -> QuerySet[Attempt, UUID]:
        ids = which(drawer_id).order_by().values_list("pk", flat=True)
        return ids[number - 1 : number]

    return Prepared(build, UUID)


def _scaled(most: int) -> int:
    scale: float = settings.LIMIT_SCALE
    return max(1, round(most * scale))


def _again_in(seconds: int) -> Sentence:
    if seconds < 90:
        return counted("Try again in {n} second.", "Try again in {n} seconds.", n=seconds)
    minutes = math.ceil(seconds / 60)
    if minutes < 90:
        return counted("Try again in {n} minute.", "Try again in {n} minutes.", n=minutes)
    return counted("Try again in {n} hour.", "Try again in {n} hours.", n=round(minutes / 60))
