"""The one way a file becomes final, and the locks between processes."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from track import library, locks, publish, system
from track.errors import DiskFull, Locked, NameTooLong, StoreUnwritable
from track.publish import Batch, Lock


def _raise(number: int):
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return failing


def _dead_tag() -> str:
    """The tag of a process that has ended."""
    code = "from track.system import process_tag; print(process_tag())"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_published_content_replaces_what_was_there_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.track"
    target.write_bytes(b"old")
    publish.publish_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.track"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


def test_publishing_through_a_directory_descriptor_writes_into_that_directory(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        publish.publish_bytes(b"pointer.track", b"x", dir_fd=fd)
    finally:
        os.close(fd)
    assert (tmp_path / "pointer.track").read_bytes() == b"x"


def test_a_published_file_and_its_directory_are_synced_before_it_returns(tmp_path: Path, monkeypatch) -> None:
    order = []
    monkeypatch.setattr(publish, "sync_fd", lambda fd: order.append(stat.S_IFMT(os.fstat(fd).st_mode)))
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda *a, **k: (order.append("rename"), real(*a, **k)))
    publish.publish_bytes(tmp_path / "a", b"x")
    assert order == [stat.S_IFREG, "rename", stat.S_IFDIR]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, StoreUnwritable),
        (errno.EIO, StoreUnwritable),
        (errno.EACCES, StoreUnwritable),
        (errno.EPERM, StoreUnwritable),
        (errno.EMFILE, StoreUnwritable),
        (errno.EFBIG, StoreUnwritable),
        (errno.ENAMETOOLONG, NameTooLong),
    ],
)
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_what_stops_a_write_has_a_name_and_the_old_content_stays(
    tmp_path: Path, monkeypatch, number: int, kind: type, call: str
) -> None:
    target = tmp_path / "data.track"
    target.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _raise(number))
        with pytest.raises(kind, match=r"data\.track") as caught:
            publish.publish_bytes(target, b"new")
    assert caught.value.hint
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["data.track"]


def test_a_failed_sync_is_not_tried_again(tmp_path: Path, monkeypatch) -> None:
    calls = []

    def failing(fd: int) -> None:
        calls.append(fd)
        raise OSError(errno.EIO, "bad")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StoreUnwritable):
        publish.publish_bytes(tmp_path / "a", b"x")
    assert len(calls) == 1
    assert os.listdir(tmp_path) == []


def test_creating_never_follows_or_replaces_a_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "file"):
        if name == "file":
            os.close(publish.create(tmp_path / name))
        with pytest.raises(FileExistsError):
            publish.create(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("has_renameat2", [True, False])
def test_publishing_anew_keeps_what_is_there_already(tmp_path: Path, monkeypatch, has_renameat2: bool) -> None:
    if not has_renameat2:
        monkeypatch.setattr(library, "call", {"syncfs": library.call("syncfs")}.get)
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    assert publish.publish_new(tmp_path / "one", tmp_path / "final")
    assert not publish.publish_new(tmp_path / "two", tmp_path / "final")
    assert (tmp_path / "final").read_bytes() == b"1"
    assert os.listdir(tmp_path) == ["final"]


def _staged(tmp_path: Path, count: int) -> tuple[Batch, list[Path]]:
    batch, targets = Batch(), []
    (tmp_path / "staging").mkdir(exist_ok=True)
    for n in range(count):
        staged = publish.stage(tmp_path / "staging")
        staged.write_bytes(b"%d" % n)
        targets.append(tmp_path / "final" / f"{n % 7}" / f"{n}")
        batch.add(staged, targets[-1])
    return batch, targets


@pytest.mark.parametrize("count", [0, 1, 64, 65, 300])
@pytest.mark.parametrize("has_syncfs", [True, False])
def test_a_batch_publishes_every_file_read_only(tmp_path: Path, monkeypatch, count: int, has_syncfs: bool) -> None:
    if not has_syncfs:
        monkeypatch.setattr(library, "call", {}.get)
    batch, targets = _staged(tmp_path, count)
    batch.commit()
    assert [t.read_bytes() for t in targets] == [b"%d" % n for n in range(count)]
    assert {stat.S_IMODE(t.stat().st_mode) for t in targets} <= {0o444}
    assert os.listdir(tmp_path / "staging") == []


def test_a_large_batch_syncs_its_filesystem_before_and_after_the_renames(tmp_path: Path, monkeypatch) -> None:
    order = []
    real = publish.publish_new
    monkeypatch.setattr(publish, "sync_filesystem", lambda fd: order.append("sync") is None)
    monkeypatch.setattr(publish, "sync_fd", lambda fd: order.append("file"))
    monkeypatch.setattr(publish, "publish_new", lambda *a: (order.append("rename"), real(*a))[1])
    batch, _ = _staged(tmp_path, 65)
    batch.commit()
    assert order == ["sync", *["rename"] * 65, "sync"]


def test_a_small_batch_syncs_each_file_and_every_directory_it_touched_and_made(tmp_path: Path, monkeypatch) -> None:
    synced = []
    monkeypatch.setattr(publish, "sync_fd", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    batch, targets = _staged(tmp_path, 2)
    staged = [os.fspath(item.source) for item in batch._staged]
    batch.commit()
    made = {os.fspath(tmp_path), os.fspath(tmp_path / "final"), *(os.fspath(t.parent) for t in targets)}
    assert synced[:2] == staged
    assert set(synced[2:]) == made


@pytest.mark.parametrize("count", [3, 70])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_batch_that_cannot_be_synced_publishes_nothing_and_clears_its_staging(
    tmp_path: Path, monkeypatch, count: int, number: int
) -> None:
    monkeypatch.setattr(publish, "sync_filesystem", _raise(number))
    monkeypatch.setattr(publish, "sync_fd", _raise(number))
    batch, targets = _staged(tmp_path, count)
    with pytest.raises((StoreUnwritable, DiskFull), match=str(tmp_path)):
        batch.commit()
    assert not any(t.exists() for t in targets)
    assert os.listdir(tmp_path / "staging") == []


def test_a_batch_keeps_an_existing_target_unless_it_must_be_new(tmp_path: Path) -> None:
    for exist_ok in (True, False):
        staged = publish.stage(tmp_path / "staging")
        staged.write_bytes(b"second")
        (tmp_path / "there").write_bytes(b"first")
        batch = Batch()
        batch.add(staged, tmp_path / "there", exist_ok=exist_ok)
        if exist_ok:
            batch.commit()
        else:
            with pytest.raises(FileExistsError):
                batch.commit()
        assert (tmp_path / "there").read_bytes() == b"first"
        assert os.listdir(tmp_path / "staging") == []


@pytest.mark.parametrize("has_range_copy", [True, False])
@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_001])
def test_a_copied_range_is_the_same_bytes_at_the_same_place(
    tmp_path: Path, monkeypatch, has_range_copy: bool, size: int
) -> None:
    if not has_range_copy:
        monkeypatch.setattr(os, "copy_file_range", _raise(errno.EXDEV))
    content = os.urandom(size)
    (tmp_path / "source").write_bytes(content)
    source = os.open(tmp_path / "source", os.O_RDONLY)
    target = publish.create(tmp_path / "target")
    try:
        half = size // 2
        assert publish.copy_range(source, target, size - half, offset=half) == size - half
        assert publish.copy_range(source, target, half) == half
        assert publish.copy_range(source, target, 10, offset=size) == 0
    finally:
        os.close(source)
        os.close(target)
    assert (tmp_path / "target").read_bytes() == content


def test_extents_leave_the_holes_out_and_cover_all_data(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "sparse", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(fd, b"x" * 5000, 1 << 20)
        os.ftruncate(fd, 8 << 20)
        extents = list(publish.data_extents(fd, 8 << 20))
        assert sum(length for _, length in extents) < 1 << 20
        assert any(start <= 1 << 20 and start + length >= (1 << 20) + 5000 for start, length in extents)
        assert list(publish.data_extents(fd, 0)) == []
    finally:
        os.close(fd)


def test_sweeping_removes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    dead = _dead_tag()
    (tmp_path / f"{dead}.aaaa").write_bytes(b"x")
    (tmp_path / f"{dead}.bbbb" / "inner").mkdir(parents=True)
    (tmp_path / f"{dead}.bbbb" / "inner" / "file").write_bytes(b"x")
    (tmp_path / f"{dead}.bbbb" / "link").symlink_to(tmp_path)
    own = publish.stage(tmp_path)
    own.write_bytes(b"x")
    (tmp_path / "README").write_bytes(b"x")
    (tmp_path / "1.2.3.4").write_bytes(b"x")
    pid, start, place = dead.split(".")
    other_machine = tmp_path / f"{pid}.{start}.{place[:8]}ffffffff.cccc"
    other_machine.write_bytes(b"x")
    other_boot = tmp_path / f"{os.getpid()}.{start}.ffffffff{place[8:]}.dddd"
    other_boot.write_bytes(b"x")
    assert publish.sweep(tmp_path) == 3
    assert set(os.listdir(tmp_path)) == {own.name, "README", "1.2.3.4", other_machine.name}
    os.utime(other_machine, (0, 0))
    assert publish.sweep(tmp_path) == 1
    assert publish.sweep(tmp_path / "absent") == 0


def test_a_process_id_in_use_again_by_another_process_does_not_keep_staging_alive(tmp_path: Path) -> None:
    pid, start, place = system.process_tag().split(".")
    (tmp_path / f"{pid}.{int(start) - 1}.{place}.aaaa").write_bytes(b"x")
    assert publish.sweep(tmp_path) == 1


def test_what_a_killed_publish_left_beside_its_target_is_swept(tmp_path: Path) -> None:
    (tmp_path / f".a.track.track-{_dead_tag()}.12345678").write_bytes(b"half")
    (tmp_path / f".a.track.track-{system.process_tag()}.12345678").write_bytes(b"being written")
    (tmp_path / ".a.track-notes").write_bytes(b"a person's")
    assert publish.sweep_neighbours(tmp_path) == 1
    assert len(os.listdir(tmp_path)) == 2


def test_a_process_killed_while_publishing_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    code = (
        "import os, signal, sys; from track import publish\n"
        "os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish.publish_bytes(sys.argv[1], b'new')"
    )
    assert subprocess.run([sys.executable, "-c", code, str(target)], check=False).returncode == -9
    assert target.read_bytes() == b"old"
    assert len(os.listdir(tmp_path)) == 2
    publish.publish_bytes(target, b"newer")
    assert os.listdir(tmp_path) == ["a"]


_HOLD = """
import sys, time
from pathlib import Path
from track import locks
from track.publish import Lock
if sys.argv[3] == "files":
    locks.fcntl = None
