"""The notebook of elliptio, with the import and the constructor changed, and what became of it in three clones."""

import os
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pprint import pformat
from typing import Any, NamedTuple

import pandas as pd
import pytest

import track.api.elliptio as eio
from support.cli import track_here as command
from support.repositories import commit_all, git, new_repository
from track.errors import UnknownFile, UnknownPath
from track.store.objects import Store

ROWS = "path,class\n/path/to/image0.png,0\n/path/to/image1.png,1\n"
COLUMNS = [
    *("creation_time", "username", "file_relpaths", "argv", "based_on", "hostname", "labels", "local_root"),
    *("log_relpaths", "remote_root", "run_id", "version"),
]


class Clones(NamedTuple):
    """Andy's repository, Brenda's and Charlie's clones of what he pushed, and the place of the data."""

    andy: Path
    brenda: Path
    charlie: Path
    data: Path


class DummyModel:
    """As the notebook has it."""

    def train(self, train_path: Path) -> None:
        del train_path

    def save(self, url: str) -> None:
        Path(url).write_text("dummy_model")


def andys_part(repo_path: Path) -> Any:
    h = eio.Handler()

    with eio.mock_username("andy"):
        return h.upload(
            local_paths=[
                repo_path / "docs/train.txt",
                repo_path / "docs/test.txt",
            ],
            labels=eio.Labels(
                ticket="AB-123",
                project="awesome-project",
                datatype="annotation_file",
                infos={"stratification": "new special method"},
            ),
        )


def query(days: int) -> dict[str, Any]:
    return {
        "username": "andy",
        "labels.datatype": "annotation_file",
        "creation_time": {"$gte": datetime.now(tz=UTC) - timedelta(days=days)},
        "file_relpaths": {"$regex": r"\.txt"},
    }


@pytest.fixture
def clones(tmp_path: Path) -> Iterator[Clones]:
    """Andy did his part, with a change and a script that are in no commit, and pushed; the others pulled Git alone."""
    found = Clones(*(tmp_path / name for name in ("andy", "brenda", "charlie", "data")))
    new_repository(found.andy)
    command("init", "--no-hooks", cwd=found.andy).ok()
    command("remote", "add", "origin", "../data", cwd=found.andy).ok()
    (found.andy / "docs").mkdir()
    for name in ("train.txt", "test.txt"):
        (found.andy / "docs" / name).write_text(ROWS)
    (found.andy / "split.py").write_text("seed = 1\n")
    commit_all(found.andy, "code")
    (found.andy / "split.py").write_text("seed = 2\n")
    (found.andy / "more.py").write_text("print('untracked')\n")
    before = os.getcwd()
    os.chdir(found.andy)
    andys_part(found.andy)
    git("commit", "--quiet", "-m", "the new split", cwd=found.andy)
    command("push", cwd=found.andy).ok()
    for clone in (found.brenda, found.charlie):
        git("clone", "--quiet", found.andy, clone, cwd=tmp_path)
        git("config", "user.name", clone.name, cwd=clone)
        git("config", "user.email", f"{clone.name}@example.org", cwd=clone)
        command("trust", "--yes", cwd=clone)
    yield found
    os.chdir(before)


def objects(repo: Path) -> set[bytes]:
    if not (repo / ".git/track/store").is_dir():
        return set()
    with Store.open(repo / ".git/track/store", create=False) as store:
        return {bytes(digest) for digest, _ in store.objects()}


