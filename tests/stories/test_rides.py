"""Two teams and one artifact, as in the documents of Flyte: rides by region and day, made by one and used by the other.

Triggers are not here.
"""

import shlex
import sys
from pathlib import Path

import pytest

from support.cli import Completed, track
from support.cli import track_here as here
from support.named import NAMED, commit_at, new_project, pointer
from support.repositories import commit_all, git
from support.scene import duplicate

OURS = f"{shlex.quote(sys.executable)} -m track"
MAKE = f"printf '%s' \"$3\" > a.csv && {OURS} put ride_count_data a.csv --partition region=$1 --time $2 && rm a.csv"
TRAIN = (
    f"{OURS} get ride_count_data --partition region=$1 --time $2 -o data.csv && tr a-z A-Z < data.csv > model.txt && "
    f"{OURS} put ride_model model.txt --partition region=$1 && rm data.csv model.txt"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The team that counts, `a`: four versions of three partitions, each made by a run; and the other's clone, `b`."""
    scene = tmp_path_factory.mktemp("teams")
    repo = new_project(scene / "a")
    (scene / "remote").mkdir()
    here("remote", "add", "origin", scene / "remote", cwd=repo).ok()
    here("declare", "ride_count_data", "--key", "region", "--time", "--granularity", "day", cwd=repo).ok()
    commit_all(repo, "declared")
    days = (
        ("SEA", "2024-01-01", "v1"),
        ("SEA", "2024-01-01", "v2"),
        ("LAX", "2024-01-01", "la"),
        ("SEA", "2024-01-02", "s2"),
    )
    for number, (region, day, content) in enumerate(days):
        count(repo, region, day, content)
        commit_at(repo, f"{region} {day} {content}", 2020 + number)
    here("push", cwd=repo).ok()
    git("clone", "--quiet", "a", "b", cwd=scene)
    here("pull", cwd=scene / "b").ok()
    return scene


@pytest.fixture
def team_a(made: Path, tmp_path: Path) -> Path:
    """The team that counts."""
    return duplicate(made, tmp_path / "teams") / "a"


@pytest.fixture
def team_b(team_a: Path) -> Path:
    """The team that trains, in a clone of its own."""
    clone = team_a.parent / "b"
    git("remote", "set-url", "origin", team_a, cwd=clone)
    here("trust", "--yes", "origin", cwd=clone).ok()
    return clone


def count(repo: Path, region: str, day: str, content: str) -> Completed:
    return track("run", "--", "sh", "-c", MAKE, "count", region, day, content, cwd=repo).ok()


def train(repo: Path, region: str, when: str) -> Completed:
    return track("run", "--name", f"train {region}", "--", "sh", "-c", TRAIN, "train", region, when, cwd=repo)


def used(repo: Path, run: str, category: str) -> dict[str, str]:
    """path -> digest of what a run used or made."""
    record = here("runs", "show", run, "--json", cwd=repo).ok().json
    return {one["path"]: one["digest"] for one in record["artifacts"] if one["category"] == category and one["path"]}


def test_every_version_has_its_partition_its_time_and_its_run(team_a: Path) -> None:
    every = here("artifacts", "show", "ride_count_data", "--all", "--json", cwd=team_a).ok().json
    assert every["count"] == 4
    runs = {one["id"] for one in here("runs", "list", "--json", cwd=team_a).ok().json["runs"]}
    assert {one["run"] for one in every["versions"]} == runs
    assert [(one["partitions"]["region"], one["partitions"]["time"]) for one in every["versions"]] == [
        ("SEA", "2024-01-02"),
        ("LAX", "2024-01-01"),
        ("SEA", "2024-01-01"),
        ("SEA", "2024-01-01"),
    ]


def test_the_other_team_trains_on_the_latest_that_matches_and_its_run_says_which(team_a: Path, team_b: Path) -> None:
    path = f"{NAMED}/ride_count_data/region=%53%45%41/time=2024-01-01.track"
    v2 = str(pointer(team_a, "ride_count_data/region=%53%45%41/time=2024-01-01").digest)
    assert train(team_b, "SEA", "2024-01-01T13:45").code == 0  # by day
    assert used(team_b, "train SEA", "input") == {path: v2}
    made = pointer(team_b, "ride_model/region=%53%45%41")
    assert made.run == here("runs", "show", "train SEA", "--json", cwd=team_b).json["id"]
    here("get", "ride_model", "-o", team_b / "model", cwd=team_b).ok()
    assert (team_b / "model").read_bytes() == b"V2"


def test_where_nothing_matches_nothing_is_trained(team_b: Path) -> None:
    done = train(team_b, "NYC", "2024-01-01")
    assert done.code == 2
    assert "`ride_count_data` has no version with region=NYC time=2024-01-01" in done.err
    assert not (team_b / NAMED / "ride_model").exists()
    assert here("runs", "show", "train NYC", "--json", cwd=team_b).ok().json["status"] == "failed"


def test_a_later_version_is_used_after_a_pull_and_the_recorded_one_is_still_known(team_a: Path, team_b: Path) -> None:
    assert train(team_b, "SEA", "2024-01-01").code == 0
    commit_all(team_b, "trained")
    before = used(team_b, "train SEA", "input")
    count(team_a, "SEA", "2024-01-01", "v3")
    commit_all(team_a, "v3")
    here("push", cwd=team_a).ok()
    git("pull", "--quiet", "--no-rebase", "--no-edit", cwd=team_b)
    here("pull", cwd=team_b).ok()
    assert here("reproduce", "train SEA", cwd=team_b).code == 0  # with the version that it used
    again = track("rerun", "train SEA", "--name", "again", cwd=team_b)
    assert again.code == 0, again.err
    assert used(team_b, "again", "input").keys() == before.keys()
    assert used(team_b, "again", "input") != before


def test_lineage_goes_from_the_consumer_to_the_producer_in_another_clone(team_b: Path) -> None:
    assert train(team_b, "SEA", "2024-01-01").code == 0
    commit_all(team_b, "trained")
    assert "train SEA" in here("why", "ride_model", cwd=team_b).ok().out
    for words in (("ride_model",), (f"{NAMED}/ride_model/region=%53%45%41.track",)):
        graph = here("lineage", *words, "--format", "json", cwd=team_b).ok().json
        kinds = sorted(node["kind"] for node in graph["nodes"] if node["kind"] != "code")
        assert kinds == ["artifact", "artifact", "run", "run"]


def test_inputs_are_declared_by_name_and_a_value_is_one(team_b: Path) -> None:
    here("put", "limit", "--value", "3", cwd=team_b).ok()
    here("alias", "ride_count_data", "prod", "--partition", "region=LAX", cwd=team_b).ok()
    words = ("-i", "limit", "-i", "ride_count_data@prod", "--name", "declared", "--", "true")
    track("run", *words, cwd=team_b).ok()
    assert used(team_b, "declared", "input").keys() == {
        f"{NAMED}/limit.track",
        f"{NAMED}/ride_count_data/region=%4C%41%58/time=2024-01-01.track",
    }
    done = track("run", "-i", "ride_count", "--", "true", cwd=team_b)
    assert done.code == 2 and "ride_count" in done.err and "Traceback" not in done.err
    commit_all(team_b, "declared")
    here("verify", cwd=team_b).ok()
    here("checkout", "--inputs", "declared", cwd=team_b).ok()
    assert here("rerun", "declared", cwd=team_b).code == 0
    isolated = track(
        "run", "--isolated", "-i", "limit", "--", "sh", "-c", f"{OURS} get limit -o x && cat x", cwd=team_b
    )
    assert isolated.code == 0 and isolated.out.startswith("3"), isolated.err


def test_more_than_ten_keys_no_name_and_an_undeclared_key_are_refused(team_a: Path) -> None:
    keys = [word for number in range(11) for word in ("--key", f"k{number}")]
    assert here("declare", "many", *keys, cwd=team_a).code == 2
    assert here("declare", "", cwd=team_a).code == 2
    done = here("put", "ride_count_data", "--value", "1", "--partition", "zzz=x", cwd=team_a)
    assert done.code == 2 and "`zzz`" in done.err
    here("put", "flyteorg.test.yt.test", "--value", "42", cwd=team_a).ok()
    assert here("cat", "flyteorg.test.yt.test", cwd=team_a).ok().out == "42\n"
