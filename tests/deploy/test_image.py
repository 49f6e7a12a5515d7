"""The container's image, as far as it goes without Docker: its own commands in a copy of this
machine's files, then its own CMD with a read-only root and no rights."""

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support import PASSWORD, dockerfiles, roots
from tests.support.processes import alive, children
from tests.support.site import ROOT, Client, Site, free_port, wait_for

pytestmark = [pytest.mark.faults]

LINE = [{"x": [100, 140], "y": [20, 240], "t": [0, 90]}]
USER = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]
NO_RIGHTS = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
WRITTEN = """
mount --bind data data
chown 1000:1000 data
mount -o remount,bind,ro /mnt/root
exec chroot . env -i --chdir={folder} {words}
"""


@dataclass
class Container:
    """What was started: the process that is the first in it."""

    site: Site
    outer: subprocess.Popen[bytes]
    settings: list[str]

    @property
    def pid(self) -> int:
        return psutil.Process(self.outer.pid).children()[0].pid

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What `docker exec` would run."""
        return roots.within(self.pid, *USER, "env", "-i", *self.settings, *command)


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("image")
    site = Site(folder, "", free_port())
    given = {"PATH": "/usr/bin:/bin", **dockerfiles.environment(), "DADC_PASSWORD": PASSWORD}
    settings = [f"{name}={value}" for name, value in (given | {"PORT": str(site.port)}).items()]
    words = [*settings, *USER, *NO_RIGHTS, *dockerfiles.command("CMD")]
    # Whoever has this number here is nobody in the image.
    made = r"sed -i '/^[^:]*:[^:]*:1000:/d' etc/passwd etc/group; rm -rf data" + "\n"
    made += dockerfiles.script(without="apt-get") + WRITTEN.format(
        folder=dockerfiles.last("WORKDIR"), words=shlex.join(words)
    )
    started = Container(site, roots.run(folder, made), settings)
    try:
        wait_for(lambda: started.outer.poll() is not None or site.answers(), 120, "the image's CMD")
        assert started.outer.poll() is None, (folder / "root.log").read_text()
        yield started
    finally:
        started.outer.kill()
        started.outer.wait(20)


def test_the_image_serves_with_nothing_to_write_but_its_volume_and_ends_when_it_is_told_to(
    container: Container,
) -> None:
    healthy = dockerfiles.command("HEALTHCHECK")
    assert container.run(*healthy).returncode == 0
    assert container.run("env", "PORT=1", *healthy).returncode != 0
    wait_for(lambda: Client(container.site).get("/readyz").status == 200, 60, "its workers")
    admin = container.site.sign_in("admin")
    attempt = {"target_label": 1, "strokes": LINE}
    assert admin.post("/api/attempts/", attempt).status == 201
    assert container.run("ls", "/tmp/dadc").returncode, "the key that static files were made with"
    assert container.run("stat", "-c", "%u %a", "/data").stdout.split() == ["1000", "700"]
    for folder in ("/", "/srv/dadc", "/srv/dadc/.venv", "/tmp", "/var/tmp", "/etc"):
        assert container.run("touch", f"{folder}/written").returncode, folder
    status = (Path("/proc") / str(container.pid) / "status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapBnd:\t0000000000000000" in status

    everybody = children(container.outer.pid)
    psutil.Process(container.pid).terminate()
    assert container.outer.wait(12) == 0
    assert alive(everybody) == []


def test_the_image_takes_what_the_site_runs_on_and_no_secret() -> None:
    taken, left = dockerfiles.ignoring()
    assert {name for name in taken if not (ROOT / name).exists()} == set()
    assert not taken & {".env", "deploy", "deploy/.env", ".git", ".data", "tests", ".venv"}
    assert left == ["**/__pycache__"]


def test_versions_that_need_the_same_packages_share_them() -> None:
    copied = [each.rest for each in dockerfiles.stages()[-1] if each.name == "COPY"]
    assert copied == ["--from=build /srv/dadc/.venv .venv", ". ."]


def test_the_image_runs_as_the_user_that_a_space_wants_and_says_how_it_lives() -> None:
    build, image = dockerfiles.stages()
    assert dockerfiles.last("USER") == "1000:1000"
    assert dockerfiles.last("VOLUME") == dockerfiles.environment()["DADC_DATA_DIR"]
    assert dockerfiles.last("EXPOSE") == dockerfiles.environment()["PORT"]
    assert [each.rest.split()[0] for each in (build[0], image[0])] == [build[0].rest.split()[0]] * 2
    names = [each.name for each in image]
    # What comes after USER is run by nobody but it.
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])
