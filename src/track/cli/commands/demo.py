"""`track demo`: a small example repository, and every command that made it."""

from pathlib import Path

import click

from track.cli import demo, demo_data, terminal
from track.cli.render import count_text, size_text


@click.command("demo", epilog="Exit codes: 0 done; 1 a step failed; 2 wrong usage; 6 the folder is not empty.")
@click.argument("folder", metavar="[DIR]", default="track-demo", type=click.Path(path_type=Path))
@click.option("--data", "only_data", is_flag=True, help="Only write the example data into DIR.")
def command(folder: Path, only_data: bool) -> None:
    """Make a small repository in DIR (default: track-demo) and walk through track, command by command.

    \b
      track demo                 walk through it in ./track-demo
      track demo /tmp/try-it     somewhere else
      track demo --data data     only the data: this Python's own modules

    The data is real and already on this machine; nothing comes from the network.
    Every command is printed before it runs and can be repeated by hand.
    """
    if only_data:
        written = demo_data.write_data(folder)
        terminal.emit(f"wrote {count_text(written.files, 'file')}, {size_text(written.size_bytes)}, into {folder}")
    else:
        demo.demonstrate(folder)
