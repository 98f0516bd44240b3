"""`track://`: libraries that read files by URL read versions, only the parts they need, and every byte is checked."""

import io
import os
import pickle
import random
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dask.dataframe
import duckdb
import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

import track
from support.cli import track as cli
from support.remotes import leave_uncut
from support.repositories import commit_all, git, new_repository
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.servers import Answer, Request, proxy
from track.api.filesystem import TrackFileSystem
from track.errors import DamagedObject, RemoteError, UnknownFile, UnknownRevision, UsageError


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of two versions, `v1` and the working tree's; and a named artifact with partitions."""
    top = tmp_path_factory.mktemp("filesystem") / "project"
    new_repository(top)
    with track.Repo.init(top, hooks=False) as repo:
        for folder in ("data", "parts/deep"):
            (top / folder).mkdir(parents=True)
        (top / "data/train.csv").write_text("a,b\n1,2\n")
        (top / "data/test.csv").write_text("a,b\n3,4\n")
        pd.DataFrame({"x": [0, 1], "y": ["a", "b"]}).to_parquet(top / "parts/0.parquet")
        pd.DataFrame({"x": [2, 3], "y": ["c", "d"]}).to_parquet(top / "parts/deep/1.parquet")
        repo.add("data/train.csv", "data/test.csv", "parts")
        commit_all(top, "first")
        git("tag", "v1", cwd=top)
        (top / "data/train.csv").write_text("a,b\n9,9\n")
        (top / "sales.csv").write_text("region\neu\n")
        repo.add("data/train.csv")
        repo.add("sales.csv", name="sales", partitions={"region": "eu"})
        (top / "sales.csv").unlink()
        commit_all(top, "second")
    return top


