"""Aliases and cards of named artifacts: small files beside the pointers, reviewed as a diff."""

from pathlib import Path

import pytest

from support.cli import Completed
from support.cli import track_here as track
from support.named import NAMED, got, new_rides, pointer, put_text
from support.repositories import commit_all, git
from support.scene import duplicate
from track.flows.merging import Choices, merge_texts
from track.model.digest import digest_of
from track.model.pointer import Pointer, dump_pointer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three partitions of `rides`."""
    return new_rides(tmp_path_factory.mktemp("rides") / "repo")


@pytest.fixture
def rides(made: Path, tmp_path: Path) -> Path:
    """A copy of that."""
    return duplicate(made, tmp_path / "repo")


def told(done: Completed, code: int, *parts: str) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err, done.err


def test_an_alias_is_a_pointer_that_is_staged_and_stays_when_its_version_is_replaced(rides: Path) -> None:
    done = track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    assert done.out.startswith("rides@prod  ") and done.out.endswith("rides region=us time=2024-01-01  new\n")
    assert git("diff", "--cached", "--name-only", cwd=rides).split() == [".track/artifacts/rides/@prod.track"]
    assert (rides / NAMED / "rides/@prod.track").read_bytes() == (
        rides / NAMED / "rides/region=us/time=2024-01-01.track"
    ).read_bytes()
    put_text(rides, "rides", "replaced\n", "--partition", "region=us", "--time", "2024-01-01")
    commit_all(rides)
    assert got(rides, "rides@prod") == b"us 2024-01-01\n"
    assert got(rides, "rides", "--partition", "region=us") == b"replaced\n"
    track("verify", cwd=rides).ok()


def test_an_alias_that_no_commit_has_is_called_by_its_name(rides: Path) -> None:
    track("alias", "rides", "prod", cwd=rides).ok()
    refused = track("log", "rides@prod", cwd=rides)
    told(refused, 2, "no commit that `HEAD` reaches has an artifact called `rides@prod`\n")
    commit_all(rides)
    track("log", "rides@prod", cwd=rides).ok()


def test_an_alias_is_set_to_any_version_and_moved_and_removed(rides: Path) -> None:
    digest = pointer(rides, "rides/region=eu/time=2024-01-01").digest
    for words, expected in (
        (("rides",), b"eu 2024-01-02\n"),
        (("rides@HEAD~2",), b"eu 2024-01-01\n"),
        (("HEAD~1:rides",), b"us 2024-01-01\n"),
        ((f"rides@{digest.short}",), b"eu 2024-01-01\n"),
        (("rides@latest", "--time", "2024-01-01", "--partition", "region=us"), b"us 2024-01-01\n"),
    ):
        track("alias", words[0], "prod", *words[1:], cwd=rides).ok()
        assert got(rides, "rides@prod") == expected
    track("alias", "rides@prod", "stable", cwd=rides).ok()
    moved = track("alias", "rides", "prod", cwd=rides).ok()
    assert "moved" in moved.out
    assert track("alias", "rides", "prod", cwd=rides).ok().out.rstrip().endswith("unchanged")
    assert got(rides, "rides@stable") == b"us 2024-01-01\n"
    listed = track("alias", "rides", "--json", cwd=rides).ok().json["aliases"]
    assert [one["alias"] for one in listed] == ["prod", "stable"]
    commit_all(rides)
    assert "removed" in track("alias", "rides", "prod", "--remove", cwd=rides).ok().out
    assert git("status", "--porcelain", cwd=rides).splitlines() == ["D  .track/artifacts/rides/@prod.track"]
    told(track("get", "rides@prod", cwd=rides), 2, "no version `prod`", "there is rides@stable")
    track("restore", "last", cwd=rides).ok()
    assert got(rides, "rides@prod") == b"eu 2024-01-02\n"


def test_aliases_are_shown_with_the_versions_and_in_status(rides: Path) -> None:
    track("alias", "rides", "prod", cwd=rides).ok()
    assert "A new  rides@prod" in track("status", cwd=rides).ok().out
    shown = track("artifacts", "show", "rides", "--json", cwd=rides).ok().json["versions"]
    assert [one["aliases"] for one in shown] == [["prod"], [], []]
    assert track("artifacts", "list", "--json", cwd=rides).ok().json["artifacts"][0]["aliases"] == ["prod"]
    assert "rides@prod" in track("ls", cwd=rides).ok().out
    assert "rides@prod" in track("find", cwd=rides).ok().out


def test_an_alias_that_is_a_revision_too_is_refused_where_they_differ(rides: Path) -> None:
    git("branch", "prod", "HEAD~2", cwd=rides)
    assert got(rides, "rides@prod") == b"eu 2024-01-01\n"
    track("alias", "rides", "prod", cwd=rides).ok()
    told(track("get", "rides@prod", cwd=rides), 2, "alias of `rides` and a revision with another version", "prod:rides")
    assert got(rides, "prod:rides") == b"eu 2024-01-01\n"
    git("branch", "--force", "prod", "HEAD", cwd=rides)
    assert got(rides, "rides@prod") == b"eu 2024-01-02\n"


def test_partitions_beside_an_alias_have_to_fit(rides: Path) -> None:
    track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    assert got(rides, "rides@prod", "--partition", "region=us") == b"us 2024-01-01\n"
    told(track("get", "rides@prod", "--partition", "region=eu", cwd=rides), 2, "is not region=eu")


def test_what_cannot_be_an_alias_is_refused_without_a_trace(rides: Path) -> None:
    before = git("status", "--porcelain", cwd=rides)
    for words, said in (
        (("rides", "latest"), "not an alias: 'latest'"),
        (("rides", "a/b"), "not an alias: 'a/b'"),
        (("rides", "a@b"), "has `@` in it"),
        (("rides", ".."), "not a name"),
        (("ridse", "prod"), "no named artifact is called `ridse`"),
        (("rides@nope", "prod"), "no version `nope`"),
        (("rides@HEAD~9", "prod"), "no version"),
        (("rides", "prod", "--partition", "region=mars"), "no version with region=mars"),
        (("rides", "prod", "--remove"), "no alias `prod`"),
        (("rides", "--remove"), "no alias was named"),
        (("rides@abcd", "prod", "--partition", "zone=1"), "no partition key `zone`"),
        (("HEAD:rides@prod", "x"), "both say which version"),
    ):
        told(track("alias", *words, cwd=rides), 2, said)
    assert "would be new" in track("alias", "rides", "prod", "--dry-run", cwd=rides).ok().out
    assert git("status", "--porcelain", cwd=rides) == before


def test_two_who_move_an_alias_get_a_conflict_that_merge_settles(rides: Path) -> None:
    track("alias", "rides", "prod", cwd=rides).ok()
    commit_all(rides)
    git("checkout", "--quiet", "-b", "other", cwd=rides)
    track("alias", "rides", "prod", "--partition", "region=us", cwd=rides).ok()
    commit_all(rides)
    git("checkout", "--quiet", "main", cwd=rides)
    track("alias", "rides@HEAD~3", "prod", cwd=rides).ok()
    commit_all(rides)
    git("merge", "--quiet", "other", cwd=rides, check=False)
    assert git("status", "--porcelain", cwd=rides).splitlines() == ["AU .track/artifacts/rides/@prod.track"] or (
        "UU .track/artifacts/rides/@prod.track" in git("status", "--porcelain", cwd=rides)
    )
    assert "rides@prod" in track("status", cwd=rides).out
    track("merge", "rides@prod", "--take", "theirs", cwd=rides).ok()
    commit_all(rides)
    assert got(rides, "rides@prod") == b"us 2024-01-01\n"


def test_an_alias_that_two_move_is_one_of_their_versions_and_no_mixture_of_them() -> None:
    def version(kind: str, region: str, text: str) -> bytes:
        files = 1 if kind == "directory" else None
        facts = {"kind": kind, "digest": digest_of(text.encode()), "size": 3, "files": files}
        return dump_pointer(Pointer(**facts, partitions={"region": region}))  # type: ignore[arg-type]

    def nothing(digest: bytes) -> bytes:
        raise AssertionError("a manifest was read")

    path = b".track/artifacts/rides/@prod.track"
    for kind in ("file", "directory"):
        base, eu, us = version(kind, "eu", "one"), version(kind, "eu", "two"), version(kind, "us", "one")
        apart = merge_texts(nothing, (base, eu, us), path)
        assert [one.what for one in apart.facts] == ["content", "partition region"]
        for side, text in (("ours", eu), ("theirs", us)):
            choices = Choices(facts=side)  # type: ignore[arg-type]
            assert dump_pointer(merge_texts(nothing, (base, eu, us), path, choices).pointer) == text
        assert dump_pointer(merge_texts(nothing, (base, base, us), path).pointer) == us
        assert merge_texts(nothing, (base, us, us), path).is_clean
    both = (version("directory", "eu", "one"), version("directory", "eu", "two"), version("directory", "eu", "three"))
    assert [one.what for one in merge_texts(nothing, both, path).facts] == ["content"]  # not path by path


# ---- cards ----


def test_a_card_is_markdown_in_git_and_a_partition_without_one_has_that_of_the_whole(rides: Path) -> None:
    (rides.parent / "card.md").write_text("# Rides\n\nFrom *taxis*.\n\n")
    done = track("card", "rides", "--set", rides.parent / "card.md", cwd=rides).ok()
    assert done.out == "rides  card set\n"
    assert git("diff", "--cached", "--name-only", cwd=rides).split() == [".track/artifacts/rides/@card.md"]
    assert (rides / NAMED / "rides/@card.md").read_text() == "# Rides\n\nFrom *taxis*.\n"
    assert track("card", "rides", "--partition", "region=eu", cwd=rides).ok().out == "# Rides\n\nFrom *taxis*.\n"
    (rides.parent / "eu.md").write_text("Europe")
    track("card", "rides", "--partition", "region=eu", "--set", rides.parent / "eu.md", cwd=rides).ok()
    assert track("card", "rides", "--partition", "region=eu", "--time", "2024-01-01", cwd=rides).ok().out == "Europe\n"
    assert track("card", "rides", "--partition", "region=us", cwd=rides).ok().out.startswith("# Rides")
    commit_all(rides)
    track("status", cwd=rides).ok()
    assert "removed" in track("card", "rides", "--remove", cwd=rides).ok().out
    told(track("card", "rides", cwd=rides), 2, "`rides` has no card", "--set FILE")
    assert track("card", "HEAD:rides", cwd=rides).ok().out.startswith("# Rides")
    assert track("card", "rides@HEAD", "--json", cwd=rides).ok().json["text"] == "Europe\n"
    told(track("card", "HEAD~1:rides", cwd=rides), 2, "has no card")


def test_a_card_comes_with_a_version(rides: Path) -> None:
    (rides.parent / "card.md").write_text("The answer")
    track("put", "answer", "--value", "42", "--card", rides.parent / "card.md", cwd=rides).ok()
    assert track("card", "answer", cwd=rides).ok().out == "The answer\n"
    assert sorted(git("diff", "--cached", "--name-only", cwd=rides).split()) == [
        ".track/artifacts/answer.track",
        ".track/artifacts/answer/@card.md",
    ]


def test_a_card_cannot_speak_to_the_terminal(rides: Path) -> None:
    (rides / NAMED / "rides/@card.md").write_text("a\x1b]0;title\x07b\u202ec\n")
    assert track("card", "rides", cwd=rides).ok().out == "a\\x1b]0;title\\x07b\\u202ec\n"


def test_what_cannot_be_a_card_is_refused(rides: Path) -> None:
    (rides.parent / "empty.md").write_text("\n\n")
    (rides.parent / "binary.md").write_bytes(b"\xff\xfe")
    (rides.parent / "long.md").write_text("x" * ((1 << 20) + 1))
    for words, code, said in (
        (("rides", "--set", rides.parent / "nothing.md"), 2, "no file"),
        (("rides", "--set", rides.parent), 1, "cannot read"),
        (("rides", "--set", rides.parent / "empty.md"), 2, "the card is empty"),
        (("rides", "--set", rides.parent / "binary.md"), 2, "not UTF-8"),
        (("rides", "--set", rides.parent / "long.md"), 2, "more than 1,048,576"),
        (("ridse", "--set", rides.parent / "empty.md"), 2, "did you mean rides ?"),
        (("rides@HEAD", "--set", rides.parent / "empty.md"), 2, "in the working tree"),
        (("rides", "--partition", "zone=1"), 2, "no partition key `zone`"),
        (("rides", "--set", rides.parent / "empty.md", "--remove"), 2, "one or the other"),
        (("rides", "--remove"), 2, "has no card"),
    ):
        told(track("card", *words, cwd=rides), code, said)
    assert not list((rides / NAMED).rglob("@card.md"))
    (rides / NAMED / "rides/@card.md").write_bytes(b"\xff")
    told(track("card", "rides", cwd=rides), 2, "not UTF-8")


def test_a_card_that_is_a_link_is_not_followed(rides: Path) -> None:
    (rides.parent / "secret").write_text("secret")
    (rides / NAMED / "rides/@card.md").symlink_to(rides.parent / "secret")
    done = track("card", "rides", cwd=rides)
    assert done.code != 0 and "secret" not in done.out
    commit_all(rides)
    told(track("card", "HEAD:rides", cwd=rides), 2, "has no card")
