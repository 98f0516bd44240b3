"""`track rerun --stale`: what is stale is made again in order, and only that; what stands in the way is said."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git, new_repository
from support.trees import write_tree
from track.errors import UnknownPath, UnsavedWork, UsageError
from track.flows.run_consent import allow_commands
from track.flows.run_find import every_run
from track.project import Project
from track.verbs.rerun_stale import Outcome, Remade, rerun_stale

STEP = b"""
import sys
*sources, target = sys.argv[1:]
text = "".join(open(source).read() for source in sources)
if "fail " + target in text.lower():
    open(target, "w").write("half")
    sys.exit(3)
open(target, "w").write(text.upper() if target != "head" else text[:2])
"""
WAITING = b"""
import os, time
with open("writing", "w") as file:
    file.write(str(os.getpid()))
os.rename("writing", "begun")
while not os.path.exists("go"):
    time.sleep(0.01)
"""


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def step(repo: Path, name: str, *paths: str) -> None:
    """A run that makes the last of the paths from the others."""
    told = [word for path in paths[:-1] for word in ("-i", path)]
    command = (sys.executable, "step.py", *paths)
    track("run", "-q", "--name", name, *told, "-o", paths[-1], "--", *command, cwd=repo).ok()


def change(repo: Path, path: str, text: str) -> None:
    write_tree(repo, {path: text.encode()})
    track("add", "-q", path, cwd=repo).ok()


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a -> b -> c -> d -> e, four runs; and beside them x -> y."""
    repo = new_repository(tmp_path_factory.mktemp("pattern") / "repo")
    track("init", cwd=repo).ok()
    write_tree(repo, {"step.py": STEP, "a": b"one", "x": b"eins"})
    track("add", "a", "x", cwd=repo).ok()
    commit_all(repo, "data")
    for source, target in ("ab", "bc", "cd", "de", "xy"):
        step(repo, f"make {target}", source, target)
    commit_all(repo, "runs")
    return repo


@pytest.fixture
def here(pattern: Path, tmp_path: Path) -> Path:
    """A copy of that, in which the person has allowed what was run in the other: a copy may come from anybody."""
    shutil.copytree(pattern, tmp_path / "repo", symlinks=True)
    with Project.open(tmp_path / "repo") as project:
        allow_commands(project, [found.record for found in every_run(project).found], lambda wishes: True)
    return tmp_path / "repo"


def again(repo: Path, *paths: str, **options: bool) -> Remade:
    with Project.open(repo) as project:
        given = [str(repo / path) for path in paths]
        return rerun_stale(project, given, echo=lambda number, block: None, **options)


def told(remade: Remade) -> list[tuple[str, str]]:
    return [(outcome.step.stale[0].path.decode(), outcome.state) for outcome in remade.outcomes]


def stale(repo: Path) -> list[str]:
    return [one["path"] for one in track("stale", "--json", cwd=repo).ok().json["artifacts"]]


def test_a_second_one_is_refused_until_the_first_has_ended_however_it_ends(here: Path) -> None:
    write_tree(here, {"step.py": WAITING + STEP})
    change(here, "x", "zwei")
    command = [sys.executable, "-m", "track", "rerun", "--stale"]
    first = subprocess.Popen(command, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: (here / "begun").exists())
        refused = track("rerun", "--stale", cwd=here)
        assert (
            refused.code == 6 and "another `track rerun --stale` works" in refused.err and str(first.pid) in refused.err
        )
        assert track("rerun", "--stale", "--dry-run", cwd=here).ok()
    finally:
        first.kill()
        first.wait()
        os.kill(int((here / "begun").read_text()), signal.SIGKILL)  # what it executed
        (here / "go").touch()
    assert track("rerun", "--stale", cwd=here).ok() and stale(here) == []
    assert track("cat", "y", cwd=here).ok().out == "ZWEI"


def test_a_chain_of_four_runs_is_kept_up_to_date_by_stale_and_rerun_stale_alone(here: Path) -> None:
    assert track("rerun", "--stale", cwd=here).ok().err == "nothing is stale: 5 artifacts that runs made\n"
    for text in ("two", "three", "two", "four"):
        change(here, "a", text)
        assert stale(here) == ["b", "c", "d", "e"] and track("stale", "--exit-code", cwd=here).code == 1
        done = track("rerun", "--stale", cwd=here).ok()
        assert stale(here) == [] and track("stale", "--exit-code", cwd=here).code == 0
        assert "4 runs executed" in done.err and "make y" not in done.err
        assert {(here / name).read_text() for name in "bcde"} == {text.upper()}
        commit_all(here, text)
    git("checkout", "-q", "HEAD~2", cwd=here)  # what is there now was made from what is there now, at another time
    track("checkout", "-q", cwd=here).ok()
    assert (here / "e").read_text() == "THREE" and stale(here) == []
    assert track("verify", cwd=here).code == 0


