"""Import DVC: what the real DVC made becomes artifacts; nothing of DVC's is lost, and nothing unproven is believed."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.dvc import Dvc
from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.trees import read_tree, write_tree
from track.model.digest import digest_of
from track.model.pointer import Pointer
from track.project import Project

pytestmark = pytest.mark.xdist_group("dvc")

BIG = bytes(range(256)) * (5 * 1024)
ODD = "a b.csv"
FILES = {
    "data/im/a.txt": b"a\n",
    "data/im/sub/b c": b"x\r\ny\r\n",
    "data/im/ü": b"u",
    "data/big.bin": BIG,
    f"data/{ODD}": b"1,2\n",
    "raw/x.csv": b"7\n",
}


@pytest.fixture(scope="module")
def dvc(tmp_path_factory: pytest.TempPathFactory) -> Dvc:
    return Dvc(tmp_path_factory.mktemp("dvc-state"))


@pytest.fixture(scope="module")
def made(dvc: Dvc, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository as DVC made it: a directory, files, a pipeline, and a remote that has all of it."""
    repo = new_repository(tmp_path_factory.mktemp("made") / "repo")
    write_tree(repo, FILES)
    (repo / "train.py").write_text("print(1)\n")
    (repo / "m").mkdir()
    (repo / "dvc.yaml").write_text(
        "stages:\n  train:\n    cmd: cp data/big.bin m/model && echo {} > m/met.json\n"
        "    deps: [data/big.bin, train.py]\n    outs: [m/model]\n    metrics: [m/met.json: {cache: false}]\n"
    )
    dvc.run(
        repo,
        ("init", "--quiet"),
        ("add", "--quiet", "data/im", "data/big.bin", f"data/{ODD}", "raw/x.csv"),
        ("repro", "--quiet"),
        ("remote", "add", "--quiet", "--default", "shelf", "../shelf"),
        ("push", "--quiet"),
    )
    with open(repo / "raw" / "x.csv.dvc", "a") as pointer:
        pointer.write("desc: seven\nmeta:\n  unit: m\n  n: 7\n  none: ~\n")
    text = (repo / "raw" / "x.csv.dvc").read_text()
    (repo / "raw" / "x.csv.dvc").write_text(text.replace("  path: x.csv", "  path: x.csv\n  labels: [first, ok]"))
    commit_all(repo, "as DVC has it")
    return repo


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Path:
    """A copy of it in which track was set up."""
    repo = copied(made, tmp_path)
    track("init", cwd=repo).ok()
    commit_all(repo, "track")
    return repo


def copied(made: Path, target: Path) -> Path:
    for name in ("repo", "shelf"):
        shutil.copytree(made.parent / name, target / name, symlinks=True)
    return target / "repo"


def objects_of(repo: Path) -> dict[str, bytes]:
    """Every object of DVC's, here and at its remote."""
    places = (repo / ".dvc" / "cache", repo.parent / "shelf")
    return {str(path): path.read_bytes() for place in places for path in place.rglob("*") if path.is_file()}


def stored(repo: Path, path: str) -> dict[bytes, object]:
    """What the pointer at `path` stands for, as it is copied out of the store."""
    target = repo.parent / f"out-{len(os.listdir(repo.parent))}"
    target.mkdir()
    track("get", f"./{path}", "-o", f"{target}/x", cwd=repo).ok()
    return dict(read_tree(target))


def below(folder: Path) -> dict[bytes, object]:
    return {b"x/" + path: node for path, node in read_tree(folder).items()}


def pointers(repo: Path) -> dict[bytes, Pointer]:
    with Project.open(repo) as project:
        return dict(project.pointers())


def test_everything_becomes_an_artifact_and_every_byte_is_in_the_store(here: Path) -> None:
    before = objects_of(here)
    data = {path: (here / path).read_bytes() for path in FILES}
    track("import-dvc", cwd=here).ok()
    assert objects_of(here) == before
    assert {path: (here / path).read_bytes() for path in FILES} == data
    assert sorted(pointers(here)) == [
        b"data/a b.csv.track", b"data/big.bin.track", b"data/im.track", b"m/model.track", b"raw/x.csv.track",
    ]  # fmt: skip
    assert not list(here.glob("*/*.dvc"))
    assert stored(here, "data/im") == below(here / "data" / "im")
    assert stored(here, "m/model") == {b"x": BIG}
    assert (here / "data" / ".gitignore").read_text().splitlines() == ["/a\\ b.csv", "/im", "/big.bin"]
    commit_all(here, "imported")
    assert track("status", cwd=here).ok().out.splitlines()[1:] == ["nothing differs"]
    assert track("verify", cwd=here).code == 0


