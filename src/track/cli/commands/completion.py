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

    Completed are commands, options, tracked paths, named artifacts and their aliases, runs by name and id, labels,
    partitions, parameters and tags. The words come from Git's index and from the catalog as it is: one that is missing
    or behind is not built for it. Words that mean something to a shell are left out.
    """
    terminal.emit(completion.script(shell))
