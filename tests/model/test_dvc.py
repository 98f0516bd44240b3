"""What DVC's files say, as tables and properties; that the real DVC says so is in the tests of the import."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from track.errors import MalformedContent
from track.formats.dvc_yaml import load
from track.model.dvc import (
    CHUNK,
    Identity,
    Member,
    is_of,
    kept_by_git,
    looks_like_text,
    parse_listing,
    parse_lock,
    parse_pointer_file,
    settings_in,
)

A, B = "a" * 32, "b" * 32


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


TEXT = st.lists(st.sampled_from([b"one", b"two words", b"\r\n", b"\n", b"\r", b""])).map(b"".join)
NAMES = st.sampled_from(["a", "b", "a b", "c.txt", "\u00fc", "\u65e5", "x\ny", "-", "%2e", "\\", "A"])


@given(TEXT)
def test_text_is_known_by_either_end_of_its_lines_where_dvc_was_loose(data: bytes) -> None:
    unix = data.replace(b"\r\n", b"\n")
    assert is_of(data, Identity(md5(unix), loose=True))
    assert is_of(data, Identity(md5(data), loose=True))
    assert is_of(data, Identity(md5(data), loose=False))
    assert is_of(data, Identity(md5(unix), loose=False)) == (unix == data)


@given(st.binary(max_size=600).map(lambda data: b"\0" + data))
def test_what_has_a_zero_in_it_is_never_text(data: bytes) -> None:
    assert not looks_like_text(data[:512])
    assert is_of(data, Identity(md5(data), loose=True))
    assert is_of(data + b"\r\n", Identity(md5(data + b"\n"), loose=True)) is False


def test_a_line_end_between_two_pieces_counts_as_dvc_counts_it() -> None:
    data = b"x" * (CHUNK - 1) + b"\r\n" + b"y\r\n"
    assert is_of(data, Identity(md5(b"x" * (CHUNK - 1) + b"\r\n" + b"y\n"), loose=True))
    assert not is_of(data, Identity(md5(b"x" * (CHUNK - 1) + b"\ny\n"), loose=True))


@settings(max_examples=40)
@given(st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.sampled_from([A, B]), max_size=6))
def test_a_list_of_files_is_read_back_whole_or_refused(files: dict[str, str]) -> None:
    folders = {path[:at] for path in files for at, char in enumerate(path) if char == "/"}
    data = json.dumps([{"md5": one, "relpath": path} for path, one in files.items()]).encode()
    if folders & files.keys():
        with pytest.raises(MalformedContent):
            parse_listing(data, Identity(A, loose=False), "it")
        return
    expected = {Member(path.encode(), Identity(one, loose=False)) for path, one in files.items()}
    found = parse_listing(data, Identity(A, loose=False), "it")
    assert set(found) == expected
    assert list(found) == sorted(found)


@given(st.binary(max_size=60))
def test_whatever_bytes_a_list_has_it_is_read_or_refused(data: bytes) -> None:
    try:
        parse_listing(data, Identity(A, loose=False), "it")
    except MalformedContent:
        return
    assert json.loads(data) == []


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({}, "not a list"),
        ([1], "no path"),
        ([{"relpath": "../x", "md5": A}], "../x"),
        ([{"relpath": "/etc/passwd", "md5": A}], "/etc/passwd"),
        ([{"relpath": ".git/hooks/post-checkout", "md5": A}], ".git"),
        ([{"relpath": "a\0b", "md5": A}], "a\\x00b"),
        ([{"relpath": "", "md5": A}], "empty"),
        ([{"relpath": "x", "md5": "../../x"}], "no MD5"),
        ([{"relpath": "x", "md5": A}, {"relpath": "x", "md5": B}], "twice"),
        ([{"relpath": "x", "md5": A}, {"relpath": "x/y", "md5": B}], "a file and a folder"),
    ],
)
def test_a_list_that_leads_elsewhere_or_contradicts_itself_is_refused(rows: object, why: str) -> None:
    with pytest.raises(MalformedContent) as refused:
        parse_listing(json.dumps(rows).encode(), Identity(A, loose=False), "it")
    assert why in str(refused.value)


def outputs(text: str) -> list[tuple[str, str | None, bool, str | None]]:
    found = parse_pointer_file(load(text.encode(), "x.dvc"), "x.dvc")
    return [(one.path, one.identity and one.identity.md5, one.is_directory, one.why_not) for one in found]


def test_pointers_of_every_age_are_read() -> None:
    assert outputs(f"outs:\n- md5: {A}\n  path: x\n") == [("x", A, False, None)]
    assert outputs(f"md5: {B}\nouts:\n- md5: {A}.dir\n  path: d\n  cache: true\n  metric: false\n") == [
        ("d", A, True, None)
    ]
    assert outputs(f"wdir: sub\nouts:\n- {{md5: {A}, path: x}}\n") == [("sub/x", A, False, None)]
    (old,) = parse_pointer_file(load(f"outs: [{{md5: {A}, path: x}}]".encode(), "x"), "x")
    (new,) = parse_pointer_file(load(f"outs: [{{md5: {A}, path: x, hash: md5}}]".encode(), "x"), "x")
    assert old.identity == Identity(A, loose=True)
    assert new.identity == Identity(A, loose=False)


@pytest.mark.parametrize(
    ("out", "why"),
    [
        (f"{{md5: {A}, path: 's3://bucket/x'}}", "outside"),
        (f"{{md5: {A}, path: x, cache: false}}", "left to Git"),
        ("{etag: abc, path: x}", "etag"),
        ("{path: x}", "no MD5"),
    ],
)
def test_what_cannot_become_an_artifact_says_why(out: str, why: str) -> None:
    ((_, _, _, said),) = outputs(f"outs: [{out}]")
    assert said is not None
    assert why in said


@pytest.mark.parametrize(
    "text",
    ["", "- x", "outs: {}", "outs: [x]", "outs: [{md5: 1}]", "outs: [{md5: ../../etc, path: x}]", "outs: [{path: 3}]"],
)
def test_a_pointer_that_dvc_never_wrote_is_refused(text: str) -> None:
    with pytest.raises(MalformedContent):
        outputs(text)


@pytest.mark.parametrize("text", ["a: [", "a: &b 1\nc: *b\n", "a: !!python/name:os.system\n", "<<<<<<< HEAD\na: 1\n"])
def test_yaml_that_is_broken_or_would_do_more_than_say_something_is_refused(text: str) -> None:
    with pytest.raises(MalformedContent):
        load(text.encode(), "x.dvc")


def test_words_and_dates_are_text_as_dvc_reads_them() -> None:
    assert load(b"[yes, 2024-01-31, 12:30, 010, 1e5]", "x") == ["yes", "2024-01-31", "12:30", "010", "1e5"]
    assert load(b"[true, 7, 0.5, ~]", "x") == [True, 7, 0.5, None]


def test_where_data_came_from_is_kept() -> None:
    text = f"deps: [{{path: d/x, repo: {{url: 'https://h/r', rev_lock: abc}}}}]\nouts: [{{md5: {A}, path: x}}]\n"
    (one,) = parse_pointer_file(load(text.encode(), "x"), "x")
    assert one.source == {"url": "https://h/r", "path": "d/x", "rev": "abc"}
    text = f"deps: [{{path: 'https://h/x.csv', etag: e1}}]\nouts: [{{md5: {A}, path: x}}]\n"
    (one,) = parse_pointer_file(load(text.encode(), "x"), "x")
    assert one.source == {"url": "https://h/x.csv", "etag": "e1"}


def test_a_lock_file_says_what_made_its_outputs() -> None:
    text = f"""
