"""Python objects come back from their bytes as they were, or are refused; nothing that is not allowed runs."""

import base64
import contextlib
import io
import json
import math
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path
from random import Random
from typing import Any

import joblib
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy
from matplotlib.figure import Figure

from track.errors import MalformedContent, NewerFormat, NoFormat
from track.formats.format import Format
from track.formats.known import Encoded, decode, encode

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def again(obj: object, **allowed: Any) -> Any:
    encoded = encode(obj, **allowed)
    assert encode(obj, **allowed) == encoded, "the same object makes the same bytes"
    return decode(encoded.content, encoded.type, **allowed)


class Planted:
    """What a stranger would plant: unpickling it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


# ---- arrays ----

DTYPES = st.one_of(
    of_numpy.scalar_dtypes(),
    of_numpy.byte_string_dtypes(),
    of_numpy.unicode_string_dtypes(),
    of_numpy.datetime64_dtypes(),
    of_numpy.array_dtypes(),
)


@few
@given(of_numpy.arrays(DTYPES, of_numpy.array_shapes(min_dims=0, min_side=0, max_side=4)), st.integers(0, 3))
def test_arrays_come_back_with_type_shape_and_bytes(array: np.ndarray, turn: int) -> None:
    array = (array, array.T, array[::2] if array.ndim else array, np.asfortranarray(array))[turn]
    back = again(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable


def test_a_scalar_is_an_array_without_dimensions() -> None:
    back = again(np.float32(1.5))
    assert (back.shape, back.dtype, back[()]) == ((), np.dtype("f4"), 1.5)


@few
@given(st.dictionaries(st.text(max_size=8), of_numpy.arrays(of_numpy.integer_dtypes(), (2,)), min_size=1, max_size=4))
def test_arrays_by_name_come_back_by_name(arrays: dict[str, np.ndarray]) -> None:
    try:
        encoded = encode(arrays)
    except NoFormat:
        assert any("\0" in name for name in arrays)
        return
    back = decode(encoded.content, "application/x-npz")
    assert list(back) == list(arrays)  # type: ignore[call-overload]
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)  # type: ignore[index]
    assert list(np.load(io.BytesIO(encoded.content))) == list(arrays)


def test_a_large_array_is_mapped_and_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    file.write_bytes(encode(np.arange(1000)).content)
    back = decode(file, "application/x-npy")
    assert isinstance(back, np.memmap) and not back.flags.writeable
    assert np.array_equal(back, np.arange(1000))


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}], dtype=object),
        np.zeros(1, dtype=[("a", "i4"), ("b", "O")]),
        np.ma.masked_array([1, 2], mask=[True, False]),
        *(np.array(["a"], dtype=kind()) for kind in [getattr(np.dtypes, "StringDType", None)] if kind),  # from 2.0 on
    ],
)
def test_arrays_that_only_pickle_keeps_are_refused(array: np.ndarray) -> None:
    with pytest.raises(NoFormat, match=r"pickl|come back|kept"):
        encode(array)
    with pytest.raises(NoFormat):
        encode({"a": array})
    assert encode(array, allow_pickle=True).type == "application/x-pickle"


# ---- frames ----


def assert_same(frame: pd.DataFrame, back: Any) -> None:
    pd.testing.assert_frame_equal(frame, back, check_exact=True, check_freq=False)


COLUMNS = {
    "float": st.floats(),
    "Int8": st.none() | st.integers(-128, 127),
    "boolean": st.none() | st.booleans(),
    "string": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    "uint16": st.integers(0, 65535),
    ">i4": st.integers(-(2**31), 2**31 - 1),
    "datetime64[us, Europe/Paris]": st.none() | st.integers(-(10**15), 10**15),
    "datetime64[s]": st.integers(0, 10**9),
    "timedelta64[ns]": st.integers(-(10**12), 10**12),
    "category": st.none() | st.sampled_from(["gold", "ü", ""]),
    "Float32": st.none() | st.floats(width=32, allow_nan=False),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True, max_size=5))
    columns = {}
    for name in names:
        values = draw(st.lists(COLUMNS[name], min_size=rows, max_size=rows))
        if name.endswith(", Europe/Paris]"):
            columns[name] = pd.Series(values, dtype="Int64").astype("datetime64[us, UTC]").dt.tz_convert("Europe/Paris")
        elif name == "category":
            columns[name] = pd.Series(pd.Categorical(values, categories=["ü", "gold", "", "none"], ordered=True))
        else:
            columns[name] = pd.Series(values, dtype=name)
    frame = pd.DataFrame(columns, index=pd.RangeIndex(rows))
    kind = draw(st.integers(0, 3))
    if kind == 1:
        frame.index = pd.Index([f"r{row}" for row in range(rows)], name="row", dtype="str")
    elif kind == 2:
        frame.index = pd.DatetimeIndex(pd.date_range("2020", periods=rows, tz="UTC"), freq=None)
    elif kind == 3 and rows:
        frame.index = pd.MultiIndex.from_tuples([(row // 2, f"{row}") for row in range(rows)], names=["a", None])
    return frame


@few
@given(frames())
def test_frames_of_pandas_come_back_with_types_and_index(frame: pd.DataFrame) -> None:
    assert_same(frame, again(frame))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[3, 1]),
        pd.DataFrame(np.eye(2)),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({"a": pd.Categorical([3, 1, None], categories=[9, 3, 1])}),
        pd.DataFrame({"a": pd.Categorical(pd.to_datetime(["2020", "2021"]).tz_localize("UTC"))}),
        pd.DataFrame({"a": pd.Categorical([], categories=["b", "a"], ordered=True)}),
        pd.DataFrame({"a": pd.Categorical(["x"], categories=["unused", "x"]), "b": [1.5]}),
        pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="M"), "b": pd.interval_range(0, 2)}),
        pd.DataFrame({"a": ["x", None]}, dtype=object),
        pd.DataFrame({"a": [b"\xff", None]}),
        pd.DataFrame({"a": np.array([1, 2], dtype=">f8"), "b": [1, 2]}, index=pd.RangeIndex(5, 9, 2, name="n")),
        pd.DataFrame({"a": pd.to_datetime(["2020-01-01"]).as_unit("s").tz_localize("America/New_York")}),
    ],
)
def test_frames_that_parquet_alone_would_change(frame: pd.DataFrame) -> None:
    assert_same(frame, again(frame))


@pytest.mark.parametrize("name", [None, "a", 3])
def test_series_come_back_with_their_name(name: object) -> None:
    series = pd.Series([1, None], name=name, dtype="Int32", index=["x", "y"])
    back = again(series)
    pd.testing.assert_series_equal(series, back)
    assert back.name == name


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Duplicate"),
        (pd.DataFrame({"z": [1j]}), "z"),
        (pd.DataFrame({"ok": [1], "tokens": [[1, 2]]}), "tokens"),
        (pd.DataFrame({"mixed": [1, "a"]}), "mixed"),
    ],
)
def test_frames_that_would_come_back_different_are_refused(frame: pd.DataFrame, named: str) -> None:
    with pytest.raises(NoFormat, match=named):
        encode(frame)
    assert_same(frame, again(frame, allow_pickle=True))


@few
@given(
    st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=5),
    st.sampled_from([pl.String, pl.Categorical]),
)
def test_frames_of_polars_come_back_with_their_schema(texts: list[str | None], kind: Any) -> None:
    rows = len(texts)
    frame = pl.DataFrame(
        {
            "text": pl.Series(texts, dtype=kind),
            "enum": pl.Series(["y"] * rows, dtype=pl.Enum(["z", "y"])),
            "list": pl.Series([[1, None]] * rows, dtype=pl.List(pl.Int8)),
            "time": pl.Series([0] * rows, dtype=pl.Int64).cast(pl.Datetime("ms", "Europe/Paris")),
            "none": pl.Series([None] * rows, dtype=pl.UInt16),
        }
    )
    back = again(frame)
    assert back.schema == frame.schema and back.equals(frame)
    series = again(frame["list"])
    assert isinstance(series, pl.Series) and series.name == "list" and series.equals(frame["list"])


def test_what_polars_cannot_write_is_refused() -> None:
    with pytest.raises(NoFormat):
        encode(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))
    with pytest.raises(NoFormat):
        encode(pl.DataFrame({"a": [1]}).lazy())


def test_notes_of_a_later_version_are_refused() -> None:
    table = pq.read_table(io.BytesIO(encode(pd.Series([1])).content))
    stream = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(table.schema.metadata | {b"track.notes": b'{"mood": 1}'}), stream)
    with pytest.raises(NewerFormat, match="mood"):
        decode(stream.getvalue(), "application/vnd.apache.parquet")


def test_a_table_from_elsewhere_is_a_frame() -> None:
    stream = io.BytesIO()
    pl.DataFrame({"a": [1, 2]}).write_parquet(stream)
    assert_same(pd.DataFrame({"a": [1, 2]}), decode(stream.getvalue(), "application/vnd.apache.parquet"))


# ---- figures ----


def test_figures_of_plotly_come_back_as_figures() -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=np.array([3.0, 4.0])), layout={"title": {"text": "ü"}})
    back = again(figure)
    assert isinstance(back, go.Figure)
    assert back == figure


def test_figures_of_matplotlib_come_back_as_their_drawing() -> None:
    def drawn() -> Figure:
        figure = Figure()
        figure.subplots().plot([1, 2], [3, 4])
        return figure

    encoded = encode(drawn())
    assert encoded.type == "image/svg+xml"
    assert encode(drawn()).content == encoded.content
    assert "<svg" in str(decode(encoded.content, encoded.type))


# ---- plain values ----

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
).filter(lambda value: "\\ud" not in ascii(value))


@few
@given(JSON)
def test_values_text_and_bytes_come_back(value: Any) -> None:
    assert repr(again(value)) == repr(value)
    text = repr(value)
    assert again(text) == text
    assert again(text.encode()) == text.encode()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1: 2}, "key 1"),
        ({"a": [1, (2, 3)]}, r"the value\['a'\]\[1\] is a tuple"),
        ([math.nan], r"the value\[0\] is nan"),
        ({"a": {1, 2}}, "set"),
        ("\ud800", "surrogate"),
        ({"a": "\udfff"}, "surrogate"),
        ((1, 2), "no format keeps a tuple"),
        ({1, 2}, "no format keeps a set"),
        (bytearray(b"a"), "bytearray"),
        (lambda: 1, "function"),
    ],
)
def test_values_that_would_change_are_refused_with_their_place(value: Any, said: str) -> None:
    with pytest.raises(NoFormat, match=said) as caught:
        encode(value)
    assert "allow_pickle=True" in (caught.value.hint or "")


def test_values_without_an_end_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(NoFormat, match="deep"):
        encode(deep)
    with pytest.raises(MalformedContent, match="deep"):
        decode(b"[" * 100_000, "application/json")


def test_content_of_an_unknown_type_is_its_bytes() -> None:
    assert decode(b"\xff", None) == b"\xff"
    assert decode(b"\xff", "application/x-mesh") == b"\xff"


@pytest.mark.parametrize(
    "type",
    ["application/x-npy", "application/x-npz", "application/vnd.apache.parquet", "application/json", "text/plain"],
)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe nonsense", b"PAR1PAR1PAR1PAR1", b"\x93NUMPY\x01\x00\xff\xff("])
def test_content_that_is_not_what_its_type_says_is_an_error(type: str, content: bytes) -> None:
    if (type, content) in {("text/plain", b""), ("text/plain", b"PAR1PAR1PAR1PAR1")}:
        return
    with pytest.raises(MalformedContent, match=type.replace("+", r"\+")):
        decode(content, type)


CONTENTS = [
    encode(each)
    for each in (
        np.arange(6, dtype=">i2"),
        {"a": np.arange(3), "ü": np.zeros((2, 2))},
        pd.DataFrame({"n": [1, 2], "c": pd.Categorical([3, 1]), "o": pd.Series(["x", None], dtype=object)}),
        pl.DataFrame({"a": [1, 2], "s": ["x", "y"]}),
        {"a": [1, {"b": None}]},
        go.Figure(go.Scatter(x=[1, 2], y=[3, 4])),
    )
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CONTENTS), st.randoms(use_true_random=False))
def test_content_that_somebody_changed_is_an_object_or_an_error(encoded: Encoded, random: Random) -> None:
    content = bytearray(encoded.content)
    for _ in range(random.choice([1, 1, 3])):
        at = random.choice([random.randrange(len(content)), max(0, len(content) - random.randrange(1, 200))])
        end = at + random.choice([0, 1, 1, 8])
        content[at:end] = random.randbytes(random.choice([0, 1, 1, 8]))
        content = content or bytearray(b"x")
    with contextlib.suppress(MalformedContent), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decode(bytes(content), encoded.type)


def test_content_at_which_polars_panics_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic is no Exception of Python's: nobody who catches those catches it. One byte of this was changed."""
    packed = (
        "eJx1UcFOwkAQ3daCHDxwYDbdpIcetIFIEFZJW29bQpBotCUmRm/FskCC1LQI6hcZz36g0y0HL77DvJ03895hJxSTHhhgg32DRAjRSAl9z0CA"
        "AmmDCXWoQpWQAxQru0OtcqyBwfqkWmemFgOhJs1o5gROjTCLBuDRwq2z9pWRpekGdALGiY6ruMksZjk/mvVfAP3WoEGwNZ0azRoEE80jMZnc"
        "PVzmz4vZS2x+aWcFzh8FYlgUb4v9e7TvlXQtRC4GiiNxGuJ8tyv0sRDzv3uquMX8U+mqjIQaoR3NwVgEiodFHkLlCBHeo8kv31FpHURF3rzs"
        "R0NBzNswXcVZbjdfPzaLdN2yt7MsX6Zrm3d6na7dnL4tV4ntSr/Lp8m5lAl3pfR40rvgrhd3/Zj7fSm5dONZ4vMWsyz82Sc8VIjH+wXbTl21"
    )
    monkeypatch.setattr("track.formats.known._is_there", lambda *names: names == ("polars",))
    with pytest.raises(MalformedContent, match=r"`a\.parquet` is no application/vnd.apache.parquet") as caught:
        decode(zlib.decompress(base64.b64decode(packed)), "application/vnd.apache.parquet", of="`a.parquet`", bare="so")
    assert caught.value.hint == "its bytes as they are: so"


