"""`track completion`: a completion script for the shell."""

import click

from track.cli import completion, terminal


@click.command("completion", epilog="Exit codes: 0 done; 2 wrong usage.")
@click.argument("shell", type=click.Choice(completion.SHELLS))
def command(shell: str) -> None:
    """Print a completion script for bash, zsh or fish.

    \b
      track completion bash    for ~/.bashrc:  eval "$(track completion bash)"
      track completion zsh     for ~/.zshrc:   eval "$(track completion zsh)"
      track completion fish > ~/.config/fish/completions/track.fish

    Completed are commands, options, tracked paths, named artifacts and their aliases, revisions, runs by name and id,
    labels, partitions, parameters, tags, metrics, people, and the fields of queries. The words come from Git's refs and
    index, and from the catalog as it is: one that is missing or behind is not built for it. Blanks, quotes and what
    else means something to a shell are quoted.
    """
    terminal.emit(completion.script(shell))
