"""A folder that was unpacked: `.git` itself, and our own state in it, are a stranger's."""

import os
from collections.abc import Callable
from pathlib import Path

from safety.hostile.case import KEYS, Case, Place, committed, linked, removed, write
from support.hostile import pointer
from support.repositories import git
from track.project import store_wish

EDIT = (("add", "own.bin"),)
HOOKS = (
    *("applypatch-msg", "commit-msg", "fsmonitor-watchman", "p4-pre-submit", "post-checkout", "post-commit"),
    *(
        "post-index-change",
        "post-merge",
        "post-rewrite",
        "post-update",
        "pre-auto-gc",
        "pre-commit",
        "pre-merge-commit",
    ),
    *("pre-push", "pre-rebase", "prepare-commit-msg", "push-to-checkout", "reference-transaction", "update"),
)


def configured(*settings: tuple[str, str]) -> Callable[[Place], None]:
    """Git's own configuration of the clone; `{run}` is a command that would leave a trace."""

    def make(place: Place) -> None:
        for key, value in settings:
            git("config", "--add", key, value.replace("{run}", f"touch {place.around / 'ran'}"), cwd=place.repo)

    return make


def filtered(place: Place) -> None:
    """Filters and drivers that run a command, for every file."""
    configured(
        *((f"filter.evil.{what}", "{run}; cat") for what in ("clean", "smudge", "process")),
        *((f"diff.evil.{what}", "{run}") for what in ("command", "textconv")),
        ("merge.evil.driver", "{run}"),
        ("filter.evil.required", "true"),
    )(place)
    write(place.repo / ".git/info/attributes", "* filter=evil diff=evil merge=evil\n")


def hooked(place: Place) -> None:
    for name in HOOKS:
        write(place.repo / ".git/hooks" / name, f"#!/bin/sh\ntouch {place.around / 'ran'}\n").chmod(0o755)


def promised(place: Place) -> None:
    """A partial clone whose missing objects come from a command."""
    configured(
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ext::sh -c {run}"),
        ("remote.origin.uploadpack", "{run}"),
        ("protocol.ext.allow", "always"),
    )(place)
    oid = git("rev-parse", "HEAD:absent.bin.track", cwd=place.repo).strip()
    removed(place.repo / ".git/objects" / oid[:2] / oid[2:])


def elsewhere(place: Place) -> None:
    """The working tree is somebody's home."""
    git("config", "core.worktree", str(place.around), cwd=place.repo)


def with_own_config(place: Place) -> None:
    git("config", "extensions.worktreeConfig", "true", cwd=place.repo)
    write(place.repo / ".git/config.worktree", f"[core]\n\tfsmonitor = touch {place.around / 'ran'}\n")


def included(place: Place) -> None:
    write(place.around / "elsewhere/config", f"[core]\n\tfsmonitor = touch {place.around / 'ran'}\n")
    git("config", "include.path", "../../elsewhere/config", cwd=place.repo)


def file(name: str, content: str | bytes) -> Callable[[Place], object]:
    """A file in `.git`; `{out}` is the folder around the clone."""

    def make(place: Place) -> None:
        removed(place.repo / ".git" / name)
        text = content.replace("{out}", str(place.around)) if isinstance(content, str) else content
        write(place.repo / ".git" / name, text)

    return make


