"""Each call with which a command changes files fails in turn, as a bad disk, a full one or a quota would make it.

The command either does all of its work or says why not; never a traceback, nothing lost, and it finishes when the
trouble is over. A spread of the calls is tried; `TRACK_SAFETY=full` tries all, with every error.
"""

from pathlib import Path

import pytest

from support.repositories import commit_all, git
from support.scene import duplicate, first_version, two_versions
from support.sweep import Work, fail_everywhere
from support.troubles import share

pytestmark = [pytest.mark.needs("strace"), pytest.mark.timeout(3600)]

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EROFS")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose `repo` has two versions of its data."""
    scene = tmp_path_factory.mktemp("versions")
    two_versions(scene / "repo")
    return scene


def test_a_first_add_survives_any_failed_change(tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    first_version(scene / "repo")
    assert fail_everywhere(Work(scene, "repo", ("add", "data", "model.bin")), tmp_path, ERRORS, most=12) > 8


def test_a_checkout_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    git("checkout", "--quiet", "v1", cwd=scene / "repo")
    assert fail_everywhere(Work(scene, "repo", ("checkout",)), tmp_path, ERRORS, most=12) > 8


def test_a_push_survives_any_failed_change(versions: Path, tmp_path: Path) -> None:
    scene = duplicate(versions, tmp_path / "scene")
    share(scene / "repo")
    commit_all(scene / "repo", "remote")
    assert fail_everywhere(Work(scene, "repo", ("push",)), tmp_path, ERRORS, most=12) > 8