def test_an_array_that_says_it_is_huge_costs_no_memory() -> None:
    content = encode(np.zeros(4)).content.replace(b"(4,)", b"(99999999999999,)"[:17])
    with pytest.raises(MalformedContent):
        decode(content.replace(b"               \n", b"  \n", 1), "application/x-npy")


# ---- pickle ----


def planted_archive(payload: Planted) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.array([payload], dtype=object))
    return stream.getvalue()


def planted_array(payload: Planted) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([payload], dtype=object), allow_pickle=True)
    return stream.getvalue()


def renamed_archive(payload: Planted) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", pickle.dumps(payload))
    return stream.getvalue()


def joblib_bytes(payload: Planted) -> bytes:
    stream = io.BytesIO()
    joblib.dump(payload, stream)
    return stream.getvalue()


MAKERS = (pickle.dumps, planted_array, planted_archive, renamed_archive, joblib_bytes)
TYPES = (
    *("application/x-npy", "application/x-npz", "application/x-pickle", "application/x-joblib", "application/json"),
    *("application/vnd.apache.parquet", "application/vnd.plotly.v1+json", "text/plain", "image/svg+xml", None),
)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("type", TYPES)
def test_what_is_planted_never_runs(tmp_path: Path, make: Any, type: str | None) -> None:
    target = tmp_path / "ran"
    content = make(Planted(target))
    for given_content in (content, _file(tmp_path / "content", content)):
        with contextlib.suppress(NoFormat, MalformedContent):
            decode(given_content, type)
        assert not target.exists()
    if make is pickle.dumps and type == "application/x-pickle":
        decode(content, type, allow_pickle=True)
        assert target.exists(), "the payload works where it is allowed"


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_pickle_needs_the_word_on_both_sides() -> None:
    encoded = encode({1, 2}, allow_pickle=True)
    with pytest.raises(NoFormat, match="not allowed"):
        decode(encoded.content, encoded.type)
    assert decode(encoded.content, encoded.type, allow_pickle=True) == {1, 2}


