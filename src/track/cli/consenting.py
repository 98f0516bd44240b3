"""Asking the person at the keyboard whether commands that came with the repository may be executed."""

import sys
from collections.abc import Sequence

import click

from track.cli import late
from track.cli.session import note
from track.model.wish import Wish


def asks(yes: bool) -> "late.run_consent.Ask":
    """What shows commands that came with the repository and asks for a yes, which `yes` gives beforehand.

    Without a terminal nobody can be asked, and that is no yes.
    """

    def ask(wishes: Sequence[Wish]) -> bool:
        is_asked = sys.stdin.isatty() and sys.stderr.isatty()
        if not yes and not is_asked:
            return False
        for wish in wishes:
            note(f"{wish.label} came with the repository:")
            for text in wish.lines:
                note(f"    {text}")
        return yes or click.confirm("execute what somebody else wrote?", err=True)

    return ask
