"""Pointers and manifests that lie, are bombs, or name nothing."""

from collections.abc import Callable

from blake3 import blake3

from safety.hostile.case import GOOD, Case, Place, committed, keep
from support.hostile import entry, leaf, pointer

HEX = blake3(GOOD).hexdigest()
HEAD = f'[artifact]\nkind = "file"\ndigest = "blake3:{HEX}"\nsize = {len(GOOD)}\n'

TEXTS: dict[str, str] = {
    "arrays in arrays": "[artifact]\nx = " + "[" * 5000 + "]" * 5000 + "\n",
    "tables in tables": "[artifact]\nx = " + "{a=" * 3000 + "1" + "}" * 3000 + "\n",
    "a long number": "[artifact]\nsize = " + "9" * 5000 + "\n",
    "a dotted key": "[artifact]\n" + ".".join(["a"] * 50_000) + " = 1\n",
    "a dotted header": "[artifact]\n[" + ".".join(["a"] * 50_000) + "]\n",
    "a quoted dotted key": "[artifact]\n" + ".".join(['"a"'] * 50_000) + " = 1\n",
    "many keys": HEAD + "[labels]\n" + "".join(f"k{number} = 1\n" for number in range(60_000)),
    "many tables": HEAD + "".join(f"[t{number}]\n" for number in range(60_000)),
    "a large text": HEAD + 'type = "' + "x" * 2_000_000 + '"\n',
    "a negative size": HEAD.replace(f"size = {len(GOOD)}", "size = -1"),
    "a size of 2^63": HEAD.replace(f"size = {len(GOOD)}", f"size = {2**63}"),
    "a size of 2^63 - 1": HEAD.replace(f"size = {len(GOOD)}", f"size = {2**63 - 1}"),
    "a wrong size": HEAD.replace(f"size = {len(GOOD)}", "size = 4"),
    "a size that is a float": HEAD.replace(f"size = {len(GOOD)}", "size = 1e400"),
    "no digest": '[artifact]\nkind = "file"\nsize = 1\n',
    "a digest that is a path": HEAD.replace(HEX, "../../../etc/passwd"),
    "a digest of capitals": HEAD.replace(HEX, HEX.upper()),
    "a short digest": HEAD.replace(HEX, HEX[:8]),
    "another algorithm": HEAD.replace("blake3:", "md5:"),
    "a kind of its own": HEAD.replace('"file"', '"pickle"'),
    "a directory that is a file": HEAD.replace('"file"', '"directory"') + "files = 1\n",
    "files without end": HEAD.replace('"file"', '"directory"') + f"files = {2**63 - 1}\n",
    "a value that is not its digest": HEAD.replace('"file"', '"value"').replace("size = 11", "value = nan"),
    "a run that is a path": HEAD + 'run = "../../../x"\n',
    "a type that speaks": HEAD + 'type = "\\u001b]0;x\\u0007"\n',
    "labels that speak": HEAD + '[labels]\n"\\u001b[2J" = "\\u202e"\nx = { y = ["\\u009b31m"] }\n',
    "a schema that speaks": HEAD + '[schema]\n"\\u001b[2J" = "int\\u001b"\n',
    "a wide schema": HEAD + "[schema]\n" + "".join(f'c{number} = "int64"\n' for number in range(40_000)),
    "partitions that are paths": HEAD + '[partitions]\n"../x" = "../../y"\n',
    "based on other places": HEAD + f'[based_on]\n"/etc/passwd" = "blake3:{HEX}"\n"../../x" = "blake3:{HEX}"\n',
    "tags that speak": HEAD + '[tags]\n"\\u001b]0;x\\u0007" = true\n',
    "a command": HEAD + 'command = "touch ran"\n[hooks]\npost-checkout = "touch ran"\n',
    "a later format": HEAD.replace("[artifact]\n", "[artifact]\nformat = 99\n"),
    "dates": HEAD + "[labels]\nx = 9999-12-31T23:59:60Z\n",
    "a conflict": "<<<<<<< ours\n" + HEAD + "=======\n" + HEAD + ">>>>>>> theirs\n",
    "a conflict inside": HEAD + "<<<<<<< \x1b[2J\n=======\n>>>>>>> x\n",
    "nothing": "",
    "only a head": "[artifact]\n",
    "an array of heads": "[[artifact]]\n",
    "zeros": "[artifact]\n" + "\0" * 1000,
    "not UTF-8": "[artifact]\nkind = \udcff\n",
}


