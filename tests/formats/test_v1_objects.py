"""Frozen objects of format 1: every later version gives the same objects from these bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import polars as pl
import pytest

from track.formats.known import decode, encode
from track.model.digest import Digest, digest_of

V1 = Path(__file__).parent / "v1" / "objects"
PARQUET = "application/vnd.apache.parquet"


def frame() -> pd.DataFrame:
    columns = {
        "kind": pd.Categorical([3, 1, None], categories=[9, 3, 1], ordered=True),
        "text": pd.Series(["ü", None, "x"], dtype=object),
        "big": np.array([1, 2, 3], dtype=">i4"),
        "when": pd.to_datetime(["2026-01-02"] * 3).as_unit("s").tz_localize("Europe/Paris"),
        "some": pd.array([1, None, 3], dtype="Int8"),
    }
    return pd.DataFrame(columns).set_axis(pd.Index(["a", "b", "c"], name="row"), axis=0)


OBJECTS: dict[str, tuple[str, str, Any]] = {
    "array.npy": (
        "application/x-npy",
        "1e16144e55170abe9bfc37064504f9fd5e7ba8602a2193008acc3ae7141703f2",
        np.arange(6, dtype=">i2").reshape(2, 3),
    ),
    "arrays.npz": (
        "application/x-npz",
        "a64b57050f88d94cfc33531ee06a5e62f6be7b5651bbd5075a479333d6a9032a",
        {"ü": np.zeros(()), "b": np.array(["x", "yy"])},
    ),
    "frame.parquet": (PARQUET, "8c9a36d4bf1e6f42c20e8b720032742612820874325467ac353732f636b0e590", frame()),
    "series.parquet": (
        PARQUET,
        "dd0541655de339afe2397fe2893e100379c08b6bca1c5e0aee18e13f52d047ed",
        pd.Series([1.5, 2.5]),
    ),
    "rows.parquet": (
        PARQUET,
        "c59b8fd00451fa3b9b5fbc41ff0b9c5525899bab54488c29f4e59a99ef9587fe",
        pd.DataFrame(index=pd.RangeIndex(3)),
    ),
    "polars.parquet": (
        PARQUET,
        "49ae8d7d7b606808890c5310e3fda4a719c30989c55ad7649f44b91f09566771",
        pl.DataFrame({"e": pl.Series(["x"], dtype=pl.Enum(["y", "x"])), "n": [1]}),
    ),
    "column.parquet": (
        PARQUET,
        "bf7238153587a2c687df45d97c0bbcc50a6e98bd3ce681c95782a8478db68026",
        pl.Series("n", [1, None], dtype=pl.UInt8),
    ),
    "value.json": (
        "application/json",
        "60bf44ae6fbb13aad13ce31fc7a2f4b77f35914d79e05ddcc23ae3f0ce2aff6f",
        {"a": [1, 2.5, None, "ü"]},
    ),
    "figure.plotly.json": (
        "application/vnd.plotly.v1+json",
        "c40f722851493d43af47f7d7d66b9c33bce325f42132d4e2440bbe4bb2ee9e99",
        go.Figure(go.Scatter(x=[1, 2], y=[3, 4])),
    ),
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, pd.DataFrame | pd.Series):
        check = pd.testing.assert_frame_equal if isinstance(one, pd.DataFrame) else pd.testing.assert_series_equal
        check(one, other, check_exact=True)  # type: ignore[operator]  # one of two functions of one shape
        return True
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, pl.DataFrame | pl.Series):
        return type(one) is type(other) and one.equals(other)
    if isinstance(one, dict) and any(isinstance(each, np.ndarray) for each in one.values()):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, go.Figure):
        return bool(one.data == other.data)  # the template is that of the library's version
    return bool(one == other)


@pytest.mark.parametrize("name", OBJECTS)
def test_the_frozen_objects_come_back(name: str) -> None:
    kind, digest, expected = OBJECTS[name]
    content = (V1 / name).read_bytes()
    assert digest_of(content) == Digest.from_hex(digest)
    assert same(expected, decode(content, kind))


@pytest.mark.parametrize("name", ["array.npy", "arrays.npz", "value.json"])
def test_what_no_library_writes_for_us_is_written_to_the_byte(name: str) -> None:
    kind, _, expected = OBJECTS[name]
    assert encode(expected) == ((V1 / name).read_bytes(), kind, Path(name).suffix)
