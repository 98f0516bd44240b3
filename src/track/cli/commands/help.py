"""`track help`: what a command does."""

import click

from track.cli import terminal


@click.command("help", epilog="Exit codes: 0 done; 2 no such command.")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Explain a command.

    \b
      track help
      track help add
      track help remote add
    """
    parent = ctx.parent
    assert parent is not None
    asked: click.Command = parent.command
    context = parent
    for word in words:
        if not isinstance(asked, click.Group):
            ctx.fail(f"`{context.command_path}` has no command `{word}`")
        _, found, _ = asked.resolve_command(context, [word])
        assert found is not None
        context = click.Context(found, info_name=word, parent=context)
        asked = found
    terminal.emit(asked.get_help(context))
