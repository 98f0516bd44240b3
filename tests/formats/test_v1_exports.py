"""Frozen files of format 1 of exports: their schema, which queries elsewhere rely on, and what their metadata says.

Written by `track catalog export --repository frozen` in a repository whose first commit is the one they name.
"""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from track.formats.parquet_tables import said_in, schema_of
from track.model.tables import TABLES, Table

V1 = Path(__file__).parent / "v1" / "exports"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_has_the_columns_that_it_had_and_new_ones_come_after(table: Table) -> None:
    frozen = pq.ParquetFile(V1 / f"{table.name}.parquet").schema_arrow
    now = schema_of(table, {"repository": "frozen", "root": "0"})
    assert [now.field(place) for place in range(len(frozen))] == list(frozen)
    assert frozen.metadata[b"track.format"] == now.metadata[b"track.format"] == b"1"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_a_frozen_file_says_of_itself_is_read(table: Table) -> None:
    said = said_in((V1 / f"{table.name}.parquet").read_bytes()[4:])
    root = "a109e096a0ee87e59626a871fa4b43365e79a96d"
    assert said == {"format": "1", "table": table.name, "repository": "frozen", "root": root}


def test_frozen_rows_are_read() -> None:
    (version,) = pq.ParquetFile(V1 / "versions.parquet").read().to_pylist()
    assert (version["repository"], version["name"], version["labels"]) == ("frozen", "a.csv", '{"split":"train"}')
    (run,) = pq.ParquetFile(V1 / "runs.parquet").read().to_pylist()
    (edge,) = pq.ParquetFile(V1 / "edges.parquet").read().to_pylist()
    (metric,) = pq.ParquetFile(V1 / "metrics.parquet").read().to_pylist()
    assert run["id"] == edge["target"] == metric["run"] and edge["source"] == version["digest"]
