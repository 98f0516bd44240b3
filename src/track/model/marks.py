"""Marks: the text of a pointer that has both sides of a conflict in it, as Git writes one."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from track.model.expressions import expression

_MARK = expression(rb"(<{7,}|\|{7,}|={7,}|>{7,})(?: .*)?\r?\n?")


def marked(ours: bytes, theirs: bytes, size: int = 7) -> bytes:
    """Both texts in one: what is the same once, the rest between marks of `size` signs, a table as a whole.

    Different texts always give marks.
    """
    left, right = (text.splitlines(keepends=True) for text in (ours, theirs))
    size = max(size, 7)
    parts: list[bytes] = []
    for is_same, mine, other in _stretches(left, right):
        if is_same:
            parts += mine
            continue
        parts += [b"<" * size + b" ours\n", *_ended(mine), b"=" * size + b"\n", *_ended(other)]
        parts += [b">" * size + b" theirs\n"]
    return b"".join(parts)


def sides(text: bytes) -> tuple[bytes, bytes] | None:
    """The two texts in one that has marks; None when it has none, or they make no sense."""
    ours: list[bytes] = []
    theirs: list[bytes] = []
    state, found = "both", False
    for line in text.splitlines(keepends=True):
        mark = _MARK.fullmatch(line)
        after = {
            b"<": ("both", "ours"),
            b"|": ("ours", "base"),
            b"=": ("ours base", "theirs"),
            b">": ("theirs", "both"),
        }
        if mark is not None:
            before, state_after = after[mark[1][:1]]
            if state not in before.split():
                return None
            state, found = state_after, True
            continue
        if state in ("both", "ours"):
            ours.append(line)
        if state in ("both", "theirs"):
            theirs.append(line)
    return (b"".join(ours), b"".join(theirs)) if found and state == "both" else None


def _stretches(left: list[bytes], right: list[bytes]) -> Iterator[tuple[bool, list[bytes], list[bytes]]]:
    """(same, lines of left, lines of right) in order; same lines within a table that differs belong to it."""
    mine: list[bytes] = []
    other: list[bytes] = []
    for op, start, end, from_, to in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        same = left[start:end] if op == "equal" else []
        if same and (not (mine or other) or b"\n" in same):
            if mine or other:
                yield False, mine, other
            yield True, same, same
            mine, other = [], []
        else:
            mine += left[start:end]
            other += right[from_:to]
    if mine or other:
        yield False, mine, other


def _ended(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], lines[-1] if lines[-1].endswith(b"\n") else lines[-1] + b"\n"] if lines else []
