"""`pre-commit` refuses pointers and records that bring the value of a secret, and nothing that only looks like it."""

from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import Hooked
from support.repositories import git
from support.trees import write_tree


@pytest.fixture
def secret(here: Hooked, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    monkeypatch.setenv("MY_TOKEN", 'sekrit "12345"')
    write_tree(here.root, {".env": b"PLACE=folder-of-mine\nNAME=dotenv-67890\n"})
    with open(here.root / ".git/info/exclude", "a") as file:
        file.write(".env\n")
    return here


def commit(here: Hooked) -> str:
    return here.git("commit", "--quiet", "-m", "more", check=False).text


@pytest.mark.parametrize(
    ("value", "whose"), [('sekrit "12345"', "the value of MY_TOKEN"), ("x dotenv-67890", "a value of .env")]
)
def test_a_label_with_a_secret_is_refused_by_name(secret: Hooked, value: str, whose: str) -> None:
    track("label", "f.csv", f"note={value}", cwd=secret.root).ok()
    secret.git("add", "f.csv.track")
    before = git("rev-parse", "HEAD", cwd=secret.root)
    said = commit(secret)
    assert f"f.csv.track has {whose} in it" in said and "nothing was committed" in said
    assert "sekrit" not in said and "67890" not in said
    assert git("rev-parse", "HEAD", cwd=secret.root) == before


def test_a_record_with_a_secret_is_refused_and_one_of_ours_is_not(secret: Hooked) -> None:
    track("run", "--name", "r", "-p", "key=dotenv-67890", "--", "true", "dotenv-67890", cwd=secret.root).ok()
    secret.git("commit", "--quiet", "-m", "a run of ours")
    track("run", "--name", "s", "-p", "key=value", "--", "true", cwd=secret.root).ok()
    path = next(each for each in (secret.root / ".track/runs").rglob("*.toml") if 'name = "s"' in each.read_text())
    path.write_text(path.read_text().replace('key = "value"', 'key = "dotenv-67890"'))
    secret.git("add", ".track")
    said = commit(secret)
    assert f"{path.relative_to(secret.root)} has a value of .env in it" in said


def test_names_of_files_may_be_values_and_what_is_in_git_already_stays(secret: Hooked) -> None:
    write_tree(secret.root, {"folder-of-mine/a": b"x"})
    track("add", "folder-of-mine", cwd=secret.root).ok()
    track("run", "--name", "r", "-i", "folder-of-mine", "--", "true", cwd=secret.root).ok()
    assert "nothing was committed" not in commit(secret)
    track("label", "f.csv", "note=dotenv-67890", cwd=secret.root).ok()
    secret.git("add", "f.csv.track")
    secret.git("commit", "--quiet", "--no-verify", "-m", "all the same")
    track("label", "f.csv", "other=1", cwd=secret.root).ok()
    secret.git("add", "f.csv.track")
    assert "nothing was committed" not in commit(secret)
    assert Path(secret.root / ".env").exists()