schema: '2.0'
stages:
  train@a:
    cmd: [python a.py, python b.py]
    deps: [{{path: raw.csv, md5: {B}}}]
    outs: [{{path: m, md5: {A}.dir, hash: md5}}]
"""
    (one,) = parse_lock(load(text.encode(), "dvc.lock"), "dvc.lock")
    assert (one.path, one.is_directory, one.identity) == ("m", True, Identity(A, loose=False))
    assert one.made is not None
    assert (one.made.stage, one.made.command) == ("train@a", "python a.py\npython b.py")
    assert one.made.deps == {"raw.csv": B}


def test_what_a_pipeline_leaves_to_git_is_known() -> None:
    text = b"stages: {a: {outs: [x, {y: {cache: false}}], metrics: [{m.json: {cache: false}}], plots: [{p: {x: k}}]}}"
    assert kept_by_git(load(text, "dvc.yaml")) == {"y", "m.json"}
    assert kept_by_git([1]) == set()


def test_a_configuration_of_dvcs_is_read() -> None:
    text = """
[core]
    remote = "my store"
# a comment
['remote "my store"']
    url = s3://bucket/prefix # here
    endpointurl = http://127.0.0.1:9000
[cache]
    type = "reflink,symlink"
not a setting
"""
    assert [(one.section, one.name, one.key, one.value) for one in settings_in(text)] == [
        ("core", "", "remote", "my store"),
        ("remote", "my store", "url", "s3://bucket/prefix"),
        ("remote", "my store", "endpointurl", "http://127.0.0.1:9000"),
        ("cache", "", "type", "reflink,symlink"),
    ]
