"""How what was declared of a named artifact is shown: its keys, time and type, in words and as a document."""

from track.model.declaration import Declaration
from track.model.names import display


def schema_text(declaration: Declaration) -> str:
    """A declaration in a line."""
    parts = [f"keys {', '.join(map(display, declaration.keys))}" if declaration.keys else "no keys"]
    if declaration.time is not None:
        parts.append(f"time by {declaration.time}")
    if declaration.strict:
        parts.append("strict")
    if declaration.type is not None:
        parts.append(display(declaration.type))
    return "; ".join(parts)


def schema_document(declaration: Declaration) -> dict[str, object]:
    """A declaration as JSON can say it."""
    return {
        "keys": list(declaration.keys),
        "time": declaration.time,
        "strict": declaration.strict,
        "type": declaration.type,
    }
