"""Schedules: whatever clients, clocks and lost answers do, a collection at a remote takes nothing that is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.schedules.__main__ import run

from track.flows import collecting
from track.store import deleting

TOP = Path(__file__).parents[2]
COUNT = 10_000 if os.environ.get("TRACK_SAFETY") == "full" else 250


@pytest.mark.parametrize("first", [0, 1_000_000])
def test_nothing_that_is_needed_is_ever_gone(first: int) -> None:
    """Each in a process of its own, where sets are walked in one order: a seed that fails does so again."""
    command = [sys.executable, "-m", "tests.schedules", "--first", str(first), "--count", str(COUNT)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing needed was lost" in done.stdout


@pytest.mark.parametrize("broken", ["claims", "roots", "index"])
def test_the_schedules_find_a_collection_that_is_careless(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each part of the protocol is for: without it something is lost, or left for ever, within some schedules."""
    if broken == "claims":
        monkeypatch.setattr(collecting, "settle_claims", lambda place, *_: collecting.read_holders(place))
    elif broken == "roots":
        monkeypatch.setattr(collecting.Collecting, "_counts", lambda *_: False)
    else:
        monkeypatch.setattr(deleting, "drop_from_index", lambda *_: 0)
    found = [seed for seed in range(60) if run(seed, 40, show=False) is not None]
    assert found
