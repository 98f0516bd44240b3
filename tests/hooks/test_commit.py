"""`pre-commit` refuses what nobody could check out again, looks at the index alone, and stops nothing else."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.hooked import Hooked
from support.repositories import git

POINTER = '[artifact]\nkind = "file"\ndigest = "blake3:{}"\nsize = 3\n'
NOWHERE = POINTER.format("ab" * 32)


def refused(here: Hooked, *args: str) -> str:
    before = git("rev-parse", "HEAD", cwd=here.root)
    said = here.git("commit", "--quiet", "-m", "more", *args, check=False)
    assert said.code == 1, said.text
    assert git("rev-parse", "HEAD", cwd=here.root) == before
    assert "nothing was committed" in said.text
    return said.text


def stage(here: Hooked, name: str, content: str) -> None:
    (here.root / name).write_text(content)
    here.git("add", "-f", name)


def test_a_pointer_whose_data_is_nowhere_is_refused(here: Hooked) -> None:
    stage(here, "lost.track", NOWHERE)
    text = refused(here)
    assert "lost.track stands for data that is neither here nor known to be at a remote" in text
    here.git("commit", "--quiet", "--no-verify", "-m", "all the same")


def test_a_directory_of_which_a_file_is_nowhere_is_refused(here: Hooked) -> None:
    (here.root / "e").mkdir()
    (here.root / "e/big").write_bytes(os.urandom(2 << 20))
    track("add", "e", cwd=here.root).ok()
    for path in (here.root / ".git/track/store/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    assert "e.track stands for data" in refused(here)


@pytest.mark.parametrize("name", ["new", "f.csv"])
def test_a_pointer_that_a_filter_of_gits_changed_is_refused(here: Hooked, name: str) -> None:
    (here.root / name).write_text("other\n")
    track("add", "--no-stage", name, cwd=here.root).ok()
    with open(here.root / ".gitattributes", "a") as attributes:
        attributes.write("* filter=loud\n")
    here.git("config", "filter.loud.clean", "tr a-z A-Z")
    here.git("add", f"{name}.track")
    text = refused(here)
    assert f"the filter `loud` that Git's attributes name would change {name}.track" in text
    assert "echo '*.track -filter' >> .gitattributes" in text and "git checkout" not in text
    stage(here, "song.track", "somebody's own\n")
    here.git("reset", "-q", f"{name}.track")
    here.git("commit", "--quiet", "-m", "a song")


def test_what_a_filter_changed_is_committed_as_it_is_by_the_way_that_is_told(here: Hooked) -> None:
    (here.root / "f.csv").write_text("other\n")
    track("add", "--no-stage", "f.csv", cwd=here.root).ok()
    os.utime(here.root / "f.csv.track", (1, 1))  # long ago: Git goes by the time alone
    before = (here.root / ".gitattributes").read_text()
    (here.root / ".gitattributes").write_text(before + "* filter=loud\n")
    here.git("config", "filter.loud.clean", "tr a-z A-Z")
    here.git("add", "f.csv.track")
    again = "git add --renormalize f.csv.track"
    assert f"takes them out of it; then {again}" in refused(here)
    (here.root / ".gitattributes").write_text(before + "* filter=loud\n*.track -filter\n")
    here.git("add", "f.csv.track")  # which does nothing
    text = refused(here)
    assert "f.csv.track is no pointer as it is staged, and is one on disk" in text and again in text
    assert "git checkout" not in text, "which would take the older pointer"
    here.git(*again.split()[1:])
    here.git("commit", "--quiet", "-m", "as it is")
    assert here.git("show", "HEAD:f.csv.track").text == (here.root / "f.csv.track").read_text()


def test_a_pointer_of_the_history_may_come_back_without_its_data(here: Hooked, tmp_path: Path) -> None:
    git("clone", "--quiet", str(here.root), str(tmp_path / "clone"), cwd=tmp_path)
    clone = Hooked(tmp_path / "clone")
    track("hooks", "install", cwd=clone.root).ok()
    clone.git("checkout", "--quiet", "first", "--", "f.csv.track")
    clone.git("commit", "--quiet", "-m", "back again")


def test_a_pointer_that_a_remote_is_known_to_have_may_come(here: Hooked) -> None:
    track("remote", "add", "origin", "../data", cwd=here.root).ok()
    track("push", cwd=here.root).ok()
    here.git("rm", "--quiet", "--cached", "new.track")
    here.git("commit", "--quiet", "-m", "gone")
    (here.root / ".git/track/store").rename(here.root / "aside")
    here.git("add", "new.track")
    here.git("commit", "--quiet", "-m", "back")


@pytest.mark.parametrize(
    "content",
    [
        '<<<<<<< ours\n[artifact]\nkind = "file"\n=======\n[artifact]\n>>>>>>> theirs\n',
        '[artifact]\n<<<<<<< ours\nkind = "file"\n=======\nkind = "directory"\n>>>>>>> theirs\n',
        '[artifact]\nkind = "file"\ndigest = "blake3:12"\nsize = 3\n',
        "[artifact]\nkind =\n",
    ],
)
def test_conflict_marks_and_broken_pointers_are_refused(here: Hooked, content: str) -> None:
    stage(here, "f.csv.track", content)
    assert "f.csv.track" in refused(here)


def test_somebody_elses_file_of_that_ending_may_come(here: Hooked) -> None:
    stage(here, "gps.track", "<gpx/>\n")
    here.git("commit", "--quiet", "-m", "not ours")


def test_a_large_file_is_refused_and_the_setting_decides(here: Hooked) -> None:
    stage(here, "big.bin", "x" * ((10 << 20) + 1))
    text = refused(here)
    assert "big.bin (10,485,761 bytes) would go into Git itself" in text
    assert "git rm --cached big.bin && track add big.bin" in text
    track("config", "hooks.max-file-size", "11 MiB", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "allowed")
    stage(here, "small.bin", "y" * (2 << 20))
    track("config", "hooks.max-file-size", "1 MiB", cwd=here.root).ok()
    assert "small.bin" in refused(here)
    track("config", "hooks.max-file-size", "0", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "no limit")
    assert track("config", "hooks.max-file-size", "12 kB", cwd=here.root).code == 3


def test_a_large_file_of_the_other_side_of_a_merge_is_no_news(here: Hooked) -> None:
    here.git("checkout", "--quiet", "-b", "side")
    stage(here, "big.bin", "x" * (11 << 20))
    here.git("commit", "--quiet", "--no-verify", "-m", "big")
    here.git("checkout", "--quiet", "main")
    stage(here, "code.py", "1\n")
    here.git("commit", "--quiet", "-m", "code")
    here.git("merge", "--quiet", "--no-commit", "side")
    here.git("commit", "--quiet", "--no-edit")


def test_only_what_is_committed_counts(here: Hooked) -> None:
    """`git commit PATH` has an index of its own; what else is staged or lies around is not looked at."""
    stage(here, "lost.track", NOWHERE)
    (here.root / "code.py").write_text("1\n")
    here.git("add", "code.py")
    here.git("commit", "--quiet", "-m", "code alone", "code.py")
    assert "lost.track" in refused(here, "--all")
    (here.root / "f.csv.track").write_text("<<<<<<< broken on disk alone\n")
    here.git("rm", "--quiet", "--cached", "lost.track")
    stage(here, "other.py", "1\n")
    here.git("commit", "--quiet", "-m", "more code")


def test_data_that_is_newer_than_its_pointer_is_a_warning(here: Hooked) -> None:
    (here.root / "f.csv").write_bytes(b"3\n")
    track("add", "f.csv", cwd=here.root).ok()
    (here.root / "f.csv").write_bytes(b"newer\n")
    said = here.git("commit", "--quiet", "-m", "more")
    assert "newer on disk than the pointer in this commit: f.csv; to record it: track add f.csv" in said.text


def test_the_index_stays_as_it_is(here: Hooked) -> None:
    (here.root / "f.csv").write_bytes(b"3\n")
    track("add", "f.csv", cwd=here.root).ok()
    stage(here, "code.py", "1\n")
    here.git("commit", "--quiet", "-m", "pointer alone", "f.csv.track")
    assert git("status", "--porcelain", cwd=here.root) == "A  code.py\n"


def test_the_first_commit_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACK_HOOKS_INSTALL")
    git("init", "--quiet", "-b", "main", str(tmp_path / "fresh"), cwd=tmp_path)
    here = Hooked(tmp_path / "fresh")
    track("init", cwd=here.root).ok()
    (here.root / "x").write_bytes(b"x")
    track("add", "x", cwd=here.root).ok()
    here.git("commit", "--quiet", "-m", "first")
    stage(here, "lost.track", NOWHERE)
    assert "lost.track" in refused(here)


def test_trouble_of_our_own_stops_no_commit(here: Hooked) -> None:
    (here.root / ".git/track/config.toml").write_text("nonsense = [")
    (here.root / "f.csv.track").write_text((here.root / "f.csv.track").read_text() + '\n[labels]\na = "b"\n')
    here.git("add", "f.csv.track")
    here.git("commit", "--quiet", "-m", "label")