def test_the_notebook_works_over_two_clones(clones: Clones) -> None:
    os.chdir(clones.brenda)
    h = eio.Handler()
    df = h.find(
        query={
            "username": "andy",
            "labels.datatype": "annotation_file",
            "creation_time": {"$gte": datetime.now(tz=UTC) - timedelta(days=7)},
            "file_relpaths": {"$regex": r"\.txt"},
        },
        max_docs=1,
    )
    assert df.shape == (1, len(COLUMNS)) and list(df.columns) == COLUMNS and df.index.name == "artifact_id"
    assert df.file_relpaths.tolist() == [["train.txt", "test.txt"]] and df.based_on.tolist() == [[]]
    assert objects(clones.brenda) == set(), "data came with a question"

    artifact_id = df.index[0]
    artifact = h.get(artifact_id)
    shown = pformat(artifact)
    assert "username='andy'" in shown and "'stratification': " in shown
    assert objects(clones.brenda) == set(), "data came before it was read"
    frame = pd.read_csv(artifact.files["test.txt"].remote_url)
    assert frame["class"].tolist() == [0, 1]
    assert len(objects(clones.brenda)) == 2, "more came than the file and the list of files"
    assert artifact.files["test.txt"].download() == clones.brenda / "test.txt"
    assert (clones.brenda / "test.txt").read_text() == artifact.files["test.txt"].download_string() == ROWS
    (clones.brenda / "test.txt").unlink()
    assert artifact.metadata.python_packages["pandas"] == pd.__version__

    h.get(artifact_id)
    with eio.mock_username("brenda"):
        model = DummyModel()
        model.train(train_path=artifact.files["train.txt"].remote_url)
        with h.new(["model.pt"]) as new:
            model.save(new.file.remote_url)
    git("commit", "--quiet", "-m", "a model", cwd=clones.brenda)
    command("push", cwd=clones.brenda).ok()

    git("pull", "--quiet", clones.brenda, "main", cwd=clones.andy)
    os.chdir(clones.andy)
    [row] = eio.Handler().find(query={"based_on": artifact_id}).itertuples()
    assert (row.username, row.file_relpaths, row.based_on) == ("brenda", ["model.pt"], [artifact_id])
    found = command("find", "based_on = " + artifact_id, "--json", cwd=clones.andy).ok().json["versions"]
    assert [(one["name"], one["user"]) for one in found] == [(row.Index, "brenda")]


def test_what_became_of_it_is_followed_to_charlies_evaluation(clones: Clones) -> None:
    artifact_id = eio.Handler(path=clones.andy).find().index[0]
    os.chdir(clones.brenda)
    h = eio.Handler()
    with eio.mock_username("brenda"):
        h.get(artifact_id)
        with h.new(["model.pt"]) as new:
            Path(new.file.remote_url).write_text("dummy_model")
    git("commit", "--quiet", "-m", "a model", cwd=clones.brenda)
    command("push", cwd=clones.brenda).ok()
    git("pull", "--quiet", clones.brenda, "main", cwd=clones.charlie)
    os.chdir(clones.charlie)
    h = eio.Handler("origin")
    model = h.get(new.artifact.metadata.artifact_id)
    assert model.files["model.pt"].download_string() == "dummy_model"
    (clones.charlie / "eval.json").write_text("{}")
    with eio.mock_username("charlie"):
        assert model.files["model.pt"].download_string() == "dummy_model"
        evaluation = h.upload(["eval.json"])
    assert evaluation.metadata.username == "charlie"
    told = command("deps", artifact_id, cwd=clones.charlie).ok().out.splitlines()
    after = [line for line in told if "run " not in line]
    names = [artifact_id, model.metadata.artifact_id, evaluation.metadata.artifact_id]
    assert all(name in line for name, line in zip(names, after, strict=True)), told
    with Store.open(clones.data, create=False) as store:
        sent = {bytes(digest) for digest, _ in store.objects()}
    file = evaluation.files["eval.json"].version.digest
    assert file is not None and bytes(file) in sent, "the handler's remote has not what it uploaded"


def test_the_environment_and_the_code_of_an_upload_are_known(clones: Clones, tmp_path: Path) -> None:
    run = eio.Handler(path=clones.andy).find().run_id.iloc[0]
    frozen = command("env", "freeze", run, "--fetch", cwd=clones.brenda).ok().out
    assert f"pandas=={pd.__version__}" in frozen
    target = tmp_path / "as-it-was"
    command("code", run, "--fetch", "-o", str(target), cwd=clones.brenda).ok()
    assert (target / "split.py").read_text() == "seed = 2\n"
    assert (target / "more.py").read_text() == "print('untracked')\n"


