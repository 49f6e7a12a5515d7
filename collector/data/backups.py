"""A copy of the whole database in one file, taken while the site runs, and the way back, also of an
archive.

What is kept is `database` (SQLite's file, or pg_dump's). The secret key is not in it.
"""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from collector.data import archives, dumps, sealed
from collector.data.sealed import Sealed, Summary
from collector.errors import Refused
from trainer import heartbeats

DATABASE = "database"
_OURS = ("collector.", "trainer.")  # whose migrations go forward only


def write(path: Path) -> Summary:
    """Write the database as it is at one moment to a new file at `path`, which appears whole or not
    at all. Raises Refused."""
    begun = monotonic()
    with sealed.sealing(path) as file:
        dump = file.folder / DATABASE
        manifest = {
            "format": sealed.FORMAT,
            "version": settings.VERSION,
            "kind": dumps.kind(),
            "taken_at": timezone.now().isoformat(),
            **dumps.write(dump),
        }
        file.say(manifest)
        file.add(dump)
    return sealed.summary(path, manifest, begun)


def restore(path: Path, *, replaces: bool, tell: archives.Tell) -> Summary:
    """Put a backup or an archive into the empty database, or, if it `replaces`, in place of all
    that is in it, in one transaction. Older ones are left as they are: `migrate` brings them
    forward. What an archive has come to is told by `tell`.

    Raises Refused, with nothing changed: for what is neither, or damaged, a backup of another kind
    of database, what is of a newer version, and for a database that is not empty, or that the site
    still uses.
    """
    begun = monotonic()
    with sealed.opened(path) as file:
        _require_loadable(path, file.manifest)
        if not replaces and not dumps.is_empty():
            raise Refused(
                "The database is not empty, and nothing was changed. Restore into a new one (set "
                "DATABASE_URL, or DADC_DATA_DIR to another folder); or stop the site and say "
                "--replace, which deletes all that is in this one."
            )
        require_stopped()
        if file.manifest["kind"] == archives.KIND:
            archives.load(file, replaces=replaces, tell=tell)
        else:
            _load(file)
        return sealed.summary(path, file.manifest, begun)


def _load(file: Sealed) -> None:
    with tempfile.TemporaryDirectory(prefix="restore.", dir=settings.DATA_DIR) as folder:
        dump = Path(folder) / DATABASE
        with file.open(DATABASE) as content, dump.open("wb") as out:
            shutil.copyfileobj(content, out)
        dumps.load(dump, str(file.manifest.get("schema", "")))


def require_stopped() -> None:
    """Raise Refused where a program of the site has lately shown life."""
    with suppress(DatabaseError):  # there are no such rows, or of another version
        if living := heartbeats.living():
            raise Refused(
                f"The site still runs, and nothing was changed: {', '.join(living)} showed life "
                "within the last three minutes. Stop it first; if it was killed, wait that long."
            )


def _require_loadable(path: Path, manifest: Mapping[str, Any]) -> None:
    version = manifest["version"]
    known = {".".join(name) for name in MigrationLoader(None).disk_migrations}
    newer = [m for m in manifest["migrations"] if m.startswith(_OURS) and m not in known]
    if manifest["format"] > sealed.FORMAT or newer:
        what = f"{', '.join(newer)} is unknown here" if newer else "its form is unknown here"
        raise Refused(
            f"{path} is of a newer version, {version}: {what}. Nothing was changed. Restore it "
            "with that version."
        )
    if manifest["kind"] not in (archives.KIND, dumps.kind()):
        raise Refused(
            f"{path} is a backup of a {manifest['kind']} database, and DATABASE_URL leads to "
            f"{dumps.kind()}. Nothing was changed. A backup goes back to its own kind; `manage.py "
            "archive` writes what goes to either."
        )
