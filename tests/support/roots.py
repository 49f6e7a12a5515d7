"""A file system of its own for what is tested: this machine's, of which nothing that is written
stays, with the project's packages where another user may read them."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support import needs
from tests.support.site import ROOT

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
# Homes are closed to units, and this Python may be in one.
MAKE_ROOT = rf"""
set -e
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
mount -t tmpfs -o mode=755 none /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work none /mnt/root
cd /mnt/root
mount -t tmpfs -o mode=755 none dev
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 none dev/shm
for each in null zero full random urandom tty; do
    touch dev/$each
    mount --bind /dev/$each dev/$each
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t proc none proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mkdir -p usr/local/made-python srv/dadc
mount --bind '{sys.base_prefix}' usr/local/made-python
ln -sf ../made-python/bin/{VERSION} usr/local/bin/python
rm -rf usr/local/lib/{VERSION}
ln -s ../made-python/lib/{VERSION} usr/local/lib/{VERSION}
echo /usr/local/made-python/lib > etc/ld.so.conf.d/made-python.conf
chroot . ldconfig
packages() {{
    mount --bind '{Path(sysconfig.get_path("purelib")).resolve()}' "$1/lib/{VERSION}/site-packages"
    mount -o remount,bind,ro "$1/lib/{VERSION}/site-packages"
}}
"""


def run(folder: Path, script: str, *namespaces: str) -> subprocess.Popen[bytes]:
    """Start a shell script in a root of its own, which is at /mnt/root, and the script's folder;
    what it says is in the folder's `root.log`."""
    needs.own_mounts()
    (folder / "script").write_text(MAKE_ROOT + script)
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", *namespaces]
    with (folder / "root.log").open("wb") as log:
        return subprocess.Popen(
            [*command, "/bin/sh", str(folder / "script")],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def within(pid: int, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command beside the process with this number, as root, in all its namespaces."""
    return subprocess.run(
        ["nsenter", "--target", str(pid), "--all", "--root", "--wd", *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
