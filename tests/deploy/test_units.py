"""The units as they are, under a real systemd: the first process of namespaces of its own, with its
own network, /dev/shm and /run, so that nothing on this machine notices."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.support import needs, roots
from tests.support.site import ROOT, wait_for

pytestmark = [pytest.mark.faults]

UNITS = ROOT / "deploy/systemd"
MACHINE = f"""
mount -t tmpfs -o mode=755 none run
mount -t tmpfs -o mode=1777 none tmp
mount -t sysfs -o ro none sys
mkdir -p /mnt/cgroups
mount -t cgroup2 none /mnt/cgroups
mkdir -p "/mnt/cgroups/$CGROUP"
echo $$ > "/mnt/cgroups/$CGROUP/cgroup.procs"
ip link set lo up
rm -rf var/lib/dadc var/backups/dadc etc/systemd/system
mkdir -p etc/systemd/system usr/local/made-venv
chroot . python -m venv --without-pip /usr/local/made-venv
packages usr/local/made-venv
if [ -L '{ROOT}/.venv' ]; then
    mount -t overlay -o "lowerdir={ROOT},upperdir=$TREE/upper,workdir=$TREE/work" none srv/dadc
    rm srv/dadc/.venv
    mkdir srv/dadc/.venv
else
    mount --bind '{ROOT}' srv/dadc
fi
mount --rbind usr/local/made-venv srv/dadc/.venv
sed -i '/^dadc:/d' etc/passwd etc/group etc/shadow
chroot . useradd --system --home-dir /var/lib/dadc --shell /usr/sbin/nologin dadc
chroot . install -d -m 700 -o dadc -g dadc /var/backups/dadc
cp -r '{UNITS}/.' etc/systemd/system/
cp "$SETTINGS" etc/dadc.env
chmod 600 etc/dadc.env
: > etc/machine-id
printf '[Unit]\\nRequires=basic.target\\n' > etc/systemd/system/test.target
for each in timers.target network-online.target postgresql.service systemd-udevd.service; do
    ln -sf /dev/null "etc/systemd/system/$each"
done
exec unshare --cgroup /bin/sh -ec '
    mount -t tmpfs none sys/fs/cgroup
    mount -t cgroup2 none sys/fs/cgroup
    exec chroot . /usr/bin/env -i container=lxc PATH="$PATH" /lib/systemd/systemd --unit=test.target
'
"""
# It asks itself until its worker is there: a program for each time it is asked takes more than the
# site takes to start.
ASK = """
import time, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:8000/readyz", headers={"X-Forwarded-Proto": "https"})
told, end = "", time.monotonic() + 90
while '"worker": "ok"' not in told and time.monotonic() < end:
    time.sleep(0.1)
    try:
        told = urllib.request.urlopen(request, timeout=10).read().decode()
    except OSError as error:
        told = str(error)
print(told)
"""


@dataclass
class Machine:
    """A machine that runs: the number of its systemd."""

    pid: int

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        path = "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return roots.within(self.pid, "env", "-i", path, *command)

    def journal(self) -> str:
        return self.run("journalctl", "--no-pager", "-n", "60").stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    needs.systemd()
    folder = tmp_path_factory.mktemp("machine")
    settings = (ROOT / "deploy/example.env").read_text()
    settings = settings.replace("DADC_SECRET_KEY=", "DADC_SECRET_KEY=a-key-of-this-tests-own")
    (folder / "settings").write_text(re.sub(r"^DATABASE_URL=.*$", "", settings, flags=re.M))
    (folder / "tree").mkdir()
    own = f"CGROUP=dadc-test-{folder.stat().st_ino}\nSETTINGS={folder}/settings\nTREE=/mnt/tree\n"
    own += "mkdir -p /mnt/tree/upper /mnt/tree/work\n"
    outer = roots.run(folder, own + MACHINE, "--net", "--uts", "--ipc")
    try:
        systemd = wait_for(lambda: _first_of(outer), 60, f"systemd; {folder}/root.log")
        assert systemd
        made = Machine(systemd)
        wait_for(lambda: _has_booted(made), 60, "the machine to boot")
        yield made
    finally:
        outer.kill()
        outer.wait(20)
        shutil.rmtree(folder / "tree", ignore_errors=True)


def _first_of(outer: subprocess.Popen[bytes]) -> int | None:
    assert outer.poll() is None
    children = psutil.Process(outer.pid).children()
    is_systemd = bool(children) and children[0].name() == "systemd"
    return children[0].pid if is_systemd else None


def _has_booted(machine: Machine) -> bool:
    state = machine.run("systemctl", "is-active", "test.target").stdout
    return state.strip() == "active"


def test_the_site_its_backup_and_commands_by_hand_run_in_the_units_as_they_are(
    machine: Machine,
) -> None:
    verified = machine.run("/srv/dadc/deploy/dadc-manage", "setup")
    assert "Sign in as admin" in verified.stdout, verified.stderr + machine.journal()
    started = machine.run("systemctl", "start", "dadc-site.service")
    assert started.returncode == 0, started.stderr + machine.journal()

    told = machine.run("python", "-c", ASK).stdout
    assert '"worker": "ok"' in told, f"{told}\n{machine.journal()}"
    folder = machine.run("stat", "-c", "%U %a", "/var/lib/dadc").stdout.split()
    assert folder == ["dadc", "700"]
    main = machine.run("systemctl", "show", "-P", "MainPID", "dadc-site").stdout.strip()
    status = machine.run("cat", f"/proc/{main}/status").stdout
    assert "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    # Their password was shown, and is in no log.
    password = re.search(r"password (\S+)", verified.stdout)
    assert password
    assert password[1] not in machine.journal()

    backed_up = machine.run("systemctl", "start", "dadc-backup.service")
    assert backed_up.returncode == 0, machine.journal()
    found = machine.run("find", "/var/backups/dadc", "-name", "*.tar", "-perm", "600").stdout
    assert len(found.split()) == 1
    agrees = machine.run("/srv/dadc/deploy/dadc-manage", "verify")
    assert "Everything agrees." in agrees.stdout, agrees.stderr

    stopped = machine.run("systemctl", "stop", "dadc-site.service")
    assert stopped.returncode == 0
    result = machine.run("systemctl", "show", "-P", "Result", "dadc-site").stdout.strip()
    assert result == "success"


@pytest.mark.parametrize("unit", ["dadc-site.service", "dadc-backup.service"])
def test_systemd_finds_no_fault_with_a_unit_and_little_that_it_may(
    machine: Machine, unit: str
) -> None:
    checked = machine.run("systemd-analyze", "verify", f"/etc/systemd/system/{unit}")
    assert [line for line in checked.stderr.splitlines() if "dadc-" in line] == []
    rated = machine.run("systemd-analyze", "security", "--no-pager", unit).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", rated)
    assert exposure, rated
    assert float(exposure[1]) < 2
