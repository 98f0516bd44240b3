"""Real input: an installed Python's own tree and real data, through a remote into a clone, byte for byte."""

import csv
import os
import shutil
import subprocess
import sysconfig
import unicodedata
from pathlib import Path

import pytest

from support.cli import track
from support.repositories import commit_all, git, new_repository
from support.scene import FULL
from support.sweep import clean

pytestmark = pytest.mark.timeout(1800)

MOST_FILES = 10**9 if FULL else 20_000
MOST_BYTES = 10**12 if FULL else 250 << 20


def copy_library(target: Path) -> int:
    """The standard library and what is installed in it, as it lies on this machine; how many files."""
    source = Path(sysconfig.get_path("stdlib"))
    count = size = 0
    for folder, directories, names in os.walk(source):
        directories.sort()
        place = target / os.path.relpath(folder, source)
        place.mkdir(parents=True, exist_ok=True)
        for name in sorted(names):
            size += os.lstat(os.path.join(folder, name)).st_size
            count += 1
            if count > MOST_FILES or size > MOST_BYTES:
                return count - 1
            shutil.copy2(os.path.join(folder, name), place / name, follow_symlinks=False)
    return count


def add_kinds(folder: Path) -> None:
    """What a library does not always have: links that dangle and that leave, an empty folder, a hard link."""
    os.symlink("os.py", folder / "link")
    os.symlink("../../outside", folder / "leaving")
    os.symlink("nowhere", folder / "dangling")
    (folder / "hollow" / "inside").mkdir(parents=True)
    os.link(folder / "os.py", folder / "hard.py")
    (folder / "run.py").write_bytes(b"#!/usr/bin/env python3\n")
    (folder / "run.py").chmod(0o755)


def characters(path: Path) -> None:
    """A real table: every character that Unicode names, by Python's own database."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["code", "name", "category", "combining", "decomposition"])
        for code in range(0x110000):
            name = unicodedata.name(chr(code), "")
            if name:
                sort, combining = unicodedata.category(chr(code)), unicodedata.combining(chr(code))
                table.writerow([f"{code:04X}", name, sort, combining, unicodedata.decomposition(chr(code))])


def identical(one: Path, other: Path) -> None:
    """Both trees have the same paths, bytes, links and executable bits, as other programs see it."""
    done = subprocess.run(
        ["diff", "--recursive", "--no-dereference", "--brief", str(one), str(other)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[:2000]
    assert kinds(one) == kinds(other)


def kinds(root: Path) -> dict[str, str]:
    """Kind and executable bit of everything below a folder."""
    found = {}
    for folder, directories, names in os.walk(root):
        for name in [*directories, *names]:
            path = Path(folder, name)
            if path.is_symlink():
                found[str(path.relative_to(root))] = f"link to {os.readlink(path)}"
            elif path.is_dir():
                found[str(path.relative_to(root))] = "directory"
            else:
                found[str(path.relative_to(root))] = "executable" if path.stat().st_mode & 0o100 else "file"
    return found


def listing(remote: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder remote with its size and time."""
    return {
        str(path.relative_to(remote)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in remote.rglob("*")
        if path.is_file()
    }


def test_an_installed_python_and_real_data_come_back_byte_for_byte(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "repo")
    track("init", cwd=repo).ok()
    assert copy_library(repo / "lib") > 1000
    add_kinds(repo / "lib")
    characters(repo / "characters.csv")
    track("add", "lib", "characters.csv", cwd=repo).ok()
    track("remote", "add", "origin", "../remote", cwd=repo).ok()
    commit_all(repo, "real data")
    track("push", cwd=repo).ok()
    sent = listing(tmp_path / "remote")
    track("push", cwd=repo).ok()
    assert listing(tmp_path / "remote") == sent, "a second push sends nothing"

    clone = tmp_path / "clone"
    git("clone", "--quiet", "repo", "clone", cwd=tmp_path)
    assert not (clone / "lib").exists()
    track("pull", cwd=clone).ok()
    identical(repo / "lib", clone / "lib")
    assert (repo / "characters.csv").read_bytes() == (clone / "characters.csv").read_bytes()
    clean(track("verify", cwd=clone))
    assert track("status", "--exit-code", cwd=clone).code == 0
    assert git("status", "--porcelain", cwd=clone) == ""