def test_the_plan_is_shown_and_nothing_is_executed(here: Path) -> None:
    change(here, "a", "two")
    change(here, "x", "zwei")
    before = git("status", "--porcelain", cwd=here)
    done = track("rerun", "--stale", "-n", cwd=here).ok()
    lines = done.out.splitlines()
    assert [line.split("  as run ")[0] for line in lines if line[0] != " "] == ["b", "c", "d", "e", "y"]
    assert lines[1].endswith("step.py a b") and lines[2].startswith("  a was ") and lines[5] == "  b is stale"
    assert done.err == "5 runs to execute\n"
    document = track("rerun", "--stale", "-n", "--json", "c", cwd=here).ok().json
    assert [each["artifacts"][0]["path"] for each in document["steps"]] == ["b", "c"]
    assert document["steps"][1]["after"] == [document["steps"][0]["run"]]
    assert document["steps"][0]["state"] == "planned" and document["steps"][0]["command"][-2:] == ["a", "b"]
    assert git("status", "--porcelain", cwd=here) == before


def test_a_path_is_made_with_what_it_came_from_and_nothing_else(here: Path) -> None:
    change(here, "a", "two")
    change(here, "x", "zwei")
    assert told(again(here, "c")) == [("b", "made"), ("c", "made")]
    assert stale(here) == ["d", "e", "y"]
    with pytest.raises(UnknownPath, match="nothing is tracked at"):
        again(here, "nothing")


def test_what_comes_out_as_it_was_spares_what_is_behind_it(here: Path) -> None:
    step(here, "cut", "a", "head")
    step(here, "make tail", "head", "tail")
    commit_all(here, "head")
    change(here, "a", "only")  # begins as it did before
    assert told(again(here, "tail")) == [("head", "made"), ("tail", "spared")]
    assert "head" not in stale(here) and "tail" not in stale(here)
    assert again(here, "tail").outcomes == ()


def test_after_a_failure_nothing_more_is_begun_unless_that_is_wanted(here: Path) -> None:
    change(here, "a", "fail c")
    change(here, "x", "zwei")
    remade = again(here)
    assert told(remade) == [("b", "made"), ("c", "failed"), ("d", "behind"), ("e", "behind"), ("y", "left")]
    assert remade.outcomes[2].behind == ("make c",) and not remade.is_done
    done = track("rerun", "--stale", "-k", cwd=here)
    assert done.code == 1 and (here / "y").read_text() == "ZWEI" and (here / "d").read_text() == "ONE"
    assert "its command ended with 3" in done.err and "d: left, as it uses what" in done.err
    assert stale(here) == ["c", "d", "e"]  # what a failed run wrote is not made
    assert "  its run is failed\n" in track("stale", cwd=here).ok().out
    change(here, "a", "well")
    assert track("rerun", "--stale", cwd=here).ok() and (here / "e").read_text() == "WELL"


def in_the_way(remade: Remade) -> Iterator[Outcome]:
    yield from (outcome for outcome in remade.outcomes if outcome.state == "blocked")


def test_an_edit_that_was_not_added_is_in_the_way_and_stays(here: Path) -> None:
    change(here, "a", "two")
    (here / "c").write_text("my own work")
    remade = again(here)
    assert told(remade) == [("b", "made"), ("c", "blocked"), ("d", "behind"), ("e", "behind")]
    (blocked,) = in_the_way(remade)
    assert isinstance(blocked.error, UnsavedWork) and "not added" in blocked.error.message
    assert (here / "c").read_text() == "my own work"
    done = track("rerun", "--stale", cwd=here)
    assert done.code == 6 and "hint: keep it: track add c" in done.err
    track("add", "-q", "c", cwd=here).ok()
    assert stale(here) == ["d", "e"]  # nobody made it by a run
    assert track("rerun", "--stale", cwd=here).ok() and (here / "e").read_text() == "MY OWN WORK"


def test_an_input_that_was_edited_or_is_missing_is_in_the_way(here: Path) -> None:
    change(here, "a", "two")
    (here / "a").write_text("three")
    (blocked, *_) = in_the_way(again(here))
    assert isinstance(blocked.error, UnsavedWork) and blocked.error.message == "`a` has changes that were not added"
    (here / "a").unlink()
    (blocked, *_) = in_the_way(again(here))
    assert isinstance(blocked.error, UnknownPath) and "is not here" in blocked.error.message
    track("checkout", "-q", "a", cwd=here).ok()
    track("rm", "-q", "a", cwd=here).ok()
    (blocked, *_) = in_the_way(again(here))
    assert isinstance(blocked.error, UnknownPath) and "is not tracked any more" in blocked.error.message
    assert track("rerun", "--stale", "-n", cwd=here).code == 2


def test_a_name_that_a_shell_would_execute_is_quoted_in_what_is_to_be_pasted(here: Path) -> None:
    change(here, "a;touch b", "one")
    step(here, "odd", "a;touch b", "x", "odd")
    change(here, "x", "zwei")
    track("rm", "-q", "a;touch b", cwd=here).ok()
    error = next(one.error for one in again(here).outcomes if one.error is not None)
    assert error.hint is not None and "track log 'a;touch b'" in error.hint