def text(content: str) -> Callable[[Place], None]:
    """A pointer with this content at `trap.track`, beside the usual."""
    return lambda place: committed(place, {"trap.track": content})


def directory(root: bytes, *nodes: bytes, size: int = 11, files: int = 1) -> Callable[[Place], None]:
    """A directory artifact `trap` with this root, its nodes in the store."""

    def make(place: Place) -> None:
        keep(place, root, *nodes, GOOD)
        committed(place, {"trap.track": pointer(root, kind="directory", size=size, files=files)})

    return make


def inner(level: int, *children: tuple[bytes, bytes, int, int]) -> bytes:
    """An inner node: (child, last path, files, bytes)."""
    lines = [
        b"%d %d %s %s\n" % (files, size, blake3(child).hexdigest().encode(), last)
        for child, last, files, size in children
    ]
    return b"track-manifest 1 %d\n" % level + b"".join(lines)


LEAF = leaf(entry(b"a", GOOD))
TALL = LEAF
TOWER = [LEAF]
for _level in range(1, 90):
    TALL = inner(_level, (TALL, b"a", 1, 11))
    TOWER.append(TALL)

MANIFESTS: dict[str, Callable[[Place], None]] = {
    "a tower of nodes": directory(TALL, *TOWER),
    "the same child many times": directory(
        inner(1, *((LEAF, b"a%05d" % number, 1, 11) for number in range(8000))), LEAF, size=88_000, files=8000
    ),
    "a child that is not there": directory(inner(1, (b"nowhere", b"a", 1, 11))),
    "a child that is a file": directory(inner(1, (GOOD, b"a", 1, 11))),
    "a child of its own level": directory(inner(1, (inner(1, (LEAF, b"a", 1, 11)), b"a", 1, 11)), LEAF),
    "counts without end": directory(
        inner(1, (LEAF, b"a", 2**63 - 1, 2**63 - 1)), LEAF, size=2**63 - 1, files=2**63 - 1
    ),
    "counts that overflow": directory(
        inner(1, (LEAF, b"a", 2**63 - 1, 11), (leaf(entry(b"b", GOOD)), b"b", 2**63 - 1, 11)),
        LEAF,
        leaf(entry(b"b", GOOD)),
    ),
    "a last path that is not": directory(inner(1, (LEAF, b"zzz", 1, 11)), LEAF),
    "a link out of the tree": directory(leaf(entry(b"s", b"../../../../etc", mode="l")), b"../../../../etc", size=15),
    "a link, and a file behind it": directory(
        leaf(entry(b"s", b"../../.git/hooks", mode="l"), entry(b"s/pre-commit", GOOD)),
        b"../../.git/hooks",
        size=27,
        files=2,
    ),
    "a link, and a file behind it in capitals": directory(
        leaf(entry(b"S", b"../../.git/hooks", mode="l"), entry(b"s/pre-commit", GOOD)),
        b"../../.git/hooks",
        size=27,
        files=2,
    ),
    "a deep path": directory(leaf(entry(b"/".join([b"d"] * 1500), GOOD))),
    "a long name": directory(leaf(entry(b"n" * 3000, GOOD))),
    "an executable of Git's": directory(leaf(entry(b".git/hooks/post-checkout", GOOD, mode="x"))),
    "our own state": directory(leaf(entry(b".track/config.toml", GOOD))),
    "a sparse file of 2^62 bytes": directory(leaf(entry(b"a", b"nowhere", size=2**62)), size=2**62),
    "an object with another size": directory(leaf(entry(b"a", GOOD, size=10**15)), size=10**15),
}
CASES = (
    *(Case(f"pointer text: {name}", text(content), verbs=(("show", "trap"),)) for name, content in TEXTS.items()),
    *(
        Case(
            f"manifest: {name}", make, verbs=(("ls", "trap"), ("diff", "HEAD~1"), ("get", "trap", "-o", "out"), ("du",))
        )
        for name, make in MANIFESTS.items()
    ),
    Case(
        "a root that names nothing",
        lambda place: committed(place, {"trap.track": pointer(b"nowhere", kind="directory", size=1, files=1)}),
    ),
    Case(
        "a pointer below a pointer",
        lambda place: committed(
            place, {"trap.track": pointer(LEAF, kind="directory", size=11, files=1), "trap/in.track": HEAD}
        ),
    ),
    Case(
        "many pointers of one object",
        lambda place: committed(place, {f"p{number}.track": HEAD for number in range(300)}),
    ),
)
