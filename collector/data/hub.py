"""A release at the Hugging Face Hub: a commit in a repository, and a tag of its version. Nobody
sees a part of it: files go ahead by their checksums, and one commit then shows all of them."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Literal

from django.conf import settings

from collector.data import release_folder, release_texts
from collector.data.places import Failed, answered
from collector.models import Publication, Release, ReleaseFile

OF_THE_MODEL = (
    release_folder.MODEL,
    release_folder.ONNX,
    release_folder.MANIFEST,
    release_folder.REPORT,
    release_folder.RECIPE,
    release_texts.LICENSE,
)
# What the library is to leave alone: another way of uploading than the one that is tested, the
# standard error, and tokens of whoever runs this.
_QUIET = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_VERBOSITY": "error",
}
MAIN = "main"


class Hub:
    """A repository of the site's own: what else is in it stays, unless it is called like a file of
    a release."""

    def __init__(self, place: Publication.Place, address: str) -> None:
        self.place, self.address = place, address
        self._kind: Literal["dataset", "model"] = (
            "dataset" if place == Publication.Place.DATASET else "model"
        )
        self._repository: dict[str, Any] = {"repo_id": address, "repo_type": self._kind}
        self._library = _library()
        self._api = self._library.HfApi(
            token=settings.HUB_TOKEN, library_name="dadc", library_version=settings.VERSION
        )

    def publish(self, publication: Publication, folder: Path) -> None:
        """Make the repository's files those of a folder, in one commit, unless they are already;
        tag it. Raises Failed."""
        release, tag = publication.release, _tag(publication.release)
        with _failures(), TemporaryDirectory() as made:
            self._api.create_repo(**self._repository, exist_ok=True)
            wanted = self._wanted(folder, Path(made), release)
            head, there = self._head()
            operations = [
                *(self._library.CommitOperationAdd(*each) for each in wanted.items()),
                *self._deletions((there & _ours()) - wanted.keys()),
            ]
            commit = self._api.create_commit(
                **self._repository,
                operations=operations,
                commit_message=f"Release {release.version}",
                commit_description=f"SHA-256 of SHA256SUMS: {release.sha256}",
                parent_commit=head,
            )
            self._check(wanted, commit.oid)
            self._api.create_tag(**self._repository, tag=tag, revision=commit.oid, exist_ok=True)
            if self._tags()[tag] != commit.oid:
                raise Failed(f"{self.address} has a tag {tag} already, of something else.")
        publication.revision = commit.oid
        kind = "datasets/" if self._kind == "dataset" else ""
        publication.url = f"{self._api.endpoint}/{kind}{self.address}/tree/{tag}"

    def take_back(self, publication: Publication) -> None:
        """Delete a release's files from the repository, from its history and from its storage, but
        for what other tags still have. Raises Failed."""
        tag = _tag(publication.release)
        with _failures():
            try:
                head, there = self._head()
            except self._library.errors.RepositoryNotFoundError as error:
                if error.response.status_code == 404:
                    return
                raise  # as the library also calls it where the token is not known
            if gone := there & _ours():
                self._api.create_commit(
                    **self._repository,
                    operations=self._deletions(gone),
                    commit_message=f"Release {publication.release.version} is withdrawn",
                    parent_commit=head,
                )
            if tag in self._tags():
                self._api.delete_tag(**self._repository, tag=tag)
            self._api.super_squash_history(**self._repository, branch=MAIN)
            self._delete_unused()

    def _delete_unused(self) -> None:
        revisions = (MAIN, *self._tags())
        used = {file.lfs.sha256 for each in revisions for file in self._tree(each) if file.lfs}
        stored = self._api.list_lfs_files(**self._repository)
        unused = [file for file in stored if file.oid not in used]
        self._api.permanently_delete_lfs_files(**self._repository, lfs_files=unused)

    def _deletions(self, names: set[str]) -> list[Any]:
        return [self._library.CommitOperationDelete(name) for name in sorted(names)]

    def _tags(self) -> dict[str, str]:
        """Return the tags with what they are of."""
        tags = self._api.list_repo_refs(**self._repository).tags
        return {tag.name: tag.target_commit for tag in tags}

    def _wanted(self, folder: Path, made: Path, release: Release) -> dict[str, Path]:
        """Return what is to be in the repository, by name."""
        if self._kind == "dataset":
            return {path.name: path for path in release_folder.files_in(folder)}
        card = made / release_texts.README
        card.write_text(release_texts.model_card(folder), encoding="utf-8")
        files = {name: folder / name for name in OF_THE_MODEL if (folder / name).exists()}
        return files | {card.name: card}

    def _head(self) -> tuple[str | None, set[str]]:
        """Return the newest commit and the names of its files."""
        info = self._api.repo_info(**self._repository)
        return info.sha, {file.rfilename for file in info.siblings or []}

    def _check(self, wanted: dict[str, Path], revision: str) -> None:
        there = {file.path: file for file in self._tree(revision)}
        odd = [
            name
            for name, path in wanted.items()
            if name not in there or not _is_of(there[name], path)
        ]
        if odd:
            raise Failed(
                f"{self.address} does not have {', '.join(odd)} as it is here: does a .gitignore "
                "there leave it out?"
            )

    def _tree(self, revision: str) -> list[Any]:
        entries = self._api.list_repo_tree(**self._repository, revision=revision)
        return [entry for entry in entries if hasattr(entry, "blob_id")]


def _library() -> ModuleType:
    """Return the Hub's library, which is loaded with the first publication. Raises Failed."""
    os.environ.update(_QUIET)
    try:
        import huggingface_hub
    except ImportError:
        raise Failed(
            "Publishing to the Hub needs huggingface_hub, which a site does not have by itself. "
            "Install it: .venv/bin/python -m pip install -r requirements-publish.txt"
        ) from None
    return huggingface_hub


def _tag(release: Release) -> str:
    return f"v{release.version}"


def _ours() -> set[str]:
    """Return how the files of releases are called."""
    return {release_texts.README, *ReleaseFile.objects.values_list("name", flat=True).distinct()}


def _is_of(there: Any, path: Path) -> bool:
    """Whether a file of the Hub's has this content: large ones go by SHA-256, others by git's."""
    if there.lfs:
        return bool(there.lfs.sha256 == release_folder.digest(path))
    content = path.read_bytes()
    named = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return bool(there.blob_id == named.hexdigest())


@contextmanager
def _failures() -> Iterator[None]:
    """Turn what the library raises into Failed."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        answer = error.response
        said = error.server_message or ""
        raise answered(
            "The Hub", answer.status_code, said, answer.headers.get("Retry-After")
        ) from None
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        cause = error.__cause__ or error
        raise Failed(f"The Hub cannot be asked: {type(cause).__name__}: {cause}") from None
