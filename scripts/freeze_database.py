"""Write a small database of this commit, a row of everything in it, for the test that later
migrations bring it forward: `.venv/bin/python scripts/freeze_database.py NAME`."""

import gzip
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WHY = "For the database that is frozen."


def main(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "dadc_site.settings",
            "DADC_DATA_DIR": folder,
            "DADC_PASSWORD": "correct horse battery",
            "DADC_AUDIT_SHARE": "1",
            "DADC_ROUND_SIZE": "2",
            "DADC_LIMIT_SCALE": "100",
        }
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        fill()
        with sqlite3.connect(Path(folder) / "db.sqlite3") as database:
            lines = "\n".join(database.iterdump())
        out = ROOT / "tests" / "databases" / f"{name}.sql.gz"
        out.parent.mkdir(exist_ok=True)
        out.write_bytes(gzip.compress(lines.encode(), mtime=0))
        print(f"{out.relative_to(ROOT)}: {out.stat().st_size / 1000:.0f} kB")


def fill() -> None:
    """A site that has seen everything once: two rounds, every status, and whatever admins do."""
    from django.core.management import call_command

    from collector.drawings import attempts
    from collector.models import Attempt, Gold, MnistThumbnailsMissing, Person, Reading, Study
    from collector.moderation import appeals, decisions, queue, readings, trust
    from collector.people import accounts, closing, notices, suspensions
    from collector.study import settings as study_settings
    from trainer import tasks
    from trainer.models import RoundModel


if __name__ == "__main__":
    main(sys.argv[1])
