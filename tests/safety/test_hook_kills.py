"""The hook that has data follow its pointers is killed at the calls with which it changes files.

Nothing unsaved is lost, every file is whole, and whatever Git does next, there or back, brings all of it in step.
"""

import os
import sys
from pathlib import Path

import pytest

from support.hooked import FIRST, SECOND, Hooked, as_bytes, hook_process, hooked_project
from support.scene import FULL, duplicate, remove
from support.strace import Event, complaints, kill_at, record, spread
from support.trees import Empty

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

HOOK = [sys.executable, "-P", "-m", "track.cli.hook", "post-checkout", "second", "first", "1"]
EDITED = {b"d/mine": b"saved nowhere"}


def moved(folder: Path) -> Hooked:
    """Git went from `second` to `first`, and the hook that follows was not called yet; one file is nobody's."""
    here = hooked_project(folder / "repo")
    (here.root / "d/mine").write_bytes(EDITED[b"d/mine"])
    here.git("checkout", "--quiet", "first", env={**os.environ, "TRACK_SKIP": "1"})
    return here


def test_a_hook_that_is_killed_loses_nothing_and_the_next_one_brings_everything_in_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    scene = moved(tmp_path / "scene").root.parent
    first, second = as_bytes(FIRST) | EDITED, as_bytes(SECOND) | EDITED
    rehearsal = duplicate(scene, tmp_path / "rehearsal")
    outcome, events = record(HOOK, cwd=rehearsal / "repo", log=tmp_path / "log")
    assert outcome.code == 0, outcome.err
    assert Hooked(rehearsal / "repo").data() == first
    chosen = events if FULL else spread(events, 16)
    assert len(chosen) > 8

    def check(event: Event) -> None:
        place = duplicate(scene, tmp_path / f"killed-{chosen.index(event)}")
        here = Hooked(place / "repo")
        kill_at(event, HOOK, cwd=here.root, log=place / "log")
        now = here.data()
        for path, content in now.items():
            is_between = content == Empty()  # a folder whose files went, or are to come
            assert is_between or content in (first.get(path), second.get(path)), f"{path!r} is neither version"
        assert now.items() >= EDITED.items()
        if chosen.index(event) % 2:
            assert hook_process("post-checkout", "second", "first", "1", cwd=here.root, env=os.environ).code == 0
            assert here.data() == first
        else:
            here.git("checkout", "--quiet", "main")
            assert here.data() == second
        assert here.git("status", "--porcelain").text == ""
        remove(place)

    said = complaints(chosen, check)
    assert not said, "\n".join(said)
