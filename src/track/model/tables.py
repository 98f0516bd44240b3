"""Tables: what `track catalog export` writes, column by column, for other engines to query.

The names and kinds of columns are a format: what reads the files of today reads those of later versions.
"""

from typing import NamedTuple

FORMAT = 1
"""Of these tables; it stands in the metadata of every file."""
TEXT, WHOLE, NUMBER, TRUTH, TIME, TEXTS, JSON = "text", "whole number", "number", "truth value", "time", "texts", "JSON"
"""What is in a column. A time is in microseconds, UTC; JSON is text that holds one JSON value."""


class Column(NamedTuple):
    """One column: its name, one of the kinds above, what it says, and whether every row has it."""

    name: str
    kind: str
    meaning: str
    is_given: bool = False


class Table(NamedTuple):
    """One table: a file of it for each repository."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


_REPOSITORY = Column("repository", TEXT, "which repository", is_given=True)

VERSIONS = Table(
    "versions",
    "a row for each version of an artifact that any branch or tag ever had, that stands in the working tree, "
    "or that a run saved to itself",
    (
        _REPOSITORY,
        Column("id", TEXT, "16 hex digits, the same in every clone", is_given=True),
        Column("name", TEXT, "the path of the data, or the name of the artifact", is_given=True),
        Column("path", TEXT, "the path of the data, or of the pointer of a named artifact"),
        Column("kind", TEXT, "`file`, `directory` or `value`", is_given=True),
        Column("digest", TEXT, "`blake3:` and 64 hex digits: equal where the content is", is_given=True),
        Column("size", WHOLE, "in bytes"),
        Column("rows", WHOLE, "of a table"),
        Column("files", WHOLE, "of a directory"),
        Column("executable", TRUTH, "whether a file has the executable bit"),
        Column("type", TEXT, "the media type"),
        Column("run", TEXT, "the id of the run that made it"),
        Column("created", TIME, "when; what no commit has yet: when it was exported", is_given=True),
        Column("user", TEXT, "by whom", is_given=True),
        Column("commit", TEXT, "the earliest commit that has it; nothing where none has"),
        Column("category", TEXT, "of what a run saved: `input`, `output` or `code`"),
        Column("how", TEXT, "of what a run saved: how that is known"),
        Column("tags", TEXTS, "its tags", is_given=True),
        Column("labels", JSON, "its labels; times in them are ISO 8601", is_given=True),
        Column("partitions", JSON, "which partition it is, text to text", is_given=True),
        Column("schema", JSON, "the columns of a table and their types", is_given=True),
        Column("value", JSON, "of a value, the value"),
    ),
)
RUNS = Table(
    "runs",
    "a row for each run with a record in any branch or tag, and those of the journal of the clone that exported",
    (
        _REPOSITORY,
        Column("id", TEXT, "a UUIDv7", is_given=True),
        Column("name", TEXT, "what it is called", is_given=True),
        Column("folder", TEXT, "its folder, `/` or below", is_given=True),
        Column("status", TEXT, "`completed`, `failed`, `terminated`, `lost`, `created` or `running`", is_given=True),
        Column("place", TEXT, "where it is known from: `history`, `journal` or `living`", is_given=True),
        Column("path", TEXT, "the path of its record"),
        Column("recorded", TEXT, "the earliest commit that has the record"),
        Column("started", TIME, "when it began", is_given=True),
        Column("ended", TIME, "when it ended"),
        Column("seconds", NUMBER, "how long it took"),
        Column("user", TEXT, "who began it", is_given=True),
        Column("by", TEXT, "the same with the address, as Git says it", is_given=True),
        Column("command", TEXT, "its command, words joined by blanks", is_given=True),
        Column("cwd", TEXT, "where it ran, from the top of the repository", is_given=True),
        Column("exit", WHOLE, "the exit code of its command"),
        Column("task", TEXT, "the task that it executed"),
        Column("parent", TEXT, "the run that began it"),
        Column("description", TEXT, "what was said of it"),
        Column("commit", TEXT, "what was checked out"),
        Column("tree", TEXT, "the Git tree of the code that it saw"),
        Column("dirty", TRUTH, "whether that differs from the commit's"),
        Column("tags", TEXTS, "its tags", is_given=True),
        Column("metadata", JSON, "text, numbers and truth values by name", is_given=True),
        Column("params", JSON, "text, numbers and truth values by name", is_given=True),
        Column("environment", JSON, "Python, platform, packages and the like", is_given=True),
        Column("alerts", JSON, "in which state each was left", is_given=True),
    ),
)
EDGES = Table(
    "edges",
    "a row for each artifact that a run used or made, and for each that a pointer says it was made from",
    (
        _REPOSITORY,
        Column("kind", TEXT, "`input`, `output` or `code` of a run, or `based_on`", is_given=True),
        Column("source", TEXT, "where it begins: a digest, or of an `output` the id of the run", is_given=True),
        Column("target", TEXT, "where it ends: the id of the run; of `output`, `based_on` a digest", is_given=True),
        Column("run", TEXT, "the id of the run"),
        Column("version", TEXT, "the id of the version: that was saved to the run, or that says `based_on`"),
        Column("name", TEXT, "what the artifact is called; of `based_on`, its source", is_given=True),
        Column("path", TEXT, "its path, where it is tracked"),
        Column("digest", TEXT, "its digest", is_given=True),
        Column("size", WHOLE, "in bytes"),
        Column("artifact", TEXT, "`file` or `directory`"),
        Column("type", TEXT, "its media type"),
        Column("how", TEXT, "how it is known: `declared`, `api`, `observed`, `mapped` or `claimed`"),
        Column("address", JSON, "where it came from or went to outside, by kind of place"),
        Column("metadata", JSON, "what was said of it"),
    ),
)  # fmt: skip
METRICS = Table(
    "metrics",
    "a row for each metric of each run, in short; the points are in the run's series",
    (
        _REPOSITORY,
        Column("run", TEXT, "the id of the run", is_given=True),
        Column("name", TEXT, "of the metric", is_given=True),
        Column("last", NUMBER, "the last value", is_given=True),
        Column("min", NUMBER, "the least value", is_given=True),
        Column("max", NUMBER, "the greatest value", is_given=True),
        Column("mean", NUMBER, "the mean", is_given=True),
        Column("count", WHOLE, "how many were logged", is_given=True),
    ),
)
TABLES = (VERSIONS, RUNS, EDGES, METRICS)
