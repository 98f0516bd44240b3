"""Every known format, and which one is for an object or a content.

A library is loaded only when an object is its own, or when content that only it can read is asked for as an object.
Packages that are installed add formats as entry points of the group `track.formats`, each a `Format`; ours go first,
so none of them can take the place of one of ours. A cloned repository adds nothing.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from track.errors import NoFormat, TrackError
from track.formats.format import Format, bytes_of, cannot_keep, kind_of, not_this
from track.formats.plain import BYTES, FORMATS, JSON, TEXT
from track.model.chart import Line
from track.model.document import flat
from track.model.expressions import expression
from track.model.names import display
from track.model.tables import Table

GROUP = "track.formats"
PARQUET = "application/vnd.apache.parquet"


class _Home(NamedTuple):
    """A module of formats: the library whose objects it takes, and the extra that brings what it needs."""

    module: str
    library: str
    needs: str
    extra: str | None = None


_ARRAYS = _Home("arrays", "numpy", "numpy", "numpy")
_PANDAS = _Home("pandas_frames", "pandas", "pandas pyarrow", "pandas")
_POLARS = _Home("polars_frames", "polars", "polars", "polars")
_PLOTLY = _Home("plotly_figures", "plotly", "plotly", "figures")
_MATPLOTLIB = _Home("matplotlib_figures", "matplotlib", "matplotlib", "figures")
_PICKLE = _Home("pickled", "pickle", "pickle")
_JOBLIB = _Home("joblibs", "joblib", "joblib")
_TABLES = _Home("parquet_tables", "pyarrow", "pyarrow", "parquet")
_PANDAS_TABLES = _Home("pandas_tables", "pandas", "pandas", "pandas")
_POLARS_TABLES = _Home("polars_tables", "polars", "polars", "polars")
_PICTURE = _Home("chart_png", "matplotlib", "matplotlib", "figures")

_OBJECTS = (_ARRAYS, _PANDAS, _POLARS, _PLOTLY, _MATPLOTLIB)
_BY_TYPE = {
    "application/x-npy": _ARRAYS,
    "application/x-npz": _ARRAYS,
    "application/vnd.plotly.v1+json": _PLOTLY,
    "application/x-pickle": _PICKLE,
    "application/x-joblib": _JOBLIB,
}
_RUNS = ("application/x-pickle", "application/x-joblib")
_MADE_BY = expression(rb"track\.object\W{1,5}(pandas|polars)\.(?:DataFrame|Series)", re.DOTALL)


class TableWriter(Protocol):
    """Takes the rows of a table, a cell for each column, and counts them; the file is whole when it was closed."""

    count: int

    def add(self, row: tuple[Any, ...]) -> None:
        """Take a row."""

    def close(self) -> None:
        """Write what is left."""


class Encoded(NamedTuple):
    """An object as bytes: their media type, and what the name of a file of it ends with."""

    content: bytes
    type: str
    suffix: str


def encode(obj: object, *, allow_pickle: bool = False, type: str | None = None) -> Encoded:
    """The bytes of an object, from which `decode` makes the same object again.

    `type` chooses a format where several take it, such as `application/x-joblib`.

    Raises:
        NoFormat: no format keeps such an object as it is, or only one that pickles, and that was not allowed.
    """
    if type in _RUNS and not allow_pickle:
        raise _not_allowed(f"{type} was asked for", saving=True)
    may_be = (each for each in _formats_for(obj, type) if allow_pickle or not each.runs)
    chosen = next((each for each in may_be if each.takes(obj)), None)
    try:
        if chosen is not None:
            return Encoded(chosen.write(obj), chosen.type, chosen.suffix)
    except Exception as error:  # libraries fail in ways of their own
        if not allow_pickle or type is not None:
            raise cannot_keep(obj, _why(error)) from error
    if type is not None:
        raise NoFormat(f"no format of {display(type)} keeps a {kind_of(obj)}", hint="leave the type out")
    if not allow_pickle:
        raise _not_allowed(f"no format keeps a {kind_of(obj)}", saving=True)
    return encode(obj, allow_pickle=True, type=_RUNS[0])


def decode(
    content: bytes | Path, type: str | None, *, allow_pickle: bool = False, of: str | None = None, bare: str = ""
) -> object:
    """The object in a content of a media type; the bytes themselves where nothing is known of the type.

    Where it is not what its type says, `of` is the name by which that is told, and `bare` how its bytes are had.

    `content` is a path only to be mapped into memory where the format can; such an object changes with the file.

    Raises:
        NoFormat: it is pickled and that was not allowed, or the library that reads it is not installed.
        MalformedContent: it is not what its type says.
        NewerFormat: a later version of track wrote it.
    """
    if type in _RUNS and not allow_pickle:
        raise _not_allowed(f"the content is {type}", saving=False)  # before the library is loaded
    chosen = _format_of(type, content)
    if chosen is None:
        return bytes_of(content)
    if chosen.runs and not allow_pickle:
        raise _not_allowed(f"the content is {type}", saving=False)
    try:
        return chosen.read(content if chosen.maps else bytes_of(content))
    except TrackError:
        raise
    except Exception as error:  # libraries fail in ways of their own at bytes that somebody made up
        if chosen.runs:
            raise NoFormat(
                f"the {chosen.type} cannot be opened here: {_why(error)}", hint="install what it was made with"
            ) from error
        raise not_this(chosen.type, _why(error), of, bare) from error


def picture(lines: Sequence[Line], x_name: str) -> bytes:
    """A chart of lines as PNG. Raises NoFormat when the library that draws it is not installed, UsageError
    for values that it cannot draw.
    """
    drawn: bytes = _module(_PICTURE).draw(lines, x_name)
    return drawn


def table_writer(stream: IO[bytes], table: Table, said: Mapping[str, str]) -> TableWriter:
    """What writes the rows of a table of an export into a stream as Parquet, with `said` in its metadata.

    Raises NoFormat when the library that writes it is not installed.
    """
    writer: TableWriter = _module(_TABLES).Writer(stream, table, said)
    return writer


def said_of_table(end: bytes) -> dict[str, str]:
    """What `table_writer` was given to say, from the footer of a file; empty for somebody else's.

    Raises ValueError for what is no Parquet file, NoFormat when the library is not installed.
    """
    said: dict[str, str] = _module(_TABLES).said_in(end)
    return said


def need_tables() -> None:
    """Raise NoFormat when the library that writes tables is not installed, before anything is made."""
    _module(_TABLES)


def _formats_for(obj: object, type: str | None) -> Iterator[Format]:
    """The formats that may take an object: its library's own, Python's, and others' that are installed."""
    if type in _RUNS:
        yield from _loaded(_BY_TYPE[type])
        return
    tops = {cls.__module__.partition(".")[0] for cls in obj.__class__.__mro__}
    if isinstance(obj, dict) and "numpy" in sys.modules:
        tops.add("numpy")
    homes = [home for home in _OBJECTS if home.library in tops and home.library in sys.modules]
    ours = [each for home in homes for each in _loaded(home)]
    for each in chain(ours, FORMATS, _others()):
        if type is None or each.type == type:
            yield each