def test_what_somebody_made_otherwise_since_is_not_replaced(here: Path) -> None:
    script = "cat a > one; cat a > two"
    track("run", "-q", "--name", "both", "-i", "a", "-o", "one", "-o", "two", "--", "sh", "-c", script, cwd=here).ok()
    change(here, "two", "by hand")
    change(here, "a", "other")
    (blocked,) = in_the_way(again(here, "one"))
    assert blocked.error is not None and "`two` again, which is another than it made" in blocked.error.message
    assert (here / "two").read_text() == "by hand"


def test_runs_without_a_command_of_their_own_are_left_with_what_needs_them(here: Path) -> None:
    (here / "made").write_text("by hand")
    track("claim", "made", "-i", "a", "--", "nobody-has-this", "a", cwd=here).ok()
    step(here, "use it", "made", "used")
    track("run", "-q", "--name", "told", "-i", "a", "-o", "kept", "--", "sh", "-c", "cat a > kept", "--token=abcdefgh",
          cwd=here).ok()  # fmt: skip
    change(here, "a", "two")
    done = dict(told(again(here, keep_going=True)))
    assert (done["made"], done["used"], done["kept"], done["e"]) == ("failed", "behind", "blocked", "made")
    errors = {one.step.run.name: one.error for one in again(here).outcomes}
    assert isinstance(errors["told"], UsageError) and "held a secret" in errors["told"].message


def test_runs_in_a_circle_are_left_and_named(here: Path) -> None:
    change(here, "q", "begin")
    step(here, "to p", "q", "p")
    step(here, "to q", "p", "q")
    change(here, "k", "key")
    script = "cat q k > p"
    track("run", "-q", "--name", "to p", "-i", "q", "-i", "k", "-o", "p", "--", "sh", "-c", script, cwd=here).ok()
    step(here, "from p", "p", "r")
    change(here, "k", "other key")
    remade = again(here, keep_going=True)
    assert dict(told(remade)) == {"p": "blocked", "q": "blocked", "r": "behind"}
    for blocked in in_the_way(remade):
        assert blocked.error is not None and "in a circle" in blocked.error.message


def test_what_is_changed_in_place_as_declared_is_not_done_twice(here: Path) -> None:
    script = "cat x >> a"
    track("run", "-q", "--name", "more", "-i", "a", "-i", "x", "-o", "a", "--", "sh", "-c", script, cwd=here).ok()
    change(here, "x", "zwei")
    (blocked,) = in_the_way(again(here, "a"))
    assert blocked.error is not None and "in place" in blocked.error.message
    assert (here / "a").read_text() == "oneeins"


def test_what_was_only_observed_is_declared_again(here: Path) -> None:
    track("run", "-q", "--name", "seen", "--", sys.executable, "step.py", "a", "y", cwd=here).ok()
    change(here, "a", "two")
    track("config", "runs.observe", "off", cwd=here).ok()
    assert track("rerun", "--stale", "y", cwd=here).ok() and (here / "y").read_text() == "TWO"
    change(here, "a", "three")
    assert "y" in stale(here)


def test_each_step_is_a_run_of_its_own_in_its_folder_which_says_what_it_did_again(here: Path) -> None:
    write_tree(here, {"sub/n.txt": b"n"})
    track("add", "-q", "sub/n.txt", cwd=here).ok()
    track("run", "-q", "--name", "sub", "-p", "lr=2", "-i", "n.txt", "-o", "m", "--", "cp", "n.txt", "m",
          cwd=here / "sub").ok()  # fmt: skip
    change(here, "sub/n.txt", "new")
    (outcome,) = again(here, "sub").outcomes
    assert outcome.ran is not None and (here / "sub/m").read_text() == "new"
    record = outcome.ran.record
    assert record.metadata["rerun_of"] == outcome.step.run.id and record.params == {"lr": 2} and record.cwd == "sub"
    change(here, "sub/n.txt", "newer")
    track("rerun", "--stale", "--commit", "--isolated", "sub", cwd=here).ok()
    assert (here / "sub/m").read_text() == "newer"
    assert git("show", "--format=", "--name-only", cwd=here).split()[1:] == ["sub/m.track"]


def test_where_runs_are_not_kept_nothing_is_begun(here: Path) -> None:
    change(here, "a", "two")
    track("config", "runs.keep", "none", cwd=here).ok()
    done = track("rerun", "--stale", cwd=here)
    assert done.code == 2 and "track config runs.keep" in done.err and (here / "b").read_text() == "ONE"


def test_options_that_do_not_go_together_are_refused(here: Path) -> None:
    for words in (("-n",), ("-k", "make b"), (), ("--stale", "--name", "x"), ("--stale", "--no-keep")):
        done = track("rerun", *words, cwd=here)
        assert done.code == 2 and "hint: " in done.err
    for words in (("--stale", "--json"), ("--json", "make b")):
        done = track("rerun", *words, cwd=here)
        assert done.code == 2 and '"hint": "track rerun --stale --dry-run' in done.err
