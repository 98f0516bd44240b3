"""What lies in a working tree: links, pipes, devices, sockets, folders where files are expected, other repositories."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from safety.hostile.case import CANARY, GOOD, Case, Place, committed, keep, linked, removed, write
from support.hostile import commit_tree, entry, leaf, pointer
from support.repositories import git, new_repository

ADD = (("add", "own.bin"), ("init",))


def at(name: str, make: Callable[[Path, Place], object]) -> Callable[[Place], None]:
    """Something else in the place of a file of the working tree."""

    def made(place: Place) -> None:
        path = place.repo / name
        removed(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path, place)

    return made


def outward(path: Path, place: Place) -> None:
    path.symlink_to(place.around / "precious")


def away(path: Path, place: Place) -> None:
    path.symlink_to(place.around / "elsewhere")


def pipe(path: Path, _: Place) -> None:
    os.mkfifo(path)


def endless(path: Path, _: Place) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path, _: Place) -> None:
    path.mkdir()


def listening(path: Path, _: Place) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def second_name(path: Path, place: Place) -> None:
    os.link(place.around / "precious", path)


def round_and_round(path: Path, _: Place) -> None:
    path.symlink_to(path.name)


KINDS = {
    "a link to another's file": outward,
    "a link to another folder": away,
    "a link to what has no end": endless,
    "a link to itself": round_and_round,
    "a pipe": pipe,
    "a folder": folder,
    "a socket": listening,
    "a second name of another's file": second_name,
}
PLACES = (
    "there.bin",
    "there.bin.track",
    ".track",
    ".track/config.toml",
    ".store",
    ".trackignore",
    ".gitignore",
    ".gitattributes",
)


def patterns(text: str | bytes) -> Callable[[Place], None]:
    """A directory artifact with long names, and this `.trackignore`."""

    def make(place: Place) -> None:
        long = b"a" * 120
        manifest = leaf(*(entry(long + b"%02d" % number, GOOD) for number in range(40)))
        keep(place, manifest)
        committed(place, {"data.track": pointer(manifest, kind="directory", size=40 * len(GOOD), files=40)})
        for number in range(40):
            write(place.repo / "data" / (long + b"%02d" % number).decode(), GOOD)
        committed(place, {".trackignore": text})

    return make


IGNORES = {
    "stars": "*".join("a" * 40) + "b\n",
    "stars and folders": "**/".join(["a*a*"] * 20) + "b\n",
    "many stars": "*a" * 60 + "*b\n",
    "questions": "?*" * 60 + "b\n",
    "brackets": "[a-z]*" * 50 + "b\n",
    "an open bracket": "[" * 50_000 + "\n",
    "a class": "[[:alpha:]]*" * 50 + "b\n",
    "one long line": "a" * 1_000_000 + "\n",
    "many lines": "".join(f"x{number}*y\n" for number in range(20_000)),
    "more than may be read": "a\n" * 800_000,
    "not UTF-8": b"\xff*\xfe**\xfd\n",
    "negations": "!*\n" * 10_000,
    "everything": "*\n",
    "upwards": "../../*\n/../x\n",
}


def submodule(place: Place) -> None:
    """A commit of another repository where the data of a pointer should be, and settings that name a command."""
    oid = git("rev-parse", "HEAD", cwd=place.repo).strip()
    ran = place.around / "ran"
    text = f'[submodule "x"]\n\tpath = trap\n\turl = -u./payload\n\tupdate = !touch {ran}\n'
    committed(place, {".gitmodules": text, "trap.track": pointer(GOOD)})
    git("update-index", "--add", "--cacheinfo", f"160000,{oid},trap", cwd=place.repo)
    git("commit", "--quiet", "--message=module", cwd=place.repo)


def nested(place: Place) -> None:
    """Another repository inside, with commands in its settings."""
    inner = new_repository(place.repo / "inner")
    git("config", "core.fsmonitor", f"touch {place.around / 'ran'}", cwd=inner)
    write(inner / "x.bin.track", pointer(GOOD))


def bare_inside(place: Place) -> None:
    """A bare repository as plain files of the commit."""
    files = {
        "HEAD": "ref: refs/heads/main\n",
        "config": "[core]\n\tbare = true\n\tfsmonitor = touch ran\n",
        "objects/x": "",
        "refs/x": "",
    }
    committed(place, {f"bare/{name}": text for name, text in files.items()})


def attributes(place: Place) -> None:
    """Attributes for everything, with drivers that the victim's own configuration may have."""
    committed(
        place,
        {".gitattributes": "* filter=evil diff=evil merge=evil ident export-subst\n"},
    )