def _format_of(type: str | None, content: bytes | Path) -> Format | None:
    if type is None or type == BYTES.type:
        return None
    if type == JSON.type:
        return JSON
    if type.startswith("text/") or type == "image/svg+xml":
        return TEXT
    home = _home_of_table(content) if type == PARQUET else _BY_TYPE.get(type)
    if home is not None:
        return next(each for each in _loaded(home) if each.type == type)
    return next((each for each in _others() if each.type == type), None)


def _home_of_table(content: bytes | Path) -> _Home:
    """Who made a table says so at its end; one from elsewhere is read by pandas, or by polars where that is alone."""
    data = bytes_of(content)
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8] if len(data) > 12 else b""
    made_by = _MADE_BY.search(footer)
    if made_by is not None:
        return _PANDAS if made_by[1] == b"pandas" else _POLARS
    return _POLARS if not _is_there("pandas", "pyarrow") and _is_there("polars") else _PANDAS


def _why(error: Exception) -> str:
    return display(str(error)) or type(error).__name__


def frame_of(rows: Sequence[Mapping[str, Any]], index: str, columns: Sequence[str]) -> Any:
    """Rows as a frame of pandas, with these columns beside `index`; as they are where pandas is not installed."""
    if not _is_there("pandas"):
        return list(rows)
    return import_module("track.formats.pandas_tables").frame(rows, index, columns)


def table_of(rows: Iterable[Mapping[str, Any]], library: str, kinds: Mapping[str, str]) -> Any:
    """Facts by name as a frame of pandas or polars: a column for each name, and for each path in what has several.

    Those of `kinds` are there in any case, with these values where there are none: see `model.tables`.

    Raises:
        NoFormat: the library is not installed.
    """
    found = [dict(flat(row)) for row in rows]
    columns = list(dict.fromkeys((*kinds, *(name for row in found for name in row))))
    home = _POLARS_TABLES if library == "polars" else _PANDAS_TABLES
    return _module(home).table({name: [row.get(name) for row in found] for name in columns}, kinds)


def _is_there(*libraries: str) -> bool:
    finder = import_module("importlib.util")
    return all(finder.find_spec(library) is not None for library in libraries)


def _loaded(home: _Home) -> tuple[Format, ...]:
    found: tuple[Format, ...] = _module(home).FORMATS
    return found


def _module(home: _Home) -> Any:
    try:
        return import_module(f"track.formats.{home.module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in home.needs.split():
            raise
        wanted = f"'track-data[{home.extra}]'" if home.extra else error.name
        raise NoFormat(f"{error.name} is needed for this and not installed", hint=f"pip install {wanted}") from error


def _others() -> Iterator[Format]:
    """The formats that installed packages add."""
    for point in import_module("importlib.metadata").entry_points(group=GROUP):
        found = point.load()
        if not isinstance(found, Format):
            raise NoFormat(
                f"the entry point {point.name} of the group {GROUP} is no track.Format",
                hint=f"look at the package that has it: {point.value}",
            )
        yield found


def _not_allowed(what: str, *, saving: bool) -> NoFormat:
    if saving:
        hint = "allow_pickle=True pickles it; reading it needs the same word, as a pickle can run any code"
    else:
        hint = "allow_pickle=True opens it; a pickle can run any code, so only from somebody you trust"
    return NoFormat(f"{what}, and pickling was not allowed", hint=hint)
