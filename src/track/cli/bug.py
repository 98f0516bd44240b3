"""The report of a bug of ours, ready to be pasted; loaded only when there is one."""

import platform
import traceback

from track import __version__
from track.cli import terminal
from track.cli.failure import BUG, safe, without_secrets
from track.model.names import display


def report_bug(error: BaseException, arguments: list[str]) -> int:
    """Print a report that can be pasted as it is; returns the exit code."""
    command = without_secrets(display(" ".join(["track", *arguments])))
    terminal.complain(f"{terminal.label('error', 'red')} track failed where it should not: a bug in track")
    terminal.complain("  ---- report ----")
    trace = "".join(traceback.format_exception(error))
    for line in [
        f"command  {command}",
        f"track    {__version__}",
        f"python   {platform.python_version()} on {platform.system()} {platform.release()} {platform.machine()}",
        *trace.rstrip().splitlines(),
    ]:
        terminal.complain(f"  {safe(line)}")
    terminal.complain("  ---- end ----")
    hint = "please report it with the lines above; `track verify` says whether everything stored is whole"
    terminal.complain(f"{terminal.label('hint', 'cyan')} {hint}")
    return BUG
