"""A release at Zenodo: a record with a DOI, by the interface of InvenioRDM, which Zenodo runs on.
It is a draft, seen by nobody else, until every file in it is the release's."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings

from collector.data import release_texts
from collector.data.places import Failed, answered
from collector.models import Publication

ANSWERS_WITHIN = 60.0  # seconds
_KINDS = "application/vnd.inveniordm.v1+json, application/json;q=0.9"
Record = dict[str, Any]


class _StaysHere(HTTPRedirectHandler):
    """Follows no redirect: the token is for one site alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Zenodo:
    """The account that the token is of."""

    place = Publication.Place.ZENODO

    def __init__(self) -> None:
        self.address = settings.ZENODO_URL
        self._opener = build_opener(_StaysHere)

    def publish(self, publication: Publication, folder: Path) -> None:
        """Publish a folder as a record, going on where another try was ended; the record's number
        is noted as soon as there is one, so that there is no second. Raises Failed."""
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        told = _told(manifest, publication.release.sha256)
        if not publication.revision:
            publication.revision = self._known(publication) or self._begun(publication, told)
            publication.save(update_fields=["revision"])
        record = self._published(publication.revision)
        if record is None:
            draft = f"/api/records/{publication.revision}/draft"
            try:
                self._ask("PUT", draft, told)
            except _NotThere:
                Publication.objects.filter(pk=publication.pk).update(revision="")
                publication.revision = ""
                raise Failed("The draft is gone; the next try begins another.") from None
            self._upload(draft, folder)
            record = self._ask("POST", f"{draft}/actions/publish")
        publication.doi = record["pids"]["doi"]["identifier"]
        parent = record.get("parent", {}).get("pids", {}).get("doi", {})
        publication.concept_doi = parent.get("identifier", publication.doi)
        publication.url = f"https://doi.org/{publication.doi}"

    def take_back(self, publication: Publication) -> None:
        """Close a record's files to everybody else, or delete what is a draft still. The record
        and its DOI stay, which nobody but Zenodo can delete. Raises Failed."""
        if not publication.revision:
            return
        draft = f"/api/records/{publication.revision}/draft"
        record = self._published(publication.revision)
        if record is None:
            with suppress(_NotThere):
                self._ask("DELETE", draft)
        elif record["access"]["files"] != "restricted":
            record = self._ask("POST", draft)  # edits what is published
            record["access"]["files"] = "restricted"
            kept = {part: record[part] for part in ("access", "files", "metadata")}
            self._ask("PUT", draft, kept)
            self._ask("POST", f"{draft}/actions/publish")

    def _known(self, publication: Publication) -> str:
        """Return the record of these very files that a try left before it was noted; empty where
        there is none."""
        sha256 = publication.release.sha256
        query = urlencode({"q": f'"{sha256}"', "size": 10, "allversions": "true"})
        hits = self._ask("GET", f"/api/user/records?{query}")["hits"]["hits"]
        of_it = [hit for hit in hits if sha256 in hit["metadata"].get("description", "")]
        return str(of_it[0]["id"]) if of_it else ""

    def _begun(self, publication: Publication, told: Mapping[str, Any]) -> str:
        """Begin a draft: of the first version, or of the one after the newest."""
        earlier = Publication.objects.filter(
            place=self.place, address=self.address, published_at__isnull=False
        )
        newest = earlier.order_by("pk").last()
        if newest is None:
            return str(self._ask("POST", "/api/records", told)["id"])
        # Asked again, it answers with the same draft.
        return str(self._ask("POST", f"/api/records/{newest.revision}/versions")["id"])

    def _published(self, number: str) -> Record | None:
        try:
            record: Record = self._ask("GET", f"/api/records/{number}")
            return record
        except _NotThere:
            return None

    def _upload(self, draft: str, folder: Path) -> None:
        """Make the draft's files those of the folder; what is there already is not sent again.
        Raises Failed where Zenodo has others in the end."""
        wanted = {path.name: _md5(path) for path in sorted(folder.iterdir())}
        for name, checksum in self._files(draft).items():
            if checksum != wanted.get(name):
                self._ask("DELETE", f"{draft}/files/{quote(name)}")
        there = self._files(draft)
        for name in wanted.keys() - there.keys():
            file = f"{draft}/files/{quote(name)}"
            self._ask("POST", f"{draft}/files", [{"key": name}])
            with (folder / name).open("rb") as content:
                self._ask("PUT", f"{file}/content", content)
            self._ask("POST", f"{file}/commit")
        if self._files(draft) != wanted:
            raise Failed("The files that arrived are not those that were sent.")

    def _files(self, draft: str) -> dict[str, str | None]:
        """Return the draft's files with their MD5, which those that are not whole do not have."""
        entries = self._ask("GET", f"{draft}/files")["entries"]
        return {
            entry["key"]: entry.get("checksum") if entry.get("status") == "completed" else None
            for entry in entries
        }

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what Zenodo answers. Raises Failed, _NotThere."""
        is_file = hasattr(body, "read")
        data: Any = body if body is None or is_file else json.dumps(body).encode()
        request = Request(self.address + path, data, method=method)
        # Not to be sent on by urllib, whatever it is asked to follow.
        request.add_unredirected_header("Authorization", f"Bearer {settings.ZENODO_TOKEN}")
        request.add_header("Accept", _KINDS)
        if is_file:
            request.add_header("Content-Type", "application/octet-stream")
            request.add_header("Content-Length", str(_size(data)))
        else:
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=ANSWERS_WITHIN) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except HTTPError as error:
            with error:
                said = _said(error.read(10_000))
            failure = answered("Zenodo", error.code, said, error.headers.get("Retry-After"))
            raise (_NotThere(str(failure)) if error.code in (404, 410) else failure) from None
        except (OSError, HTTPException, ValueError) as error:
            raise Failed(f"Zenodo cannot be asked: {type(error).__name__}: {error}") from None


class _NotThere(Failed):
    pass


def _told(manifest: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    """What is said of a release, by which it is found again too."""
    licences = [{"id": licence.lower()} for licence in manifest["licences"] if licence]
    return {
        "access": {"record": "public", "files": "public"},
        "files": {"enabled": True},
        "metadata": {
            "resource_type": {"id": "dataset"},
            "title": release_texts.title(manifest),
            "creators": [
                {
                    "person_or_org": {"type": "personal", "family_name": name, "given_name": given}
                    if given
                    else {"type": "organizational", "name": name}
                }
                for name, given in release_texts.authors(manifest)
            ],
            "publication_date": manifest["as_of"][:10],
            "version": manifest["version"],
            "publisher": "Zenodo",
            "rights": licences,
            "description": "<p>Digits that people drew to fool a model, the model's answers, "
            "moderators' blind readings, and what the next model was trained on. README.md is the "
            f"card.</p><p>SHA-256 of SHA256SUMS: {sha256}</p>",
        },
    }


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return f"md5:{digest.hexdigest()}"


def _size(file: IO[bytes]) -> int:
    return Path(file.name).stat().st_size


def _said(body: bytes) -> str:
    """The words of an answer that refuses."""
    with suppress(ValueError, AttributeError, TypeError):
        said = json.loads(body)
        errors = [
            f"{error['field']}: {' '.join(error['messages'])}" for error in said.get("errors", [])
        ]
        return " ".join([said["message"], *errors])
    return ""
