"""Pointers: one spelling when written, strict and forgetting nothing when read."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import ConflictedPointer, MalformedPointer, NewerFormat, NotAPointer
from track.model.digest import Digest, digest_of
from track.model.pointer import Pointer, dump_pointer, parse_pointer, value_digest

ONE = digest_of(b"one")
HEAD = f'[artifact]\nkind = "file"\ndigest = "{ONE}"\nsize = 3\n'.encode()


def test_the_file_of_a_pointer_is_this():
    pointer = Pointer(
        kind="file",
        digest=ONE,
        size=432950113,
        rows=1251908,
        type="application/vnd.apache.parquet",
        run="0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e",
        tags=("v2", "best"),
        schema={"customer_id": "int64", "a name": "string"},
        labels={"ticket": "AB-123", "infos": {"z": 1, "how": [1.5, True]}},
        partitions={"region": "eu", "day": "1"},
        based_on={b"data/raw.csv": ONE, b"data/\xff.csv": ONE},
    )
    assert dump_pointer(pointer).decode() == (
        "[artifact]\n"
        'kind = "file"\n'
        f'digest = "{ONE}"\n'
        "size = 432950113\n"
        "rows = 1251908\n"
        'type = "application/vnd.apache.parquet"\n'
        'run = "0198c1f2-7a10-7c3e-9f51-0d2f6a4c9b7e"\n'
        "\n[schema]\n"
        'customer_id = "int64"\n'
        '"a name" = "string"\n'
        "\n[tags]\n"
        "best = true\n"
        "v2 = true\n"
        "\n[labels]\n"
        "infos = { how = [1.5, true], z = 1 }\n"
        'ticket = "AB-123"\n'
        "\n[partitions]\n"
        'region = "eu"\n'
        'day = "1"\n'
        "\n[based_on]\n"
        f'"data/\\\\xff.csv" = "{ONE}"\n'
        f'"data/raw.csv" = "{ONE}"\n'
    )
    assert parse_pointer(dump_pointer(pointer), "x.track") == pointer


def said_by_toml():
    """Whatever a label can be."""
    text = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
    leaves = st.one_of(
        text,
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.dates(),
        st.datetimes(timezones=st.just(datetime.UTC)),
    )
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
    )


def texts():
    """Text as TOML can hold it."""
    return st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


digests = st.binary(min_size=32, max_size=32).map(Digest)
counts = st.integers(0, 2**63 - 1)
tables = st.dictionaries(texts(), said_by_toml(), max_size=3)
later_tables = st.dictionaries(
    texts().filter(lambda name: name not in {"artifact", "schema", "tags", "labels", "partitions", "based_on"}),
    tables | st.lists(tables, min_size=1, max_size=2),
    max_size=2,
)
OUR_KEYS = {"format", "kind", "digest", "size", "files", "rows", "value", "json", "type", "run"}
later_keys = st.dictionaries(texts().filter(lambda key: key not in OUR_KEYS), said_by_toml(), min_size=1, max_size=2)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-1e9, 1e9), texts()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def pointers(draw):
    """A pointer with everything in it that may be there."""
    kind = draw(st.sampled_from(["file", "directory", "value"]))
    facts = {"digest": draw(digests)}
    if kind == "value":
        value = draw(json_values)
        facts = {"digest": value_digest(value), "value": value}
    else:
        facts["size"] = draw(counts)
    if kind == "file":
        facts["executable"] = draw(st.booleans())
    if kind == "directory":
        facts["files"] = draw(counts)
    extra = draw(later_tables)
    if draw(st.booleans()):
        extra = {"artifact": draw(later_keys), **extra}
    return Pointer(
        kind=kind,
        rows=draw(st.none() | counts),
        type=draw(st.none() | texts()),
        run=draw(st.none() | texts()),
        tags=tuple(draw(st.lists(texts(), max_size=3))),
        schema=draw(st.dictionaries(texts(), texts(), max_size=3)),
        labels=draw(tables),
        partitions=draw(st.dictionaries(texts(), texts(), max_size=2)),
        based_on=draw(st.dictionaries(st.binary(max_size=8), digests, max_size=2)),
        extra=extra,
        **facts,
    )


@given(pointers())
@settings(max_examples=300)
def test_parse_reads_back_what_dump_wrote_and_dump_writes_it_again(pointer):
    data = dump_pointer(pointer)
    again = parse_pointer(data, "x.track")
    assert again == pointer
    assert dump_pointer(again) == data
    assert data.startswith(b"[artifact]\n")
    assert data.endswith(b"\n")
    assert b"\r" not in data


@given(pointers())
def test_a_written_pointer_hides_nothing_from_a_reviewer(pointer):
    text = dump_pointer(pointer).decode()
    assert not set(text) & set("\x00\x08\x1b\x7f\x85\u200b\u200f\u202e\u2028\u2066\ufeff")


@pytest.mark.parametrize("value", [42, 1.5, "text", True, [1, 2], {"a": {"b": []}}, "", 0])
def test_a_value_that_toml_can_say_is_written_as_toml(value):
    data = dump_pointer(Pointer(kind="value", digest=value_digest(value), value=value))
    assert b"\nvalue = " in data
    assert parse_pointer(data, "x.track").value == value


@pytest.mark.parametrize("value", [None, [1, None], {"a": None}])
def test_a_value_that_toml_cannot_say_is_written_as_its_json(value):
    data = dump_pointer(Pointer(kind="value", digest=value_digest(value), value=value))
    assert b"\njson = " in data
    assert parse_pointer(data, "x.track").value == value


def test_the_reader_takes_another_spelling_and_the_writer_gives_its_own():
    loose = (
        b"# why this is here\r\n\r\n[ artifact ]\r\nsize=3\r\nformat = 1\r\n"
        b"kind='file'   # a file\r\n'digest' = \"" + str(ONE).encode() + b'"\r\n'
    )
    assert dump_pointer(parse_pointer(loose, "x.track")) == HEAD


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"x = 1\n" + HEAD,
        b"[run]\n",
        b"[artifacts]\n",
        b"[[artifact]]\n",
        b"\x00",
        b"#",
        b"artifact = 1\n",
        b"\xff\xfe[artifact]",
        b"[artifact.x]\n",
        b'{"json": true}',
    ],
)
def test_a_file_that_does_not_begin_with_the_artifact_table_is_somebody_elses(data):
    with pytest.raises(NotAPointer) as caught:
        parse_pointer(data, "theirs.track")
    assert "theirs.track" in caught.value.message


@pytest.mark.parametrize("version", [b"2", b"17", b"999999999"])
def test_a_later_format_is_refused_with_the_way_out(version):
    with pytest.raises(NewerFormat) as caught:
        parse_pointer(b"[artifact]\nformat = " + version + b"\nwhatever = true\n", "x.track")
    assert version.decode() in caught.value.message
    assert "x.track" in caught.value.message
    assert "upgrade track" in caught.value.hint


def without(key):
    return b"".join(line for line in HEAD.splitlines(keepends=True) if not line.startswith(key))


MALFORMED = {
    "not TOML": (HEAD + b"nonsense\n", "line 5"),
    "a key twice": (HEAD + b"size = 4\n", "line 5"),
    "not UTF-8": (HEAD + b"type = '\xff'\n", "line 5"),
    "merge conflict": (HEAD + b"<<<<<<< HEAD\nrows = 1\n", "merge conflict"),
    "no kind": (without(b"kind"), "kind is missing"),
    "another kind": (HEAD.replace(b'"file"', b'"folder"'), "'folder'"),
    "kind that is no text": (HEAD.replace(b'"file"', b"1"), "line 2"),
    "no digest": (without(b"digest"), "digest is missing"),
    "digest in capitals": (HEAD.replace(str(ONE).encode(), str(ONE).upper().encode()), "line 3"),
    "digest of another kind": (HEAD.replace(b"blake3:", b"sha256:"), "line 3"),
    "digest that is no text": (without(b"digest") + b"digest = 7\n", "line 4"),
    "no size": (without(b"size"), "size is missing"),
    "size that is text": (HEAD.replace(b"= 3", b"= '3'"), "line 4"),
    "size that is a float": (HEAD.replace(b"= 3", b"= 3.0"), "line 4"),
    "size that is true": (HEAD.replace(b"= 3", b"= true"), "line 4"),
    "negative size": (HEAD.replace(b"= 3", b"= -3"), "-3"),
    "size over 63 bits": (HEAD.replace(b"= 3", b"= 9223372036854775808"), "2**63"),
    "executable as text": (HEAD + b"executable = 'yes'\n", "line 5"),
    "executable value": (
        f'[artifact]\nkind = "value"\nvalue = 3\nexecutable = true\ndigest = "{value_digest(3)}"\n'.encode(),
        "executable",
    ),
    "rows that are text": (HEAD + b"rows = 'many'\n", "line 5"),
    "files of a file": (HEAD + b"files = 3\n", "files"),
    "value of a file": (HEAD + b"value = 3\n", "value"),
    "directory without files": (HEAD.replace(b'"file"', b'"directory"'), "files"),
    "type that is no text": (HEAD + b"type = 1\n", "line 5"),
    "run that is no text": (HEAD + b"run = 1\n", "line 5"),
    "format that is text": (HEAD + b"format = '1'\n", "line 5"),
    "format zero": (HEAD + b"format = 0\n", "line 5"),
    "format true": (HEAD + b"format = true\n", "line 5"),
    "the table twice": (HEAD + b"[artifact]\n", "line 5"),
    "schema that is no table": (HEAD + b"[[schema]]\n", "line 5"),
    "a column that is no text": (HEAD + b"[schema]\nc = 1\n", "line 6"),
    "a partition that is no text": (HEAD + b"[partitions]\nday = 1\n", "line 6"),
    "a tag that is false": (HEAD + b"[tags]\nbest = false\n", "line 6"),
    "labels that are no table": (HEAD + b"[[labels]]\na = 1\n", "line 5"),
    "based on no digest": (HEAD + b"[based_on]\n'a' = 'x'\n", "digest"),
    "based on no path": (HEAD + b"[based_on]\n'a\\q' = '" + str(ONE).encode() + b"'\n", "path"),
    "value with another digest": (f'[artifact]\nkind = "value"\nvalue = 3\ndigest = "{ONE}"\n'.encode(), "digest"),
    "no value": (f'[artifact]\nkind = "value"\ndigest = "{ONE}"\n'.encode(), "value is missing"),
    "size of a value": (
        f'[artifact]\nkind = "value"\nvalue = 3\nsize = 1\ndigest = "{value_digest(3)}"\n'.encode(),
        "size",
    ),
    "value and json": (f'[artifact]\nkind = "value"\nvalue = 3\njson = "3"\ndigest = "{ONE}"\n'.encode(), "both"),
    "json that is none": (f'[artifact]\nkind = "value"\njson = "[1, null]"\ndigest = "{ONE}"\n'.encode(), "RFC 8785"),
    "a value that is a date": (
        f'[artifact]\nkind = "value"\nvalue = 2026-01-01\ndigest = "{ONE}"\n'.encode(),
        "JSON cannot say",
    ),
    "nested too deeply": (HEAD + b"x = " + b"[" * 20_000 + b"\n", "too deeply"),
    "a number of 5,000 digits": (HEAD + b"x = " + b"9" * 5_000 + b"\n", "not TOML"),
    "a key of 65 parts": (HEAD + b".".join([b"a"] * 65) + b" = 1\n", "64 parts"),
    "a header of 65 parts": (HEAD + b"[" + b" . ".join([b'"a"'] * 65) + b"]\n", "64 parts"),
    "a key of 65 parts inside": (HEAD + b"x = { " + b".".join([b"'a'"] * 65) + b" = 1 }\n", "64 parts"),
    "a key of 4,000 parts": (HEAD + b".".join([b"a"] * 4_000) + b" = 1\n", "64 parts"),
    "over 1 MiB": (HEAD + b"#" * (1 << 20), "1 MiB"),
}


@pytest.mark.parametrize(("data", "said"), MALFORMED.values(), ids=MALFORMED)
def test_a_pointer_that_cannot_be_is_refused_and_named(data, said):
    with pytest.raises(MalformedPointer) as caught:
        parse_pointer(data, "data/x.track")
    assert "data/x.track" in caught.value.message
    assert said in caught.value.message
    assert caught.value.message.isprintable()


def test_every_refusal_says_how_to_get_the_pointer_back():
    for data, _ in MALFORMED.values():
        with pytest.raises(MalformedPointer) as caught:
            parse_pointer(data, "data/x.track")
        in_conflict = isinstance(caught.value, ConflictedPointer)
        assert ("track merge data/x.track" if in_conflict else "git checkout HEAD -- data/x.track") in caught.value.hint


def test_a_pointer_in_conflict_is_a_conflict_and_no_damage():
    with pytest.raises(ConflictedPointer) as caught:
        parse_pointer(MALFORMED["merge conflict"][0], "x.track")
    assert caught.value.exit_code == 6


def test_a_key_of_64_parts_is_kept():
    data = HEAD + b".".join([b"a"] * 64) + b" = 1\n"
    pointer = parse_pointer(data, "x.track")
    assert parse_pointer(dump_pointer(pointer), "x.track") == pointer


def test_every_problem_of_a_pointer_is_named_at_once():
    with pytest.raises(ValueError, match="kind") as caught:
        Pointer(kind="folder", digest=ONE, size=-1, rows=-1)
    assert "size" in str(caught.value)
    assert "rows" in str(caught.value)


def test_what_a_later_version_wrote_is_kept_and_written_after_ours():
    data = HEAD + b"speed = 3\n\n[quality]\nscore = { mean = 1.5 }\n\n[[checks]]\na = 1\n\n[[checks]]\nb = 2\n"
    assert dump_pointer(parse_pointer(data, "x.track")) == data
