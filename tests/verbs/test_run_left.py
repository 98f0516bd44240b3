"""What is known of a run when `track run` and its program are killed: what was noticed until then, by whomever."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.trees import write_tree
from track.flows.run_journal import journal_of
from track.model.digest import digest_of
from track.model.record import Record
from track.project import Project
from track.runs.journal import LOST_AFTER_S
from track.runs.observe import kernel_tells, observed
from track.verbs.runs_close import runs_close
from track.verbs.runs_reap import runs_reap

LIMIT_S = 120
PYTHON = "open('a.csv').close(); open('d/x').close()"
IN_C = """
import ctypes
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
library.fclose.argtypes = (ctypes.c_void_p,)
for path in (b'a.csv', b'd/x'):
    library.fclose(library.fopen(path, b'r'))
"""
WAIT = "print(os.getpid(), flush=True); signal.pause()"


@pytest.fixture
def here(repo: Path) -> Path:
    """Two tracked files, one that is not saved, and a folder."""
    track("init", cwd=repo).ok()
    write_tree(repo, {"a.csv": b"a", "b.csv": b"b", "d/x": b"x", "d/y": b"y"})
    track("add", "a.csv", "b.csv", "d", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


@contextmanager
def killed(here: Path, options: list[str], command: list[str], opened: list[str]) -> Iterator[Project]:
    """`track run` and then its program are killed by -9 when these files were noticed; the project in which it was."""
    words = [sys.executable, "-m", "track", "run", *options, "--", *command]
    with subprocess.Popen(words, cwd=here, stdout=subprocess.PIPE) as process, Project.open(here) as project:
        assert process.stdout is not None
        program = int(process.stdout.readline())
        try:
            (living,) = journal_of(project).living()
            deadline = time.monotonic() + LIMIT_S
            while not {os.fsencode(path) for path in opened} <= observed(living.folder, here).read:
                assert time.monotonic() < deadline, "what was opened was never noted"
                time.sleep(0.05)
        finally:
            process.kill()
            os.kill(program, signal.SIGKILL)
        process.wait(LIMIT_S)
        yield project


def reaped(project: Project) -> Record:
    done = runs_reap(project, now=time.time() + LOST_AFTER_S + 60)
    assert done.refused == ()
    (record,) = done.runs
    assert record.status == "lost"
    return record


def inputs(record: Record) -> list[tuple[str, str]]:
    return sorted((used.shown, used.how) for used in record.of("input"))


HOWS = {
    "hook": (["--observe", "python"], [sys.executable, "-c", f"import os, signal; {PYTHON}; {WAIT}"], ["a.csv", "d/x"]),
    "kernel": (["--observe", "python"], [sys.executable, "-c", f"import os, signal\n{IN_C}\n{WAIT}"], ["a.csv", "d"]),
    "strace": ([], ["sh", "-c", "cat a.csv d/x > /dev/null; echo $$; exec sleep 300"], ["a.csv", "d/x"]),
}


@pytest.mark.needs("strace")
@pytest.mark.parametrize("how", HOWS)
def test_what_was_opened_before_the_kill_is_in_the_record(here: Path, how: str) -> None:
    options, command, opened = HOWS[how]
    if how == "kernel" and not kernel_tells(here):
        opened, options = ["a.csv", "d/x"], ["--observe", "trace"]  # what this kernel has for it
    with killed(here, options, command, opened) as project:
        record = reaped(project)
    assert inputs(record) == [("a.csv", "observed"), ("d", "observed")]
    assert [used.digest for used in record.of("input") if used.shown == "a.csv"] == [digest_of(b"a")]
    assert [used.shown for used in record.of("output")] == ["stdout.log"]
    assert ("python" in record.environment) == (how != "strace")


def test_what_was_declared_is_in_the_record_and_stored_while_it_is_as_it_was(here: Path) -> None:
    write_tree(here, {"a.csv": b"never saved", "b.csv": b"nor this"})
    with killed(here, ["-i", "b.csv"], HOWS["hook"][1], ["a.csv", "d/x"]) as project:
        write_tree(here, {"b.csv": b"changed since"})
        record = reaped(project)
        assert inputs(record) == [("a.csv", "observed"), ("b.csv", "declared"), ("d", "observed")]
        by_path = {used.shown: used.digest for used in record.of("input")}
        assert project.store.read(by_path["a.csv"]) == b"never saved"
        assert by_path["b.csv"] == digest_of(b"nor this") and project.store.absent([by_path["b.csv"]])


def test_in_isolation_only_what_was_declared_is_known(here: Path) -> None:
    script = f"import os, signal; open('a.csv').close(); {WAIT}"
    with killed(here, ["--isolated", "-i", "a.csv"], [sys.executable, "-c", script], []) as project:
        record = reaped(project)
    assert inputs(record) == [("a.csv", "declared")]


def test_closing_a_run_that_was_killed_keeps_what_it_opened_too(here: Path) -> None:
    with killed(here, [], HOWS["hook"][1], ["a.csv", "d/x"]) as project:
        (living,) = journal_of(project).living()
        record = runs_close(project, living.id, status="failed").record
    assert record.status == "failed" and inputs(record) == [("a.csv", "observed"), ("d", "observed")]


@pytest.mark.parametrize(
    "content", [b"", b"track-before 1", b"track-before 2\0/\0", b"track-before 1\0/\0declared\nfi"]
)
def test_a_note_that_was_cut_short_or_is_of_a_later_version_hinders_nothing(here: Path, content: bytes) -> None:
    with killed(here, [], HOWS["hook"][1], ["a.csv"]) as project:
        (living,) = journal_of(project).living()
        (living.folder / "before").write_bytes(content)
        assert inputs(reaped(project)) == []


def test_a_program_that_forks_has_no_thread_of_ours_then(here: Path) -> None:
    """Python from 3.12 on warns who forks and has several."""
    script = """
import os, warnings
warnings.simplefilter("error")
threads = []
os.register_at_fork(after_in_parent=lambda: threads.append(len(os.listdir("/proc/self/task"))))
for _ in range(20):
    open("a.csv").close()
    if not (child := os.fork()):
        if not (grandchild := os.fork()):
            os._exit(0)
        os._exit(os.waitpid(grandchild, 0)[1] or threads.pop() - 1)
    assert os.waitpid(child, 0)[1] == 0
assert threads == [1] * 20, threads
"""
    done = track("run", "--observe", "python", "--", sys.executable, "-c", script, cwd=here)
    assert done.code == 0, done.err
