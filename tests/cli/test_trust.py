"""`track trust`: the exact lines, a question on a terminal, none without one, and `--yes`."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.sharing import cloned, shared

LINE = '    remote.origin.url = "../remote"'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    repo = shared(tmp_path)
    track("push", cwd=repo).ok()
    return cloned(repo)


def answered(clone: Path, answer: bytes) -> tuple[int, str]:
    """`track trust` on a terminal where somebody types this."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "track", "trust"], cwd=clone, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    os.write(controller, answer)
    shown = bytearray()
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # the last writer is gone
            break
        if not piece:
            break
        shown += piece
    os.close(controller)
    return process.wait(timeout=240), shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_it_shows_the_lines_and_asks(clone: Path) -> None:
    code, shown = answered(clone, b"n\n")
    assert code == 1 and LINE in shown and "allow this? [y/N]" in shown and "nothing was allowed" in shown
    assert track("push", cwd=clone).code == 5
    code, shown = answered(clone, b"y\n")
    assert code == 0 and "remote origin: allowed in this clone" in shown
    code, shown = answered(clone, b"")
    assert code == 0 and "nothing waits to be allowed" in shown and "allow this" not in shown


def test_without_a_terminal_it_shows_the_lines_and_refuses(clone: Path) -> None:
    done = track("trust", cwd=clone)
    assert done.code == 5 and LINE in done.out and "hint: track trust --yes" in done.err
    assert "[y/N]" not in done.out + done.err
    done = track("trust", "--yes", cwd=clone).ok()
    assert LINE in done.out and "track trust --revoke origin" in done.err


def test_what_is_refused_names_the_line_that_allows_it(clone: Path) -> None:
    track("pull", cwd=clone).ok()
    done = track("push", cwd=clone)
    assert done.code == 5 and "remote.origin.url" in done.err and "track trust --yes origin" in done.err
    track("trust", "--yes", "origin", cwd=clone).ok()
    track("push", cwd=clone).ok()


@pytest.mark.parametrize("verb", ["push", "pull", "fetch"])
def test_yes_allows_the_remote_and_shows_what_it_allowed(clone: Path, verb: str, tmp_path: Path) -> None:
    if verb == "push":
        track("pull", cwd=clone).ok()
    else:
        (tmp_path / "remote").rename(tmp_path.parent / f"{tmp_path.name}-away")
        config = clone / ".track/config.toml"
        config.write_text(config.read_text("utf-8").replace("../remote", f"../../{tmp_path.name}-away"), "utf-8")
        assert track(verb, cwd=clone).code == 5
    done = track(verb, "--yes", cwd=clone).ok()
    assert "remote origin: allowed in this clone\n    remote.origin.url = " in done.err
    assert "allowed" not in track(verb, "--yes", cwd=clone).ok().err


def test_the_list_says_what_asks_and_what_was_allowed(clone: Path) -> None:
    assert track("trust", "--list", cwd=clone).ok().out == f"remote origin  not allowed yet\n{LINE}\n"
    track("trust", "--yes", cwd=clone).ok()
    assert track("trust", "--list", cwd=clone).ok().out == f"remote origin  allowed\n{LINE}\n"
    document = track("trust", "--json", cwd=clone).ok().json
    assert document["wishes"][0] | {"digest": ""} == {
        "kind": "remote",
        "name": "origin",
        "lines": [LINE.strip()],
        "digest": "",
        "allowed": True,
        "changed": False,
        "asked": True,
    }
    config = clone / ".track/config.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("../remote", "../other"), "utf-8")
    assert "changed since you allowed it" in track("trust", "--list", cwd=clone).ok().out
    config.write_text("", "utf-8")
    assert "allowed, not asked for any more" in track("trust", "--list", cwd=clone).ok().out


def test_what_was_allowed_is_taken_back(clone: Path) -> None:
    assert "nothing was allowed" in track("trust", "--revoke", cwd=clone).ok().err
    track("trust", "--yes", cwd=clone).ok()
    assert track("trust", "--revoke", "origin", cwd=clone).ok().out == "remote origin  not allowed any more\n"
    assert track("push", cwd=clone).code == 5
    assert track("trust", "--revoke", "origin", cwd=clone).code == 2


def test_one_thing_at_a_time(clone: Path) -> None:
    assert track("trust", "--yes", "--revoke", cwd=clone).code == 2
    assert track("trust", "--yes", "--json", cwd=clone).code == 2