def dotenv(place: Place) -> None:
    """Variables as data of the repository: a checkout places them, and Git does not track them."""
    text = b"AWS_ENDPOINT_URL=http://127.0.0.1:9\nAWS_ACCESS_KEY_ID=x\nAWS_SECRET_ACCESS_KEY=y\n"
    keep(place, text)
    committed(place, {".env.track": pointer(text), ".track/config.toml": "[remote.origin]\nurl = '../x'\n"})


def hooks(place: Place) -> None:
    """Hooks, as files of the commit and as data."""
    script = f"#!/bin/sh\ntouch {place.around / 'ran'}\n".encode()
    keep(place, script)
    names = ("hooks/post-checkout", ".husky/pre-commit", ".githooks/pre-push")
    committed(place, {**dict.fromkeys(names, script), ".git-hooks.track": pointer(script), ".envrc": script})
    for name in names:
        (place.repo / name).chmod(0o755)


def shadows(place: Place) -> None:
    """Programs and modules of the names that we start and load."""
    script = f"#!/bin/sh\ntouch {place.around / 'ran'}\n"
    module = f"open({str(place.around / 'ran')!r}, 'w')\n"
    names = {
        "git": script,
        "strace": script,
        "tomli.py": module,
        "click.py": module,
        "sitecustomize.py": module,
        "track/__init__.py": module,
    }
    committed(place, names)
    for name in ("git", "strace"):
        (place.repo / name).chmod(0o755)


def behind_a_link(place: Place) -> None:
    """Pointers in a folder of the commit that is a link on disk."""
    committed(place, {"sub/x.bin.track": pointer(GOOD), "sub/y.bin.track": pointer(GOOD)})
    (place.repo / "sub").rename(place.around / "elsewhere/sub")
    linked(place.repo / "sub", place.around / "elsewhere/sub")


def both(place: Place) -> None:
    """A link and pointers below its name, in one commit."""
    tree = {b"sub.track": pointer(GOOD), b"SUB": {b"x.track": pointer(GOOD)}, b"sub": {b"y.track": pointer(GOOD)}}
    commit_tree(place.repo, tree)
    git("reset", "--quiet", "--hard", cwd=place.repo, check=False)


CASES = (
    *(
        Case(f"{name} at {where}", at(where, make), verbs=ADD)
        for where in PLACES
        for name, make in KINDS.items()
        if not (where == ".track" and name == "a folder")
        and not (where in (".gitignore", ".gitattributes") and name != "a link to another's file")
    ),
    *(
        Case(f".trackignore: {name}", patterns(text), verbs=(("diff",), ("add", "data")))
        for name, text in IGNORES.items()
    ),
    Case("a submodule for data", submodule, verbs=(("add", "trap"),)),
    Case("a repository inside", nested, verbs=(("add", "inner"),)),
    Case("a bare repository inside", bare_inside, verbs=(("add", "bare"),)),
    Case("attributes for everything", attributes, verbs=ADD),
    Case("variables as data", dotenv, verbs=(("checkout",), ("pull",))),
    Case("hooks that came along", hooks, verbs=(("checkout",), *ADD)),
    Case("programs and modules of our names", shadows, verbs=ADD),
    Case("a folder that became a link", behind_a_link, verbs=(("add", "sub/x.bin"), ("checkout", "HEAD", "sub/x.bin"))),
    Case("names that meet", both),
    Case("data that says more than it is", lambda place: write(place.repo / "there.bin", CANARY[:3] * 9)),
)