def test_two_names_of_one_content_are_one_object(clones: Clones) -> None:
    [pointer] = (clones.andy / ".track/artifacts").glob("artifact_*.track")
    said = tomllib.loads(pointer.read_text())
    assert said["artifact"]["files"] == 2 and said["artifact"]["size"] == 2 * len(ROWS)
    version = eio.Handler(path=clones.andy).get(pointer.stem).files
    assert version["train.txt"].version.digest == version["test.txt"].version.digest


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"username": "zed"}, 0),
        ({"$or": [{"username": "zed"}, {"labels.ticket": "AB-123"}]}, 1),
        ({"labels.datatype": {"$in": ["annotation_file", "image"]}}, 1),
        ({"username": {"$ne": "andy"}}, 0),
        ({"labels.infos.stratification": "new special method"}, 1),
        ({"labels.dataset": ""}, 1),
        ({"file_relpaths": {"$regex": "^test"}}, 1),
        ({"creation_time": {"$lt": datetime(2020, 1, 1)}}, 0),
        ("username = andy and argv exists", 1),
        (None, 1),
    ],
)
def test_every_way_to_ask(clones: Clones, asked: Any, count: int) -> None:
    found = eio.Handler(path=clones.brenda).find(asked)
    assert len(found) == count and list(found.columns) == COLUMNS


def test_what_is_eight_days_old_is_found_among_ten_days_and_not_among_seven(clones: Clones) -> None:
    [record] = (clones.andy / ".track/runs").rglob("*.toml")
    ended = tomllib.loads(record.read_text())["ended"]
    text = record.read_text()
    old = ended - timedelta(days=8)
    for name in ("started", "ended"):
        line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(line, f"{name} = {old.isoformat().replace('+00:00', 'Z')}")
    record.write_text(text)
    commit_all(clones.andy, "as if it were older")
    h = eio.Handler(path=clones.andy)
    assert len(h.find(query(7))) == 0
    assert len(h.find(query(10))) == 1


def test_seven_are_found_newest_first_unless_somebody_says_how_many(clones: Clones) -> None:
    os.chdir(clones.andy)
    h = eio.Handler()
    ids = [h.upload(["split.py"]).metadata.artifact_id for _ in range(8)]
    found = h.find()
    assert list(found.index) == ids[:0:-1] and found.attrs["matching_count"] == 9
    assert len(h.find(max_docs=None)) == 9


def test_what_one_user_or_handler_read_is_not_what_another_built_on(clones: Clones) -> None:
    os.chdir(clones.andy)
    h = eio.Handler()
    artifact_id = h.find().index[0]
    with eio.mock_username("brenda"):
        h.get(artifact_id)
        h.get(artifact_id).files["test.txt"].download_string()
        assert h.based_on == [artifact_id]
        assert h.upload(["split.py"]).metadata.based_on == [artifact_id]
        assert h.upload(["split.py"], based_on=[]).metadata.based_on == []
    with eio.mock_username("andy"):
        assert h.based_on == [] and h.upload(["more.py"]).metadata.based_on == []
        assert h.upload(["more.py"], based_on=[artifact_id]).metadata.based_on == [artifact_id]
    assert eio.Handler().upload(["split.py"]).metadata.based_on == []


def test_a_block_that_fails_leaves_nothing(clones: Clones) -> None:
    os.chdir(clones.andy)
    before = git("status", "--porcelain", cwd=clones.andy)
    h = eio.Handler()
    with pytest.raises(RuntimeError, match="no memory"), h.new(["model.pt"]) as new:
        place = Path(new.file.remote_url)
        place.write_text("half")
        raise RuntimeError("no memory")
    with pytest.raises(UnknownPath, match=r"`deep/model\.pt` was not written"), h.new(["deep/model.pt", "a"]) as new:
        Path(new.files["a"].remote_url).write_text("a")
    assert not place.exists() and git("status", "--porcelain", cwd=clones.andy) == before
    with h.new(["a", "b"]) as new, pytest.raises(UnknownFile, match="2 files"):
        for file in new.files.values():
            Path(file.remote_url).write_text(file.name)
        new.file  # noqa: B018  # what it raises is asked
    assert not command("runs", "list", "--json", cwd=clones.andy).ok().json["runs"][2:]


def test_an_id_that_is_none_is_named(clones: Clones) -> None:
    with pytest.raises(UnknownPath, match="nope"):
        eio.Handler(path=clones.andy).get("nope")
