"""A stand-in of Zenodo, by the interface of InvenioRDM: drafts, files, versions, DOIs."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.standins import Refusal, Standin

RECORD = r"/api/records/(\d+)"
PARTS = ("access", "files", "metadata")


@dataclass
class Record:
    number: str
    parent: str
    told: dict[str, Any]
    files: dict[str, bytes | None] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    is_published: bool = False
    edited: dict[str, Any] | None = None

    def shown(self, told: dict[str, Any] | None = None) -> dict[str, Any]:
        shown = {"id": self.number, "is_published": self.is_published, **(told or self.told)}
        shown["parent"] = {"id": self.parent, "pids": {}}
        shown["pids"] = {}
        if self.is_published:
            shown["pids"] = {"doi": {"identifier": f"10.5281/zenodo.{self.number}"}}
            doi = {"identifier": f"10.5281/zenodo.{self.parent}"}
            shown["parent"]["pids"] = {"doi": doi}
        return shown


class Zenodo(Standin):
    routes = [
        (r"GET /api/user/records", "search"),
        (r"POST /api/records", "create"),
        (rf"GET {RECORD}", "get"),
        (rf"POST {RECORD}/versions", "version"),
        (rf"POST {RECORD}/draft", "edit"),
        (rf"PUT {RECORD}/draft", "update"),
        (rf"DELETE {RECORD}/draft", "discard"),
        (rf"GET {RECORD}/draft/files", "files"),
        (rf"POST {RECORD}/draft/files", "begin_file"),
        (rf"PUT {RECORD}/draft/files/([^/]+)/content", "content"),
        (rf"POST {RECORD}/draft/files/([^/]+)/commit", "commit_file"),
        (rf"DELETE {RECORD}/draft/files/([^/]+)", "delete_file"),
        (rf"POST {RECORD}/draft/actions/publish", "publish"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, Record] = {}
        self.spoils = ""  # the name of a file that arrives as another

    @property
    def published(self) -> list[Record]:
        return [record for record in self.records.values() if record.is_published]

    def draft(self, number: str) -> Record:
        record = self.records.get(number)
        if record is None or (record.is_published and record.edited is None):
            raise Refusal(404)
        return record

    def _new(self, parent: str, told: dict[str, Any]) -> Record:
        number = str(1000 + len(self.records))
        self.records[number] = Record(number, parent or f"9{number}", told)
        return self.records[number]

    def search(self, _: bytes) -> tuple[int, Any]:
        words = self.asked[-1].partition("q=%22")[2].partition("%22")[0]
        hits = [each.shown() for each in self.records.values() if words in json.dumps(each.told)]
        return 200, {"hits": {"hits": hits, "total": len(hits)}}

    def create(self, body: bytes) -> tuple[int, Any]:
        return 201, self._new("", _parts(body)).shown()

    def get(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.records.get(number)
        if record is None or not record.is_published:
            raise Refusal(404)
        return 200, record.shown()

    def version(self, number: str, _: bytes) -> tuple[int, Any]:
        earlier = self.records[number]
        for record in self.records.values():
            if record.parent == earlier.parent and not record.is_published:
                return 201, record.shown()
        told = json.loads(json.dumps(earlier.told))
        del told["metadata"]["version"], told["metadata"]["publication_date"]
        return 201, self._new(earlier.parent, told).shown()

    def edit(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.records[number]
        record.edited = record.edited or json.loads(json.dumps(record.told))
        return 201, record.shown(record.edited)

    def update(self, number: str, body: bytes) -> tuple[int, Any]:
        record = self.draft(number)
        if record.is_published:
            record.edited = _parts(body)
        else:
            record.told = _parts(body)
        return 200, record.shown()

    def discard(self, number: str, _: bytes) -> tuple[int, Any]:
        assert not self.draft(number).is_published
        del self.records[number]
        return 204, None

    def files(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.draft(number)
        entries = [
            {"key": name, "status": "completed", "checksum": f"md5:{_md5(data)}"}
            if name in record.whole and data is not None
            else {"key": name, "status": "pending"}
            for name, data in record.files.items()
        ]
        return 200, {"entries": entries}

    def begin_file(self, number: str, body: bytes) -> tuple[int, Any]:
        [said] = json.loads(body)
        if said["key"] in self.draft(number).files:
            raise Refusal(400)
        self.draft(number).files[said["key"]] = None
        return 201, {}

    def content(self, number: str, name: str, body: bytes) -> tuple[int, Any]:
        assert name in self.draft(number).files
        self.draft(number).files[name] = body + b"!" if name == self.spoils else body
        return 200, {}

    def commit_file(self, number: str, name: str, _: bytes) -> tuple[int, Any]:
        assert self.draft(number).files[name] is not None
        self.draft(number).whole.add(name)
        return 200, {}

    def delete_file(self, number: str, name: str, _: bytes) -> tuple[int, Any]:
        self.draft(number).whole.discard(name)
        del self.draft(number).files[name]
        return 204, None

    def publish(self, number: str, _: bytes) -> tuple[int, Any]:
        record = self.draft(number)
        if record.edited is not None:
            record.told, record.edited = record.edited, None
        assert record.whole == record.files.keys()
        missing = {"publication_date", "title", "creators"} - record.told["metadata"].keys()
        if missing:
            raise Refusal(400)
        record.is_published = True
        return 202, record.shown()


def _parts(body: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(body)
    return {part: said[part] for part in PARTS}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