@pytest.fixture
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project as the current folder."""
    before = os.getcwd()
    os.chdir(project)
    yield project
    os.chdir(before)


@pytest.fixture
def files(project: Path) -> Iterator[TrackFileSystem]:
    """Its files, from anywhere."""
    found = TrackFileSystem(repo=project, skip_instance_cache=True)
    yield found
    found.close()


def test_folders_artifacts_and_what_is_in_them_are_listed(files: TrackFileSystem) -> None:
    assert files.ls("", detail=False) == ["data", "parts"]
    assert files.ls("track://data", detail=False) == ["data/test.csv", "data/train.csv"]
    assert files.ls("parts", detail=False) == ["parts/0.parquet", "parts/deep"]
    assert files.find("") == ["data/test.csv", "data/train.csv", "parts/0.parquet", "parts/deep/1.parquet"]
    assert files.find("parts?rev=v1") == ["parts/0.parquet?rev=v1", "parts/deep/1.parquet?rev=v1"]
    assert files.ls("data/train.csv", detail=False) == ["data/train.csv"]
    assert [fact["type"] for fact in files.ls("parts")] == ["file", "directory"]
    old, new = files.info("data/train.csv?rev=v1"), files.info("data/train.csv")
    assert (old["size"], new["size"], old["type"]) == (8, 8, "file")
    assert old["digest"] != new["digest"]
    assert files.ukey("data/train.csv") == new["digest"]
    assert (files.exists("data"), files.exists("nope"), files.isdir("parts"), files.isfile("parts")) == (
        True,
        False,
        True,
        False,
    )
    assert files.isdir("") and files.info("data?rev=v1")["type"] == "directory"
    assert files.modified("data/train.csv") != files.modified("data/train.csv?rev=v1")


def test_when_a_version_was_made_and_when_the_name_last_meant_another(project: Path, tmp_path: Path) -> None:
    top = tmp_path / "copy"
    shutil.copytree(project, top, symlinks=True)
    with track.Repo(top) as repo:
        files = TrackFileSystem(repo=top, skip_instance_cache=True)
        first, second = (int(git("show", "-s", "--format=%at", rev, cwd=top)) for rev in ("v1", "HEAD"))
        assert files.created("data/train.csv?rev=v1") == datetime.fromtimestamp(first, UTC)
        assert files.created("data/train.csv") == datetime.fromtimestamp(second, UTC)
        assert files.created("data/test.csv") == files.created("parts/deep/1.parquet") == files.created("parts?rev=v1")
        assert files.created("sales?region=eu") == datetime.fromtimestamp(second, UTC)
        (top / "data/train.csv").write_text("new\n")
        repo.add("data/train.csv")
        assert files.created("data/train.csv") == files.modified("data/train.csv")  # not committed yet
        ran = repo.run(["sh", "-c", "echo made > made.csv"], outputs=["made.csv"])
        commit_all(top, "made")
        assert files.created("made.csv") == ran.record.ended
        for ask in (files.created, files.modified):
            with pytest.raises(FileNotFoundError):
                ask("nope")
            assert ask("parts").tzinfo is UTC
        files.close()


def test_patterns_match_names_and_a_revision_is_none(files: TrackFileSystem) -> None:
    assert files.glob("data/*.csv") == ["data/test.csv", "data/train.csv"]
    assert files.glob("data/t?ain.csv") == ["data/train.csv"]
    assert files.glob("data/*.csv?rev=v1") == ["data/test.csv?rev=v1", "data/train.csv?rev=v1"]
    assert files.glob("data/train.csv?rev=v1") == ["data/train.csv?rev=v1"]
    assert files.glob("data/nope.csv?rev=v1") == []
    assert files.glob("**/*.parquet") == ["parts/0.parquet", "parts/deep/1.parquet"]
    assert set(files.glob("parts/*.parquet?rev=v1", detail=True)) == {"parts/0.parquet?rev=v1"}


def test_what_is_not_there_is_a_file_not_found_and_says_what_was_meant(files: TrackFileSystem) -> None:
    with pytest.raises(FileNotFoundError, match=r"`data/tran\.csv`") as caught:
        files.open("data/tran.csv")
    assert isinstance(caught.value, UnknownFile)
    assert caught.value.hint == "did you mean data/train.csv or data/test.csv ?"
    for ask in (files.info, files.ls, files.modified):
        with pytest.raises(UnknownFile):
            ask("parts/nope")
    with pytest.raises(UnknownRevision):
        files.open("data/train.csv?rev=v9")
    with pytest.raises(UsageError, match="is a directory"):
        files.open("parts")


def test_a_partition_that_is_not_there_is_a_file_not_found_and_says_which_are(files: TrackFileSystem) -> None:
    assert files.cat("sales?region=eu") == b"region\neu\n"
    for ask in (files.cat, files.info, files.open):
        with pytest.raises(UnknownFile, match="`sales` has no version with region=us") as caught:
            ask("track://sales?region=us")
        assert isinstance(caught.value, FileNotFoundError) and caught.value.details == ("there is region=eu",)
    with pytest.raises(UnknownFile, match=r"data/\*\.txt"):
        files.cat("data/*.txt")


def test_what_is_read_from_the_end_or_as_a_block_is_what_the_file_has_there(files: TrackFileSystem) -> None:
    whole = files.cat_file("data/train.csv")
    assert files.cat_file("data/train.csv", start=-4) == whole[-4:]
    assert files.cat_file("data/train.csv", start=-4, end=-1) == whole[-4:-1]
    assert files.tail("data/train.csv", 5) == whole[-5:]
    assert files.read_block("data/train.csv", 2, None) == whole[2:]
    assert files.cat_ranges(["data/train.csv"], [-3], [None]) == [whole[-3:]]
    with files.open("data/train.csv") as file:
        assert file.size == len(whole) and file.read() == whole


def test_nothing_is_written_and_what_to_do_is_said(files: TrackFileSystem, here: Path) -> None:
    attempts = (
        lambda: files.open("data/train.csv", "wb"),
        lambda: files.rm("data/train.csv"),
        lambda: files.mv("data/train.csv", "b"),
        lambda: files.pipe_file("a", b""),
        lambda: files.makedirs("a"),
        lambda: pd.DataFrame({"a": [1]}).to_csv("track://data/new.csv"),
    )
    for attempt in attempts:
        with pytest.raises(UsageError, match="cannot be written: versions stay what they are") as caught:
            attempt()
        assert "track add" in (caught.value.hint or "")


def test_pandas(here: Path) -> None:
    assert pd.read_csv("track://data/train.csv").to_numpy().tolist() == [[9, 9]]
    assert pd.read_csv("track://data/train.csv?rev=v1").to_numpy().tolist() == [[1, 2]]
    assert pd.read_csv("track://sales?region=eu")["region"].tolist() == ["eu"]
    assert pd.read_csv("track://data/train.csv", storage_options={"rev": "v1"}).to_numpy().tolist() == [[1, 2]]
    assert pd.read_parquet("track://parts/0.parquet")["x"].tolist() == [0, 1]
    assert sorted(pd.read_parquet("track://parts")["x"]) == [0, 1, 2, 3]


def test_pyarrow_datasets(files: TrackFileSystem, project: Path) -> None:
    table = pa.dataset.dataset("parts", filesystem=files).to_table(columns=["x"])
    assert sorted(table["x"].to_pylist()) == [0, 1, 2, 3]
    old = TrackFileSystem(repo=project, rev="v1", skip_instance_cache=True)
    assert pa.dataset.dataset("parts/0.parquet", filesystem=old).to_table()["y"].to_pylist() == ["a", "b"]
    old.close()


def test_polars(here: Path, files: TrackFileSystem) -> None:
    with fsspec.open("track://data/train.csv?rev=v1") as file:
        assert pl.read_csv(file).rows() == [(1, 2)]
    with files.open("parts/0.parquet") as file:
        assert pl.read_parquet(file, columns=["y"]).rows() == [("a",), ("b",)]
    lazy = pl.scan_pyarrow_dataset(pa.dataset.dataset("parts", filesystem=files))
    assert sorted(lazy.select("x").collect()["x"]) == [0, 1, 2, 3]


def test_dask(here: Path) -> None:
    assert sorted(dask.dataframe.read_csv("track://data/*.csv").compute()["a"]) == [3, 9]
    assert dask.dataframe.read_csv("track://data/train.csv?rev=v1").compute()["a"].tolist() == [1]
    assert sorted(dask.dataframe.read_parquet("track://parts/*.parquet").compute()["x"]) == [0, 1]


def test_duckdb(files: TrackFileSystem) -> None:
    with duckdb.connect() as database:
        database.register_filesystem(files)
        ask = database.execute
        assert ask("SELECT a FROM read_csv('track://data/train.csv')").fetchall() == [(9,)]
        assert ask("SELECT a FROM read_csv('track://data/train.csv?rev=v1')").fetchall() == [(1,)]
        assert ask("SELECT x FROM 'track://parts/0.parquet'").fetchall() == [(0,), (1,)]
        assert ask("SELECT count(*) FROM 'track://parts/**/*.parquet'").fetchall() == [(4,)]
        assert ask("SELECT x FROM read_parquet('track://parts/0.parquet?rev=v1')").fetchall() == [(0,), (1,)]


def test_the_current_folder_counts_when_it_is_asked_and_another_process_can_ask(
    here: Path, files: TrackFileSystem, tmp_path: Path
) -> None:
    found = fsspec.filesystem("track")
    assert found.cat("data/train.csv") == b"a,b\n9,9\n"
    os.chdir(here / "data")
    assert found.cat("data/train.csv") == b"a,b\n9,9\n"
    os.chdir(tmp_path)
    with pytest.raises(track.TrackError, match="repository"):
        found.cat("data/train.csv")
    assert pickle.loads(pickle.dumps(files)).cat("data/train.csv", start=4, end=5) == b"9"
    os.chdir(here)


def test_what_is_read_inside_a_run_is_its_input(here: Path) -> None:
    with track.Run() as run:
        run.config(suppress_errors=False)
        run.init("by-url")
        pd.read_csv("track://data/train.csv")
        pd.read_csv("track://sales?region=eu")
    with track.Repo(here) as repo:
        (found,) = [one for one in repo.runs().runs if one.record.name == "by-url"]
    assert {used.shown for used in found.record.of("input")} == {
        "data/train.csv",
        ".track/artifacts/sales/region=eu.track",
    }


class Counted:
    """What a server sent of packs and objects, while it was counted."""

    def __init__(self) -> None:
        self.sent = self.requests = 0
        self.flips = False

    def __call__(self, request: Request, ask: object) -> Answer | None:
        if request.method != "GET" or not ("/packs/" in request.path or "/objects/" in request.path):
            return None
        answer: Answer = ask()  # type: ignore[operator]  # as a proxy calls it
        self.sent += len(answer.body)
        self.requests += 1
        return answer._replace(body=bytes(byte ^ 1 for byte in answer.body)) if self.flips else answer


COLUMNS, ROWS = 24, 120_000


@pytest.fixture(scope="module", params=["chunks", "whole"])
def wide(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, s3_server: Seaweed
) -> Iterator[tuple[Path, Counted]]:
    """A clone without data of a Parquet file of about 23 MiB in a bucket, in chunks there or as a file of its own."""
    top = tmp_path_factory.mktemp(f"wide-{request.param}")
    source = np.random.default_rng(5)
    columns = {f"c{number:02}": source.random(ROWS) for number in range(COLUMNS)}
    new_repository(top / "ada")
    with pytest.MonkeyPatch.context() as patch, proxy(s3_server.endpoint) as between:
        for name, value in OWNER.environment.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", between.endpoint)
        counted = Counted()
        with track.Repo.init(top / "ada", hooks=False) as repo:
            pq.write_table(pa.table(columns), top / "ada/wide.parquet", compression="none", use_dictionary=False)
            repo.add("wide.parquet")
            commit_all(top / "ada", "wide")
            url = f"s3://{BUCKET}/wide/{request.param}/{os.urandom(4).hex()}"
            cli("remote", "add", "origin", url, cwd=top / "ada").ok()
            if request.param == "whole":
                leave_uncut(place_at(s3_server.endpoint, OWNER, url.removeprefix(f"s3://{BUCKET}/")))
            commit_all(top / "ada", "remote")
            repo.push()
        track.Repo.clone(str(top / "ada"), top / "bob", data=False, hooks=False).close()
        cli("trust", "--yes", "origin", cwd=top / "bob").ok()
        between.faults.append(counted)
        yield top / "bob", counted


def far(clone: Path, counted: Counted) -> TrackFileSystem:
    counted.sent = counted.requests = 0
    return TrackFileSystem(repo=clone, skip_instance_cache=True)


def test_two_columns_of_a_large_table_cost_about_their_own_size(wide: tuple[Path, Counted]) -> None:
    clone, counted = wide
    files = far(clone, counted)
    table = pa.dataset.dataset("wide.parquet", filesystem=files).to_table(columns=["c03", "c17"])
    wanted = table.nbytes
    whole = files.size("wide.parquet")
    assert table.num_rows == ROWS
    assert table["c03"].to_pylist() == np.random.default_rng(5).random((COLUMNS, ROWS))[3].tolist()
    assert wanted < whole / 10
    # each column has two ends in a piece of at most 1 MiB, and the footer is in the last
    assert counted.sent < wanted + 5 * (1 << 20) + (256 << 10)
    assert counted.sent < whole / 3
    assert not list((clone / ".git/track/store").glob("objects/*/*"))
    files.close()


def test_a_footer_costs_less_than_two_pieces(wide: tuple[Path, Counted]) -> None:
    clone, counted = wide
    files = far(clone, counted)
    with files.open("wide.parquet") as file:
        assert pq.read_metadata(file).num_rows == ROWS
    assert counted.sent < 2 << 20
    files.close()


def test_any_range_is_what_the_file_has_there(wide: tuple[Path, Counted]) -> None:
    clone, counted = wide
    content = (clone.parent / "ada/wide.parquet").read_bytes()
    files = far(clone, counted)
    source = random.Random(7)
    with files.open("wide.parquet") as file:
        assert file.seek(0, io.SEEK_END) == len(content)
        for _ in range(25):
            start, length = source.randrange(len(content)), source.choice([1, 100, 70_000, 3 << 20])
            file.seek(start)
            assert file.read(length) == content[start : start + length]
        file.seek(len(content) + 5)
        assert file.read(10) == b""
        with pytest.raises(ValueError, match="before the beginning"):
            file.seek(-1)
    files.close()


def test_reading_all_of_it_takes_few_requests(wide: tuple[Path, Counted]) -> None:
    clone, counted = wide
    content = (clone.parent / "ada/wide.parquet").read_bytes()
    files = far(clone, counted)
    found = bytearray()
    with files.open("wide.parquet") as file:
        while block := file.read(100_000):
            found += block
    assert bytes(found) == content
    assert counted.requests < 60
    assert counted.sent < 1.5 * len(content)
    files.close()


def test_a_part_that_was_altered_on_the_way_is_never_given(wide: tuple[Path, Counted]) -> None:
    clone, counted = wide
    files = far(clone, counted)
    with files.open("wide.parquet") as file:
        counted.flips = True
        try:
            with pytest.raises(DamagedObject, match=r"`wide\.parquet` cannot be read at remote `origin`: ") as caught:
                file.read(10)
        finally:
            counted.flips = False
    assert (caught.value.hint or "").splitlines()[0].split("  ")[0] == "track fetch -- wide.parquet"
    files.close()


def test_a_process_that_was_forked_after_a_server_was_reached_is_told_and_does_not_wait_for_ever(
    wide: tuple[Path, Counted],
) -> None:
    clone, counted = wide
    files = far(clone, counted)
    assert files.cat_file("wide.parquet", 0, 4) == b"PAR1"
    child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            files.cat_file("wide.parquet", 0, 4)
        except RemoteError as error:
            os._exit(0 if "was forked" in error.message and "spawn" in (error.hint or "") else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert files.cat_file("wide.parquet", 0, 4) == b"PAR1"
    files.close()
