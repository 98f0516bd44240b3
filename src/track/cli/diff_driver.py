"""`track-hook diff`: what `git diff` shows of a pointer on a terminal, as `track diff` would.

The script `diff-driver.sh` calls it. It ends with 0 when it has shown something, with anything else when it has
printed nothing; then the script prints the patch. No remote is asked.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from track.cli import terminal
from track.cli.changes import lines
from track.errors import TrackError
from track.model.names import display
from track.project import Project
from track.verbs.diff import Diff, diff_pointer

_NOTHING_SHOWN = 2
_FILES_SHOWN = 20
_MOST_WHOLE = 20
"""Above so many paths in one `git diff`, each artifact is one line."""


def run(name: str, arguments: Sequence[str]) -> int:
    """Show what changed: PATH OLD-FILE OLD-ID OLD-MODE NEW-FILE NEW-ID NEW-MODE [NEW-PATH HEADER]."""
    if len(arguments) < 7:
        return _NOTHING_SHOWN
    try:
        text = _shown(arguments)
    except (TrackError, OSError):  # the patch says all there is
        return _NOTHING_SHOWN
    except Exception as error:  # Git must not stumble over a failure of ours, but somebody hears of it
        sys.stderr.write(f"track: {display(arguments[0])}: a bug in track, {type(error).__name__}: {error}\n")
        return _NOTHING_SHOWN
    if text is None:
        return _NOTHING_SHOWN
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _shown(arguments: Sequence[str]) -> str | None:
    """The lines to show; none when the data is not what differs, or not all of it can be said."""
    old_name, old_file, _, old_mode, new_file, _, new_mode = arguments[:7]
    new_name = arguments[7] if len(arguments) > 7 else old_name
    if {old_mode, new_mode} & {"120000", "160000"}:
        return None
    old = None if old_mode == "." else (os.fsencode(old_name), Path(old_file).read_bytes())
    new = None if new_mode == "." else (os.fsencode(new_name), Path(new_file).read_bytes())
    with Project.open(None) as project:
        found = diff_pointer(project, old, new)
        terminal.begin([])
        terminal.configure(color="always" if _wants_color(project) else "never")
    if not found.artifacts:
        return None
    return _text(found, display(os.fsencode(old_name)), display(os.fsencode(new_name)))


def _text(found: Diff, old_name: str, new_name: str) -> str:
    """A heading as Git's own, and the lines of `track diff`; with many paths the one line alone."""
    (artifact,) = found.artifacts
    shown = list(lines(artifact, _FILES_SHOWN))
    if artifact.trouble:
        shown.append(f"     what differs inside is not known: {artifact.trouble}")
    if _number("GIT_DIFF_PATH_TOTAL") > _MOST_WHOLE:
        return shown[0] + "\n"
    heading = terminal.paint(f"track a/{old_name} b/{new_name}", "bold")
    return "\n".join([heading, *shown]) + "\n"


def _wants_color(project: Project) -> bool:
    """As Git decides it for its own diff, a pager included."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "") == "dumb":
        return False
    is_terminal = "true" if sys.stdout.isatty() or os.environ.get("GIT_PAGER_IN_USE") else "false"
    return project.git.run("config", "--get-colorbool", "color.diff", is_terminal, check=False).strip() == b"true"


def _number(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0
