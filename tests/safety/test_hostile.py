"""A stranger's repository: whatever its pointers, manifests, links and settings say, nothing is written outside the
working tree, Git's folder, the store and the user's own cache; no program but Git starts; no socket opens.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from blake3 import blake3

from support.cli import Completed, track, track_here
from support.hostile import Symlink, Tree, commit_tree, entry, leaf, pointer, witness
from support.repositories import git, new_repository
from support.scene import duplicate, said_by
from support.trees import read_tree
from track.store.objects import Store

ASKING = (("status",), ("diff", "HEAD"), ("ls",), ("ls", "trap"), ("show", "trap"), ("log", "trap"), ("verify",))

# What HFS+ leaves out of a name when it compares.
IGNORABLE = [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF]
GIT_NAMES = [
    *(b".git", b".Git", b".gIt", b".giT", b".GIT", b".GiT"),
    *(b".git.", b".git..", b".git ", b".git . .", b".git...", b".GIT. "),
    *(b"git~1", b"GIT~1", b"Git~2", b"git~9", b"git~1.", b"git~1 "),
    *(b".git::$INDEX_ALLOCATION", b".git:stream", b"git~1:x", b".git\\hooks"),
    *(f".g{chr(code)}it".encode() for code in IGNORABLE),
    *(f".git{chr(code)}".encode() for code in IGNORABLE),
    *(f"{chr(code)}.GIT".encode() for code in IGNORABLE),
]
ESCAPES = [
    *(b"../harm", b"..", b".", b"./harm", b"a/../../harm", b"a/..", b"a/./b", b"a//b", b"//harm", b"/harm"),
    *(b"/etc/harm", b"a/", b"/", b"a/../b", b"../.git/hooks/pre-commit", b"../../../../../../tmp/harm"),
]
BAD_PATHS = [
    *ESCAPES,
    *GIT_NAMES,
    *(name + b"/hooks/pre-commit" for name in GIT_NAMES),
    *(b"deep/er/" + name + b"/config" for name in GIT_NAMES),
]

GOOD = entry(b"a", b"good")
LIES: dict[str, bytes] = {
    "below a link": leaf(entry(b"s", b"../.git/hooks", mode="l"), entry(b"s/pre-commit")),
    "below a file": leaf(entry(b"s"), entry(b"s/x")),
    "below an empty directory": leaf(entry(b"s", b"", mode="d"), entry(b"s/x")),
    "twice": leaf(GOOD, GOOD),
    "not sorted": leaf(entry(b"b"), entry(b"a")),
    "sorted by folder": leaf(entry(b"a/b"), entry(b"a.b")),
    "no such mode": leaf(entry(b"a", mode="s")),
    "two modes": leaf(entry(b"a", mode="fx")),
    "no line end": leaf(GOOD)[:-1],
    "empty line": leaf(GOOD, b"\n"),
    "a NUL": leaf(entry(b"a\0b")),
    "a bad escape": leaf(entry(b"a\\q")),
    "negative size": leaf(entry(b"a", size=-1)),
    "leading zero": leaf(GOOD.replace(b" 4 ", b" 04 ")),
    "enormous size": leaf(entry(b"a", size=10**30)),
    "capital digest": leaf(GOOD[:4] + GOOD[4:].upper()),
    "short digest": leaf(b"f 4 abcd a\n"),
    "a directory with a size": leaf(entry(b"a", b"", mode="d", size=5)),
    "no header": GOOD,
    "no such level": b"track-manifest 1 99\n" + GOOD,
    "a leaf that says it is inner": b"track-manifest 1 1\n" + GOOD,
    "a header with more": b"track-manifest 1 0 x\n" + GOOD,
    "not a manifest": b"#!/bin/sh\necho harm\n",
    "nothing": b"",
}


class Place(NamedTuple):
    """A victim's clone, and the folder around it, in which nothing may change."""

    around: Path
    repo: Path


