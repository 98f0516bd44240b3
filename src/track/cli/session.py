"""What a command needs: the project, and ways to say what happened."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module

from track.cli import late, render
from track.cli.meter import meter as progress
from track.cli.render import count_text, duration_text, size_text
from track.cli.terminal import detail, emit, emit_bytes, emit_json, emit_told, hint, note, paint, settings, warn
from track.errors import MissingObject, TrackError, UnknownRevision, together

__all__ = [
    "count_text",
    "detail",
    "duration_text",
    "emit",
    "emit_bytes",
    "emit_json",
    "emit_told",
    "hint",
    "note",
    "opened",
    "paint",
    "progress",
    "refuse",
    "settings",
    "size_text",
    "table",
    "tell_still_here",
    "warn",
]


@contextmanager
def opened(flags: Mapping[str, str] | None = None) -> "Iterator[late.project.Project]":
    """The project around the current folder, closed at the end; its warnings are printed. `flags` beat its settings.

    Raises:
        NotARepository: there is no Git repository with a working tree here.
        ProjectError: `track init` was never run here.
        BadConfig, NewerFormat: its configuration cannot be read by this version.
    """
    with late.project.Project.open(None, flags=flags) as project:
        told = len(project.warnings)
        for text in project.warnings[:told]:
            warn(text)
        try:
            yield project
        except MissingObject as error:
            import_module("track.flows.purges").explain(project, error)
            raise
        except UnknownRevision as error:
            import_module("track.flows.sides").name_nearest(project, error)
            raise
        finally:
            for text in project.warnings[told:]:
                warn(text)


def tell_still_here(project: "late.project.Project") -> None:
    """Warn of what was purged elsewhere and is still here; nothing is loaded where no purge is known."""
    if (project.store_path / "tombstones").is_dir():
        import_module("track.flows.still_here").tell_still_here(project)


def refuse(refused: Sequence[TrackError]) -> None:
    """End with the error of what was refused, if anything was, after all the rest was shown."""
    if refused:
        raise together(refused)


def table(rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print rows of cells as aligned lines on stdout; columns in `right` are right-aligned."""
    text = render.table(rows, right=right)
    if text:
        emit(text)
