"""The command line: options for all commands, commands loaded when called, errors turned into text and a code."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from track import __version__
from track.cli import failure, outline, terminal
from track.cli.later import Later
from track.errors import TrackError, UnknownPath
from track.model.expressions import expression

_NO_COMMAND = expression(r"No such command '(.*)'\.")


class Commands(click.Group):
    """The commands of `outline`; each is loaded from `track.cli.commands` when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, in the order of the outline."""
        return list(outline.SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded now, or None."""
        if cmd_name not in outline.SUMMARIES:
            return None
        command: click.Command = import_module(f"track.cli.commands.{cmd_name.replace('-', '_')}").command
        _allow_common_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown command names the nearest one."""
        if not ctx.resilient_parsing:
            _ask_ahead(args)
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            near = import_module("track.model.nearest").like(args[0], outline.SUMMARIES, 1)
            ctx.fail(f"`track {args[0]}`: no such command" + (f"; did you mean `track {near[0]}`?" if near else ""))
        return args[0], command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The outline, by task."""
        for task in outline.TASKS:
            with formatter.section(task.title):
                formatter.write_dl(task.commands)


def _ask_ahead(args: list[str]) -> None:
    """Begin to ask Git, while a command is loaded, what that begins with."""
    questions = outline.AHEAD.get(args[0]) or outline.AHEAD.get(" ".join(args[:2]))
    if questions is not None:
        import_module("track.history.ahead").begin(questions)


def _set_quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        terminal.configure(quiet=True)


def _set_verbose(ctx: click.Context, param: click.Parameter, value: int) -> None:
    if value:
        terminal.configure(verbose=value)


def _allow_common_options(command: click.Command) -> None:
    """Let `-q` and `-v` stand after the command too, where they mean nothing else there."""
    if isinstance(command, Later):
        command.prepare = _allow_common_options
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _allow_common_options(inner)
        return
    taken = {name for param in command.params for name in param.opts}
    if not taken & {"-q", "--quiet"}:
        help_text = "Print errors only."
        command.params.append(
            click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=_set_quiet, help=help_text)
        )
    if not taken & {"-v", "--verbose"}:
        help_text = "Say more; twice for still more."
        command.params.append(
            click.Option(["-v", "--verbose"], count=True, expose_value=False, callback=_set_verbose, help=help_text)
        )


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND] [ARGS]...",  # as click 8.4 says it, and those before do not
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 difference or expected failure, 2 usage, 3 not a project or bad configuration, "
    "4 data missing, 5 remote, 6 conflict or unsaved work, 7 integrity, 70 bug in track, 130 interrupted, "
    "141 closed pipe.",
)
@click.option("-C", "folders", metavar="DIR", multiple=True, help="Run as if started in DIR.")
@click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_set_quiet, help="Print errors only.")
@click.option("-v", "--verbose", count=True, expose_value=False, callback=_set_verbose, help="Say more.")
@click.option("--as", "user", metavar="NAME", help="Record runs as this user's; Git's identity stays what it is.")
@click.option("--no-pager", is_flag=True, help="Do not page long output.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), help="When to use colour.")
@click.version_option(__version__, message="track %(version)s", help="Print the version.")
@click.pass_context
def group(ctx: click.Context, folders: tuple[str, ...], user: str | None, no_pager: bool, color: str | None) -> None:
    """Data versioning that lives in Git.

    Pointers are text files in Git; the bytes are in a store beside it and at remotes.
    """
    terminal.configure(pager=not no_pager, color=color or "auto", acts=ctx.invoked_subcommand in outline.ACTS)
    for folder in folders:
        try:
            os.chdir(folder)
        except OSError as error:
            raise UnknownPath(f"-C `{folder}`: {(error.strerror or str(error)).lower()}") from error
    if user is not None:
        import_module("track.model.names").check_user(user)
        os.environ["TRACK_USER"] = user  # the setting `user`, for what this command starts, too
    if ctx.invoked_subcommand is None:
        terminal.emit(outline.first_commands())
    elif ctx.invoked_subcommand in outline.PAGED and _may_page():
        ctx.with_resource(import_module("track.cli.pager").paged())


def _may_page() -> bool:
    return terminal.settings().pager and not terminal.settings().json and sys.stdout.isatty()


def run(arguments: list[str]) -> int:
    """Run `track` with these arguments and return its exit code; the one place where errors become text."""
    terminal.begin(arguments)
    if os.environ.get("TRACK_TRACE"):
        import_module("track.cli.trace").start()
    try:
        code = _code_of(arguments)
        sys.stdout.flush()
    except TrackError as error:
        return failure.report(error)
    except click.UsageError as error:
        return _report_usage(error)
    except click.ClickException as error:
        return failure.report(TrackError(error.format_message()))
    except (KeyboardInterrupt, EOFError, click.Abort):
        kept = "what was done is kept, and the same command again goes on"
        terminal.complain(f"interrupted: {kept if terminal.settings().acts else 'nothing was changed'}")
        return failure.INTERRUPTED
    except BrokenPipeError:
        return failure.closed_pipe()
    except OSError as error:
        known = failure.of_the_world(error)
        return _report_bug(error, arguments) if known is None else failure.report(known)
    except Exception as error:  # whatever else comes up is our bug, and says so
        known = failure.of_a_database(error) or failure.of_a_limit(error)
        return _report_bug(error, arguments) if known is None else failure.report(known)
    return code


def _code_of(arguments: list[str]) -> int:
    if "_TRACK_COMPLETE" in os.environ:
        answered: int = import_module("track.cli.completion").answer(group)
        return answered
    try:
        with group.make_context("track", list(arguments)) as context:
            group.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


def _report_bug(error: Exception, arguments: list[str]) -> int:
    code: int = import_module("track.cli.bug").report_bug(error, arguments)
    return code


def _report_usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx is not None:
        return _report_group(error.ctx)
    usage = " ".join(error.ctx.get_usage().split()) if error.ctx is not None else ""
    path = error.ctx.command_path.removeprefix("track").strip() if error.ctx is not None else ""
    message = _not_called_so(error) or error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    return failure.report_usage(message, usage, f"track help {path}".strip() if path else "track --help")


def _not_called_so(error: click.UsageError) -> str | None:
    """What to say of an option or a command that does not exist, and what is called nearly so; None for all else.

    Each version of click says it in another way.
    """
    if isinstance(error, click.NoSuchOption):
        return f"no such option `{error.option_name}`{_meant(error.possibilities or ())}"
    context, name = error.ctx, _command_of(error)
    if name is None or context is None or not isinstance(context.command, click.Group):
        return None
    near = import_module("track.model.nearest").like(name, context.command.list_commands(context))
    above = context.command_path
    return f"`{above} {name}`: no such command{_meant([f'{above} {each}' for each in near])}"


def _command_of(error: click.UsageError) -> str | None:
    """The command that does not exist, where that is the error; click before 8.4 has it in the message alone."""
    name: str | None = getattr(error, "command_name", None)
    said = _NO_COMMAND.fullmatch(error.message) if name is None else None
    return name if said is None else said[1]


def _meant(names: Sequence[str]) -> str:
    *more, last = [f"`{name}`" for name in names] or [""]
    return f"; did you mean {', '.join(more)} or {last}?" if more else f"; did you mean {last}?" if last else ""


def _report_group(ctx: click.Context) -> int:
    """A group that was called without any of its commands names them."""
    named = ", ".join(ctx.command.list_commands(ctx)) if isinstance(ctx.command, click.Group) else "say what"
    return failure.report_usage(
        f"`{ctx.command_path}` does nothing by itself: {named}", "", f"{ctx.command_path} --help"
    )
