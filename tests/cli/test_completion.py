"""What can be typed next: names, runs, labels and paths, at once, and never a word that is none."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.prompt import completed
from support.repositories import commit_all, git, new_repository
from support.trees import write_tree
from track.flows.words import stepwise
from track.history.catalog_words import MOST

ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = new_repository(tmp_path_factory.mktemp("completion") / "repo")
    track("init", cwd=repo).ok()
    odd = ("data/$(touch gone).csv", 'data/"it\\ "s.csv')
    write_tree(repo, {"data/a.csv": b"1", "data/b.csv": b"2", "notes.txt": b"4", **dict.fromkeys(odd, b"3")})
    track("add", "data/a.csv", "data/b.csv", *odd, "--label", "stage=raw", cwd=repo).ok()
    track("label", "data/a.csv", "who=me too", cwd=repo).ok()
    track("label", "data/b.csv", "stage=clean", "ticket=AB-5", cwd=repo).ok()
    track("tag", "data/a.csv", "gold", cwd=repo).ok()
    track("put", "model", "notes.txt", "--partition", "region=eu", cwd=repo).ok()
    track("alias", "model", "prod", cwd=repo).ok()
    track("run", "--name", "first-run", "--param", "lr=0.1", "--", "true", cwd=repo).ok()
    track("run", "--name", "two words", "--", "true", cwd=repo).ok()
    (repo.parent / "kept").mkdir()
    track("remote", "add", "origin", "../kept", cwd=repo).ok()
    track("config", "--clone", "remote.lab.url", str(repo.parent / "kept"), cwd=repo).ok()
    commit_all(repo, "all")
    git("tag", "v1", cwd=repo)
    git("branch", "feature/x", cwd=repo)
    track("find", cwd=repo).ok()  # which builds the catalog
    track("run", "--name", "latest-run", "--no-keep", "--", "true", cwd=repo).ok()
    return repo


PATHS = {"data/a.csv", "data/b.csv", "data/\\$\\(touch\\ gone\\).csv", 'data/\\"it\\\\\\ \\"s.csv'}


def asked(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the script for bash is told, `words` being those of the line up to the cursor."""
    typed = {"COMP_WORDS": " ".join(["track", *words]), "COMP_CWORD": words[-1]}
    environment = {**ENVIRONMENT, "_TRACK_COMPLETE": "bash_complete", **typed}
    return subprocess.run(
        [sys.executable, "-m", "track"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def offered(folder: Path, *words: str) -> set[str]:
    said = asked(folder, *words)
    assert (said.returncode, said.stderr) == (0, ""), said
    return {line.removeprefix("plain,") for line in said.stdout.splitlines()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("runs", "show", "f"), {"first-run"}),
        (("runs", "show", "l"), {"latest-run"}),
        (("runs", "show", "t"), {"two\\ words"}),
        (("rerun", "first"), {"first-run"}),
        (("card", "m"), {"model", "model@prod"}),
        (("get", "model@"), {"model@prod"}),
        (("put", "mo"), {"model"}),
        (("show", "data/"), PATHS),
        (("lineage", "data/a"), {"data/a.csv"}),
        (("find", "--name", "data/a"), {"data/a.csv"}),
        (("find", "--label", "st"), {"stage="}),
        (("find", "--label", "stage="), {"stage=clean", "stage=raw"}),
        (("find", "--label=stage=r"), {"--label=stage=raw"}),
        (("runs", "list", "--status=com"), {"--status=completed"}),
        (("find", "--sort", "-si"), {"-size"}),
        (("runs", "list", "--sort", "params."), {"params.lr"}),
        (("find", "--sort", "label.s"), {"label.stage"}),
        (("find", "lab"), {"label", "labels"}),
        (("find", "--runs", "sta"), {"started", "status"}),
        (("find", "--user", "Ad"), {"Ada\\ Lovelace"}),
        (("--as", "Ad"), {"Ada\\ Lovelace"}),
        (("diff", "v"), {"v1"}),
        (("diff", "v1..fea"), {"v1..feature/x"}),
        (("checkout", "fea"), {"feature/x"}),
        (("find", "--rev", "HE"), {"HEAD"}),
        (("get", "v"), {"v1:"}),
        (("get", "v1:data/a"), {"v1:data/a.csv"}),
        (("artifacts", "show", "v1:m"), {"v1:model"}),
        (("artifacts", "values", "model", "reg"), {"region"}),
        (("label", "data/a.csv", "--remove", "sta"), {"stage"}),
        (("help", "sta"), {"status", "stale"}),
        (("label", "data/a.csv", "ti"), {"ticket="}),
        (("put", "model", "--partition", "region=e"), {"region=eu"}),
        (("run", "--param", "l"), {"lr="}),
        (("runs", "list", "--tag", "x"), set()),
        (("tag", "data/a.csv", "go"), {"gold"}),
        (("log", "data/b"), {"data/b.csv"}),
        (("log", "--rev", "fea"), {"feature/x"}),
        (("log", "model", "--partition", "reg"), {"region="}),
        (("push", "or"), {"origin"}),
        (("push", ""), {"lab", "origin"}),
        (("push", "lab", "fea"), {"feature/x"}),
        (("push", "lab", "or"), set()),
        (("push", "--", "data/a"), {"data/a.csv"}),
        (("push", "--to", "la"), {"lab"}),
        (("push", "--to=la"), {"--to=lab"}),
        (("fetch", "la"), {"lab"}),
        (("pull", "--from", "or"), {"origin"}),
        (("verify", "--remote", "or"), {"origin"}),
        (("repair", "--remote", ""), {"lab", "origin"}),
        (("gc", "--remote", "la"), {"lab"}),
        (("runs", "unshare", "--remote", "la"), {"lab"}),
        (("remote", "remove", "la"), {"lab"}),
        (("remote", "check", ""), {"lab", "origin"}),
        (("remote", "recipients", "add", "or"), {"origin"}),
        (("remote", "recipients", "add", "origin", "or"), set()),
        (("remote", "add", "or"), set()),
        (("trust", "la"), {"lab"}),
        (("config", "core."), {"core.remote"}),
        (("config", "--unset", "remote.lab.u"), {"remote.lab.url"}),
        (("config", "core.remote", ""), {"lab", "origin"}),
        (("config", "hooks.pre-push", "c"), {"check"}),
        (("config", "store.shared", "t"), {"true"}),
        (("sta",), {"status", "stale"}),
        (("runs", "sh"), {"show"}),
        (("show", "--js"), {"--json"}),
    ],
)  # fmt: skip
def test_what_can_stand_there_is_offered(there: Path, words: tuple[str, ...], expected: set[str]) -> None:
    found = offered(there, *words)
    assert found - {"file," + words[-1]} == expected


