"""Records: one spelling when written, strict when read, and forgetting nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import MalformedRecord, NewerFormat
from track.model.digest import digest_of
from track.model.names import is_record_path
from track.model.record import Record, Revision, Series, Summary, Used, record_path, run_id
from track.model.record_file import dump_record, parse_record
from track.model.run_words import ENDED, HOWS, LIVING, is_folder, is_run_id, is_run_name

ONE = digest_of(b"one")
ID = "0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e"
START = datetime(2026, 7, 14, 9, 12, 33, 123456, UTC)
LEAST = Record(id=ID, name="brave-otter", status="completed", started=START)


def test_the_file_of_a_record_is_this():
    record = replace(
        LEAST,
        ended=START + timedelta(seconds=2),
        seconds=1.98,
        folder="/tests",
        by="Ada Lovelace <ada@example.org>",
        command=("python", "prep.py", "--source", "crm"),
        exit=0,
        tags=("first", "best"),
        metadata={"environment": "test", "n": 3},
        params={"lr": 0.1},
        revision=Revision("9f2c41d0", "ff948345", True, code=ONE, omitted=(b"big\xff.bin",)),
        environment={"python": "3.12.4", "packages": str(ONE)},
        metrics={"loss": Summary(0.5, 0.25, 1.0, 0.6, 4)},
        points=Series(4, ONE),
        alerts={"quality too low": "critical"},
        artifacts=(
            Used("output", ONE, 3, path=b"data/train.parquet", how="observed"),
            Used("input", ONE, 3, path=b"data/raw", kind="directory", how="declared"),
            Used("input", ONE, 3, name="cfg.in", type="text/plain", how="api"),
        ),
    )
    assert dump_record(record).decode() == (
        f'id = "{ID}"\n'
        'name = "brave-otter"\n'
        'folder = "/tests"\n'
        'status = "completed"\n'
        "started = 2026-07-14T09:12:33.123456Z\n"
        "ended = 2026-07-14T09:12:35.123456Z\n"
        "seconds = 1.98\n"
        'by = "Ada Lovelace <ada@example.org>"\n'
        'command = ["python", "prep.py", "--source", "crm"]\n'
        "exit = 0\n"
        'tags = ["first", "best"]\n'
        "\n[metadata]\n"
        'environment = "test"\n'
        "n = 3\n"
        "\n[params]\n"
        "lr = 0.1\n"
        "\n[revision]\n"
        'commit = "9f2c41d0"\n'
        'tree = "ff948345"\n'
        "dirty = true\n"
        f'code = "{ONE}"\n'
        'omitted = ["big\\\\xff.bin"]\n'
        "\n[environment]\n"
        'python = "3.12.4"\n'
        f'packages = "{ONE}"\n'
        "\n[metrics]\n"
        "loss = { last = 0.5, min = 0.25, max = 1.0, mean = 0.6, count = 4 }\n"
        "\n[series]\n"
        "count = 4\n"
        f'object = "{ONE}"\n'
        "\n[alerts]\n"
        '"quality too low" = "critical"\n'
        "\n[[input]]\n"
        f'path = "data/raw"\ndigest = "{ONE}"\nsize = 3\nkind = "directory"\nhow = "declared"\n'
        "\n[[input]]\n"
        f'name = "cfg.in"\ndigest = "{ONE}"\nsize = 3\ntype = "text/plain"\nhow = "api"\n'
        "\n[[output]]\n"
        f'path = "data/train.parquet"\ndigest = "{ONE}"\nsize = 3\nhow = "observed"\n'
    )
    assert parse_record(dump_record(record), "x.toml") == record


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
FACTS = st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), NUMBERS)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
DIGESTS = st.binary(max_size=3).map(digest_of)
SERIES = st.none() | st.builds(Series, st.integers(0, 2**40), DIGESTS, st.integers(0, 9))
PATHS = st.binary(min_size=1, max_size=6)
ADDRESSES = st.dictionaries(TEXTS, TEXTS, max_size=2).map(lambda pairs: tuple(sorted(pairs.items())))
USED = st.tuples(
    st.sampled_from(("code", "input", "output")),
    DIGESTS,
    st.integers(0, 2**63 - 1),
    st.one_of(st.tuples(PATHS, st.none()), st.tuples(st.none(), TEXTS)),
    st.sampled_from(("file", "directory")),
    st.none() | TEXTS,
    st.sampled_from(HOWS),
    ADDRESSES,
).map(lambda facts: Used(*facts[:3], *facts[3], *facts[4:]))
REVISIONS = st.none() | st.builds(
    Revision,
    st.none() | TEXTS,
    TEXTS,
    st.booleans(),
    code=st.none() | DIGESTS,
    patch=st.none() | DIGESTS,
    omitted=st.lists(PATHS, max_size=2).map(tuple),
)
RECORDS = st.builds(
    Record,
    id=st.builds(run_id, st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10)),
    name=st.from_regex(r"[a-z]+-[a-z]+", fullmatch=True),
    status=st.sampled_from(LIVING + ENDED),
    started=TIMES,
    ended=st.none() | TIMES,
    seconds=st.none() | st.floats(0, 1e9),
    by=TEXTS,
    command=st.lists(TEXTS, max_size=3).map(tuple),
    cwd=TEXTS.filter(bool),
    exit=st.none() | st.integers(-64, 255),
    task=st.none() | TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    description=st.none() | TEXTS,
    metadata=st.dictionaries(TEXTS, FACTS, max_size=3),
    params=st.dictionaries(TEXTS, FACTS, max_size=3),
    revision=REVISIONS,
    environment=st.dictionaries(TEXTS, FACTS, max_size=3),
    metrics=st.dictionaries(
        TEXTS, st.builds(Summary, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(1, 9)), max_size=3
    ),
    points=SERIES,
    events=SERIES,
    alerts=st.dictionaries(TEXTS, TEXTS, max_size=2),
    artifacts=st.lists(USED, max_size=4).map(tuple),
    extra=st.dictionaries(st.sampled_from(("later", "added")), st.integers(0, 9) | st.just({"a": 1}), max_size=2),
)


def test_artifacts_that_differ_in_one_fact_have_one_order():
    one = Used("input", ONE, 1, b"a")
    ordered = [one._replace(kind="directory", size=99), one._replace(type=""), one._replace(type="text/plain"), one]
    ordered += [one._replace(metadata=(("n", "1"),)), one._replace(metadata=(("n", 1),))]
    ordered += [one._replace(address=(("url", "s3://a"),))]
    ordered += [one._replace(size=size) for size in range(2, 40)]
    for said in (ordered, ordered[::-1]):
        assert list(replace(LEAST, artifacts=tuple(said)).artifacts) == ordered


@settings(max_examples=200, deadline=None)
@given(RECORDS)
def test_what_is_written_is_read_back_and_written_the_same(record: Record) -> None:
    written = dump_record(record)
    found = parse_record(written, "x.toml")
    assert found == record
    assert dump_record(found) == written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "x"}, "not a UUIDv7"),
        ({"parent": "x"}, "parent"),
        ({"name": "a\nb"}, "name"),
        ({"name": ""}, "name"),
        ({"folder": "tests"}, "slash"),
        ({"folder": "/a//b"}, "slash"),
        ({"status": "done"}, "status"),
        ({"started": datetime(2026, 1, 1)}, "time zone"),
        ({"metadata": {"a": [1]}}, "a in [metadata]"),
        ({"artifacts": (Used("result", ONE, 1, name="a"),)}, "category"),
        ({"artifacts": (Used("input", ONE, 1),)}, "neither a path nor a name"),
        ({"artifacts": (Used("input", ONE, 1, name="a", path=b"a"),)}, "or both"),
        ({"artifacts": (Used("input", ONE, -1, name="a"),)}, "size"),
        ({"artifacts": (Used("input", ONE, 1, name="a", kind="value"),)}, "'value'"),
        ({"artifacts": (Used("input", ONE, 1, name="a", how="guessed"),)}, "'guessed'"),
    ],
)
def test_what_cannot_be_is_refused(change: dict, said: str) -> None:
    with pytest.raises(ValueError) as error:
        replace(LEAST, **change)
    assert said in str(error.value)


HEAD = dump_record(LEAST).decode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "line 1 is not UTF-8"),
        (b"id = ", "not TOML"),
        (b"<<<<<<< ours\n", "merge conflict"),
        (b"x = " + b"[" * 5000, "nested too deeply"),
        (b"", "id is missing"),
        (HEAD.replace('"completed"', "3").encode(), "status is not text"),
        (HEAD.replace("2026-07-14T09:12:33.123456Z", "2026-07-14T09:12:33").encode(), "time with its zone"),
        ((HEAD + "exit = true\n").encode(), "exit is not a whole number"),
        ((HEAD + "seconds = 'x'\n").encode(), "seconds is not a number"),
        ((HEAD + "tags = [1]\n").encode(), "tags is not text"),
        ((HEAD + "metadata = 3\n").encode(), "metadata is not a table"),
        ((HEAD + "input = 3\n").encode(), "input is not a list"),
        ((HEAD + "[[input]]\nname = 'a'\nsize = 1\n").encode(), "digest of an input is missing"),
        ((HEAD + f"[[input]]\nname = 'a'\nsize = 1\ndigest = '{ONE}'\nold = 1\n").encode(), "old in input"),
        ((HEAD + "[revision]\ntree = 'a'\n").encode(), "dirty is missing"),
        ((HEAD + "[metrics]\nloss = { last = 1 }\n").encode(), "loss.min is missing"),
        ((HEAD + "[series]\ncount = 1\nobject = 'x'\n").encode(), "object"),
        (("format = 0\n" + HEAD).encode(), "format"),
    ],
)
def test_a_file_that_is_no_record_says_why(content: bytes, said: str) -> None:
    with pytest.raises(MalformedRecord) as error:
        parse_record(content, b".track/runs/2026/07/x.toml")
    assert said in error.value.message and ".track/runs/2026/07/x.toml" in error.value.message
    assert error.value.hint


def test_a_record_of_a_later_format_is_refused():
    with pytest.raises(NewerFormat):
        parse_record(("format = 2\n" + HEAD).encode(), "x.toml")


def test_a_record_lies_by_month_under_a_name_that_sorts_by_time():
    path = record_path(ID, START.astimezone(timezone(timedelta(hours=-12))))
    assert path == b".track/runs/2026/07/20260714T091233Z-6a4c9b7e.toml"
    assert is_record_path(path)
    assert not is_record_path(b"x/" + path) and not is_record_path(path + b"~")


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=2), st.binary(min_size=10, max_size=10))
def test_ids_sort_by_time(times: list[int], noise: bytes) -> None:
    first, second = (run_id(at, noise) for at in sorted(times))
    assert first <= second and is_run_id(first) and is_run_id(second)


def test_names_and_folders():
    assert is_run_name("my run_1/a.b:c") and not is_run_name(" a") and not is_run_name("a" * 256)
    assert is_folder("/") and is_folder("/a/b") and not is_folder("/a/") and not is_folder("a")
