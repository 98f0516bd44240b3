"""A project whose hooks do what they do for a person: Git calls them, and they call this track."""

from pathlib import Path

import pytest

from support.hooked import Hooked, hooked_project


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    """Two versions on `main`: `d` and `f.csv` changed between them, and `new` came."""
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    return hooked_project(tmp_path / "repo")
