"""The command of a run, to be executed again."""

from collections.abc import Sequence

from track.errors import UsageError
from track.model.names import display
from track.model.record import Record
from track.model.words import head_of, is_whole


def command_of(record: Record, arguments: Sequence[str] | None = None) -> tuple[str, ...]:
    """The command to execute; `arguments` stand instead of those behind the program, or behind its script.

    Raises:
        UsageError: the run had no command, or a secret that is not kept stood in what is needed of it.
    """
    if not record.command:
        raise UsageError(
            f"run {display(record.name)} was no command", hint=f"track runs show {record.id} says what is known of it"
        )
    command = record.command if arguments is None else (*head_of(record.command), *arguments)
    if not is_whole(command):
        raise UsageError(
            f"the command of run {display(record.name)} held a secret, which is not kept",
            hint=f"say its arguments again: track rerun {record.id} -- ARGUMENT…",
        )
    return tuple(command)
