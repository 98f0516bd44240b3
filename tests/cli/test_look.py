"""What the terminal adds to diff, ls, show, cat, get, log and du: words, text, JSON, NUL and exit codes."""

import os
from pathlib import Path

import pytest

from support.cli import track, track_here
from support.repositories import commit_all
from support.trees import write_tree
from track.model.digest import digest_of


@pytest.fixture
def here(repo: Path) -> Path:
    """Two committed versions of a file and of a directory with an odd name in it."""
    track_here("init", cwd=repo).ok()
    write_tree(
        repo, {"data/a.csv": b"one\n", b"images/tab\there\n\xff": b"odd", "images/b.jpg": b"b", "images/c.jpg": b"c"}
    )
    track_here("add", "data/a.csv", "images", cwd=repo).ok()
    commit_all(repo, "first")
    (repo / "data/a.csv").write_bytes(b"one\ntwo\n")
    (repo / "images/b.jpg").rename(repo / "images/d.jpg")
    (repo / "images/c.jpg").write_bytes(b"\x1b[31mred")
    os.unlink(os.fsencode(repo) + b"/images/tab\there\n\xff")
    track_here("add", "data/a.csv", "images", cwd=repo).ok()
    commit_all(repo, "second")
    return repo


def test_diff_shows_a_letter_and_a_word_for_each_change(here: Path) -> None:
    assert track_here("diff", "HEAD~1", "HEAD", cwd=here).ok().out == (
        "HEAD~1 -> HEAD  2 artifacts, +8 B\n"
        "\n"
        " M modified  data/a.csv  4 B -> 8 B\n"
        " M modified  images/  5 B -> 9 B  ~1 -1 files, 1 renamed\n"
        "    M  c.jpg            1 B -> 8 B\n"
        "    R  b.jpg -> d.jpg   1 B\n"
        "    D  tab\\there\\n\\xff  3 B\n"
    )


def test_diff_says_so_when_nothing_differs(here: Path) -> None:
    done = track_here("diff", "--exit-code", cwd=here)
    assert done == (0, "the index -> the working tree: nothing differs\n", "")


def test_diff_stat_has_a_line_an_artifact(here: Path) -> None:
    lines = track_here("diff", "--stat", "HEAD~1..", cwd=here).ok().out.splitlines()
    assert len(lines) == 4
    assert lines[3].endswith("images/     5 B -> 9 B  ~1 -1 files, 1 renamed")


def test_diff_name_status_is_for_programs(here: Path) -> None:
    lines = track_here("diff", "--name-status", "HEAD~1", "HEAD", cwd=here).ok().out.split("\n")
    assert lines == [
        "M\tdata/a.csv",
        "M\timages/c.jpg",
        "R\timages/b.jpg\timages/d.jpg",
        "D\timages/tab\\x09here\\x0a\\xff",
        "",
    ]
    raw = track_here("diff", "-z", "HEAD~1", "HEAD", cwd=here).ok().out.split("\0")
    assert raw[4:] == ["R", "images/b.jpg", "images/d.jpg", "D", "images/tab\there\n\udcff", ""]


def test_diff_json_has_every_change(here: Path) -> None:
    document = track_here("diff", "--json", "HEAD~1", "HEAD", cwd=here).ok().json
    assert (document["version"], document["kind"], document["old"], document["new"]) == (1, "diff", "HEAD~1", "HEAD")
    data, images = document["artifacts"]
    assert (data["op"], data["path"], data["old"]["size"], data["new"]["size"]) == ("M", "data/a.csv", 4, 8)
    assert data["new"]["pointer_digest"] == str(digest_of(b"one\ntwo\n"))
    assert [(file["op"], file["path"], file["renamed_from"]) for file in images["files"]] == [
        ("M", "images/c.jpg", None),
        ("R", "images/d.jpg", "images/b.jpg"),
        ("D", "images/tab\there\n\\xff", None),
    ]
    assert images["files"][2]["new"] is None
    assert images["files"][2]["old"]["digest"] == str(digest_of(b"odd"))


