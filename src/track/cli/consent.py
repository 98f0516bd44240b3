"""`--yes`: allow the remote that a command is about to use, as `track trust --yes NAME` does."""

import click

from track.cli import late
from track.cli.session import note

yes_option = click.option("--yes", is_flag=True, help="Allow the remote, as `track trust --yes` does.")


def allow(project: "late.project.Project", remote: str | None) -> None:
    """Allow the remote of that name, or the default one, as it stands; what was not allowed before is shown."""
    name = late.remotes.default_name(project) if remote is None else remote
    waiting = [
        one
        for one in late.trust_list.trust_list(project)
        if one.is_asked and not one.is_given and one.wish.name == name
    ]
    if name is not None and waiting:
        for wish in late.trust.trust(project, [name], shown=[one.wish for one in waiting]).given:
            note(f"{wish.label}: allowed in this clone")
            for text in wish.lines:
                note(f"    {text}")
