"""Import DVC, without DVC: files that only older versions, other programs or strangers write."""

import hashlib
import json
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git


@pytest.fixture
def here(repo: Path) -> Path:
    """A repository with a folder of DVC's, in which track was set up."""
    (repo / ".dvc").mkdir()
    (repo / ".dvc" / ".gitignore").write_text("/cache\n")
    (repo / ".dvc" / "config").write_text("")
    track("init", cwd=repo).ok()
    return repo


def place_of(repo: Path, name: str) -> Path:
    return repo / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]


def kept(repo: Path, content: bytes, end: str = "") -> str:
    """Bytes as an object of DVC's; its name."""
    name = hashlib.md5(content).hexdigest() + end
    place_of(repo, name).parent.mkdir(parents=True, exist_ok=True)
    place_of(repo, name).write_bytes(content)
    return name


def declare(repo: Path, file: str, *outs: dict[str, object], **more: object) -> None:
    """A file of DVC's, committed; JSON is YAML."""
    rows = [{"hash": "md5", **out} for out in outs]
    (repo / file).write_text(json.dumps({"outs": rows, **more}))
    commit_all(repo, file)


def test_a_file_of_dvcs_stays_while_it_declares_what_was_not_imported(here: Path) -> None:
    one, two = kept(here, b"1\n"), kept(here, b"2\n")
    declare(here, "both.dvc", {"md5": one, "path": "a"}, {"md5": two, "path": "b"})
    track("import-dvc", "a", cwd=here).ok()
    assert (here / "both.dvc").exists()
    assert git("ls-files", "*.dvc", "*.track", cwd=here).split() == ["a.track", "both.dvc"]
    commit_all(here, "half")
    track("import-dvc", cwd=here).ok()
    assert git("ls-files", "*.dvc", "*.track", cwd=here).split() == ["a.track", "b.track"]