def new_place(folder: Path) -> Place:
    around = folder / "around"
    around.mkdir()
    (around / "precious").write_bytes(b"not yours")
    repo = new_repository(around / "repo")
    track_here("init", cwd=repo).ok()
    git("add", "--all", cwd=repo)
    git("commit", "--quiet", "--message=init", cwd=repo)
    return Place(around, repo)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where every victim begins."""
    return new_place(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def place(untouched: Place, tmp_path: Path) -> Place:
    around = duplicate(untouched.around, tmp_path / "around")
    return Place(around, around / "repo")


@pytest.fixture(scope="module")
def minefield(untouched: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One clone with a directory artifact for each bad path and each lie."""
    around = duplicate(untouched.around, tmp_path_factory.mktemp("minefield") / "around")
    place = Place(around, around / "repo")
    manifests = {**{mine(path): reaching(path) for path in BAD_PATHS}, **{mine(lie): LIES[lie] for lie in LIES}}
    tree = {name + b".track": pointer(text, kind="directory", size=8, files=2) for name, text in manifests.items()}
    return committed(place, tree, [*manifests.values(), b"harm", b"good", b"../.git/hooks", b""])


def mine(trouble: bytes | str) -> bytes:
    """The name of the artifact that has this trouble."""
    return b"mine-" + blake3(trouble.encode() if isinstance(trouble, str) else trouble).hexdigest()[:12].encode()


def reaching(path: bytes) -> bytes:
    """A manifest with a harmless entry and one at this path."""
    lines = [entry(b"zz-good", b"good"), entry(path.replace(b"\\", b"\\\\"))]
    return leaf(*sorted(lines, key=lambda line: line.split(b" ", 3)[3]))


def committed(place: Place, tree: Tree, objects: Iterable[bytes] = ()) -> Place:
    """`tree` over what init made, checked out by Git where Git is willing; `objects` as if they had been fetched."""
    ours: dict[bytes, object] = {
        b".gitignore": (place.repo / ".gitignore").read_bytes(),
        b".track": {b"config.toml": (place.repo / ".track/config.toml").read_bytes()},
    }
    commit_tree(place.repo, {**ours, **tree})  # type: ignore[dict-item]  # both hold nodes
    git("reset", "--quiet", "--hard", cwd=place.repo, check=False)
    keep(place.repo, objects)
    return place


def keep(repo: Path, objects: Iterable[bytes]) -> None:
    """Put objects into the local store, lies and all: a store knows bytes, not what they mean."""
    store = Store.open(repo / ".git/track/store", create=True)
    try:
        with store.writer() as writer:
            for content in objects:
                writer.add(content)
            writer.commit()
    finally:
        store.close()


def trapped(place: Place, manifest: bytes, *, size: int = 4, files: int = 1) -> Place:
    """A clone with a directory artifact `trap` of this manifest."""
    tree = {b"trap.track": pointer(manifest, kind="directory", size=size, files=files)}
    return committed(place, tree, [manifest, b"harm", b"good", b"../.git/hooks", b""])


def surroundings(place: Place) -> dict[bytes, object]:
    """Everything around the working tree, and Git's hooks and configuration in it."""
    found: dict[bytes, object] = {
        path: node for path, node in read_tree(place.around, leave_out=()).items() if not path.startswith(b"repo/")
    }
    for name in ("config", "HEAD", "hooks", "info"):
        top = place.repo / ".git" / name
        for path in [top, *top.rglob("*")] if top.is_dir() else [top]:
            if path.is_file() and name != "info":
                found[os.fsencode(path)] = path.read_bytes()
    return found


def refused(done: Completed, *codes: int) -> None:
    """Ended with one of the codes, said why, and is no bug of ours."""
    assert done.code in codes, said_by(done)
    assert "Traceback" not in done.err
    assert done.err.strip(), "refused without a word"


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: ascii(path.decode()))
def test_a_manifest_that_reaches_out_is_refused_before_anything_is_written(minefield: Place, path: bytes) -> None:
    harmless(minefield, mine(path))


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_refused_before_anything_is_written(minefield: Place, lie: str) -> None:
    harmless(minefield, mine(lie))


