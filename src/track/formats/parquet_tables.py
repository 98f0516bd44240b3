"""Parquet files of the tables of an export, written a group of rows at a time and told apart by their metadata."""

from collections.abc import Mapping
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from track.model.tables import FORMAT, JSON, NUMBER, TEXT, TEXTS, TIME, TRUTH, WHOLE, Table

GROUP_ROWS = 16_384
"""Rows of a group: so many are in memory at once."""
_TYPES = {
    TEXT: pa.string(),
    JSON: pa.string(),
    WHOLE: pa.int64(),
    NUMBER: pa.float64(),
    TRUTH: pa.bool_(),
    TIME: pa.timestamp("us", tz="UTC"),
    TEXTS: pa.list_(pa.field("item", pa.string(), nullable=False)),
}
_BEFORE = "track."


class Writer:
    """Writes the rows of a table into a stream as they come; the file is whole when it was closed."""

    def __init__(self, stream: IO[bytes], table: Table, said: Mapping[str, str]) -> None:
        """`said` stands in the file's metadata."""
        self.count = 0
        self._schema = schema_of(table, said)
        self._waiting: list[tuple[Any, ...]] = []
        self._file = pq.ParquetWriter(stream, self._schema, version="2.6", compression="zstd")

    def add(self, row: tuple[Any, ...]) -> None:
        """Take a row: a cell for each column, after another."""
        self._waiting.append(row)
        self.count += 1
        if len(self._waiting) == GROUP_ROWS:
            self._write()

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._waiting:
            self._write()
        self._file.close()

    def _write(self) -> None:
        columns = zip(zip(*self._waiting, strict=True), self._schema, strict=True)
        arrays = [pa.array(cells, field.type) for cells, field in columns]
        self._file.write_batch(pa.record_batch(arrays, schema=self._schema), row_group_size=GROUP_ROWS)
        self._waiting.clear()


def schema_of(table: Table, said: Mapping[str, str]) -> Any:
    """The schema of a table in a file, with what its metadata says."""
    words = {**said, "format": str(FORMAT), "table": table.name}
    fields = [pa.field(one.name, _TYPES[one.kind], nullable=not one.is_given) for one in table.columns]
    return pa.schema(fields, {f"{_BEFORE}{name}": text for name, text in sorted(words.items())})


def said_in(end: bytes) -> dict[str, str]:
    """What the metadata of a file says that `Writer` wrote, from the `end` of it, the footer and what follows.

    Empty for a Parquet file of somebody else. Raises ValueError for what is no such file.
    """
    try:
        found = pq.read_metadata(pa.BufferReader(b"PAR1" + end)).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from error
    words = {name.decode("utf-8", "replace"): text.decode("utf-8", "replace") for name, text in found.items()}
    return {name.removeprefix(_BEFORE): text for name, text in words.items() if name.startswith(_BEFORE)}