with getattr(Lock(Path(sys.argv[1])), sys.argv[2])(5.0):
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(path: Path, kind: str, way: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _HOLD, str(path), kind, way]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0


@pytest.fixture(params=["flock", "files"])
def way(request: pytest.FixtureRequest, monkeypatch) -> str:
    """Both ways a lock is held: by the kernel, and by files where a filesystem answers ENOLCK."""
    if request.param == "files":
        monkeypatch.setattr(locks.fcntl, "flock", _raise(errno.ENOLCK))
    return request.param


def test_sharers_hold_a_lock_together_and_an_owner_waits_for_them_by_name(tmp_path: Path, way: str) -> None:
    holder = _holder(tmp_path / "lock", "shared", way)
    with Lock(tmp_path / "lock").shared(0):
        pass
    with (
        pytest.raises(Locked, match=rf"held by process {holder.pid}\n") as caught,
        Lock(tmp_path / "lock").exclusive(0),
    ):
        pass
    assert "unlocked by hand" in str(caught.value.hint)
    _end(holder)
    with Lock(tmp_path / "lock").exclusive(0):
        pass


def test_an_owner_keeps_sharers_out_until_it_ends(tmp_path: Path, way: str) -> None:
    holder = _holder(tmp_path / "lock", "exclusive", way)
    began = time.monotonic()
    with pytest.raises(Locked, match=str(holder.pid)), Lock(tmp_path / "lock").shared(0.2):
        pass
    assert time.monotonic() - began >= 0.2
    _end(holder)
    with Lock(tmp_path / "lock").shared(0):
        pass


