"""Every small file that track reads, here and at a remote, when its bytes are no text: it is named, and nobody is told
of codecs.
"""

import re
import shutil
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.sharing import shared
from support.trees import write_tree

BINARY = b"\xff\xfe\x00"
INNER = re.compile(
    r"codec|can't decode|invalid start byte|ordinal|Traceback|a bug in track|Expecting value|'\w+'$", re.M
)
HERE = (("status",), ("verify",), ("runs", "list"), ("alerts", "list"), ("doctor",))
THERE = (("push", "--runs"), ("fetch", "--runs"), ("verify", "--remote", "origin"), ("gc", "--remote", "-n"))
FILES = {
    "repo/.git/track/store/store.toml": HERE,
    "repo/.git/track/clone-id": (*HERE, *THERE),
    "repo/.git/track/journal/*/*.toml": HERE,
    "repo/.git/track/shared/*/*": HERE,
    "repo/.git/track/trash/1.json": (*HERE, ("restore",)),
    "repo/.track/config.toml": HERE,
    "repo/.track/alerts/loss.toml": (*HERE, ("run", "--", "true")),
    "repo/.track/runs/*/*/*.toml": HERE,
    "repo/.track/artifacts/rides/@declaration.toml": (*HERE, ("artifacts", "schema", "rides")),
    "repo/.track/artifacts/rides/region=eu.track": HERE,
    "repo/data.track": HERE,
    "repo/../remote/store.toml": THERE,
    "repo/../remote/listing": THERE,
    "repo/../remote/index/*": THERE,
    "repo/../remote/roots/*/*": THERE,
    "repo/../remote/runs/*/*": THERE,
    "repo/../remote/tombstones/00000001-00000000": THERE,
}
"""What is replaced (the first that is there, else it is made), and what is asked then."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, hermetic: None) -> Path:
    """The folder of a project that has one of everything, and of its remote."""
    repo = shared(tmp_path_factory.mktemp("small"))
    track("declare", "rides", "--key", "region", cwd=repo).ok()
    track("put", "rides", "table.csv", "--partition", "region=eu", cwd=repo).ok()
    track("alerts", "add", "loss", "--type", "is above", "--metric", "loss", "--threshold", "1", cwd=repo).ok()
    track("run", "--", "true", cwd=repo).ok()
    commit_all(repo, "everything")
    track("push", "--runs", cwd=repo).ok()
    track("remote", "publish", "origin", cwd=repo).ok()
    write_tree(repo, {"data/new.txt": b"new"})
    track("add", "data", cwd=repo).ok()
    track("restore", cwd=repo)
    return repo.parent


@pytest.mark.parametrize("pattern", FILES)
def test_a_small_file_that_is_no_text_is_named_in_words_for_people(made: Path, tmp_path: Path, pattern: str) -> None:
    shutil.copytree(made, tmp_path / "copy", symlinks=True)
    repo = tmp_path / "copy" / "repo"
    track("trust", "--yes", "origin", cwd=repo).ok()
    path = next(iter(sorted((tmp_path / "copy").glob(pattern))), tmp_path / "copy" / pattern)
    assert path.exists() or "tombstones" in pattern
    path.parent.mkdir(exist_ok=True, parents=True)
    path.unlink(missing_ok=True)
    path.write_bytes(BINARY)
    for command in FILES[pattern]:
        done = track(*command, cwd=repo)
        said = done.out + done.err
        assert done.code != 70 and INNER.search(said) is None, f"{command}: {said}"
        if done.code >= 3:
            assert path.name in said or path.stem in said or "origin" in said, f"{command} does not name it: {said}"