def test_joblib_is_used_when_it_is_asked_for() -> None:
    with pytest.raises(NoFormat, match="not allowed"):
        encode({1}, type="application/x-joblib")
    encoded = encode({1: np.arange(3)}, type="application/x-joblib", allow_pickle=True)
    with pytest.raises(NoFormat, match="not allowed"):
        decode(encoded.content, encoded.type)
    assert list(decode(encoded.content, encoded.type, allow_pickle=True)[1]) == [0, 1, 2]  # type: ignore[index]


def test_a_pickle_that_cannot_be_opened_here_is_told() -> None:
    with pytest.raises(NoFormat, match="cannot be opened here: No module named 'nowhere'") as caught:
        decode(b"cnowhere\nthing\n.", "application/x-pickle", allow_pickle=True)
    assert caught.value.hint == "install what it was made with"


def test_what_cannot_be_pickled_is_told() -> None:
    with pytest.raises(NoFormat, match="function"):
        encode(lambda: 1, allow_pickle=True)


def test_a_type_that_does_not_fit_the_object_is_refused() -> None:
    with pytest.raises(NoFormat, match="no format of application/x-npy keeps a str"):
        encode("text", type="application/x-npy")


# ---- others' formats, and what is loaded ----


def test_an_installed_package_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meshes.py").write_text(
        "from track.formats.format import Format\n"
        "class Mesh:\n"
        "    def __init__(self, size): self.size = size\n"
        "MESH = Format('application/x-mesh', '.mesh', lambda obj: isinstance(obj, Mesh),\n"
        "              lambda obj: str(obj.size).encode(), lambda content: Mesh(int(content)))\n"
        "JSON = Format('application/json', '.json', lambda obj: True, lambda obj: b'', lambda content: 0)\n"
        "NOTHING = 3\n"
    )
    info = tmp_path / "meshes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: meshes\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[track.formats]\nmesh = meshes:MESH\njson = meshes:JSON\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from meshes import Mesh  # type: ignore[import-not-found]

    assert again({"a": 1}) == {"a": 1}, "ours go first"
    encoded = encode(Mesh(7))
    assert encoded.type == "application/x-mesh"
    assert decode(encoded.content, encoded.type).size == 7  # type: ignore[attr-defined]
    (info / "entry_points.txt").write_text("[track.formats]\nnothing = meshes:NOTHING\n")
    with pytest.raises(NoFormat, match="nothing"):
        encode(Mesh(7))
    assert isinstance(encode("text"), tuple), "and nobody is asked for what is ours"
    assert Format._fields[0] == "type"


def test_no_library_is_loaded_for_objects_that_are_not_its_own() -> None:
    code = (
        "import sys, json\n"
        "from track.formats.known import encode, decode\n"
        "decode(encode({'a': [1]}).content, 'application/json'); encode('x'); decode(b'x', None)\n"
        "print(json.dumps([m for m in ('numpy', 'pandas', 'polars', 'pyarrow', 'matplotlib', 'plotly', 'joblib')"
        " if m in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == []


def test_a_library_that_is_missing_is_named_with_what_installs_it(tmp_path: Path) -> None:
    content = tmp_path / "a.npy"
    content.write_bytes(encode(np.arange(2)).content)
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from pathlib import Path\n"
        "from track.errors import NoFormat\n"
        "from track.formats.known import decode\n"
        "try: decode(Path(sys.argv[1]).read_bytes(), 'application/x-npy')\n"
        "except NoFormat as error: print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, content], capture_output=True, check=True, text=True)
    assert done.stdout == "numpy is needed for this and not installed | pip install 'track-data[numpy]'\n"