def test_ids_are_completed_from_four_digits_on(there: Path) -> None:
    runs = track("runs", "list", "--json", cwd=there).ok().json["runs"]
    for run in runs:
        assert {run["id"], *(each["id"] for each in runs if each["id"].startswith(run["id"][:6]))} <= offered(
            there, "runs", "show", run["id"][:6]
        )
        assert run["id"][-8:] in offered(there, "runs", "show", run["id"][-8:-2])


def test_paths_are_as_one_types_them_in_a_folder(there: Path) -> None:
    assert offered(there / "data", "show", "a") == {"a.csv"}


def test_words_are_those_of_where_c_leads(there: Path, tmp_path: Path) -> None:
    assert offered(tmp_path, "-C", str(there / "data"), "show", "a") == {"a.csv"}


def test_files_are_offered_where_nothing_is_tracked(there: Path) -> None:
    assert offered(there, "add", "no") == {"file,no"} and offered(there, "show", "no") == {"file,no"}


def test_settings_that_cannot_be_read_hide_no_revision(there: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(there, tmp_path / "copy", symlinks=True)
    (copy / ".track/config.toml").write_text("[broken", encoding="utf-8")
    assert offered(copy, "push", "fea") == {"feature/x"}


def test_folders_are_offered_for_what_is_cloned_and_where_to(there: Path) -> None:
    assert offered(there, "clone", "../re") == {"file,../re"}
    assert offered(there, "clone", "../repo", "ne") == {"file,ne"}


def test_without_a_catalog_the_index_and_the_journal_answer_and_none_is_made(there: Path, tmp_path: Path) -> None:
    repo = tmp_path / "copy"
    shutil.copytree(there, repo, symlinks=True)
    catalog = repo / ".git/track/catalog.db"
    for place in catalog.parent.glob("catalog.db*"):
        place.unlink()
    for trouble in (None, b"no database", b"SQLite format 3\0" + b"x" * 5000):
        if trouble is not None:
            catalog.write_bytes(trouble)
        assert offered(repo, "show", "data/") == PATHS
        assert offered(repo, "card", "m") == {"model", "model@prod"}
        assert offered(repo, "runs", "show", "f") == {"first-run"}
        assert offered(repo, "find", "--label", "st") == set()
        assert (catalog.read_bytes() if catalog.exists() else None) == trouble


def test_a_catalog_that_somebody_writes_is_not_waited_for(there: Path) -> None:
    with closing(sqlite3.connect(there / ".git/track/catalog.db", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        assert offered(there, "find", "--label", "st") == {"stage="}
    with closing(sqlite3.connect(there / ".git/track/catalog.db", isolation_level=None)) as held:
        held.execute("PRAGMA locking_mode = EXCLUSIVE")
        held.execute("BEGIN EXCLUSIVE")
        assert offered(there, "find", "--label", "st") <= {"stage="}


def test_a_pipe_that_was_unpacked_in_place_of_the_catalog_is_not_waited_for(tmp_path: Path) -> None:
    repo = new_repository(tmp_path / "repo")
    (repo / ".git" / "track").mkdir()
    os.mkfifo(repo / ".git" / "track" / "catalog.db")
    for words in (("runs", "show", "x"), ("find", "--label", "x"), ("tag", "no")):
        assert offered(repo, *words) <= {"file,x", "file,no"}


def test_where_there_is_nothing_nothing_is_said(tmp_path: Path) -> None:
    for words in (("runs", "show", "x"), ("find", "--label", "x"), ("tag", "no"), ("no-such-command", "x")):
        assert offered(tmp_path, *words) <= {"file,x", "file,no"}
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    assert offered(tmp_path, "runs", "show", "x") == set()


def test_many_words_are_offered_a_folder_at_a_time() -> None:
    few = {f"a/b/{number}" for number in range(MOST)}
    assert stepwise(few, "") == sorted(few)
    many = {f"a/{letter}/{number:03}" for letter in "xyz" for number in range(MOST)}
    assert stepwise(many, "a") == ["a/x/", "a/y/", "a/z/"]
    assert stepwise({word for word in many if word.startswith("a/x/")} | {"a/x/q/1"}, "a/x")[-1] == "a/x/q/1"


SHELLS = ("bash", "zsh", "fish")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("runs show first", "{runs}{show}{first-run}"),
        ("card model@p", "{card}{model@prod}"),
        ("rerun two", "{rerun}{two words}"),
        ("rerun 'two", "{rerun}{two words}"),
        ('rerun "two w', "{rerun}{two words}"),
        ("show data/\\$", "{show}{data/$(touch gone).csv}"),
        ("show 'data/\"", "{show}{data/\"it\\ \"s.csv}"),
        ("find --label=stage=cl", "{find}{--label=stage=clean}"),
        ("find --label who=me\\ ", "{find}{--label}{who=me too}"),
        ("find --label=who=\"m", "{find}{--label=who=me too}"),
        ("find 'user = x and base", "{find}{user = x and based_on}"),
        ("get v1:data/a", "{get}{v1:data/a.csv}"),
        ("push la", "{push}{lab}"),
        ("remote remove ori", "{remote}{remove}{origin}"),
        ("config core.remote la", "{config}{core.remote}{lab}"),
        ("diff v1..feat", "{diff}{v1..feature/x}"),
        ("get data/a.csv --output=notes", "{get}{data/a.csv}{--output=notes.txt}"),
    ],
)  # fmt: skip
def test_at_a_prompt_a_tab_gives_the_word_that_is_meant(
    there: Path, tmp_path: Path, shell: str, typed: str, expected: str
) -> None:
    assert completed(shell, typed, cwd=there, home=tmp_path, env=ENVIRONMENT) == expected
    assert git("status", "--porcelain", cwd=there) == ""
