"""Cuts the power: a filesystem in a file, its backing file copied while it is mounted, the copy mounted and read.

The copy holds what the disk would hold if the machine stopped at that instant: what was synced, and of the
rest whatever the kernel happened to write out. Dirty data reaches ext4 only after seconds, so what was not
synced is dependably missing or empty. Mounting replays the journal, as after a real cut.

Everything is unmounted at the end, also after a failure; loop devices go with their mounts.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

FILESYSTEMS = ("ext4", "xfs", "btrfs")

_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
_SAME_AGAIN = {"ext4": "loop", "xfs": "loop,nouuid", "btrfs": "loop"}


class Disk:
    """A mounted filesystem of its own. `root` is where it is mounted."""

    def __init__(self, folder: Path, filesystem: str, size_mib: int) -> None:
        self.filesystem = filesystem
        self.image = folder / "disk.img"
        self.root = folder / "disk"
        self._folder = folder
        self._cuts = 0
        with self.image.open("wb") as file:
            file.truncate(size_mib << 20)
        _run(*_MAKE[filesystem], self.image)

    def settle(self) -> None:
        """Write everything out: what came before is not what is being tested."""
        _run("sync", "-f", self.root)

    @contextlib.contextmanager
    def cut(self) -> Iterator[Path]:
        """Where the disk is mounted as it would be found after a power cut now.

        The copy is mounted at the very path of the original, which is out of sight meanwhile: absolute paths
        in what was written stay true. Btrfs needs the original gone, as two disks may not share an identity.
        """
        self._cuts += 1
        copy = self._folder / f"cut-{self._cuts}.img"
        _run("cp", "--sparse=always", self.image, copy)
        _unmount(self.root)
        _run("mount", "-o", _SAME_AGAIN[self.filesystem], copy, self.root)
        try:
            yield self.root
        finally:
            _unmount(self.root)
            copy.unlink()
            _run("mount", "-o", "loop", self.image, self.root)


@contextlib.contextmanager
def disk(folder: Path, filesystem: str = "ext4", *, size_mib: int = 320) -> Iterator[Disk]:
    """A new filesystem below `folder`, mounted as long as the context lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Disk(folder, filesystem, size_mib)
    made.root.mkdir()
    try:
        _run("mount", "-o", "loop", made.image, made.root)
        yield made
    finally:
        _unmount(made.root)
        made.image.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, *, size_kib: int = 1024, inodes: int = 200) -> Iterator[Path]:
    """A filesystem in memory that is soon full, mounted at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={size_kib}k,nr_inodes={inodes}", "tmpfs", folder)
        yield folder
    finally:
        _unmount(folder)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """`folder` mounted over itself, for reading only, even for root."""
    try:
        _run("mount", "--bind", folder, folder)
        _run("mount", "-o", "remount,bind,ro", folder)
        yield folder
    finally:
        _unmount(folder)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr.strip()}"


def _unmount(place: Path) -> None:
    """Unmount `place`, waiting for whoever is just leaving it; at last detach it, whatever is open."""
    for _ in range(50):
        done = subprocess.run(["umount", str(place)], capture_output=True, text=True, check=False)
        if done.returncode == 0 or "not mounted" in done.stderr or "no mount point" in done.stderr:
            return
        time.sleep(0.02)
    subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)