def test_what_another_thread_forks_meanwhile_does_not_hold_it_on(tmp_path: Path, way: str) -> None:
    is_left = False
    with Lock(tmp_path / "lock").exclusive(0):
        child = os.fork()
        if not child:
            signal.pause()
    try:
        with Lock(tmp_path / "lock").exclusive(0):
            is_left = True
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert is_left


def test_a_child_of_a_fork_that_leaves_the_block_does_not_let_go_of_it(tmp_path: Path, way: str) -> None:
    child = 1
    with suppress(ZeroDivisionError), Lock(tmp_path / "lock").exclusive(0):
        if child := os.fork():
            os.waitpid(child, 0)
            with pytest.raises(Locked), Lock(tmp_path / "lock").shared(0):
                pass
        else:
            raise ZeroDivisionError
    if not child:
        os._exit(0)


def test_a_killed_owner_holds_nothing(tmp_path: Path, way: str) -> None:
    holder = _holder(tmp_path / "lock", "exclusive", way)
    holder.kill()
    holder.communicate()
    with Lock(tmp_path / "lock").exclusive(0):
        assert len(os.listdir(tmp_path)) == (1 if way == "flock" else 2)


def test_a_lock_where_nothing_may_be_written_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(os, "open", _raise(errno.EROFS))
    with pytest.raises(StoreUnwritable, match="read-only"), Lock(tmp_path / "lock").shared(0):
        pass


def test_paths_in_messages_carry_no_control_characters(tmp_path: Path) -> None:
    with pytest.raises(NameTooLong) as caught:
        publish.create(os.fsencode(tmp_path) + b"/\x1b[31m\xff" + b"n" * 300)
    assert "\x1b" not in caught.value.message
    assert "\\x1b[31m" in caught.value.message


def test_a_name_in_an_open_folder_is_shown_with_the_folder(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "staged").write_bytes(b"new")
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", _raise(errno.EACCES))
        fd = os.open(tmp_path, os.O_RDONLY)
        try:
            with pytest.raises(StoreUnwritable) as caught:
                publish.rename(tmp_path / "staged", b"data", target_dir_fd=fd)
        finally:
            os.close(fd)
    assert str(tmp_path / "data") in caught.value.message
