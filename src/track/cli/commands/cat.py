"""`track cat`: the bytes of one file at a revision."""

import click

from track.cli import late
from track.cli.session import emit_bytes, opened

_HELP = """Print the bytes of one file, as they were at a revision.

\b
  track cat v1:data/train.csv           a file artifact at a revision
  track cat HEAD~1:images/cats/1.jpg    a file inside a directory artifact
  track cat data/train.csv              as its pointer in the working tree says
  track cat :data/train.csv             as its pointer in the index says

Every byte is checked against its digest before it is printed. A link gives its target, a value its JSON.
Behind a colon, a path is from the top of the repository unless it begins with ./ or ../ .

\b
Exit codes: 0 done; 2 no such revision or path, or a directory; 3 not a project; 4 the bytes are not here;
7 the bytes in the store are damaged.
"""


@click.command("cat", help=_HELP, short_help="print the bytes of one file at a revision")
@click.argument("words", metavar="[REV:]PATH", type=click.UNPROCESSED)
def command(*, words: str) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        for piece in late.cat.cat(project, words):
            emit_bytes(piece)
