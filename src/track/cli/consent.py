"""`--yes`: allow the remote that a command is about to use, as `track trust --yes NAME` does."""

import click

from track.cli.session import note
from track.flows.remotes import default_name
from track.project import Project
from track.verbs.trust import trust
from track.verbs.trust_list import trust_list

yes_option = click.option("--yes", is_flag=True, help="Allow the remote, as `track trust --yes` does.")


def allow(project: Project, remote: str | None) -> None:
    """Allow the remote of that name, or the default one, as it stands; what was not allowed before is shown."""
    name = default_name(project) if remote is None else remote
    waiting = [one for one in trust_list(project) if one.is_asked and not one.is_given and one.wish.name == name]
    if name is not None and waiting:
        for wish in trust(project, [name], shown=[one.wish for one in waiting]).given:
            note(f"{wish.label}: allowed in this clone")
            for text in wish.lines:
                note(f"    {text}")
