"""Verify in rounds: for some time, oldest first, deeply or only for existence; the store, working data and remotes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store.conftest import files, overwrite, spoil
from support.cli import track_here as track
from support.remotes import leave_uncut
from support.repositories import commit_all, git
from support.trees import write_tree
from track.errors import UsageError
from track.flows.sampling import portion_of, time_of
from track.model.digest import digest_of
from track.project import Project
from track.store.backends.folder import open_folder
from track.store.layout import pack_key
from track.store.pack import PackWriter, read_table
from track.store.recipe import RECIPE
from track.store.segment import Name, PackSize, build_segment, parse_segment
from track.store.verified import VerifiedRecord
from track.verbs.verify import Verified, verify

NO_TIME = 1e-9
LARGE = [bytes([number]) * (1 << 20) + b"large" for number in range(4)]
FILES = {**{f"d/{n}/f": f"small {n}".encode() for n in range(5)}, **{f"l{n}": data for n, data in enumerate(LARGE)}}


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    write_tree(repo, FILES)
    track("add", "d", "l0", "l1", "l2", "l3", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


@pytest.fixture
def remote(here: Path) -> Path:
    folder = here.parent / "remote"
    track("remote", "add", "origin", str(folder), cwd=here).ok()
    leave_uncut(open_folder(folder))
    track("push", cwd=here).ok()
    return folder


def check(repo: Path, **options: object) -> Verified:
    with Project.open(repo) as project:
        return verify(project, **options)  # type: ignore[arg-type]  # as each test says


def store_of(repo: Path) -> Path:
    return repo / ".git/track/store"


def test_without_time_a_run_comes_one_file_further_and_the_next_goes_on(here: Path) -> None:
    whole = check(here)
    assert (0, 0, None) == (whole.left_count, whole.left_bytes, whole.oldest_s)
    for record in (store_of(here) / "verified.db", here / ".git/track/verified.db"):
        record.unlink()

    first = check(here, max_s=NO_TIME)
    assert first.left_count > 0 and first.oldest_s == 0 and not first.problems
    for _ in range(20):
        last = check(here, max_s=NO_TIME)
    assert last.oldest_s is None or last.oldest_s > 0


def test_damage_anywhere_is_found_after_as_many_short_runs_as_there_are_files(here: Path) -> None:
    (here / "d/3/f").write_bytes(b"edited!")
    runs = [check(here, max_s=NO_TIME) for _ in range(12)]
    assert any(one.path == b"d/3/f" for run in runs for one in run.problems)
    assert any(not run.problems for run in runs)


def test_a_killed_run_is_gone_on_with(here: Path) -> None:
    """Whatever it had noted when it was killed comes last the next time; nothing of it is in the way."""
    process = subprocess.Popen(
        [sys.executable, "-m", "track", "verify"], cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not check(here).problems
    with Project.open(here) as project, VerifiedRecord(project.store.verified_path, project.store.id) as record:
        assert len(record.times()) == len(files(store_of(here) / "packs")) + len(files(store_of(here) / "objects"))


def test_the_record_may_be_deleted_and_what_is_gone_is_forgotten(here: Path) -> None:
    check(here)
    record = store_of(here) / "verified.db"
    record.unlink()
    files(store_of(here) / "objects")[0].unlink()
    check(here)
    with Project.open(here) as project, VerifiedRecord(record, project.store.id) as after:
        assert len(after.times()) == len(files(store_of(here) / "packs")) + len(LARGE) - 1


def wrong_entry(staging: Path) -> tuple[bytes, bytes]:
    """A pack whose name is its digest, and whose only entry is not what its record says: (name, bytes)."""
    staging.mkdir(exist_ok=True)
    writer = PackWriter(staging)
    writer.add(digest_of(b"what it says"), b"what it has!")
    sealed = writer.seal()
    assert sealed is not None
    return bytes(sealed.name), sealed.path.read_bytes()


def test_a_deep_run_finds_a_lie_inside_a_pack_that_is_what_its_name_says(here: Path, tmp_path: Path) -> None:
    name, content = wrong_entry(tmp_path / "staging")
    path = store_of(here) / pack_key(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)

    assert not check(here).problems
    assert check(here, deep=True).exit_code == 7
    assert not check(here, deep=True).problems  # it was put aside


def test_a_deep_run_looks_at_the_versions_of_every_branch(here: Path) -> None:
    """Also for large objects that are gone, which no index of the store names."""
    git("checkout", "-q", "-b", "other", cwd=here)
    other = LARGE[0][::-1]
    (here / "l0").write_bytes(other)
    track("add", "l0", cwd=here).ok()
    commit_all(here, "other")
    git("checkout", "-q", "main", cwd=here)
    track("checkout", cwd=here)
    with Project.open(here) as project:
        whole = project.store.whole(digest_of(other))
        assert whole is not None
        project.store.rooms.whole(digest_of(other)).unlink()

    assert not check(here).problems
    deep = check(here, deep=True)
    assert (4, {b"l0"}) == (deep.exit_code, {one.path for one in deep.problems})


@pytest.mark.parametrize("folder", ["index", "roots"])
def test_an_index_segment_or_a_roots_entry_that_was_read_before_is_looked_at_again(
    here: Path, remote: Path, folder: str
) -> None:
    assert not check(here, remote="origin").problems
    (path,) = files(remote / folder)
    spoil(path, 30)

    found = check(here, remote="origin")

    assert [("damaged", str(path.relative_to(remote)).encode())] == [(one.kind, one.path) for one in found.problems]


def test_a_damaged_pack_of_nothing_but_recipes_is_told(here: Path, remote: Path) -> None:
    packs = [path for path in files(remote / "packs") if all(entry.form == RECIPE for entry in read_table(path))]
    assert len(packs) == 1
    spoil(packs[0], 10)

    found = check(here, remote="origin")

    assert found.exit_code == 7
    assert ["come whole, not in parts"] == [one.what[-24:] for one in found.problems]
    packs[0].unlink()
    assert check(here, remote="origin").exit_code == 4


def test_a_remote_is_read_in_rounds_too(here: Path, remote: Path) -> None:
    count = len(files(remote / "packs")) + len(files(remote / "objects"))
    first = check(here, remote="origin", max_s=NO_TIME)
    assert (0, True) == (first.oldest_s, 0 < first.left_count < count)
    spoil(files(remote / "objects")[-1], 5)
    runs = [check(here, remote="origin", max_s=NO_TIME) for _ in range(count)]
    assert 1 <= sum(run.exit_code == 7 for run in runs) < len(runs)


def test_a_sample_of_a_remote_is_what_was_verified_longest_ago(here: Path, remote: Path) -> None:
    count = len(files(remote / "packs")) + len(files(remote / "objects"))
    whole = check(here, remote="origin")
    (here.parent / "repo/.git/track/remotes/origin.verified").unlink(missing_ok=True)
    read = [check(here, remote="origin", portion=portion_of("1")) for _ in range(count)]
    assert whole.read_bytes == sum(one.read_bytes for one in read)
    assert {whole.objects_count} == {one.total_count for one in read}
    assert check(here, remote="origin", portion=portion_of("100%")).read_bytes == whole.read_bytes


def test_a_percentage_of_a_remote_is_one_of_its_bytes(here: Path, remote: Path) -> None:
    """The four large objects are nearly all of it; the packs are half of its files."""
    sizes = [path.stat().st_size for path in (*files(remote / "packs"), *files(remote / "objects"))]
    read = [check(here, remote="origin", portion=portion_of("50%")).read_bytes for _ in range(2)]
    assert all(0.5 <= one / sum(sizes) <= 0.76 for one in read)
    assert sum(read) >= sum(sizes)
    for _ in range(4):
        said = track("verify", "--remote", "origin", "--sample", "25%", cwd=here).ok().out
        share = float(said.partition("(")[2].partition("%")[0])
        assert 25 <= share <= 51


def test_quick_asks_whether_everything_is_there_and_says_so(here: Path, remote: Path) -> None:
    done = track("verify", "--remote", "origin", "--quick", cwd=here).ok()
    assert "existence only" in done.err and "0 B read" in done.out
    done = track("verify", "--remote", "origin", "--quick", "--sample", "100%", cwd=here).ok()
    assert "(100.0% of" in done.out, done.out
    path = files(remote / "objects")[0]
    spoil(path, 5)
    assert not check(here, remote="origin", quick=True).problems
    overwrite(path, b"short")
    assert check(here, remote="origin", quick=True).exit_code == 7
    path.unlink()
    assert check(here, remote="origin", quick=True).exit_code == 4


def test_a_deep_run_finds_a_lie_inside_a_pack_at_a_remote_and_walks_what_is_called_complete(
    here: Path, remote: Path, tmp_path: Path
) -> None:
    pack = next(p for p in files(remote / "packs") if any(b"small 3" == one for one in contents(p)))
    with Project.open(here) as project:
        assert not verify(project, remote="origin", deep=True).problems
    (tmp_path / "staging").mkdir()
    lying = PackWriter(tmp_path / "staging")
    for entry in read_table(pack):
        stored = pack.read_bytes()[entry.offset :][: entry.stored_length]
        lying.add_entry(entry, b"small X" if stored == b"small 3" else stored)
    sealed = lying.seal()
    assert sealed is not None
    from_index(here, remote, pack, sealed.path.read_bytes())

    assert not check(here, remote="origin").problems
    assert check(here, remote="origin", deep=True).exit_code == 7


def test_a_deep_run_reads_every_recipe(here: Path, remote: Path, tmp_path: Path) -> None:
    (pack,) = (path for path in files(remote / "packs") if all(entry.form == RECIPE for entry in read_table(path)))
    (tmp_path / "staging").mkdir()
    lying = PackWriter(tmp_path / "staging")
    for entry in read_table(pack):
        stored = pack.read_bytes()[entry.offset :][: entry.stored_length - 1] + b"?"
        lying.add_entry(entry._replace(stored_digest=digest_of(stored)), stored)
    sealed = lying.seal()
    assert sealed is not None
    from_index(here, remote, pack, sealed.path.read_bytes())

    assert not check(here, remote="origin").problems
    assert check(here, remote="origin", deep=True).exit_code == 7


def contents(pack: Path) -> list[bytes]:
    data = pack.read_bytes()
    return [data[entry.offset :][: entry.stored_length] for entry in read_table(pack)]


def from_index(here: Path, remote: Path, pack: Path, content: bytes) -> None:
    """Put another pack in the place of one, and an index that names it in place of the index."""
    (segment,) = files(remote / "index")
    level, _, digits = segment.name.partition("-")
    old = parse_segment(segment.read_bytes(), Name(int(level), bytes.fromhex(digits)))
    before = bytes.fromhex(pack.parent.name + pack.name.removesuffix(".pack"))
    name = digest_of(content)
    held = [one._replace(pack=name) if one.pack == before else one for one in old.entries()]
    packs = [PackSize(name, len(content)) if one.digest == before else one for one in old.head.packs]
    new, data = build_segment(held, packs)
    pack.unlink()
    segment.unlink()
    (remote / pack_key(name)).parent.mkdir(exist_ok=True)
    (remote / pack_key(name)).write_bytes(content)
    (remote / f"index/{new}").write_bytes(data)
    for record in (here / ".git/track/remotes").glob("origin.db*"):
        record.unlink()


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("30s", 30), ("10m", 600), ("1.5 h", 5400), ("2d", 172800)])
def test_a_time_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert time_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-1", "x", "1e3", "10 weeks", "m", "\u0665m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        time_of(text)


@pytest.mark.parametrize(
    "options",
    [("--quick",), ("--quick", "--deep", "--remote", "origin"), ("--max-time", "soon"), ("--sample", "1", "d")],
)
def test_options_that_make_no_sense_together_are_wrong_usage(here: Path, options: tuple[str, ...]) -> None:
    assert track("verify", *options, cwd=here).code == 2


def test_json_says_what_was_left(here: Path) -> None:
    done = track("verify", "--max-time", "0.000001", "--json", cwd=here).ok()
    assert done.json["left_files"] > 0 and done.json["left_verified"] == 0 and not done.json["existence_only"]
    text = track("verify", "--max-time", "0.000001", cwd=here).ok()
    assert "the time was over before" in text.err