def test_diff_markdown_cannot_be_left_by_a_name(here: Path) -> None:
    write_tree(here, {b"images/`x` | <b>\n# title": b"1", b"a|b`c.csv": b"2"})
    track_here("add", "images", "a|b`c.csv", cwd=here).ok()
    text = track_here("diff", "--md", "--staged", cwd=here).ok().out
    assert "### Data: 2 artifacts changed, +2 B\n" in text
    assert "| A added | `a\\|b'c.csv` | 1 B |" in text
    assert "- A `images/'x' \\| <b>\\n# title`\n" in text


def test_diff_exit_code_tells_of_a_difference(here: Path) -> None:
    assert track_here("diff", "--exit-code", "HEAD~1", cwd=here).code == 1
    assert track_here("diff", "HEAD~1", cwd=here).code == 0
    assert track_here("diff", "--exit-code", "HEAD~1", "--", "images/d.jpg", cwd=here).code == 1


def test_diff_takes_paths_behind_the_separator_or_alone(here: Path) -> None:
    for words in (("HEAD~1", "--", "data"), ("HEAD~1", "data"), ("HEAD~1", "HEAD", "data/a.csv.track")):
        out = track_here("diff", "--name-status", *words, cwd=here).ok().out
        assert out == "M\tdata/a.csv\n", words
    assert track_here("diff", "--name-status", "HEAD~1", "--", "a.csv", cwd=here / "data").ok().out == "M\tdata/a.csv\n"


def test_diff_refuses_a_word_that_is_two_things_or_none(here: Path) -> None:
    (here / "main").write_bytes(b"a file called like the branch")
    done = track_here("diff", "main", cwd=here)
    assert done.code == 2
    assert "`main` is both a revision and a path" in done.err
    assert "track diff main --" in done.err
    assert "track diff -- main" in done.err
    done = track_here("diff", "data/a.cvs", cwd=here)
    assert done.code == 2
    assert "`data/a.cvs`" in done.err
    assert "did you mean data/a.csv ?" in done.err
    assert track_here("diff", "nope", "--", cwd=here).code == 2


def test_diff_shows_so_many_files_and_says_how_many_more(here: Path) -> None:
    write_tree(here, {f"images/n{number:03}": b"%d" % number for number in range(30)})
    out = track_here("diff", cwd=here).ok().out
    assert out.count("\n    A  ") == 20
    assert "and 10 more  (--limit 0 shows all)" in out
    assert track_here("diff", "--limit", "0", cwd=here).ok().out.count("\n    A  ") == 30


def test_diff_returns_4_when_it_cannot_look_inside(here: Path) -> None:
    for file in (here / ".git/track/store").glob("packs/*/*"):
        file.unlink()
    done = track_here("diff", "HEAD~1", "HEAD", cwd=here)
    assert done.code == 4
    assert " M modified  images/" in done.out
    assert "what differs inside images/ is not known" in done.err


def test_nothing_printed_can_move_the_terminal(here: Path) -> None:
    write_tree(here, {b"images/\x1b]0;owned\x07": b"1"})
    track_here("add", "images", "--label", "note=\x1b[2J", cwd=here).ok()
    for words in (
        ["diff", "HEAD"],
        ["ls", "-l"],
        ["ls", "-R", "images"],
        ["show", "images"],
        ["log", "images"],
        ["du"],
    ):
        done = track_here(*words, cwd=here).ok()
        assert "\x1b" not in done.out + done.err, words
        assert "\x07" not in done.out + done.err, words


def test_ls_prints_names_rows_nul_and_json(here: Path) -> None:
    assert track_here("ls", cwd=here).ok().out == "data/a.csv\nimages/\n"
    assert (
        track_here("ls", "-z", "HEAD~1:images", cwd=here).ok().out
        == "images/b.jpg\0images/c.jpg\0images/tab\there\n\udcff\0"
    )
    assert track_here("ls", "-l", "images", cwd=here).ok().out == (
        f"file  8 B    {digest_of(bytes.fromhex('1b5b33316d726564')).short}  images/c.jpg\n"
        f"file  1 B    {digest_of(b'b').short}  images/d.jpg\n"
    )
    document = track_here("ls", "--json", "images", cwd=here).ok().json
    assert (document["kind"], document["artifact"]) == ("ls", "images")
    assert [item["path"] for item in document["items"]] == ["images/c.jpg", "images/d.jpg"]


