"""A stand-in of the Hugging Face Hub, as its own library speaks to it."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.support.standins import Refusal, Standin

REPO = r"/api/(dataset|model)s/([^/]+/[^/]+)"
LARGE = 1 << 12  # bytes: what is larger goes ahead by its checksum
FIRST = "0" * 40
Tree = dict[str, bytes]


@dataclass
class Repository:
    commits: dict[str, Tree] = field(default_factory=lambda: {FIRST: {".gitattributes": b"*"}})
    parents: dict[str, str | None] = field(default_factory=lambda: {FIRST: None})
    main: str = FIRST
    tags: dict[str, str] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)  # checksums of large files

    @property
    def files(self) -> Tree:
        return {name: data for name, data in self.commits[self.main].items() if name[0] != "."}

    @property
    def reachable(self) -> list[Tree]:
        """What can be had of it: every commit that main or a tag leads back to."""
        found, left = {}, [self.main, *self.tags.values()]
        while left:
            oid: str | None = left.pop()
            if oid and oid not in found:
                found[oid] = self.commits[oid]
                if parent := self.parents[oid]:
                    left.append(parent)
        return list(found.values())

    def at(self, revision: str) -> str:
        oid = self.main if revision == "main" else self.tags.get(revision, revision)
        if oid not in self.commits:
            raise Refusal(404)
        return oid


class Hub(Standin):
    routes = [
        (r"POST /api/repos/create", "create"),
        (r"POST /api/validate-yaml", "validate"),
        (rf"GET {REPO}(?:/revision/main)?", "info"),
        (rf"POST {REPO}/preupload/([^/]+)", "preupload"),
        (r"POST /(datasets/|)([^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
        (r"PUT /lfs/([^/]+/[^/]+/[^/]+)/(\w+)", "put_object"),
        (rf"POST {REPO}/commit/([^/]+)", "commit"),
        (rf"GET {REPO}/tree/([^/]+)", "tree"),
        (rf"GET {REPO}/refs", "refs"),
        (rf"POST {REPO}/tag/([^/]+)", "tag"),
        (rf"DELETE {REPO}/tag/([^/]+)", "untag"),
        (rf"POST {REPO}/super-squash/([^/]+)", "squash"),
        (rf"GET {REPO}/lfs-files", "large"),
        (rf"POST {REPO}/lfs-files/batch", "delete_large"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.ignored: set[str] = set()

    def of(self, kind: str, name: str) -> Repository:
        try:
            return self.repositories[f"{kind}/{name}"]
        except KeyError:
            raise Refusal(404) from None

    def create(self, body: bytes) -> tuple[int, Any]:
        said = json.loads(body)
        kind, name = said.get("type", "model"), f"{said['organization']}/{said['name']}"
        is_new = f"{kind}/{name}" not in self.repositories
        self.repositories.setdefault(f"{kind}/{name}", Repository())
        prefix = "datasets/" if kind == "dataset" else ""
        return 200 if is_new else 409, {"url": f"{self.url}/{prefix}{name}"}

    def validate(self, body: bytes) -> tuple[int, Any]:
        assert json.loads(body)["content"].startswith("---\nlicense: ")
        return 200, {"errors": [], "warnings": []}

    def info(self, kind: str, name: str, _: bytes) -> tuple[int, Any]:
        repository = self.of(kind, name)
        names = [{"rfilename": each} for each in repository.commits[repository.main]]
        return 200, {"id": name, "sha": repository.main, "siblings": names}

    def preupload(self, kind: str, name: str, at: str, body: bytes) -> tuple[int, Any]:
        there = self.of(kind, name).commits[self.of(kind, name).at(at)]
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["size"] > LARGE else "regular",
                "shouldIgnore": file["path"] in self.ignored,
                "oid": _named(there[file["path"]]) if file["path"] in there else None,
            }
            for file in json.loads(body)["files"]
        ]
        return 200, {"files": files}

    def batch(self, prefix: str, name: str, body: bytes) -> tuple[int, Any]:
        kind = "dataset" if prefix else "model"
        stored = self.of(kind, name).stored
        objects = []
        for file in json.loads(body)["objects"]:
            href = f"{self.url}/lfs/{kind}/{quote(name)}/{file['oid']}"
            actions = {} if file["oid"] in stored else {"actions": {"upload": {"href": href}}}
            objects.append(file | actions)
        return 200, {"objects": objects, "transfer": "basic"}

    def put_object(self, repository: str, oid: str, body: bytes) -> tuple[int, Any]:
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refusal(400)
        self.objects[oid] = body
        self.repositories[repository].stored.add(oid)
        return 200, None

    def commit(self, kind: str, name: str, at: str, body: bytes) -> tuple[int, Any]:
        repository = self.of(kind, name)
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit", repository.main) != repository.main:
            raise Refusal(412)
        tree = dict(repository.commits[repository.at(at)])
        for line in lines[1:]:
            path = line["value"]["path"]
            if line["key"] == "file":
                tree[path] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                if line["value"]["oid"] not in repository.stored:
                    raise Refusal(400)
                tree[path] = self.objects[line["value"]["oid"]]
            else:
                del tree[path]
        oid = hashlib.sha1(body + repository.main.encode()).hexdigest()
        repository.commits[oid], repository.parents[oid] = tree, repository.main
        repository.main = oid
        return 200, {"commitUrl": f"{self.url}/{name}/commit/{oid}", "commitOid": oid}

    def tree(self, kind: str, name: str, at: str, _: bytes) -> tuple[int, Any]:
        repository = self.of(kind, name)
        entries = []
        for path, data in repository.commits[repository.at(at)].items():
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data)}
            entry["oid"] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            if len(data) > LARGE:
                entry["lfs"] = {"oid": _named(data), "size": len(data), "pointerSize": 130}
            entries.append(entry)
        return 200, entries

    def refs(self, kind: str, name: str, _: bytes) -> tuple[int, Any]:
        repository = self.of(kind, name)
        tags = [
            {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid}
            for tag, oid in repository.tags.items()
        ]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.main}
        return 200, {"branches": [main], "converts": [], "tags": tags}

    def tag(self, kind: str, name: str, at: str, body: bytes) -> tuple[int, Any]:
        repository, tag = self.of(kind, name), json.loads(body)["tag"]
        if tag in repository.tags:
            raise Refusal(409)
        repository.tags[tag] = repository.at(at)
        return 200, {}

    def untag(self, kind: str, name: str, tag: str, _: bytes) -> tuple[int, Any]:
        del self.of(kind, name).tags[tag]
        return 200, None

    def squash(self, kind: str, name: str, at: str, body: bytes) -> tuple[int, Any]:
        repository = self.of(kind, name)
        oid = hashlib.sha1(body + repository.main.encode()).hexdigest()
        repository.commits[oid] = repository.commits[repository.at(at)]
        repository.parents[oid], repository.main = None, oid
        return 200, None

    def large(self, kind: str, name: str, _: bytes) -> tuple[int, Any]:
        return 200, [
            {
                "fileOid": f"id-{oid}",
                "filename": "?",
                "oid": oid,
                "pushedAt": "2026-11-29T20:00:00.000Z",
                "size": len(self.objects[oid]),
            }
            for oid in sorted(self.of(kind, name).stored)
        ]

    def delete_large(self, kind: str, name: str, body: bytes) -> tuple[int, Any]:
        for oid in json.loads(body)["deletions"]["sha"]:
            self.of(kind, name).stored.remove(oid.removeprefix("id-"))
        return 200, None


def _named(data: bytes) -> str:
    if len(data) > LARGE:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
