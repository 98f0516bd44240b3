"""How labels and tags are shown, and what was done to them."""

import math
from collections.abc import Sequence

from track.cli import late
from track.cli.session import count_text, emit, note
from track.model.names import display, text_of


def text_value(value: object) -> str:
    """A label's value as it is typed: true and numbers bare, text that looks like them in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        looks_else = value in ("true", "false", "") or value[:1] in '"-0123456789'
        return f'"{display(value)}"' if looks_else else display(value)
    return display(str(value))


def say_done(artifacts: "Sequence[late.marking.Marked]", what: str, *, dry_run: bool, no_stage: bool) -> None:
    """Say which artifacts were changed, and what is next."""
    for artifact in artifacts:
        did = "changed" if artifact.is_changed else "unchanged"
        emit(
            f"{display(artifact.name or artifact.path)}  {what} {'would be ' * (dry_run and artifact.is_changed)}{did}"
        )
    changed = sum(artifact.is_changed for artifact in artifacts)
    if dry_run:
        note("nothing was written (--dry-run)")
    elif changed and no_stage:
        note("pointers written, not staged: git add them with your code")
    elif changed:
        note(f"{count_text(changed, 'pointer')} staged: git commit records them")


def document(artifacts: "Sequence[late.marking.Marked]", *, dry_run: bool) -> dict[str, object]:
    """The artifacts as JSON can say them."""
    return {
        "dry_run": dry_run,
        "artifacts": [
            {
                "path": text_of(artifact.path),
                "pointer": text_of(artifact.pointer),
                "name": artifact.name,
                "kind": artifact.kind,
                "labels": {key: plain(value) for key, value in artifact.labels.items()},
                "tags": list(artifact.tags),
                "changed": artifact.is_changed,
            }
            for artifact in artifacts
        ],
    }


def plain(value: object) -> object:
    """A label's value as JSON can say it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