def harmless(place: Place, name: bytes) -> None:
    """Checking out this artifact is refused, and names it; nothing has changed anywhere."""
    before, inside = surroundings(place), read_tree(place.repo)
    done = track_here("checkout", "--", os.fsdecode(name), cwd=place.repo)
    refused(done, 7)
    assert "manifest" in done.err
    assert os.fsdecode(name) in done.err
    assert surroundings(place) == before
    assert read_tree(place.repo) == inside


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
@pytest.mark.parametrize("lie", ["below a link", "twice", "not a manifest"])
def test_asking_about_a_manifest_that_lies_is_harmless(place: Place, command: tuple[str, ...], lie: str) -> None:
    trapped(place, LIES[lie])
    before, inside = surroundings(place), read_tree(place.repo)
    done = track_here(*command, cwd=place.repo)
    assert done.code in range(8), said_by(done)
    assert surroundings(place) == before
    assert read_tree(place.repo) == inside


def test_a_manifest_that_lies_about_a_size_puts_nothing_in_place(place: Place) -> None:
    trapped(place, leaf(entry(b"a", b"harm", size=400)), size=400)
    refused(track_here("checkout", cwd=place.repo), 7)
    assert not (place.repo / "trap").exists()


def test_a_pointer_that_lies_about_its_manifest_is_refused(place: Place) -> None:
    trapped(place, leaf(entry(b"a")), size=4000, files=12)
    refused(track_here("checkout", cwd=place.repo), 7)
    assert not (place.repo / "trap").exists()


def test_a_manifest_of_a_later_format_is_refused_as_such(place: Place) -> None:
    trapped(place, leaf(GOOD).replace(b"manifest 1", b"manifest 2"))
    done = track_here("checkout", cwd=place.repo)
    refused(done, 3)
    assert "format 2" in done.err
    assert "upgrade" in done.err


POINTER_NAMES = [
    *(b".git.track", b".GIT.track", b".store.track", b".Store.track", b".track.track", b"..track", b"...track"),
    *(b"git~1.track", b".git .track", b".git..track", ".g\u200cit.track".encode(), b".git:x.track", b".track"),
]
NESTED = [
    {b".GIT": {b"hooks": {b"pre-commit.track": b""}}},
    {b"sub": {b".git": {b"config.track": b""}}},
    {b"git~1": {b"hooks": {b"x.track": b""}}},
    {b".store": {b"objects": {b"x.track": b""}}},
    {b".track": {b"config.toml.track": b""}},
    {b"..": {b"x.track": b""}},
    {b"a": {b"..": {b"..": {b"x.track": b""}}}},
    {b"a": {b"..track": b"", b"...track": b""}},
]


def with_pointers(tree: Tree, content: bytes) -> Tree:
    """The tree with every file being this pointer."""
    return {name: with_pointers(node, content) if isinstance(node, dict) else content for name, node in tree.items()}


@pytest.mark.parametrize(
    "tree", [*({name: b""} for name in POINTER_NAMES), *NESTED], ids=lambda tree: ascii(str(next(iter(tree)).decode()))
)
def test_a_pointer_for_a_place_that_is_not_ours_is_never_followed(place: Place, tree: Tree) -> None:
    """In the working tree where Git allows it, on another branch always."""
    content = pointer(b"harm")
    commit_tree(place.repo, with_pointers(tree, content), branch="gift")
    keep(place.repo, [b"harm"])
    if b"/" not in next(iter(tree)) and not isinstance(next(iter(tree.values())), dict):
        name = os.fsdecode(next(iter(tree)))
        (place.repo / name).is_dir() or (place.repo / name).write_bytes(content)
    before, inside = surroundings(place), read_tree(place.repo)
    for command in (("status",), ("ls", "gift"), ("diff", "HEAD", "gift"), ("checkout", "gift"), ("checkout",)):
        done = track_here(*command, cwd=place.repo)
        assert done.code in range(8), said_by(done)
        assert surroundings(place) == before, command
        now = read_tree(place.repo)
        assert now == inside, f"{command} wrote {now.keys() - inside.keys()}"


LINKED: dict[str, Callable[[Path], Tree]] = {
    "data": lambda out: {b"trap.track": pointer(b"harm"), b"trap": Symlink(os.fsencode(out / "precious"))},
    "data in git": lambda out: {b"trap.track": pointer(b"harm"), b"trap": Symlink(b".git/config")},
    "pointer": lambda out: {b"trap.track": Symlink(os.fsencode(out / "precious"))},
    "ignore file": lambda out: {b".gitignore": Symlink(os.fsencode(out / "precious"))},
    "attributes": lambda out: {b".gitattributes": Symlink(os.fsencode(out / "precious"))},
    "store": lambda out: {b".store": Symlink(os.fsencode(out))},
    "settings folder": lambda out: {b".track": Symlink(os.fsencode(out))},
    "settings": lambda out: {b".track": {b"config.toml": Symlink(os.fsencode(out / "precious"))}},
    "ignore list": lambda out: {b".trackignore": Symlink(os.fsencode(out / "precious"))},
}


