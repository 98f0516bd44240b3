"""What the terminal allows and the user asked of it: colour, quiet, detail, and the two streams.

Results go to stdout, everything else to stderr. Text from outside must come through `track.model.names.display`.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple, TextIO

from track.model.names import display


class Settings(NamedTuple):
    """What was asked for on the command line. `acts` says that the command changes something."""

    quiet: bool = False
    verbose: int = 0
    json: bool = False
    color: str = "auto"
    pager: bool = True
    color_stdout: bool = False
    is_terminal: bool = False
    acts: bool = False


_state: dict[str, Any] = {"settings": Settings(), "clear": None}


def settings() -> Settings:
    """The settings in force."""
    current: Settings = _state["settings"]
    return current


def configure(**changes: bool | int | str) -> None:
    """Change some settings; what stdout is, and its colour, is decided here, before a pager takes its place."""
    asked = settings()._replace(**changes)  # type: ignore[arg-type]  # the names are those of Settings
    color_stdout = wants_color(sys.stdout, asked.color)
    _state["settings"] = asked._replace(color_stdout=color_stdout, is_terminal=sys.stdout.isatty())


def begin(arguments: list[str]) -> None:
    """Forget earlier settings, and take from `arguments` what errors need before they are parsed."""
    _state.update(settings=Settings(), clear=None)
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    configure(json="--json" in own)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def wants_color(stream: TextIO, asked: str) -> bool:
    """Whether `stream` takes colour: as asked, else NO_COLOR, FORCE_COLOR, and a terminal that is not dumb."""
    if asked != "auto":
        return asked == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


_CODES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
}


def paint(text: str, color: str) -> str:
    """`text` in a colour (or `bold`, `dim`) for stdout, or as it is where colour is off."""
    return _painted(text, color) if settings().color_stdout else text


def _painted(text: str, color: str) -> str:
    return f"\x1b[{_CODES[color]}m{text}\x1b[0m"


def on_clear(clear: Callable[[], None] | None) -> None:
    """Register what takes a progress bar off the screen before a line is printed."""
    _state["clear"] = clear


def _clear() -> None:
    if _state["clear"] is not None:
        _state["clear"]()


@contextmanager
def transient() -> Iterator[Callable[[str], None] | None]:
    """What shows one line on a terminal, each in the place of the one before; None where that would be noise.

    The line goes when something else is printed, and at the end of the block.
    """
    if settings().quiet or settings().json or not sys.stderr.isatty():
        yield None
        return

    def tell(line: str) -> None:
        _clear()
        sys.stderr.write(f"\r\x1b[K{line[: os.get_terminal_size(sys.stderr.fileno()).columns - 1]}")
        sys.stderr.flush()
        on_clear(clear)

    def clear() -> None:
        on_clear(None)
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        if _state["clear"] is clear:
            clear()


def emit(text: str, *, end: str = "\n") -> None:
    """Print a result; under `-q` a command that acts says nothing of what it did."""
    if not (settings().quiet and settings().acts):
        _print(text + end)


def emit_told(text: str, *, end: str = "\n") -> None:
    """Print a result with text that people made up in it: a program gets it as it is, a terminal (also one behind a
    pager) with what would steer it escaped.
    """
    shown = "\n".join(map(display, text.split("\n"))) if settings().is_terminal else text
    emit(shown, end=end)


def _print(text: str) -> None:
    _clear()
    sys.stdout.write(text)


def emit_bytes(data: bytes | memoryview) -> None:
    """Print a result that is bytes, as they are."""
    _clear()
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def emit_json(kind: str, payload: Mapping[str, Any]) -> None:
    """Print a result as one JSON document: `version`, `kind`, and the keys of `payload`."""
    _print(json_text(kind, payload) + "\n")


def json_text(kind: str, payload: Mapping[str, Any]) -> str:
    """One JSON document; text that is not UTF-8 keeps its escapes."""
    return json_of({"version": 1, "kind": kind, **payload}, indent=2)


def json_of(facts: object, *, indent: int | None = None) -> str:
    """The JSON of facts, as everybody reads it: numbers that JSON lacks, NaN and infinity, are null."""
    dumps: Callable[..., str] = import_module("json").dumps
    try:
        return dumps(facts, indent=indent, allow_nan=False)
    except ValueError:
        return dumps(_finite(facts), indent=indent, allow_nan=False)


def _finite(facts: object) -> object:
    if isinstance(facts, Mapping):
        return {name: _finite(fact) for name, fact in facts.items()}
    if isinstance(facts, list | tuple):
        return [_finite(fact) for fact in facts]
    return None if isinstance(facts, float) and facts - facts != 0 else facts


def note(text: str) -> None:
    """Say something beside the result, unless quiet."""
    if not settings().quiet:
        complain(text)


def detail(text: str) -> None:
    """Say something that only `-v` asks for."""
    if settings().verbose and not settings().quiet:
        complain(text)


def warn(text: str) -> None:
    """Say what was not as expected, unless quiet."""
    if not settings().quiet:
        complain(f"{label('warning', 'yellow')} {text}")


def hint(text: str) -> None:
    """Say what to do next, unless quiet."""
    if not settings().quiet:
        complain(f"{label('hint', 'cyan')} {text}")


def label(word: str, color: str) -> str:
    """The word that begins a line on stderr."""
    return _painted(f"{word}:", color) if wants_color(sys.stderr, settings().color) else f"{word}:"


def complain(text: str) -> None:
    """Print to stderr, quiet or not."""
    _clear()
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
