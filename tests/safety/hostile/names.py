"""Names of pointers, branches and tags: options for Git, paths elsewhere, words for the terminal."""

import os
import subprocess

from safety.hostile.case import ABSENT, GOOD, Case, Place, keep
from support.hostile import commit_tree, entry, leaf, pointer
from support.repositories import git

POINTERS: dict[str, bytes] = {
    "an option": b"--upload-pack=touch ran",
    "a short option": b"-rf",
    "two dashes": b"--",
    "an option with a value": b"-c core.pager=touch",
    "an escape": b"\x1b]0;harm\x07\x1b[2J",
    "a C1 escape": b"\x9b31m",
    "a C1 escape in UTF-8": "\x9b31m".encode(),
    "bidirectional": "innocent\u202egpj.exe".encode(),
    "isolates": "a\u2066b\u2069".encode(),
    "invisible": "a\u200bb\ufeff".encode(),
    "a line feed": b"a\nHEAD detached",
    "a carriage return": b"a\rmerged",
    "a tab": b"a\tb",
    "a NUL as text": b"a\\x00b",
    "not UTF-8": b"\xff\xfe\xfd",
    "pathspec magic": b":(exclude)*",
    "pathspec top": b":/x",
    "a star": b"*",
    "a revision": b"HEAD:x",
    "a reflog": b"@{0}",
    "a backslash": b"..\\..\\x",
    "a colon": b"C:x",
    "quotes": b"'\"$(touch ran)`touch ran`",
    "a percent": b"%2e%2e%2fx",
    "spaces": b"   ",
    "a device of Windows": b"CON",
    "a stream": b"x:y",
    "a dot at its end": b"x.",
    "long": b"n" * 249,
    "Git's own file": b".gitmodules",
    "our ignore file": b".gitignore",
    "the ignore list": b".trackignore",
    "the variables": b".env",
}


def named(place: Place, name: bytes) -> None:
    """A pointer of this name, committed object by object, and checked out where Git is willing."""
    tree = {name + b".track": pointer(GOOD), b"other.bin.track": pointer(ABSENT)}
    ours = {b".track": {b"config.toml": (place.repo / ".track/config.toml").read_bytes()}}
    commit_tree(place.repo, {**ours, **tree})
    git("reset", "--quiet", "--hard", cwd=place.repo, check=False)


def cased(place: Place) -> None:
    """Names that a case-folding filesystem takes for one."""
    tree = {name: pointer(GOOD) for name in (b"Data.track", b"data.track", b"DATA.track")}
    commit_tree(place.repo, tree)
    git("reset", "--quiet", "--hard", cwd=place.repo)


def entries(place: Place) -> None:
    """A directory artifact whose entries speak, look like options, and turn the text around."""
    manifest = leaf(
        *(entry(name.replace(b"\\", b"\\\\"), GOOD) for name in sorted((b"-rf", b"\x1b[2J", b"\xe2\x80\xaex")))
    )
    keep(place, manifest)
    tree = {b"trap.track": pointer(manifest, kind="directory", size=3 * len(GOOD), files=3)}
    commit_tree(place.repo, tree)
    git("reset", "--quiet", "--hard", cwd=place.repo)


def referenced(place: Place, *refs: bytes) -> None:
    """Refs of these names, made behind Git's back as a hostile server sends them packed."""
    oid = git("rev-parse", "HEAD", cwd=place.repo).strip().encode()
    lines = b"".join(oid + b" " + ref + b"\n" for ref in refs)
    (place.repo / ".git/packed-refs").write_bytes(b"# pack-refs with: peeled fully-peeled\n" + lines)


def spoken_commit(place: Place) -> None:
    """An author, a message and a date that speak."""
    environment = {**os.environ, "GIT_AUTHOR_NAME": "\x1b]0;x\x07\u202eeve", "GIT_AUTHOR_EMAIL": "\x9b@x"}
    (place.repo / "more.bin.track").write_bytes(pointer(GOOD))
    git("add", "more.bin.track", cwd=place.repo)
    message = "\x1b[2Jall is well\u202e\n"
    subprocess.run(["git", "commit", "--quiet", "--message", message], cwd=place.repo, env=environment, check=True)


CASES = (
    *(
        Case(
            f"pointer: {name}",
            lambda place, text=text: named(place, text),
            verbs=(("log",), ("add", "--", "./" + os.fsdecode(text)) if b"\0" not in text else ("log",)),
        )
        for name, text in POINTERS.items()
    ),
    Case("pointers that differ in case", cased),
    Case(
        "entries that speak",
        entries,
        verbs=(("ls", "trap"), ("checkout",), ("diff", "HEAD~1"), ("get", "trap", "-o", "out")),
    ),
    Case(
        "refs that are options",
        lambda place: referenced(place, b"refs/heads/-x", b"refs/tags/--upload-pack=x", b"refs/heads/--output=../ran"),
        verbs=(("push", "--all"), ("fetch", "--all"), ("diff", "--", "-x"), ("checkout", "--", "-x")),
    ),
    Case(
        "refs that speak",
        lambda place: referenced(place, b"refs/heads/\x1b[2J", "refs/heads/a\u202eb".encode(), b"refs/tags/\xff"),
        verbs=(("push", "--all"), ("fetch", "--all"), ("log",)),
    ),
    Case(
        "refs that are paths",
        lambda place: referenced(place, b"refs/heads/../../../../elsewhere/x", b"refs/heads/a..b", b"x"),
        verbs=(("push", "--all"), ("log",)),
    ),
    Case("a commit that speaks", spoken_commit, verbs=(("log", "more.bin"), ("show", "more.bin"))),
)
