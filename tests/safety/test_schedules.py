"""Schedules: whatever clients, clocks and lost answers do, a collection at a remote takes nothing that is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
COUNT = 10_000 if os.environ.get("TRACK_SAFETY") == "full" else 250


def schedules(*options: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where sets are walked in one order: a seed that fails does so again."""
    command = [sys.executable, "-m", "tests.schedules", *options]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("first", [0, 1_000_000])
def test_nothing_that_is_needed_is_ever_gone(first: int) -> None:
    done = schedules("--first", str(first), "--count", str(COUNT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing needed was lost" in done.stdout


def test_nothing_that_is_needed_is_ever_gone_from_an_encrypted_remote() -> None:
    done = schedules("--first", "2_000_000", "--count", str(COUNT // 10), "--sealed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing needed was lost" in done.stdout


def test_nothing_that_is_needed_is_ever_gone_where_the_past_is_given_up() -> None:
    done = schedules("--first", "3_000_000", "--count", str(COUNT // 25), "--past")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing needed was lost" in done.stdout


@pytest.mark.parametrize("broken", ["roots", "index", "recipes"])
def test_the_schedules_find_a_collection_that_is_careless(broken: str) -> None:
    """What a part of the protocol is for: without it something is lost, or left for ever, within some schedules.

    What claims are for is too rare in schedules of this length; tests/verbs/test_gc_remote.py shows it step by step.
    """
    done = schedules("--count", "600", "--without", broken)
    assert done.returncode == 1 and "--seed" in done.stdout, done.stdout + done.stderr


def test_the_schedules_find_who_gives_up_the_last_copy() -> None:
    """Without a look for other copies, a policy alone destroys the last one."""
    done = schedules("--first", "100_000", "--count", "60", "--past", "--without", "copies")
    assert done.returncode == 1 and "had no other copy" in done.stdout, done.stdout + done.stderr


def test_the_schedules_find_who_lets_go_without_a_word() -> None:
    """What a budget relies on at a remote it says there; without, a collection of another clone takes it some time."""
    done = schedules("--first", "1300", "--count", "300", "--steps", "150", "--without", "word")
    assert done.returncode == 1 and "--seed" in done.stdout, done.stdout + done.stderr


def test_the_schedules_find_who_asks_nobody_what_he_keeps() -> None:
    """Where one clone's policy is for all, it gives up what another one said that it keeps."""
    done = schedules("--count", "200", "--past", "--without", "policies")
    assert done.returncode == 1 and "said that it keeps `all`" in done.stdout, done.stdout + done.stderr
