"""Changes in words: an artifact that differs as the lines that `track diff` and Git's diff driver show."""

import sys
from collections.abc import Iterator

from track.cli import late, render
from track.cli.render import count_text, size_text
from track.cli.terminal import paint
from track.model.change import Change
from track.model.names import display

COLORS = {"A": "green", "M": "yellow", "D": "red", "R": "cyan", "T": "magenta", "=": "dim"}
WORDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "mode", "=": "labels"}


def lines(artifact: "late.diff.ArtifactDiff", limit: int) -> Iterator[str]:
    """The line of an artifact, and one for each of up to `limit` files inside it (0: all)."""
    yield render.table([row_of(artifact)])
    changes = artifact.changes if has_inside(artifact) else ()
    shown = changes[: limit or sys.maxsize]
    if shown:
        yield render.table([["  ", *change_row_of(artifact, change)] for change in shown])
    if len(changes) > len(shown):
        yield f"     and {len(changes) - len(shown):,} more  (--limit 0 shows all)"


def has_inside(artifact: "late.diff.ArtifactDiff") -> bool:
    """Whether there is something inside to name: it is a directory, or one side of it is."""
    return artifact.kind == "directory" or any(change.path != artifact.path for change in artifact.changes)


def title_of(artifact: "late.diff.ArtifactDiff") -> str:
    """What an artifact is called."""
    if artifact.name is not None:
        return artifact.name if artifact.name.isprintable() else display(artifact.name)
    return display(artifact.path) + ("/" if artifact.kind == "directory" else "")


def row_of(artifact: "late.diff.ArtifactDiff") -> list[str]:
    """The cells of an artifact's line."""
    letter = paint(f"{artifact.op} {WORDS[artifact.op]}", COLORS[artifact.op])
    return [f" {letter}", _moved(artifact.renamed_from, title_of(artifact)), sizes_of(artifact), inside_of(artifact)]


def _moved(source: bytes | None, title: str) -> str:
    return title if source is None else f"{display(source)} -> {title}"


def sizes_of(artifact: "late.diff.ArtifactDiff") -> str:
    """How large it is, and was."""
    if artifact.kind == "value":
        return ""
    if artifact.op in "AR":
        return size_text(artifact.new_size)
    if artifact.op == "D":
        return size_text(artifact.old_size)
    if artifact.old_size == artifact.new_size:
        return size_text(artifact.new_size)
    return f"{size_text(artifact.old_size)} -> {size_text(artifact.new_size)}"


def inside_of(artifact: "late.diff.ArtifactDiff") -> str:
    """What differs inside, in words and signs."""
    said: list[str] = []
    if artifact.op in "ADR" and has_inside(artifact):
        said.append(count_text(artifact.old_files if artifact.op == "D" else artifact.new_files, "file"))
    elif has_inside(artifact):
        counts = (("+", "A"), ("~", "M"), ("-", "D"))
        signs = [f"{sign}{artifact.count(op):,}" for sign, op in counts if artifact.count(op)]
        if signs:
            said.append(" ".join(signs) + " files")
        for op, word in (("R", "renamed"), ("T", "mode")):
            if artifact.count(op):
                said.append(f"{artifact.count(op):,} {word}")
    if artifact.op == "R":
        said.append("same content")
    if artifact.moved_out_count:
        said.append(f"{artifact.moved_out_count:,} moved to other artifacts")
    said.extend(map(_fact, artifact.facts))
    return ", ".join(said)


def _fact(fact: "late.diff.Fact") -> str:
    old, new = ("(none)" if value is None else display(str(value)) for value in (fact.old, fact.new))
    return f"{display(fact.what)}: {old} -> {new}"


def change_row_of(artifact: "late.diff.ArtifactDiff", change: Change) -> list[str]:
    """The cells of the line of a file inside."""
    inner = display(change.path[len(artifact.path) + 1 :] or change.path)
    source = change.renamed_from
    if source is not None and source.startswith(artifact.path + b"/"):
        source = source[len(artifact.path) + 1 :]
    letter = paint(change.op, COLORS[change.op])
    old, new = change.old, change.new
    if old is None or new is None or old.size == new.size:
        sizes = size_text((new or old).size) if (new or old) else ""  # type: ignore[union-attr]  # one is there
    else:
        sizes = f"{size_text(old.size)} -> {size_text(new.size)}"
    if change.op == "T" and old is not None and new is not None:
        sizes = f"{_MODES[old.mode]} -> {_MODES[new.mode]}"
    return [letter, _moved(source, inner), sizes]


_MODES = {"f": "file", "x": "executable", "l": "link", "d": "empty directory"}
