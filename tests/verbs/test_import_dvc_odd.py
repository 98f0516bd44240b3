"""Import DVC, without DVC: files that only older versions, other programs or strangers write."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from support.cli import track as track_apart
from support.cli import track_here as track
from support.repositories import commit_all, git
from track.flows.converting import uncommitted
from track.project import Project


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
    declare_only(repo, file, *outs, **more)
    commit_all(repo, file)


def declare_only(repo: Path, file: str, *outs: dict[str, object], **more: object) -> None:
    rows = [{"hash": "md5", **out} for out in outs]
    (repo / file).write_text(json.dumps({"outs": rows, **more}))


def test_a_file_of_dvcs_stays_while_it_declares_what_was_not_imported(here: Path) -> None:
    one, two = kept(here, b"1\n"), kept(here, b"2\n")
    declare(here, "both.dvc", {"md5": one, "path": "a"}, {"md5": two, "path": "b"})
    track("import-dvc", "a", cwd=here).ok()
    assert (here / "both.dvc").exists()
    assert git("ls-files", "*.dvc", "*.track", cwd=here).split() == ["a.track", "both.dvc"]
    commit_all(here, "half")
    track("import-dvc", cwd=here).ok()
    assert git("ls-files", "*.dvc", "*.track", cwd=here).split() == ["a.track", "b.track"]


@pytest.mark.parametrize(
    ("out", "more"),
    [
        ({"path": "\ud800x"}, {}),
        ({"path": "b"}, {"desc": "\ud800"}),
        ({"path": "b"}, {"cmd": "x", "deps": [{"path": "\ud800", "md5": "0" * 32}]}),
    ],
)
def test_what_is_no_text_is_refused_and_nothing_else(
    here: Path, out: dict[str, object], more: dict[str, object]
) -> None:
    name = kept(here, b"1\n")
    declare(here, "b.dvc", {"md5": name, **out}, **more)
    declare(here, "a.dvc", {"md5": name, "path": "a"})
    done = track("import-dvc", cwd=here)
    assert (done.code, "b.dvc cannot be read as YAML" in done.err) == (7, True)
    assert (here / "a.dvc").exists() < (here / "a.track").exists()


def test_bytes_of_a_name_that_is_no_text_are_imported_and_what_else_holds_them_is_told(here: Path) -> None:
    name = kept(here, b"1\n")
    declare(here, "b.dvc", {"md5": name, "path": "b\udcff", "labels": ["\udcff"]}, meta={"\udcff": 1}, cmd="\udcff")
    done = track("import-dvc", cwd=here).ok()
    assert done.err.count("a pointer cannot say it") == 3
    assert (here / "b\udcff.track").exists()


def test_a_list_with_half_a_character_is_refused(here: Path) -> None:
    rows = json.dumps([{"md5": "0" * 32, "relpath": "\ud800"}]).encode()
    declare(here, "a.dvc", {"md5": kept(here, rows, ".dir"), "path": "a"})
    done = track("import-dvc", cwd=here)
    assert (done.code, "is not what DVC writes" in done.err) == (7, True)


@pytest.mark.parametrize("end", ["", ".dir"])
def test_a_folder_in_the_place_of_an_object_is_told(here: Path, end: str) -> None:
    name = kept(here, b"[]", end)
    declare(here, "a.dvc", {"md5": name, "path": "a"})
    place_of(here, name).unlink()
    place_of(here, name).mkdir()
    done = track("import-dvc", cwd=here)
    assert (done.code, "it is no file" in done.err) == (1, True)


@pytest.mark.parametrize("target", ["/dev/zero", "config", ".", None])
def test_a_configuration_that_is_none_is_told(here: Path, target: str | None) -> None:
    declare(here, "a.dvc", {"md5": kept(here, b"1\n"), "path": "a"})
    place = here / ".dvc" / "config"
    place.unlink()
    if target is None:
        place.write_bytes(b"[cache]\n dir = a\0b\n")
    else:
        place.symlink_to(target)
    done = track("import-dvc", cwd=here)
    assert (done.code, "DVC's configuration" in done.err) == (1, True)
    assert (here / "a.dvc").exists()


def test_any_number_of_files_of_dvcs_can_be_asked_for(here: Path) -> None:
    commit_all(here, "track")
    files = [b"/".join([b"%03d" % number, *[b"d" * 200] * 19]) for number in range(600)]
    with Project.open(here) as project:
        assert uncommitted(project, files) == set(files)


def test_a_folder_that_a_clone_does_not_have_is_made_for_the_pointer(here: Path) -> None:
    declare(here, "a.dvc", {"md5": kept(here, b"1\n"), "path": "models/deep/a"})
    track("import-dvc", cwd=here).ok()
    assert git("ls-files", "*.dvc", "*.track", cwd=here).split() == ["models/deep/a.track"]
    track("checkout", cwd=here).ok()
    assert (here / "models/deep/a").read_bytes() == b"1\n"


def test_of_an_output_inside_another_one_the_inner_one_is_refused(here: Path) -> None:
    one = kept(here, b"1\n")
    rows = json.dumps([{"md5": one, "relpath": "q"}]).encode()
    declare(here, "d.dvc", {"md5": kept(here, rows, ".dir"), "path": "d"})
    declare(here, "e.dvc", {"md5": one, "path": "d/q"})
    done = track("import-dvc", cwd=here)
    assert (done.code, "d/q lies inside d" in done.err) == (6, True)
    assert git("ls-files", "*.dvc", "*.track", cwd=here).split() == ["d.track", "e.dvc"]


@pytest.mark.parametrize("inner", ["d/q", "d"])
def test_a_history_leaves_an_output_inside_another_one_and_a_second_file_of_one_to_dvc(here: Path, inner: str) -> None:
    one = kept(here, b"1\n")
    rows = json.dumps([{"md5": one, "relpath": "q"}]).encode()
    declare(here, "d.dvc", {"md5": kept(here, rows, ".dir"), "path": "d"})
    declare(here, "e.dvc", {"md5": one, "path": inner})
    done = track("import-dvc", "--history", "new", cwd=here)
    assert (done.code, "e.dvc declares what lies inside d, or is it" in done.err) == (6, True)
    assert "e.dvc stays DVC's in 1 commit" in done.err
    assert git("ls-tree", "-r", "--name-only", "new", cwd=here).split()[-2:] == ["d.track", "e.dvc"]
    git("checkout", "--quiet", "--force", "new", cwd=here)
    track("checkout", cwd=here).ok()
    assert (here / "d" / "q").read_bytes() == b"1\n"


@pytest.mark.parametrize("command", ["import-dvc", "import-lfs"])
def test_git_is_asked_once_however_many_outputs_there_are(here: Path, command: str) -> None:
    with open(here / ".gitattributes", "a") as attributes:
        attributes.write("*.bin filter=lfs\n")
    for number in range(40):
        content = b"%d\n" % number
        if command == "import-dvc":
            declare_only(here, f"{number}.dvc", {"md5": kept(here, content), "path": f"{number}.bin"})
        else:
            name = hashlib.sha256(content).hexdigest()
            place = here / ".git" / "lfs" / "objects" / name[:2] / name[2:4] / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            said = f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize {len(content)}\n"
            (here / f"{number}.bin").write_text(said)
    commit_all(here, "all")
    done = track_apart(command, cwd=here, env={"TRACK_TRACE": "1"}).ok()
    assert done.out.count("imported") == 40
    assert 0 < done.err.count("subprocess.Popen") < 30


def test_a_copy_of_a_repository_is_imported_as_it_is(here: Path) -> None:
    """Git knows a file by its times, which a copy does not have; DVC's pointer is what the last commit says."""
    declare(here, "a.dvc", {"md5": kept(here, b"1\n"), "path": "a"})
    os.utime(here / "a.dvc", (1, 1))
    track("import-dvc", cwd=here).ok()
    assert not (here / "a.dvc").exists()


@pytest.mark.parametrize("path", ["f/x", "link/x", "f", "inner"])
def test_a_history_takes_nothing_of_gits_away(here: Path, path: str) -> None:
    (here / "f").write_text("mine\n")
    (here / "link").symlink_to("d")
    (here / "inner").mkdir()
    (here / "inner" / "g").write_text("mine\n")
    declare(here, "a.dvc", {"md5": kept(here, b"1\n"), "path": path})
    done = track("import-dvc", "--history", "new", cwd=here)
    assert "Git has something itself where pointers for a.dvc would stand" in done.err
    assert git("rev-parse", "new", cwd=here) == git("rev-parse", "HEAD", cwd=here)