def test_what_dvc_says_of_data_is_in_its_pointer(here: Path) -> None:
    said = track("import-dvc", "--json", cwd=here).ok()
    found = pointers(here)
    raw = found[b"raw/x.csv.track"]
    assert raw.tags == ("first", "ok")
    assert raw.labels["description"] == "seven"
    assert raw.labels["meta"] == {"unit": "m", "n": 7}
    assert raw.labels["dvc"] == {"md5": hashlib.md5(b"7\n").hexdigest()}
    assert [one["left_out"] for one in said.json["artifacts"] if one["path"] == "raw/x.csv"] == [
        ["meta.none: a pointer cannot say it"]
    ]
    model = found[b"m/model.track"]
    assert model.labels["dvc"]["stage"] == "train"
    assert model.based_on == {
        b"data/big.bin": digest_of(BIG),
        b"train.py": digest_of((here / "train.py").read_bytes()),
    }
    assert said.json["left_to_git"] == [
        {"path": "m/met.json", "why": "is not kept by DVC (cache: false): it is left to Git"}
    ]
    assert said.json["pipelines"] == ["dvc.lock"]


def test_a_dry_run_reads_everything_and_writes_nothing(here: Path) -> None:
    before = read_tree(here), git("status", "--porcelain", cwd=here), objects_of(here)
    said = track("import-dvc", "-n", cwd=here).ok()
    assert said.out.count("would be imported") == 5
    assert (read_tree(here), git("status", "--porcelain", cwd=here), objects_of(here)) == before
    assert track("status", "--json", cwd=here).json["artifacts"] == []


def test_data_that_is_not_checked_out_comes_from_dvcs_own_folder(here: Path) -> None:
    before = {path: (here / path).read_bytes() for path in FILES}
    shutil.rmtree(here / "data" / "im")
    (here / "data" / "big.bin").unlink()
    assert "track checkout" in track("import-dvc", cwd=here).ok().err
    assert not (here / "data" / "im").exists()
    track("checkout", cwd=here).ok()
    assert {path: (here / path).read_bytes() for path in FILES} == before


def test_links_into_dvcs_folder_become_files(here: Path, dvc: Dvc) -> None:
    data = below(here / "data" / "im")
    dvc.run(here, ("config", "--quiet", "cache.type", "symlink"), ("checkout", "--quiet", "--relink"))
    assert (here / "data" / "im" / "a.txt").is_symlink()
    before = objects_of(here)
    track("import-dvc", cwd=here).ok()
    assert below(here / "data" / "im") == data
    assert objects_of(here) == before
    assert stored(here, "data/im") == data
    commit_all(here)
    assert track("status", cwd=here).ok().out.splitlines()[1:] == ["nothing differs"]


def object_of(repo: Path, content: bytes) -> Path:
    md5 = hashlib.md5(content).hexdigest()
    return repo / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]


def lose(repo: Path) -> None:
    shutil.rmtree(repo / "data" / "im")
    object_of(repo, b"a\n").unlink()


def spoil(repo: Path) -> None:
    shutil.rmtree(repo / "data" / "im")
    one = object_of(repo, b"a\n")
    one.chmod(0o644)
    one.write_bytes(b"b\n")


def edit(repo: Path) -> None:
    (repo / "data" / "im" / "a.txt").unlink()  # DVC's own file may be the same inode
    (repo / "data" / "im" / "a.txt").write_bytes(b"edited\n")


def put_more(repo: Path) -> None:
    (repo / "data" / "im" / "new").write_bytes(b"new\n")


def take_one(repo: Path) -> None:
    (repo / "data" / "im" / "a.txt").unlink()


def lose_the_list(repo: Path) -> None:
    for one in (repo / ".dvc" / "cache").rglob("*.dir"):
        one.unlink()


def break_the_list(repo: Path) -> None:
    for one in (repo / ".dvc" / "cache").rglob("*.dir"):
        one.chmod(0o644)
        one.write_bytes(b'[{"md5": "' + b"a" * 32 + b'", "relpath": "../../escaped"}]')


def break_the_pointer(repo: Path) -> None:
    (repo / "data" / "im.dvc").write_text("outs: [\n")


def change_the_pointer(repo: Path) -> None:
    with open(repo / "data" / "im.dvc", "a") as pointer:
        pointer.write("desc: not committed\n")


def lead_outside(repo: Path) -> None:
    text = (repo / "data" / "im.dvc").read_text()
    (repo / "data" / "im.dvc").write_text(text.replace("path: im", "path: ../../im"))
    commit_all(repo)


