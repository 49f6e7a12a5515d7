"""Releases as rows, of files that a test makes up."""

import hashlib
import json
from typing import Any

from django.utils import timezone

from collector.models import Release, ReleaseFile, ReleasePart
from trainer.models import Round

CARD = "---\nlicense: cc-by-4.0\n---\n\n# Digits\n"


def keep(version: str, previous: Release | None = None, **files: bytes) -> Release:
    """Keep a release of round 1 that everybody may have; each file more is called like its keyword,
    with a dot for __."""
    major, minor, patch = map(int, version.split("."))
    manifest: dict[str, Any] = {
        "version": version,
        "round": minor,
        "as_of": "2026-11-28T12:00:00+00:00",
        "licences": ["CC-BY-4.0"],
        "counts": dict.fromkeys(("attempts.parquet", "readings.parquet", "samples.parquet"), 3),
        "cited_doi": None,
        "model": {"architecture": "mnist_model", "sha256": "0" * 64, "sample_count": 3},
        "made_with": {"dadc": "0"},
    }
    contents = {
        "README.md": CARD.encode(),
        "LICENSE": b"CC BY 4.0",
        "manifest.json": json.dumps(manifest).encode(),
        "attempts.parquet": version.encode() * 2000,
        "model.safetensors": f"model of {version}".encode() * 1000,
        **{name.replace("__", "."): data for name, data in files.items()},
    }
    sums = "".join(f"{_digest(data)}  {name}\n" for name, data in sorted(contents.items()))
    contents["SHA256SUMS"] = sums.encode()
    release = Release.objects.create(
        round=Round.objects.order_by("number")[0],
        major=major,
        minor=minor,
        patch=patch,
        previous=previous,
        sha256=_digest(contents["SHA256SUMS"]),
        attempts=b"",
        is_licensed=True,
        published_at=timezone.now(),
    )
    for name, data in contents.items():
        file = ReleaseFile.objects.create(
            release=release, name=name, size=len(data), sha256=_digest(data)
        )
        ReleasePart.objects.create(file=file, place=0, data=data)
    return release


def content(release: Release) -> dict[str, bytes]:
    """Return a release's files."""
    return {
        file.name: b"".join(bytes(part.data) for part in file.parts.order_by("place"))
        for file in release.files.all()
    }


def withdraw(release: Release) -> None:
    """Withdraw it, as somebody does who removes their drawings."""
    ReleasePart.objects.filter(file__release=release).delete()
    Release.objects.filter(pk=release.pk).update(withdrawn_at=timezone.now())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