def piped(name: str) -> Callable[[Place], object]:
    """A pipe in `.git`."""

    def make(place: Place) -> None:
        removed(place.repo / ".git" / name)
        (place.repo / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(place.repo / ".git" / name)

    return make


def link(name: str, target: str) -> Callable[[Place], object]:
    """A link in `.git`; `{out}` is the folder around the clone."""

    def make(place: Place) -> None:
        linked(place.repo / ".git" / name, target.replace("{out}", str(place.around)))

    return make


GIT_CASES = (
    Case("a monitor", configured(("core.fsmonitor", "{run}")), verbs=EDIT),
    Case("a hooks folder", configured(("core.hooksPath", "../hooks")), verbs=EDIT),
    Case("hooks", hooked, verbs=EDIT),
    Case("filters and drivers", filtered, verbs=(("diff", "HEAD"), ("log", "there.bin"), ("show", "there.bin"))),
    Case(
        "a pager and editors",
        configured(("core.pager", "{run}"), ("core.editor", "{run}"), ("sequence.editor", "{run}")),
    ),
    Case("a pager for each", configured(*((f"pager.{name}", "{run}") for name in ("log", "diff", "ls-files", "show")))),
    Case(
        "aliases", configured(*((f"alias.{name}", "!{run}") for name in ("log", "ls-files", "cat-file", "status", "x")))
    ),
    Case(
        "ssh and asking",
        configured(("core.sshCommand", "{run}"), ("core.askPass", "{run}"), ("credential.helper", "!{run}")),
    ),
    Case("an external diff", configured(("diff.external", "{run}"), ("diff.tool", "x"), ("difftool.x.cmd", "{run}"))),
    Case("signatures", configured(("gpg.program", "{run}"), ("log.showSignature", "true"), ("commit.gpgSign", "true"))),
    Case("alternate refs", configured(("core.alternateRefsCommand", "{run}"), ("uploadpack.packObjectsHook", "{run}"))),
    Case("a promise kept by a command", promised, verbs=(("log",), ("diff", "HEAD"))),
    Case("a working tree elsewhere", elsewhere, codes={"checkout": (3,), "add": (2, 3)}, verbs=EDIT),
    Case("settings of the worktree", with_own_config, verbs=EDIT),
    Case("settings included from elsewhere", included, verbs=EDIT),
    Case(
        "attributes and ignores elsewhere",
        configured(("core.attributesFile", "/dev/zero"), ("core.excludesFile", "/etc/shadow")),
    ),
    Case("notes and mailmap elsewhere", configured(("mailmap.file", "/etc/passwd"), ("notes.displayRef", "*"))),
    Case(
        "colours that speak",
        configured(("color.ui", "always"), ("core.quotePath", "false"), ("format.pretty", "%x1b[2J")),
    ),
    Case("a format of the log", configured(("log.decorate", "full"), ("log.mailmap", "true"), ("log.follow", "true"))),
    Case("a format of the future", configured(("core.repositoryFormatVersion", "99"))),
    Case("an extension of the future", configured(("core.repositoryFormatVersion", "1"), ("extensions.evil", "true"))),
    Case("another ref store", configured(("core.repositoryFormatVersion", "1"), ("extensions.refStorage", "reftable"))),
    Case("alternates", file("objects/info/alternates", "{out}/elsewhere\n/etc\n/proc/self\n")),
    Case("alternates of the net", file("objects/info/http-alternates", "http://127.0.0.1:9/\n")),
    Case("grafts", file("info/grafts", "x y z\n")),
    Case("a shallow file", file("shallow", "0000\n\x1b[2J\n")),
    Case("a HEAD that is a path", file("HEAD", "ref: ../../elsewhere/x\n")),
    Case("a HEAD that is a link", link("HEAD", "{out}/precious")),
    Case("a HEAD that speaks", file("HEAD", b"ref: refs/heads/\x1b[2J\n")),
    Case("a HEAD that is an option", file("HEAD", "ref: refs/heads/--output=x\n")),
    Case("a HEAD of garbage", file("HEAD", "\xff" * 5000)),
    Case("refs of garbage", file("packed-refs", "\x1b[2J\n" * 100)),
    Case("a ref that is a link", link("refs/heads/main", "{out}/precious")),
    Case("an index that is garbage", file("index", "DIRC" + "\0" * 5000)),
    Case("an index that is a link", link("index", "{out}/precious"), verbs=EDIT),
    Case("an exclude file that is a link", link("info/exclude", "{out}/precious"), verbs=(("init",),)),
    Case("a common folder elsewhere", file("commondir", "../../elsewhere\n")),
    Case(
        "replacements",
        lambda place: git("replace", "-f", "HEAD:there.bin.track", "HEAD:absent.bin.track", cwd=place.repo),
    ),
)


def own(name: str, content: str | bytes) -> Callable[[Place], object]:
    """A file in our own state in the clone."""
    return file(f"track/{name}", content)


def forged(place: Place) -> None:
    """A consent of the stranger's own, wherever it might be looked for."""
    wish = store_wish(str(place.around / "elsewhere/store"))
    entry = f'format = 1\n[[consent]]\nclone = "{"0" * 32}"\npath = "{place.repo}/.git"\nkind = "setting"\n'
    entry += f'name = "store.path"\ndigest = "{wish.digest}"\nlines = {list(wish.lines)!r}\n'
    for name in ("trust.toml", "consent", "trust/trust.toml"):
        own(name, entry)(place)
    own("trust-id", "0" * 32 + "\n")(place)
    write(place.repo / ".track/trust.toml", entry)
    stored(place)


def stored(place: Place) -> None:
    """A place for the store that the victim did not choose."""
    own("config.toml", f"[store]\npath = '{place.around}/elsewhere/store'\n")(place)


def reached(place: Place) -> None:
    """A server in the clone's own file."""
    committed(place, {".track/config.toml": "[remote.origin]\nurl = 's3://acme-data/x'\n"})
    own("config.toml", "[remote.origin]\nendpoint = 'http://127.0.0.1:9'\nprofile = 'admin'\n")(place)


def foreign(place: Place) -> None:
    """A clone that says that it belongs to a store elsewhere."""
    write(place.ours / "store/clients/x", f"{place.around}/elsewhere\n")


def absent(place: Place) -> None:
    """More data that is not there, so that something is asked for."""
    committed(place, {"more.bin.track": pointer(b"more"), ".track/config.toml": "[remote.origin]\nurl = '../remote'\n"})


def links_in(folder: str) -> Callable[[Place], None]:
    """A folder of ours that is a link to another's."""

    def make(place: Place) -> None:
        absent(place)
        linked(place.ours / folder, place.around / "elsewhere")

    return make


def files_in(name: str, kind: Callable[[Path, Place], object]) -> Callable[[Place], None]:
    """A file of ours that is something else."""

    def make(place: Place) -> None:
        absent(place)
        removed(place.ours / name)
        (place.ours / name).parent.mkdir(parents=True, exist_ok=True)
        kind(place.ours / name, place)

    return make


OURS = ("config.toml", "stat.db", "lock", "clone-id", "trust-id", "remotes/origin.db", "remotes/origin.lock")
STORE = ("store/store.toml", "store/index.db", "store/lock")
STATE_VERBS = (*EDIT, ("pull",))
STATE_CASES = (
    Case("all of our state is a link", lambda place: linked(place.ours, place.around / "elsewhere"), verbs=STATE_VERBS),
    *(
        Case(f"a link at {name}", links_in(name), verbs=STATE_VERBS)
        for name in ("store", "remotes", "staging", "store/objects", "store/packs", "store/staging", "store/quarantine")
    ),
    *(
        Case(
            f"a link to another's file at {name}",
            files_in(name, lambda path, place: path.symlink_to(place.around / "precious")),
            verbs=STATE_VERBS,
        )
        for name in (*OURS, *STORE)
    ),
    *(
        Case(f"a pipe at {name}", files_in(name, lambda path, _: os.mkfifo(path)), verbs=STATE_VERBS)
        for name in (*OURS, *STORE)
    ),
    *(
        Case(f"a folder at {name}", files_in(name, lambda path, _: path.mkdir()), verbs=STATE_VERBS)
        for name in (*OURS, *STORE)
    ),
    *(
        Case(
            f"garbage at {name}", files_in(name, lambda path, _: path.write_bytes(b"\x1b[2J" * 999)), verbs=STATE_VERBS
        )
        for name in (*OURS, *STORE)
    ),
    Case("a forged consent", forged, verbs=STATE_VERBS),
    Case("a place for the store", stored, verbs=STATE_VERBS),
    Case(
        "a server of their own",
        reached,
        codes={"pull": (5,), "push": (5,), "fetch": (5,)},
        environment=KEYS,
        verbs=STATE_VERBS,
    ),
    Case("clients of the store", foreign, verbs=(("uninit", "--force"),)),
    Case(
        "a later store",
        lambda place: [absent(place), own("store/store.toml", "[store]\nformat = 99\nid = 'x'\n")(place)],
    ),
    Case(
        "a store with a long key",
        lambda place: [absent(place), own("store/store.toml", ".".join(["a"] * 30_000) + " = 1\n")(place)],
    ),
    Case("a pack of garbage", lambda place: own(f"store/packs/ab/{'0' * 62}.pack", "\x1b" * 5000)(place)),
    Case("names of packs that speak", lambda place: own("store/packs/ab/\x1b[2J.pack", "x")(place)),
)
