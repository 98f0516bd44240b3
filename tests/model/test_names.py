"""Names: which paths may exist, where pointers lie, and how paths are written as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from track.errors import MalformedPointer, UsageError
from track.model.names import (
    _trouble,
    alias_pointer,
    are_suspicious,
    artifact_pointer,
    check_entry_path,
    check_worktree_path,
    data_path,
    display,
    is_named_pointer,
    is_pointer_path,
    parse_alias_pointer,
    parse_artifact_pointer,
    path_of,
    pointer_path,
    text_of,
    typed,
)

FINE = [
    b"a",
    b"a/b/c.txt",
    b"...",
    b"a/...",
    b".gitignore",
    b".gitattributes",
    b"x.git/config",
    b".github/workflows/ci.yml",
    b"git/config",
    b"git~",
    b"git~x",
    b" .git",
    b"-rf",
    b"new\nline",
    b"tab\there",
    b"back\\slash",
    b"\xff\xfe",
    b"caf\xc3\xa9",
    b"a" * 255,
    b"/".join([b"d" * 200] * 30),
    b"a.store",
    b"sub/.track",
    b"con",
    b"a:b",
]
REFUSED = [
    (b"", "empty"),
    (b"/", "absolute"),
    (b"/etc/passwd", "absolute"),
    (b"a/", "ends with a slash"),
    (b"a//b", "empty component"),
    (b".", "component ."),
    (b"..", "component .."),
    (b"../x", "component .."),
    (b"a/../../x", "component .."),
    (b"a/./b", "component ."),
    (b"a/..", "component .."),
    (b"a\0b", "NUL"),
    (b".git", ".git"),
    (b".git/hooks/pre-commit", ".git"),
    (b"a/.git/config", ".git"),
    (b".GIT/x", ".git"),
    (b".Git", ".git"),
    (b"\xe2\x80\x8c.git/x", ".git"),
    (b".g\xe2\x80\x8cit/x", ".git"),
    (b".git\xe2\x80\xae", ".git"),
    (b".gi\xef\xbb\xbft", ".git"),
    (b".g\xc4\xb1t", ".git"),
    (b".G\xc4\xb0T", ".git"),
    (b".git.", ".git"),
    (b".git ", ".git"),
    (b".git . .", ".git"),
    (b".git::$INDEX_ALLOCATION/hooks/x", ".git"),
    (b".git:stream", ".git"),
    (b"git~1", ".git"),
    (b"GIT~1/hooks/x", ".git"),
    (b"a/git~12.", ".git"),
    (b"a\\.git\\hooks\\x", ".git"),
    (b".git\\config", ".git"),
    (b"a\\git~1", ".git"),
]


@pytest.mark.parametrize("path", FINE)
def test_ordinary_paths_may_stand_in_an_artifact(path):
    assert check_entry_path(path) is None


@pytest.mark.parametrize(("path", "why"), REFUSED)
def test_paths_that_escape_or_reach_git_may_not(path, why):
    assert why in check_entry_path(path)
    assert why in check_worktree_path(path)


@given(st.text(alphabet="./\\gGiIıİtT~19 :\u200c\u0307\u00ad\ufeff\u202eaé\0\n", max_size=12))
def test_the_quick_look_at_many_paths_misses_nothing(text):
    path = text.encode()
    if _trouble(path) is not None:
        assert are_suspicious([path])
        assert are_suspicious([b"a", path, b"z"])
        assert check_entry_path(path) is not None


@pytest.mark.parametrize("path", [b".store", b".store/x", b".track/config.toml", b".TRACK/x", b".Store.", b".track:x"])
def test_our_own_folders_may_not_be_written_at_the_top_of_a_working_tree(path):
    assert "track's own" in check_worktree_path(path)
    assert check_worktree_path(b"sub/" + path) is None


def test_a_pointer_lies_beside_its_data():
    assert pointer_path(b"data/x.csv") == b"data/x.csv.track"
    assert data_path(b"data/x.csv.track") == b"data/x.csv"
    assert is_pointer_path(b"x.track")
    for path in (b".track", b"a/.track", b"x", b"x.TRACK", b".track/config.toml"):
        assert not is_pointer_path(path)
        with pytest.raises(ValueError, match="not the name of a pointer"):
            data_path(path)


@pytest.mark.parametrize(
    ("name", "partitions", "path"),
    [
        ("model", {}, b".track/artifacts/model.track"),
        ("a/b", {}, b".track/artifacts/a/b.track"),
        ("Model", {}, b".track/artifacts/%4Dodel.track"),
        ("été", {}, b".track/artifacts/%C3%A9t%C3%A9.track"),
        ("a b%", {}, b".track/artifacts/a%20b%25.track"),
        ("m", {"region": "EU", "day": "2026-01-02"}, b".track/artifacts/m/region=%45%55/day=2026-01-02.track"),
        ("m", {"k": "a=b/c"}, b".track/artifacts/m/k=a%3Db%2Fc.track"),
        ("m", {"k": ""}, b".track/artifacts/m/k=.track"),
        ("nul", {}, b".track/artifacts/%6Eul.track"),
        ("Con.txt", {}, b".track/artifacts/%43on.txt.track"),
        ("aux.d/lpt1", {"com3": "prn"}, b".track/artifacts/%61ux.d/%6Cpt1/%63om3=%70rn.track"),
        ("console", {}, b".track/artifacts/console.track"),
        ("a./...", {"k": "v."}, b".track/artifacts/a%2E/..%2E/k=v%2E.track"),
    ],
)
def test_a_named_artifact_has_one_path_and_is_read_back_from_it(name, partitions, path):
    assert artifact_pointer(name, partitions) == path
    assert parse_artifact_pointer(path) == (name, tuple(partitions.items()))
    assert is_named_pointer(path)
    assert check_entry_path(path) is None


@given(
    st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3).map("/".join),
    st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=8), max_size=3),
)
def test_every_name_that_has_a_path_is_read_back(name, partitions):
    try:
        path = artifact_pointer(name, partitions)
    except UsageError:
        return
    assert parse_artifact_pointer(path) == (name, tuple(partitions.items()))
    assert set(path) <= set(b"abcdefghijklmnopqrstuvwxyz0123456789._-/%=ABCDEF")


DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}


@given(
    st.lists(st.text(alphabet="conprnauxl12.abA/é ", min_size=1, max_size=8), min_size=1, max_size=3).map("/".join),
    st.dictionaries(st.text(alphabet="conA.", min_size=1, max_size=5), st.text(alphabet="eu.EU=/", max_size=8)),
)
def test_every_path_of_a_name_is_one_on_every_filesystem(name, partitions):
    try:
        path = artifact_pointer(name, partitions)
    except UsageError:
        return
    for part in path[len(".track/artifacts/") :].decode().split("/"):
        assert part.partition(".")[0] not in DEVICES
        assert not part.endswith((".", " "))
        assert not set(part) & set('<>:"|?*\\')


@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6)), min_size=2, max_size=2))
def test_two_versions_never_share_a_path_even_where_case_does_not_count(pairs):
    paths = []
    for name, value in pairs:
        try:
            paths.append(artifact_pointer(name, {"k": value}))
        except UsageError:
            return
    assert (pairs[0] == pairs[1]) == (paths[0].lower() == paths[1].lower())


@pytest.mark.parametrize(
    ("name", "alias", "path"),
    [
        ("rides", "prod", b".track/artifacts/rides/@prod.track"),
        ("models/Churn", "v1.0", b".track/artifacts/models/%43hurn/@v1.0.track"),
    ],
)
def test_an_alias_lies_beside_the_versions_and_is_none(name, alias, path):
    assert alias_pointer(name, alias) == path
    assert parse_alias_pointer(path) == (name, alias)
    assert is_named_pointer(path) and is_pointer_path(path)
    with pytest.raises(MalformedPointer):
        parse_artifact_pointer(path)


@pytest.mark.parametrize(
    "path",
    [b"@a.track", b".track/artifacts/@a.track", b".track/artifacts/x/@A.track", b".track/artifacts/x/@a/b.track",
     b".track/artifacts/../@a.track", b".track/artifacts/x/@.track", b".track/artifacts/x/a.track"],
)  # fmt: skip
def test_other_files_are_no_aliases(path):
    assert parse_alias_pointer(path) is None


@pytest.mark.parametrize("alias", ["", "a/b", "a=b", ".", "..", "\ud800"])
def test_aliases_without_a_path_are_refused(alias):
    with pytest.raises(UsageError):
        alias_pointer("rides", alias)


def test_a_whole_path_has_at_most_900_bytes():
    with pytest.raises(UsageError, match="more than 900"):
        artifact_pointer("m", {f"k{number}": "v" * 190 for number in range(5)})


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a=b", ".git", "x.track/y", "\ud800"])
def test_names_without_a_path_are_refused(name):
    with pytest.raises(UsageError):
        artifact_pointer(name)


@pytest.mark.parametrize("partitions", [{"": "x"}, {"a=b": "x"}])
def test_partition_keys_without_a_path_are_refused(partitions):
    with pytest.raises(UsageError, match="partition key"):
        artifact_pointer("m", partitions)


def test_a_part_of_a_name_has_at_most_200_bytes_on_disk():
    assert parse_artifact_pointer(artifact_pointer("a" * 200)).name == "a" * 200
    with pytest.raises(UsageError, match="201 bytes"):
        artifact_pointer("a" * 201)
    with pytest.raises(UsageError, match="more than 200"):
        artifact_pointer("m", {"key": "É" * 40})


@pytest.mark.parametrize(
    "path",
    [
        b"x.track",
        b".track/artifacts/.track",
        b".track/artifacts/M.track",
        b".track/artifacts/a b.track",
        b".track/artifacts/%6d.track",
        b".track/artifacts/%4d.track",
        b".track/artifacts/%FF.track",
        b".track/artifacts/%4.track",
        b".track/artifacts/a//b.track",
        b".track/artifacts/../x.track",
        b".track/artifacts/k=v.track",
        b".track/artifacts/m/k=v/n.track",
        b".track/artifacts/m/k=v/k=w.track",
        b".track/artifacts/m/k=a=b.track",
    ],
)
def test_other_spellings_of_a_named_artifact_are_refused(path):
    with pytest.raises(MalformedPointer):
        parse_artifact_pointer(path)


@given(st.binary(max_size=30))
def test_every_path_has_a_text_and_comes_back_from_it(path):
    assert path_of(text_of(path)) == path


@given(st.text(max_size=30))
def test_the_text_of_a_utf8_path_is_itself_with_backslashes_doubled(text):
    try:
        path = text.encode()
    except UnicodeEncodeError:
        return
    assert text_of(path) == text.replace("\\", "\\\\")


@pytest.mark.parametrize("text", ["\\", "a\\b", "\\x1", "\\xG0", "\\XFF", "\\n", "\\\\\\"])
def test_a_text_with_a_stray_backslash_is_no_path(text):
    with pytest.raises(ValueError, match="backslash"):
        path_of(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"plain name.txt", "plain name.txt"),
        ("café", "café"),
        (b"a\nb\tc\r", "a\\nb\\tc\\r"),
        (b"\x1b[31mred", "\\x1b[31mred"),
        (b"\xff", "\\xff"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u200b", "\\u200b"),
        ("\u0085", "\\x85"),
        ("\U000e0001", "\\U000e0001"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_could_deceive_a_terminal_is_shown_escaped(text, shown):
    assert display(text) == shown


@given(st.one_of(st.binary(max_size=20), st.text(max_size=20)))
def test_what_is_shown_is_one_printable_line(text):
    assert display(text).isprintable()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"data/train-1.csv", "data/train-1.csv"),
        ("grün".encode(), "grün"),
        (b"new york.csv", "'new york.csv'"),
        (b"it's", "'it'\\''s'"),
        (b"$HOME/*", "'$HOME/*'"),
        (b"-rf", "./-rf"),
        (b"- x", "'./- x'"),
        (b"new\nline's", "$'new\\x0aline\\'s'"),
        (b"\xff\\", "$'\\xff\\\\'"),
    ],
)
def test_a_path_in_a_command_to_paste_is_one_argument(path: bytes, text: str) -> None:
    assert typed(path) == text
    assert typed(path.decode("utf-8", "surrogateescape")) == text
