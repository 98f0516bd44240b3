"""The tools that break things are tools that catch things: each is shown a program with a known fault."""

import http.client
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.powercut import FILESYSTEMS, disk, read_only, small_disk
from support.servers import Answer, answering, proxy
from support.strace import Event, complaints, fail_at, kill_at, record, spread
from support.sweep import dealt, telling

CARELESS = """
import os, sys
with open(sys.argv[1], "w") as file:      # truncated first: a kill here leaves an empty file
    file.write("new content")
"""

CAREFUL = """
import os, sys
target = sys.argv[1]
fd = os.open(target + ".staged", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
os.write(fd, b"new content")
os.fsync(fd)
os.close(fd)
os.rename(target + ".staged", target)
folder = os.open(os.path.dirname(target), os.O_RDONLY)
os.fsync(folder)
print("done")
"""

FORGETFUL = CAREFUL.replace("os.fsync(fd)\n", "").replace("os.fsync(folder)\n", "")


def program(folder: Path, text: str) -> Path:
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    return path


def ends_of_every_kill(tmp_path: Path, text: str) -> set[str]:
    """What `target` holds after the program was killed at each of its changing calls."""
    target = tmp_path / "target"
    target.write_text("old content", encoding="utf-8")
    command = [sys.executable, "-I", program(tmp_path, text), target]
    _, events = record(command, cwd=tmp_path, log=tmp_path / "log")
    found = set()
    for event in events:
        target.write_text("old content", encoding="utf-8")
        assert kill_at(event, command, cwd=tmp_path, log=tmp_path / "log").killed
        found.add(target.read_text(encoding="utf-8"))
    return found


@pytest.mark.needs("strace")
def test_a_proxy_holds_little_of_what_went_through_it() -> None:
    """Sixteen packs at a time on new connections, four times over: a gigabyte."""

    def put(_: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(between.endpoint).netloc, timeout=60)
        connection.request("PUT", "/packs/x", body)
        assert connection.getresponse().status == 200
        connection.close()

    body = bytes(16 << 20)
    with answering(lambda _: Answer(200)) as behind, proxy(behind) as between, ThreadPoolExecutor(16) as threads:
        before = _resident_bytes()
        list(threads.map(put, range(64)))
        grown = _resident_bytes() - before
    assert len(between.requests) == 64 and not any(one.body for one in between.requests)
    assert grown < 256 << 20, f"{grown >> 20} MiB more are held"


def _resident_bytes() -> int:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) << 10


def test_a_kill_sweep_finds_a_file_that_is_truncated_in_place(tmp_path: Path) -> None:
    assert "" in ends_of_every_kill(tmp_path, CARELESS)


@pytest.mark.needs("strace")
def test_a_kill_sweep_finds_nothing_where_files_are_staged_and_renamed(tmp_path: Path) -> None:
    assert ends_of_every_kill(tmp_path, CAREFUL) == {"old content", "new content"}


@pytest.mark.needs("strace")
def test_a_trace_lists_the_changes_and_neither_reads_nor_the_terminal(tmp_path: Path) -> None:
    command = [sys.executable, "-I", program(tmp_path, CAREFUL), tmp_path / "target"]
    outcome, events = record(command, cwd=tmp_path, log=tmp_path / "log")
    assert outcome.out == "done\n"
    assert [event.call for event in events] == ["openat", "write", "fsync", "rename", "fsync"]


@pytest.mark.needs("strace")
def test_an_injected_failure_is_met_by_the_call_that_was_meant(tmp_path: Path) -> None:
    command = [sys.executable, "-I", program(tmp_path, CAREFUL), tmp_path / "target"]
    _, events = record(command, cwd=tmp_path, log=tmp_path / "log")
    rename = next(event for event in events if event.call == "rename")
    outcome = fail_at(rename, "EDQUOT", command, cwd=tmp_path, log=tmp_path / "log")
    assert outcome.code == 1
    assert "Disk quota exceeded" in outcome.err