def name_it_otherwise(repo: Path) -> None:
    (repo / "data" / "im.dvc").write_text("outs: [{etag: abc, path: im}]\n")
    commit_all(repo)


def put_into_git(repo: Path) -> None:
    git("add", "--force", "data/im/a.txt", cwd=repo)


@pytest.mark.parametrize(
    ("trouble", "code", "says"),
    [
        (lose, 4, "1 object of DVC's not here"),
        (lose_the_list, 4, "dvc fetch data/im.dvc"),
        (spoil, 7, "not what the name says"),
        (break_the_list, 7, "not what the name says"),
        (edit, 6, "1 file is changed"),
        (put_more, 6, "of which DVC does not know"),
        (take_one, 6, "1 file is gone"),
        (break_the_pointer, 7, "data/im.dvc cannot be read as YAML"),
        (change_the_pointer, 6, "git add data/im.dvc"),
        (lead_outside, 1, "not in this repository"),
        (name_it_otherwise, 1, "named by etag"),
        (put_into_git, 6, "in Git itself"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_imported_is_told_and_left_as_it_is(
    here: Path, trouble: Callable[[Path], None], code: int, says: str
) -> None:
    trouble(here)
    before, objects = read_tree(here / "data"), objects_of(here)
    said = track("import-dvc", cwd=here)
    assert said.code == code
    assert says in said.err
    after = read_tree(here / "data")
    assert {path: after.get(path) for path in before if path.startswith(b"im")} == {
        path: node for path, node in before.items() if path.startswith(b"im")
    }
    assert b"data/im.track" not in pointers(here)
    assert len(pointers(here)) == 4  # the others were not held up by it
    assert objects_of(here) == objects
    assert not (here.parent / "escaped").exists()


def test_imported_again_nothing_changes(here: Path) -> None:
    track("import-dvc", cwd=here).ok()
    before = read_tree(here)
    said = track("import-dvc", cwd=here).ok()
    assert "m/model  1.2 MiB  unchanged" in said.out
    assert read_tree(here) == before


def test_a_path_chooses_what_is_imported(here: Path) -> None:
    track("import-dvc", "data/im.dvc", "raw", cwd=here).ok()
    assert sorted(pointers(here)) == [b"data/im.track", b"raw/x.csv.track"]
    assert track("import-dvc", "nothing", cwd=here).code == 2


def test_what_an_interrupted_import_had_removed_is_staged_by_the_next(here: Path) -> None:
    track("import-dvc", cwd=here).ok()
    git("reset", "--quiet", "--", "data/im.dvc", cwd=here)
    track("import-dvc", cwd=here).ok()
    assert "D  data/im.dvc" in git("status", "--short", cwd=here)


LOOSE = """
import sys
from dvc_data.hashfile.hash import fobj_md5
for name in sys.argv[1:]:
    print(fobj_md5(open(name, "rb"), name="md5-dos2unix"))
"""


CONTENTS = (
    b"x\r\ny\r\n",
    b"",
    b"\xff" * 200 + b"\r\n" * 100,  # mostly binary
    b"t" * ((1 << 20) - 1) + b"\r\nmore\r\n" * 3,  # a line end between two of DVC's pieces
)


def test_data_of_dvc_2_is_known_as_the_real_dvc_names_it(repo: Path, dvc: Dvc) -> None:
    names = [f"old{number}.txt" for number in range(len(CONTENTS))]
    write_tree(repo, dict(zip(names, CONTENTS, strict=True)))
    known = dvc.python(repo, LOOSE, *names).split()
    dvc.run(repo, ("init", "--quiet"))
    for name, md5, content in zip(names, known, CONTENTS, strict=True):
        (repo / f"{name}.dvc").write_text(f"outs:\n- md5: {md5}\n  size: {len(content)}\n  path: {name}\n")
        old = repo / ".dvc" / "cache" / md5[:2] / md5[2:]
        old.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(repo / name, old)
    (repo / ".gitignore").write_text("/old*.txt\n")
    commit_all(repo)
    track("init", cwd=repo).ok()
    dvc.run(repo, ("checkout", "--quiet"))  # it takes these for objects of its own
    for name, content in zip(names, CONTENTS, strict=True):
        assert (repo / name).read_bytes() == content
        (repo / name).unlink()
    track("import-dvc", cwd=repo).ok()
    assert [pointers(repo)[f"{name}.track".encode()].digest for name in names] == list(map(digest_of, CONTENTS))


def test_what_is_exported_is_for_dvc_what_it_was(here: Path, dvc: Dvc, tmp_path: Path) -> None:
    before = {name: (here / name).read_text() for name in ("data/im.dvc", "data/big.bin.dvc")}
    track("import-dvc", cwd=here).ok()
    again = new_repository(tmp_path / "again")
    track("export", "data", "--to", str(again), cwd=here).ok()
    dvc.run(again, ("init", "--quiet"), ("add", "--quiet", "data/im", "data/big.bin"))
    assert {name: (again / name).read_text() for name in before} == before


def forget_all(repo: Path) -> None:
    """As a clone has it that fetched nothing: no data, and nothing in DVC's own folder."""
    shutil.rmtree(repo / ".dvc" / "cache")
    shutil.rmtree(repo / "data" / "im")
    for name in ("data/big.bin", f"data/{ODD}", "raw/x.csv", "m/model"):
        (repo / name).unlink()


def test_remotes_of_dvcs_are_read_in_place_when_asked(here: Path) -> None:
    data = {path: (here / path).read_bytes() for path in FILES}
    forget_all(here)
    refused = track("import-dvc", cwd=here)
    assert refused.code == 4
    assert "track import-dvc --fetch" in refused.err
    before = objects_of(here)
    track("import-dvc", "--fetch", cwd=here).ok()
    assert objects_of(here) == before
    track("checkout", cwd=here).ok()
    assert {path: (here / path).read_bytes() for path in FILES} == data


def test_a_remote_that_a_stranger_may_have_named_is_read_when_the_person_names_it(here: Path, tmp_path: Path) -> None:
    forget_all(here)
    far = Path(str(tmp_path) + "-far")
    try:
        shutil.move(tmp_path / "shelf", far)
        config = (here / ".dvc" / "config").read_text()
        (here / ".dvc" / "config").write_text(config.replace("../../shelf", str(far)))
        refused = track("import-dvc", "--fetch", cwd=here)
        assert refused.code == 4
        assert f"track import-dvc --from {far}" in refused.err
        assert pointers(here) == {}
        track("import-dvc", "--from", str(far), cwd=here).ok()
        assert len(pointers(here)) == 5
    finally:
        shutil.rmtree(far)


def test_a_damaged_object_at_a_remote_is_not_believed(here: Path) -> None:
    forget_all(here)
    md5 = hashlib.md5(b"a\n").hexdigest()
    one = here.parent / "shelf" / "files" / "md5" / md5[:2] / md5[2:]
    one.chmod(0o644)
    one.write_bytes(b"b\n")
    assert track("import-dvc", "--fetch", cwd=here).code == 7
    assert b"data/im.track" not in pointers(here)
    assert len(pointers(here)) == 4
    assert os.listdir(here / ".git" / "track" / "store" / "staging") == []


def test_a_remote_of_a_kind_that_nobody_reaches_is_told(here: Path) -> None:
    forget_all(here)
    config = (here / ".dvc" / "config").read_text()
    (here / ".dvc" / "config").write_text(config.replace("../../shelf", "gdrive://team/x"))
    refused = track("import-dvc", "--fetch", cwd=here)
    assert refused.code == 4
    assert "gdrive" in refused.err
    assert track("import-dvc", "--from", "gdrive://team/x", cwd=here).code == 2


def test_a_bucket_is_read_in_place(here: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_at(s3_server.endpoint, OWNER, "dvc")
    for path in (here.parent / "shelf").rglob("*"):
        if path.is_file():
            place.put(path.relative_to(here.parent / "shelf").as_posix(), path.read_bytes())
    forget_all(here)
    shutil.rmtree(here.parent / "shelf")
    for name, value in {**OWNER.environment, "AWS_ENDPOINT_URL": s3_server.endpoint}.items():
        monkeypatch.setenv(name, value)
    track("import-dvc", "--from", f"s3://{BUCKET}/dvc", cwd=here).ok()
    assert stored(here, "m/model") == {b"x": BIG}
    assert len(pointers(here)) == 5


@pytest.fixture(scope="module")
def made_old(made: Path, dvc: Dvc, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More of a history: another version of the data, a branch that was merged, and a commit with a strange author."""
    repo = copied(made, tmp_path_factory.mktemp("old"))
    git("checkout", "--quiet", "-b", "side", cwd=repo)
    (repo / "data" / "im" / "side").write_bytes(b"of the side\n")
    dvc.run(repo, ("add", "--quiet", "data/im"))
    git("-c", 'user.name=Ünal \\ "x"', "commit", "--quiet", "-am", "side\n\n  with  blanks \n", cwd=repo)
    git("checkout", "--quiet", "main", cwd=repo)
    (repo / "raw" / "x.csv").write_bytes(b"8\n")
    dvc.run(repo, ("checkout", "--quiet", "--force", "data/im"), ("add", "--quiet", "raw/x.csv"))
    commit_all(repo, "eight")
    git("merge", "--quiet", "--no-edit", "side", cwd=repo)
    git("tag", "before", cwd=repo)
    return repo


@pytest.fixture
def old(made_old: Path, tmp_path: Path) -> Path:
    repo = copied(made_old, tmp_path)
    track("init", cwd=repo).ok()
    return repo


def commits(repo: Path, rev: str) -> list[str]:
    """Everything of a history but its ids and trees; of parents how many."""
    text = git("log", "-z", "--topo-order", "--format=%an <%ae> %at %cn %ct%n%P%n%B", rev, cwd=repo)
    rows = [row.split("\n", 2) for row in text.split("\0") if row]
    return [f"{who} {len(parents.split())} {message}" for who, parents, message in rows]


def test_a_history_is_imported_to_another_branch_with_its_merges_and_nothing_else_changes(old: Path) -> None:
    before = git("for-each-ref", cwd=old), read_tree(old), git("status", "--porcelain", cwd=old), objects_of(old)
    said = track("import-dvc", "--history", "with-track", cwd=old).ok()
    refs = "".join(line for line in git("for-each-ref", cwd=old).splitlines(True) if "with-track" not in line)
    assert (refs, read_tree(old), git("status", "--porcelain", cwd=old), objects_of(old)) == before
    assert commits(old, "with-track") == commits(old, "main")
    assert "git checkout with-track" in said.err
    for commit in git("rev-list", "with-track", cwd=old).split():
        names = git("ls-tree", "-r", "--name-only", commit, cwd=old).splitlines()
        assert not [name for name in names if name.endswith(".dvc")]
    git("checkout", "--quiet", "with-track", cwd=old)
    track("checkout", cwd=old).ok()
    assert (old / "raw" / "x.csv").read_bytes() == b"8\n"
    assert (old / "data" / "im" / "side").read_bytes() == b"of the side\n"
    versions = track("log", "raw/x.csv", "--json", cwd=old).ok().json["versions"]
    assert len(versions) == 2
    track("verify", cwd=old).ok()
    same = git("diff", "--name-only", "main", "with-track", cwd=old).splitlines()
    assert {name for name in same if not name.endswith((".dvc", ".track"))} == set()


def test_a_history_is_imported_twice_to_the_same_commits(old: Path) -> None:
    track("import-dvc", "--history", "one", cwd=old).ok()
    track("import-dvc", "--history", "two", cwd=old).ok()
    assert git("rev-parse", "one", cwd=old) == git("rev-parse", "two", cwd=old)


def test_what_a_history_lacks_stays_dvcs_in_its_commits(old: Path) -> None:
    object_of(old, b"7\n").unlink()
    said = track("import-dvc", "--history", "with-track", cwd=old)
    assert said.code == 4
    assert "raw/x.csv.dvc stays DVC's in" in said.err
    assert "raw/x.csv.track" in git("ls-tree", "-r", "--name-only", "with-track", cwd=old)
    first = git("rev-list", "--max-parents=0", "with-track", cwd=old).strip()
    kept = git("log", "--format=%H", "--diff-filter=A", "with-track", "--", "raw/x.csv.dvc", cwd=old).split()
    assert kept
    assert first not in kept
    track("import-dvc", "--history", "all", "--fetch", cwd=old).ok()
    assert not git("log", "--format=%H", "all", "--", "raw/x.csv.dvc", cwd=old)


def test_a_history_is_foreseen_without_a_trace(old: Path) -> None:
    before = git("for-each-ref", cwd=old), read_tree(old)
    said = track("import-dvc", "--history", "x", "-n", "--json", cwd=old).ok().json
    assert (said["versions"], said["tip"]) == (7, None)
    assert (git("for-each-ref", cwd=old), read_tree(old)) == before


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--history", "main"), 6), (("--history", "a..b"), 2), (("--history", "-x"), 2), (("--history", "x", "raw"), 2)],
)
def test_a_history_is_not_imported_over_a_branch_or_in_part(here: Path, words: tuple[str, ...], code: int) -> None:
    assert track("import-dvc", *words, cwd=here).code == code


def test_a_shallow_clone_has_no_history_to_import(here: Path) -> None:
    clone = here.parent / "clone"
    git("clone", "--quiet", "--depth=1", f"file://{here}", str(clone), cwd=here.parent)
    refused = track("import-dvc", "--history", "x", cwd=clone)
    assert refused.code == 6
    assert "git fetch --unshallow" in refused.err