@pytest.mark.needs("strace")
@pytest.mark.parametrize("name", LINKED)
def test_a_committed_link_is_not_written_through(place: Place, name: str) -> None:
    committed(place, LINKED[name](place.around), [b"harm"])
    (place.repo / "own.bin").write_bytes(b"the victim's own data")
    before = surroundings(place)
    for command in (("status",), ("checkout",), ("add", "own.bin"), ("init",), ("verify",)):
        seen = witness(command, cwd=place.repo, log=place.around.parent / "log", allowed=allowed(place))
        assert seen.outcome.code in range(8), f"{command}: {seen.outcome.err}"
        assert seen.outside == [], command
        assert surroundings(place) == before, command
    assert (place.repo / "own.bin").read_bytes() == b"the victim's own data"


def test_a_folder_that_became_a_link_is_not_written_through(place: Place) -> None:
    """The pointers are in Git below `sub`; on disk somebody put a link in its place."""
    committed(place, {b"sub": {b"x.track": pointer(b"harm"), b"y.track": pointer(b"good")}}, [b"harm", b"good"])
    (place.repo / "sub/x.track").unlink()
    (place.repo / "sub/y.track").unlink()
    (place.repo / "sub").rmdir()
    (place.around / "away").mkdir()
    (place.repo / "sub").symlink_to(place.around / "away")
    before = surroundings(place)
    for command in (("checkout",), ("checkout", "HEAD", "sub/x"), ("status",), ("add", "sub/x")):
        done = track_here(*command, cwd=place.repo)
        assert done.code in range(8), said_by(done)
        assert surroundings(place) == before, command
        assert os.listdir(place.around / "away") == []


def allowed(place: Place) -> list[Path]:
    """Where a command may write: the working tree with Git's folder, and the user's own folders."""
    home = Path(os.environ["HOME"])
    return [place.repo, home]


SETTINGS = {
    "another store": '[store]\npath = "{out}/stolen"\n',
    "a store in git": '[store]\npath = ".git/hooks"\n',
    "a command as remote": '[remote.origin]\nurl = "ext::sh -c touch% {out}/ran"\n',
    "an option as host": '[remote.origin]\nurl = "ssh://-oProxyCommand=touch {out}/ran/x"\n',
    "a machine by SSH": '[remote.origin]\nurl = "ssh://127.0.0.1:9/x"\n',
    "a machine by SSH, in short": '[remote.origin]\nurl = "ada@127.0.0.1:x"\n',
    "a command as user": '[remote.origin]\nurl = "ssh://$(touch {out}/ran)@127.0.0.1/x"\n',
    "a local file": '[remote.origin]\nurl = "file:///etc"\n',
    "another folder": '[remote.origin]\nurl = "{out}/../elsewhere"\n',
    "a server": '[remote.origin]\nurl = "http://127.0.0.1:9/x"\n',
    "metadata": '[remote.origin]\nurl = "http://169.254.169.254/latest"\n',
    "a command": '[hooks]\npost-checkout = "touch {out}/ran"\n[core]\npager = "touch {out}/ran"\n',
    "a tower of arrays": "x = " + "[" * 20_000 + "]" * 20_000 + "\n",
    "a long number": "x = " + "9" * 10_000 + "\n",
    "not TOML": "remote = {\n",
    "not text": "\udcff\udcfe",
    "a later format": "format = 99\n",
}


