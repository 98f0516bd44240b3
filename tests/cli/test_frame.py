"""The frame around every command: help, options for all, errors as text or JSON, and exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from errno import EACCES, ENOSPC, ENOTDIR
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import click
import pytest

from support.cli import track, track_here
from support.terminal import on_terminal
from track import __version__, errors
from track.cli import outline, terminal
from track.cli.main import group

TOP = Path(__file__).parents[2]


@pytest.fixture
def command_that(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Install a command `track act` that does what it is given."""

    def install(act: Callable[[], None]) -> None:
        module = ModuleType("track.cli.commands.act")
        module.command = click.Command(
            "act", callback=lambda as_json: act(), params=[click.Option(["--json", "as_json"], is_flag=True)]
        )  # type: ignore[attr-defined]  # a module made on the spot
        monkeypatch.setitem(sys.modules, "track.cli.commands.act", module)
        monkeypatch.setitem(outline.SUMMARIES, "act", "do it")

    return install


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_the_extra_called_all_has_every_other_that_a_user_may_want():
    extras = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {each for words in extras["all"] for each in words.partition("[")[2].rstrip("]").split(",")}
    of_others = {each for name in named for words in extras[name] for each in re.findall(r"track-data\[(\w+)\]", words)}
    assert named | of_others == set(extras) - {"all", "test", "bench", "dev"}


def test_version_is_the_one_in_pyproject(tmp_path: Path) -> None:
    declared = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert __version__ == declared
    assert track("--version", cwd=tmp_path) == (0, f"track {declared}\n", "")
    assert track("-q", "--version", cwd=tmp_path) == (0, f"track {declared}\n", "")


def test_track_alone_names_ten_commands_by_task_and_succeeds(tmp_path: Path) -> None:
    done = track_here(cwd=tmp_path).ok()
    named = [line.split()[1] for line in done.out.splitlines() if line.startswith("  track ")]
    assert sorted(named) == sorted(outline.FIRST)
    assert len(named) == 10


def test_help_names_every_command_without_loading_one(tmp_path: Path) -> None:
    code = "import sys; from track.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout for name in outline.SUMMARIES)
    assert "track.cli.commands" not in done.stderr


@pytest.mark.parametrize("name", outline.SUMMARIES)
def test_every_command_of_the_outline_exists_and_explains_itself(name: str, tmp_path: Path) -> None:
    short = track_here(name, "-h", cwd=tmp_path).ok().out
    assert short == track_here(name, "--help", cwd=tmp_path).ok().out
    assert short.startswith(f"Usage: track {name} ")
    assert "Exit codes:" in short


def test_an_unknown_command_names_the_nearest(tmp_path: Path) -> None:
    done = track_here("stats", cwd=tmp_path)
    assert done.code == 2
    assert done.out == ""
    assert "error: `track stats`: no such command; did you mean `track status`?" in done.err
    assert "hint: track --help" in done.err


def test_an_unknown_command_that_is_like_none_gets_no_guess(tmp_path: Path) -> None:
    assert "did you mean" not in track_here("qqqqqqq", cwd=tmp_path).err


@pytest.mark.parametrize("name", ["remote", "runs", "hooks"])
def test_a_group_alone_names_its_commands(name: str, tmp_path: Path) -> None:
    done = track_here(name, cwd=tmp_path)
    assert done.code == 2 and done.out == ""
    assert done.err.startswith(f"error: `track {name}` does nothing by itself: ") and "list" in done.err
    assert done.err.endswith(f"\nhint: track {name} --help\n") and done.err.count("\n") == 2


