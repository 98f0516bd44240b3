"""A command that is forked, as most tests start them, is what a new interpreter would be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import forked
from support.cli import Completed, track

BIG = bytes(range(256)) * 1000
ASKED = "import os, sys; print(os.getcwd(), sorted(os.environ.items()), oct(os.umask(0)), sys.argv, os.isatty(0))"


def started(*args: str, cwd: Path, input: bytes = b"", **env: str) -> Completed:
    """The same as a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "track", *args],
        cwd=cwd,
        env={**os.environ, **env},
        input=input,
        capture_output=True,
        check=False,
    )
    return Completed(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("words", [("--version",), ("status",), ("no-such",), ("add", "no/file"), ("help", "add"), ()])
def test_it_says_the_same_and_ends_alike(words: tuple[str, ...], repo: Path) -> None:
    assert track(*words, cwd=repo) == started(*words, cwd=repo)


def test_what_it_starts_has_the_same_folder_environment_umask_and_input(repo: Path) -> None:
    started("init", cwd=repo)
    words = ("run", "--observe", "off", "--name", "one", "--", sys.executable, "-c", ASKED)
    old = os.umask(0o027)
    try:
        new, other = (
            each(*words, cwd=repo, **more) for each, more in ((track, {"env": {"A": "b"}}), (started, {"A": "b"}))
        )
    finally:
        os.umask(old)
    (here,), (there,) = ([line for line in ran.out.splitlines() if str(repo) in line] for ran in (new, other))
    assert "('A', 'b')" in here and "0o27" in here
    ids = [name for name in ("TRACK_RUN_ID", "TRACK_RUN") if name in here]
    assert ids and len(here) == len(there), "but for the run's own names"


def test_more_input_and_output_than_a_pipe_holds(repo: Path) -> None:
    started("init", cwd=repo)
    done = track("run", "--observe", "off", "--", "cat", cwd=repo, input=BIG).ok()
    assert done.out.encode(errors="surrogateescape").startswith(BIG)


def test_a_signal_is_how_it_ended(repo: Path) -> None:
    started("init", cwd=repo)
    assert track("run", "--observe", "off", "--", "sh", "-c", "kill -9 $PPID", cwd=repo).code == -9


def test_one_that_takes_too_long_is_killed(repo: Path) -> None:
    started("init", cwd=repo)
    with pytest.raises(subprocess.TimeoutExpired):
        track("run", "--observe", "off", "--", "sleep", "3", cwd=repo, timeout_s=1)


def test_what_python_reads_at_its_start_begins_a_new_one() -> None:
    assert not forked.serves({**os.environ, "PYTHONHASHSEED": "7"})
    assert not forked.serves({**os.environ, "LC_ALL": "C"})
    assert forked.serves({**os.environ, "TRACK_TRACE": "1"}) == sys.platform.startswith("linux")