@pytest.mark.needs("strace")
@pytest.mark.parametrize("name", SETTINGS)
def test_committed_settings_run_nothing_send_nothing_and_move_nothing(place: Place, name: str) -> None:
    text = SETTINGS[name].replace("{out}", str(place.around))
    tree: Tree = {
        b".track": {b"config.toml": text.encode("utf-8", "surrogateescape")},
        b"there.bin.track": pointer(b"good"),
        b"absent.bin.track": pointer(b"nobody has this"),
    }
    committed(place, tree, [b"good"])
    (place.repo / "own.bin").write_bytes(b"the victim's own data")
    before = surroundings(place)
    for command in (("status",), ("pull",), ("add", "own.bin"), ("push",)):
        seen = witness(command, cwd=place.repo, log=place.around.parent / "log", allowed=allowed(place))
        assert seen.outcome.code in range(8), f"{command}: {seen.outcome.err}"
        assert "Traceback" not in seen.outcome.err
        assert seen.outside == [], command
        assert seen.sockets == [], command
        assert [program for program in seen.programs if not is_git(program)] == [], command
        assert surroundings(place) == before, command


def is_git(program: str) -> bool:
    """Whether a program is Git, or one of the programs that it consists of."""
    return os.path.basename(program).startswith("git")


@pytest.mark.needs("strace")
@pytest.mark.parametrize("path", [*ESCAPES[:6], b".git/hooks/pre-commit", b".GIT/x", b"git~1/x"], ids=repr)
def test_the_system_sees_no_write_outside_and_no_program_but_git(place: Place, path: bytes) -> None:
    trapped(place, leaf(entry(path)))
    for command in (("checkout",), ("status",), ("diff", "HEAD~1", "HEAD"), ("verify",)):
        seen = witness(command, cwd=place.repo, log=place.around.parent / "log", allowed=allowed(place))
        assert seen.outside == []
        assert seen.sockets == []
        assert [program for program in seen.programs if not is_git(program)] == []


@pytest.mark.needs("strace")
def test_the_witness_sees_a_write_outside(place: Place) -> None:
    """The same witness, with nothing allowed: it would have spoken."""
    committed(place, {b"x.track": pointer(b"good")}, [b"good"])
    seen = witness(("checkout",), cwd=place.repo, log=place.around.parent / "log", allowed=[place.around / "nowhere"])
    assert seen.outside != []
    assert seen.programs != []


@pytest.mark.parametrize(
    "text",
    [
        "[artifact]\nx = " + "[" * 5000 + "]" * 5000 + "\n",
        "[artifact]\nx = " + "{a=" * 3000 + "1" + "}" * 3000 + "\n",
        "[artifact]\nsize = " + "9" * 5000 + "\n",
        "[artifact]\n" + ".".join(["a"] * 4000) + " = 1\n",
        "[artifact]\n[" + ".".join(["a"] * 4000) + "]\n",
        "[artifact]\n" + "".join(f"k{number} = 1\n" for number in range(200_000)),
        '[artifact]\nkind = "' + "x" * 2_000_000 + '"\n',
    ],
    ids=["arrays", "tables", "number", "dotted key", "dotted header", "keys", "string"],
)
def test_a_pointer_that_is_a_bomb_is_refused_at_once(place: Place, text: str) -> None:
    committed(place, {b"bomb.track": text.encode()})
    refused(track_here("checkout", cwd=place.repo), 7)
    assert track_here("status", cwd=place.repo).code in range(8)


SPOKEN = b"\x1b]0;harm\x07\x1b[2J\x9b31m\xe2\x80\xaereversed"


def names_that_speak() -> Iterator[tuple[bytes, bytes]]:
    """Pointers whose names, types and labels try to speak to the terminal."""
    yield SPOKEN + b".track", pointer(b"good")
    yield b"plain.track", pointer(b"good", more='[labels]\nnote = "\\u001b[31m\\u202e"\n')
    yield b"typed.track", pointer(b"good").rstrip() + b'\ntype = "\\u001b]0;x\\u0007"\n'


@pytest.mark.parametrize("command", [("status",), ("ls",), ("show", "plain"), ("show", "typed"), ("diff", "HEAD~1")])
def test_nothing_in_a_repository_speaks_to_the_terminal(place: Place, command: tuple[str, ...]) -> None:
    committed(place, dict(names_that_speak()), [b"good"])
    done = track(*command, cwd=place.repo)
    assert done.code in range(8), said_by(done)
    for text in (done.out, done.err):
        assert not any(sign in text for sign in ("\x1b", "\x07", "\x9b", "\udc9b", "\u202e"))