def test_show_prints_words_and_json(here: Path) -> None:
    out = track_here("show", "HEAD~1:data/a.csv", cwd=here).ok().out
    assert out.startswith("data/a.csv\n")
    assert str(digest_of(b"one\n")) in out
    assert "in the store, no remote is set up" in out
    document = track_here("show", "--json", "images/c.jpg", cwd=here).ok().json
    assert document["entry"] == {"path": "c.jpg", "mode": "f", "size": 8, "digest": str(digest_of(b"\x1b[31mred"))}


def test_cat_prints_bytes_and_nothing_else(here: Path) -> None:
    done = track("cat", b"HEAD~1:images/tab\there\n\xff", cwd=here)
    assert done == (0, "odd", "")
    done = track_here("cat", "images", cwd=here)
    assert (done.code, done.out) == (2, "")
    assert "track ls images" in done.err


def test_cat_of_missing_bytes_says_what_was_looked_for_and_returns_4(here: Path) -> None:
    for file in (here / ".git/track/store").glob("packs/*/*"):
        file.unlink()
    done = track_here("cat", "HEAD:data/a.csv", cwd=here)
    assert (done.code, done.out) == (4, "")
    assert "error: `data/a.csv` is not available" in done.err
    assert f"object  {digest_of(b'one' + bytes([10]) + b'two' + bytes([10])).short} (8 bytes)" in done.err
    assert "looked  " in done.err
    assert "hint: " in done.err


def test_get_says_what_it_copied_and_refuses_to_overwrite(here: Path, tmp_path: Path) -> None:
    done = track_here("get", "HEAD~1:images", "-o", tmp_path / "out", cwd=here).ok()
    assert done.out == ""
    assert "copied images at HEAD~1 to" in done.err
    assert "3 files" in done.err
    assert track_here("get", "HEAD:images", "-o", tmp_path / "out", "--force", cwd=here).code == 6


def test_log_prints_a_version_a_paragraph_and_json(here: Path) -> None:
    first, second = track_here("log", "--stat", "images", cwd=here).ok().out.split("\n\n")
    assert "2026-01-02 03:04 UTC  Ada Lovelace  second\n  M modified  " in first
    assert first.endswith("9 B  2 files  (+4 B, -1 files)  +1 ~1 -2")
    assert "  A added  " in second
    assert track_here("log", "-n", "1", "images", cwd=here).ok().out.count("UTC") == 1
    document = track_here("log", "--json", "data/a.csv", cwd=here).ok().json
    assert [version["op"] for version in document["versions"]] == ["M", "A"]
    assert document["versions"][0]["date"] == "2026-01-02T03:04:05Z"
    assert document["versions"][0]["size_delta"] == 4


def test_du_prints_a_table_and_json(here: Path) -> None:
    out = track_here("du", "-a", cwd=here).ok().out
    assert out.splitlines()[0].split() == ["NOW", "STORED", "SHARED", "UNIQUE", "VERSIONS", "ARTIFACT"]
    assert "2 artifacts; everything together: 25 B" in out
    document = track_here("du", "--json", "images", cwd=here).ok().json
    (images,) = document["artifacts"]
    assert (images["size"], images["stored_size"], images["unique_size"]) == (9, 13, 13)


def test_get_to_a_dash_gives_one_file_to_standard_output_and_makes_none(here: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    ran = track_here("-C", str(here), "get", "HEAD~1:data/a.csv", "-o", "-", cwd=outside).ok()
    assert (ran.out, ran.err) == ("one\n", "copied data/a.csv at HEAD~1 to standard output (4 B)\n")
    assert track_here("get", "images", "--include", "b.jpg", "-o", "-", cwd=here).code == 2
    assert track_here("get", "HEAD~1:images", "--include", "b.jpg", "-o", "-", cwd=here).ok().out == "b"
    track_here("put", "answer", "--value", "42", cwd=here).ok()
    assert track_here("get", "answer", "-o", "-", cwd=here).ok().out == "42\n"
    assert not list(outside.iterdir())
    assert not (here / "-").exists()


def test_get_to_a_dash_refuses_several_files_in_words(here: Path) -> None:
    ran = track_here("get", "images", "-o", "-", cwd=here)
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "error: `-` takes one file, and there are 2 in images"
    assert "track get images -o FOLDER" in ran.err
    track_here("get", "data/a.csv", "-o", "./-", cwd=here).ok()
    assert (here / "-").read_bytes() == b"one\ntwo\n"
