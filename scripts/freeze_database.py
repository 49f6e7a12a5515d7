"""A small database of this commit with a row of everything, for the test that later migrations
bring it forward: `python -m scripts.freeze_database NAME`."""

import gzip
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WHY = "For the database that is frozen."


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "dadc_site.settings",
            "DADC_DATA_DIR": folder,
            "DADC_SECRET_KEY": "of databases that are frozen",
            "DADC_PASSWORD": "correct horse battery",
            "DADC_AUDIT_SHARE": "1",
            "DADC_ROUND_SIZE": "2",
            "DADC_LIMIT_SCALE": "100",
        }
        import django

        django.setup()
        fill()
        with closing(sqlite3.connect(Path(folder) / "db.sqlite3")) as database:
            lines = "\n".join(database.iterdump())
        out = ROOT / "tests" / "databases" / f"{name}.sql.gz"
        out.parent.mkdir(exist_ok=True)
        out.write_bytes(gzip.compress(lines.encode(), mtime=0))
        print(f"{out.relative_to(ROOT)}: {out.stat().st_size / 1000:.0f} kB")


def submit(drawer: Any, label: int, strokes: Any, width: int) -> None:
    """Submit a drawing, as the pages do."""
    from collector.drawings import attempts

    attempts.submit(drawer, attempts.Submission(label, attempts.parse(strokes, width)))


def read(reader: Any, reading: Any, answer: str) -> None:
    """Answer a lease, as the pages do."""
    from collector.moderation import readings

    readings.read(reader, reading.pk, answer)


def fill() -> None:
    """A site that has seen everything once: two rounds, every status, whatever admins do."""
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    from collector.drawings import asking, attempts
    from collector.models import Attempt, ModerationPause, Person, Study
    from collector.moderation import appeals, decisions, queue, trust
    from collector.people import accounts, closing, notices, sessions, suspensions
    from collector.study import settings as study_settings
    from tests.support import penmanship
    from trainer import candidates, tasks
    from trainer.learning import drawing
    from trainer.models import MnistThumbnails

    call_command("setup", verbosity=0)
    admin = Person.objects.get(username="admin")
    drawers = [accounts.add(name, "a fine password 1") for name in ("dora", "dan", "dee", "dot")]
    readers = [accounts.add(name, "a fine password 1", role="moderator") for name in ("mia", "max")]
    accounts.issue_token(drawers[0])
    Person.objects.filter(pk=drawers[0].pk).update(email="dora@example.org", wants_mail=True)
    Client().force_login(drawers[0], backend=sessions.BACKEND)
    study_settings.change(admin, quorum=1, gold_share=0.0)
    MnistThumbnails.objects.create(digit=1, thumbnails=bytes(196))

    drawings = penmanship.fooling(41, 12)
    usual = [(label, strokes, 22) for label, strokes in penmanship.drawings(41, 4)]
    for place, drawn in enumerate([*drawings, *usual]):
        submit(drawers[place % 4], *drawn)
    # One is taken back, one is junk, one ambiguous, one another digit; the rest is what was meant.
    pending = list(Attempt.objects.filter(status="pending").order_by("submitted_at"))
    attempts.retract(pending[0].drawer, pending[0].pk)
    answers = {pending[1].pk: "junk", pending[2].pk: "ambiguous"}
    answers[pending[3].pk] = str((pending[3].target_label + 1) % 10)
    for reader in (*readers, *readers, admin):
        while reading := queue.assign(reader):
            assert reading.attempt
            meant = str(reading.attempt.target_label)
            read(reader, reading, answers.get(reading.attempt.pk, meant))
    junk = Attempt.objects.get(status="rejected")
    appeals.appeal(junk.drawer, junk.pk, WHY)
    decisions.decide(junk.pk, admin, "ambiguous", WHY)
    claim = candidates.claim_next()
    assert claim is not None
    tasks.train(claim)
    notices.notify_of_round()

    Study.objects.update(gold_share=1.0)
    newcomer = accounts.add("nia", "a fine password 1")
    Person.objects.filter(pk=newcomer.pk).update(role="moderator")
    trust.qualify(newcomer, admin, WHY)
    newcomer.refresh_from_db()
    submit(drawers[1], *penmanship.fooling(42, 1)[0])
    given = queue.assign(newcomer)
    assert given is not None
    if given.gold:
        read(newcomer, given, given.gold.answer)
    ModerationPause.objects.create(
        person=newcomer, agreed_count=1, settled_count=30, lifted_at=timezone.now()
    )
    suspensions.suspend(drawers[2], admin, WHY)
    suspensions.reinstate(Person.objects.get(pk=drawers[2].pk), admin, WHY)
    closing.close(drawers[3], "a fine password 1", remove=True)
    tasks.beat()
    asking.predict(drawing.parse(usual[0][1]), drawers[0], "dora")


if __name__ == "__main__":
    main(sys.argv[1])
