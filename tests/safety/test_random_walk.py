"""Whatever is done in whatever order: nothing is lost, what is named can be had, and status says how things are.

Each seed is one walk; `TRACK_WALK_SEEDS=100:200 TRACK_WALK_STEPS=150` takes others, and longer ones.
"""

import os
from pathlib import Path

import pytest

from support.walk import Walk

STEPS = int(os.environ.get("TRACK_WALK_STEPS", "45"))
FIRST, _, LAST = os.environ.get("TRACK_WALK_SEEDS", "1:5").partition(":")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(int(FIRST), int(LAST)))
def test_nothing_is_lost_and_nothing_wrong_is_said(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:  # the others have no hooks
        monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    walk = Walk(tmp_path / "repo", seed)
    try:
        for _ in range(STEPS):
            walk.step()
    except AssertionError as error:
        raise AssertionError("\n".join([*walk.log[-40:], "", str(error)])) from error