def test_show_alone_asks_for_what_it_shows_and_log_alone_tells_what_commits_did(tmp_path: Path) -> None:
    done = track_here("show", cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("error: missing argument '[REV:]PATH|NAME[@VERSION]|RUN|COMMIT|ID'\n")
    assert track_here("log", cwd=tmp_path).code == 3  # nothing is missing but a repository


def test_a_wrong_option_is_a_usage_error_that_names_the_help(tmp_path: Path) -> None:
    done = track_here("completion", "--nonsense", cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("error: no such option `--nonsense`\n")
    assert "hint: track help completion" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["push", "--aall"], "no such option `--aall`; did you mean `--all`?"),
        (["add", "--nope"], "no such option `--nope`; did you mean `--type`, `--name` or `--no-stage`?"),
        (["runs", "shwo"], "`track runs shwo`: no such command; did you mean `track runs show`?"),
        (
            ["runs", "abrt"],
            "`track runs abrt`: no such command; did you mean `track runs abort` or `track runs start`?",
        ),
        (["runs", "qqqq"], "`track runs qqqq`: no such command"),
    ],
)
def test_what_is_nearly_an_option_or_a_command_is_told_with_what_is_one(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = track_here(*words, cwd=tmp_path)
    assert (done.code, done.out) == (2, "") and done.err.startswith(f"error: {said}\n")


def test_a_command_that_click_names_in_its_message_alone_is_told_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(group: click.Group, ctx: click.Context, args: list[str]) -> NoReturn:
        ctx.fail(f"No such command {args[0]!r}.")  # as click before 8.4 does

    monkeypatch.setattr(click.Group, "resolve_command", resolve)
    said = track_here("runs", "abrt", cwd=tmp_path).err
    assert said.startswith(
        "error: `track runs abrt`: no such command; did you mean `track runs abort` or `track runs start`?\n"
    )


def test_help_explains_a_command_and_refuses_an_unknown_one(tmp_path: Path) -> None:
    assert track_here("help", "completion", cwd=tmp_path).ok().out.startswith("Usage: track completion")
    assert track_here("help", cwd=tmp_path).ok().out == track_here("--help", cwd=tmp_path).ok().out
    assert track_here("help", "nonsense", cwd=tmp_path).code == 2
    assert track_here("help", "completion", "deeper", cwd=tmp_path).code == 2


def test_c_runs_elsewhere_and_a_missing_folder_is_a_usage_error(
    tmp_path: Path, command_that: Callable[[Callable[[], None]], None]
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    command_that(lambda: terminal.emit(os.getcwd()))
    assert track_here("-C", "a", "-C", "b", "act", cwd=tmp_path).ok().out.strip() == str(tmp_path / "a" / "b")
    done = track_here("-C", "nowhere", "act", cwd=tmp_path)
    assert done.code == 2
    assert "`nowhere`: no such file or directory" in done.err


def tree(kind: type[errors.TrackError]) -> list[type[errors.TrackError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]


@pytest.mark.parametrize("kind", tree(errors.TrackError), ids=lambda kind: kind.__name__)
def test_an_error_says_what_why_and_what_next_and_has_its_code(
    kind: type[errors.TrackError], tmp_path: Path, command_that: Callable[[Callable[[], None]], None]
) -> None:
    command_that(raising(kind("`a.csv` is gone", hint="track pull a.csv", details=("looked  .store",))))
    done = track_here("act", cwd=tmp_path)
    assert done == (kind.exit_code, "", "error: `a.csv` is gone\n  looked  .store\nhint: track pull a.csv\n")

    told = track_here("act", "--json", cwd=tmp_path)
    assert told.code == kind.exit_code
    assert json.loads(told.err) == {
        "version": 1,
        "kind": "error",
        "error": kind.__name__,
        "message": "`a.csv` is gone",
        "details": ["looked  .store"],
        "hint": "track pull a.csv",
        "exit_code": kind.exit_code,
    }


@pytest.mark.parametrize("kind", tree(errors.TrackError), ids=lambda kind: kind.__name__)
def test_an_error_that_does_not_say_what_next_gets_what_helps_with_its_kind(
    kind: type[errors.TrackError], tmp_path: Path, command_that: Callable[[Callable[[], None]], None]
) -> None:
    command_that(raising(kind("`a.csv` is gone")))
    done = track_here("act", cwd=tmp_path)
    message, hint = done.err.splitlines()
    assert message == "error: `a.csv` is gone"
    assert hint.startswith("hint: ") and ("track" in hint or "`" in hint or "git " in hint or "again" in hint)
    assert json.loads(track_here("act", "--json", cwd=tmp_path).err)["hint"] == hint.removeprefix("hint: ")


def test_json_after_a_double_dash_is_a_path_and_changes_nothing(tmp_path: Path) -> None:
    assert track_here("completion", "nonsense", "--", "--json", cwd=tmp_path).err.startswith("error: ")


def test_an_error_shows_no_secret_and_no_control_character(
    tmp_path: Path, command_that: Callable[[Callable[[], None]], None]
) -> None:
    command_that(raising(errors.RemoteError("https://ada:secret@example.org said \x1b[31mno\u202e\udcff")))
    done = track_here("act", cwd=tmp_path)
    assert "secret" not in done.err
    assert "***@example.org" in done.err
    assert not {"\x1b", "\u202e"} & set(done.err)


def test_a_bug_is_70_with_a_report_to_paste(tmp_path: Path, command_that: Callable[[Callable[[], None]], None]) -> None:
    command_that(raising(ZeroDivisionError("of ours")))
    done = track_here("act", cwd=tmp_path)
    assert done.code == 70
    assert "a bug in track" in done.err
    assert "command  track act" in done.err
    assert __version__ in done.err
    assert "ZeroDivisionError: of ours" in done.err


@pytest.mark.parametrize(("number", "code"), [(ENOSPC, 1), (EACCES, 1), (ENOTDIR, 70)])
def test_a_failure_of_disk_or_permission_is_no_bug_of_ours(
    number: int, code: int, tmp_path: Path, command_that: Callable[[Callable[[], None]], None]
) -> None:
    command_that(raising(OSError(number, os.strerror(number), "a.csv")))
    done = track_here("act", cwd=tmp_path)
    assert done.code == code
    first, _, rest = done.err.partition("\n")
    assert (first == f"error: `a.csv`: {os.strerror(number).lower()}") == (code == 1)
    assert (re.fullmatch(r"hint: .*`(df|ls) -\w+`.*\n", rest) is not None) == (code == 1)


def test_ctrl_c_is_130(tmp_path: Path, command_that: Callable[[Callable[[], None]], None]) -> None:
    command_that(raising(KeyboardInterrupt()))
    assert track_here("act", cwd=tmp_path) == (130, "", "interrupted: nothing was changed\n")


def test_ctrl_c_in_a_command_that_acts_says_how_to_go_on(
    tmp_path: Path, command_that: Callable[[Callable[[], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    command_that(raising(KeyboardInterrupt()))
    monkeypatch.setattr(outline, "ACTS", ("act",))
    told = "interrupted: what was done is kept, and the same command again goes on\n"
    assert track_here("act", cwd=tmp_path) == (130, "", told)


def _as_from_a_terminal() -> None:
    """Let an interrupt through: what a shell starts in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_in_a_real_process_is_130_without_a_traceback(tmp_path: Path) -> None:
    code = (
        "import sys, time; from track.cli import main, outline, terminal\n"
        "def wait(ctx): terminal.emit('ready'); sys.stdout.flush(); time.sleep(600)\n"
        "main.group.invoke = wait\n"
        "sys.exit(main.run(['status']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_from_a_terminal,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=240)
    assert (process.returncode, said) == (130, "interrupted: nothing was changed\n")


def test_a_closed_pipe_is_141_and_silent(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "track", "--help"], stdout=writer, stderr=subprocess.PIPE, cwd=tmp_path, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_quiet_leaves_results_and_errors(tmp_path: Path, command_that: Callable[[Callable[[], None]], None]) -> None:
    def act() -> None:
        terminal.emit("result")
        terminal.note("a note")
        terminal.warn("a warning")
        terminal.hint("a hint")
        terminal.detail("a detail")

    command_that(act)
    everything = "a note\nwarning: a warning\nhint: a hint\n"
    assert track_here("act", cwd=tmp_path) == (0, "result\n", everything)
    assert track_here("-v", "act", cwd=tmp_path) == (0, "result\n", everything + "a detail\n")
    assert track_here("act", "-v", cwd=tmp_path).err.endswith("a detail\n")
    assert track_here("-q", "act", cwd=tmp_path) == (0, "result\n", "")
    assert track_here("act", "-q", cwd=tmp_path) == (0, "result\n", "")


def test_a_quiet_command_that_acts_says_nothing_but_json(
    tmp_path: Path, command_that: Callable[[Callable[[], None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outline, "ACTS", ("act",))
    command_that(lambda: terminal.emit("done"))
    assert track_here("act", cwd=tmp_path).out == "done\n"
    assert track_here("act", "-q", cwd=tmp_path) == (0, "", "")
    command_that(lambda: terminal.emit_json("act", {"done": 1}))
    assert track_here("act", "-q", "--json", cwd=tmp_path).json["done"] == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_as_asked_and_never_in_a_pipe_unasked(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    colored: bool,
    tmp_path: Path,
    command_that: Callable[[Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    command_that(lambda: terminal.emit(terminal.paint("red", "red")))
    assert track_here(*arguments, "act", cwd=tmp_path).out == ("\x1b[31mred\x1b[0m\n" if colored else "red\n")


def test_exit_and_system_exit_keep_their_codes(
    tmp_path: Path, command_that: Callable[[Callable[[], None]], None]
) -> None:
    command_that(lambda: click.get_current_context().exit(1))
    assert track_here("act", cwd=tmp_path).code == 1
    command_that(raising(SystemExit(3)))
    assert track_here("act", cwd=tmp_path).code == 3


def test_long_output_goes_through_the_users_pager_on_a_terminal_only(tmp_path: Path) -> None:
    pager = {"TRACK_PAGER": "sed s/^/paged:/"}
    command: list[str | Path] = [sys.executable, "-m", "track", "help"]
    assert "paged:Usage" in on_terminal(command, cwd=tmp_path, env=pager)[1]
    assert "paged:" not in on_terminal([*command[:3], "--no-pager", "help"], cwd=tmp_path, env=pager)[1]
    assert "paged:" not in on_terminal(command, cwd=tmp_path, env={"TRACK_PAGER": "cat"})[1]
    assert "paged:" not in track("help", cwd=tmp_path, env=pager).out


def test_what_is_said_beside_a_result_goes_through_the_pager_and_an_error_after_it_does_not(repo: Path) -> None:
    track_here("init", "--no-hooks", cwd=repo).ok()
    pager = {"TRACK_PAGER": "sed s/^/paged:/"}
    command = [sys.executable, "-m", "track"]
    assert on_terminal([*command, "find"], cwd=repo, env=pager) == (0, "paged:nothing found among 0 versions\n")
    code, shown = on_terminal([*command, "find", "nope = 1"], cwd=repo, env=pager)
    assert code == 2 and shown.splitlines()[0].endswith("there is no field `nope`") and "paged:" not in shown
    quick = on_terminal([*command, "find"], cwd=repo, env={"TRACK_PAGER": "true"})[1]
    assert "Traceback" not in quick and "rror" not in quick


def test_the_pager_is_the_users_core_pager_and_never_the_repositorys(repo: Path, tmp_path: Path) -> None:
    mine = tmp_path / "gitconfig"
    mine.write_text('[core]\n\tpager = "sed s/^/mine:/"\n')
    with (repo / ".git" / "config").open("a") as config:
        config.write('[core]\n\tpager = "sed s/^/theirs:/"\n')
    command: list[str | Path] = [sys.executable, "-m", "track", "help"]
    shown = on_terminal(command, cwd=repo, env={"GIT_CONFIG_GLOBAL": str(mine), "PAGER": "cat"})[1]
    assert "mine:Usage" in shown
    assert "theirs:" not in shown


def test_trace_shows_what_was_started_and_the_traceback_of_an_error(tmp_path: Path) -> None:
    done = track("status", cwd=tmp_path, env={"TRACK_TRACE": "1"})
    assert done.code == 3
    assert "subprocess.Popen" in done.err
    assert "rev-parse" in done.err
    assert "Traceback" in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_answers_it(shell: str, tmp_path: Path) -> None:
    script = track_here("completion", shell, cwd=tmp_path).ok().out
    assert f"_TRACK_COMPLETE={shell}_complete" in script
    asked = {"_TRACK_COMPLETE": f"{shell}_complete", "COMP_WORDS": "track che", "COMP_CWORD": "1"}
    if shell == "fish":
        asked["COMP_CWORD"] = "che"
    done = track(cwd=tmp_path, env=asked).ok()
    assert "checkout" in done.out
    assert "status" not in done.out


def test_completion_offers_options_of_a_command(tmp_path: Path) -> None:
    asked = {"_TRACK_COMPLETE": "bash_complete", "COMP_WORDS": "track completion --he", "COMP_CWORD": "2"}
    assert track(cwd=tmp_path, env=asked).ok().out == "plain,--help\n"


def test_completion_leaves_paths_to_the_shell(tmp_path: Path) -> None:
    asked = {"_TRACK_COMPLETE": "bash_complete", "COMP_WORDS": "track add da", "COMP_CWORD": "2"}
    assert track(cwd=tmp_path, env=asked).ok().out == "file,da\n"


@pytest.mark.parametrize(
    ("words", "is_file"),
    [
        ("track help completion da", False),
        ("track runs show da", False),
        ("track runs list --where da", False),
        ("track runs get x -o da", True),
        ("track metrics plot x --output da", True),
        ("track log metric da", False),
        ("track log da", True),
        ("track -C x diff da", True),
        ("track trust da", False),
        ("track run -- python da", True),
        ("track push origin da", False),
        ("track push origin -- da", True),
        ("track claim x -- da", True),
    ],
)
def test_completion_offers_files_only_where_a_command_takes_them(words: str, is_file: bool, tmp_path: Path) -> None:
    count = len(words.split()) - 1
    asked = {"_TRACK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    assert track(cwd=tmp_path, env=asked).ok().out == ("file,da\n" if is_file else "")


def test_in_bash_the_completion_script_completes(tmp_path: Path) -> None:
    script = tmp_path / "complete.bash"
    script.write_text(track_here("completion", "bash", cwd=tmp_path).ok().out)
    tool = tmp_path / "track"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m track "$@"\n')
    tool.chmod(0o755)
    asked = "COMP_LINE='track pu'; COMP_POINT=8; _track_completion track pu track; echo ${COMPREPLY[@]}"
    dialogue = f'PATH="{tmp_path}:$PATH"; source {script}; {asked}'
    done = subprocess.run(["bash", "--norc", "-c", dialogue], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["put", "push", "pull", "purge"], done.stderr


def test_the_group_takes_its_options_before_the_command() -> None:
    names = {name for param in group.params for name in param.opts}
    assert names >= {"-C", "-q", "--quiet", "-v", "--verbose", "--no-pager", "--color", "--version"}


@pytest.mark.parametrize(
    "start", [("-m", "track"), ("-c", "import sys; from track.__main__ import main; sys.exit(main())")]
)
def test_ctrl_c_while_the_program_is_being_loaded_is_130_without_a_word(tmp_path: Path, start: tuple[str, ...]) -> None:
    (tmp_path / "click.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(300)\n"
    )
    done = subprocess.run(
        [sys.executable, *start, *(["status"] if start[0] == "-m" else [])],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        preexec_fn=_as_from_a_terminal,
        cwd=tmp_path,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n")
    script = (
        "import os, signal, sys; from track.__main__ import main; code = main(); os.kill(os.getpid(), signal.SIGINT)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; os.kill(os.getpid(), signal.SIGINT); sys.exit(code)", "help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done