def test_a_spread_keeps_the_first_of_every_call_and_about_the_size_asked_for() -> None:
    events = [*(Event("write", nth, "") for nth in range(1, 101)), Event("rename", 1, "")]
    chosen = spread(events, 12)
    assert 10 <= len(chosen) <= 14
    assert {events[0], events[100]} <= set(chosen)


def test_what_failed_assertions_said_is_collected() -> None:
    def check(number: int) -> None:
        assert number != 2, "two is wrong"

    assert complaints([1, 2, 3], check) == ["2\n    two is wrong\nassert 2 != 2"]


@pytest.mark.needs("root", "mount", "losetup", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs")
@pytest.mark.parametrize("filesystem", FILESYSTEMS)
def test_a_power_cut_loses_what_was_not_synced_and_keeps_what_was(tmp_path: Path, filesystem: str) -> None:
    with disk(tmp_path / "disk", filesystem) as made:
        made.settle()
        run_python(program(tmp_path, FORGETFUL), made.root / "lost")
        with made.cut() as root:
            assert not (root / "lost").exists() or (root / "lost").read_bytes() == b""
        run_python(program(tmp_path, CAREFUL), made.root / "kept")
        with made.cut() as root:
            assert (root / "kept").read_text(encoding="utf-8") == "new content"


def run_python(path: Path, *args: Path) -> None:
    subprocess.run([sys.executable, "-I", path, *args], check=True, capture_output=True)


@pytest.mark.needs("root", "mount")
def test_a_small_disk_is_soon_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", size_kib=64) as folder, pytest.raises(OSError, match="No space left"):
        (folder / "big").write_bytes(bytes(100_000))


@pytest.mark.needs("root", "mount")
def test_a_read_only_folder_refuses_even_root(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with read_only(folder), pytest.raises(OSError, match="Read-only file system"):
        (folder / "file").write_bytes(b"")
    (folder / "file").write_bytes(b"")


def test_no_other_track_is_within_reach() -> None:
    """Hooks look for it in PATH, where whoever runs the tests may have one; everything else stays in reach."""
    assert shutil.which("track") is None and shutil.which("track-hook") is None
    assert shutil.which("git") and shutil.which("sh")


def pages(call: str, count: int, path: str, first: int = 1) -> list[Event]:
    return [Event(call, first + turn, f'4<{path}>, "..."..., 4096, {turn}) = 4096') for turn in range(count)]


def test_a_long_sweep_takes_of_many_writes_the_first_one_in_the_middle_and_the_last() -> None:
    renamed = Event("renameat2", 1, 'AT_FDCWD, "/s/1.2.ab", AT_FDCWD, "/p/x.pack", RENAME_NOREPLACE) = 0')
    events = [*pages("pwrite64", 20, "/x/a.db"), *pages("pwrite64", 2, "/x/b.db", 21), renamed]
    events += pages("pwrite64", 1, "/x/a.db", 23)
    assert [event.nth for event in telling(events)] == [1, 11, 20, 21, 22, 1, 23]


def test_a_long_sweep_gives_every_kind_of_call_every_error_and_every_call_one() -> None:
    opened = Event("openat", 1, 'AT_FDCWD</r>, "/r/staging/12.34.ab", O_WRONLY|O_CREAT, 0600) = 4</r/staging/12.34.ab>')
    events = [*pages("pwrite64", 5, "/x/a.db"), *pages("fsync", 1, "/x/a.db"), opened]
    pairs = dealt(events, ("EIO", "EACCES", "ENOSPC", "EDQUOT"))
    assert {event for event, _ in pairs} == set(events)
    assert [error for event, error in pairs if event.call == "pwrite64"] == ["EIO", "ENOSPC", "EDQUOT", "EIO", "ENOSPC"]
    assert [error for event, error in pairs if event.call == "fsync"] == ["EIO", "ENOSPC", "EDQUOT"]
    assert {error for event, error in pairs if event == opened} == {"EIO", "EACCES", "ENOSPC", "EDQUOT"}
