"""The commands by task, in words: what `track` and `track --help` show without loading a single command."""

from typing import NamedTuple


class Task(NamedTuple):
    """Something a person wants, and the commands for it: name and one line each."""

    title: str
    commands: tuple[tuple[str, str], ...]


TASKS = (
    Task(
        "start",
        (
            ("init", "set track up in this Git repository"),
            ("clone", "clone a Git repository and fetch its data"),
            ("demo", "make a small example repository and walk through it"),
            ("uninit", "take track out again and leave plain files"),
        ),
    ),
    Task(
        "version data",
        (
            ("add", "store files or directories and stage their pointers"),
            ("status", "what changed, what is missing, what is not pushed"),
            ("diff", "what changed between two revisions, down to the files"),
            ("checkout", "bring data to a revision without losing unsaved work"),
            ("mv", "rename and move artifacts, without storing anything again"),
            ("rm", "remove artifacts, or what is in them, and their data"),
            ("merge", "settle data that both sides of a Git merge changed"),
            ("restore", "undo the last add, put, checkout, pull, rm or mv"),
            ("label", "set and show labels of artifacts"),
            ("tag", "set and show tags of artifacts"),
        ),
    ),
    Task(
        "come from another tool, or leave",
        (
            ("import-dvc", "make artifacts of what DVC tracks"),
            ("import-lfs", "make artifacts of what Git LFS keeps"),
            ("export", "copy artifacts out as plain files"),
        ),
    ),
    Task(
        "name versions that have no working copy",
        (
            ("put", "store files or a value under a name"),
            ("store", "keep files by paths of your own, as in a data store"),
            ("declare", "say which partitions a named artifact has"),
            ("alias", "give versions of named artifacts a word, such as prod"),
            ("card", "show and set what is written about a named artifact"),
            ("artifacts", "list named artifacts, their versions and partitions"),
        ),
    ),
    Task(
        "know where it came from",
        (
            ("run", "execute a command and keep what it used and made"),
            ("rerun", "the command of a run again, here and now"),
            ("reproduce", "a run again in isolation, and what came of it"),
            ("runs", "list, show, keep and drop runs"),
            ("metrics", "show, compare and draw what runs measured"),
            ("events", "show what a run said"),
            ("alerts", "what calls for somebody while a run goes on"),
            ("claim", "say how something was made that no run saw"),
            ("monitor", "log lines of numbers as metrics"),
            ("why", "who made this, from what, with which code"),
            ("lineage", "what something came from, run by run"),
            ("deps", "what came from something, run by run"),
            ("path", "how one thing came from another"),
            ("who-uses", "who was made from an artifact, by any of its versions"),
            ("stale", "what was made from something that changed since"),
            ("code", "exactly the code that a run saw"),
            ("env", "what a run ran in: packages, platform"),
        ),
    ),
    Task(
        "look",
        (
            ("find", "artifacts and runs that are like a query says"),
            ("catalog", "give versions and runs to other engines"),
            ("log", "the versions of an artifact; or log to a run"),
            ("ls", "list artifacts, or the files inside one"),
            ("show", "everything known about one artifact"),
            ("cat", "print the bytes of one file at a revision"),
            ("get", "copy data out to any place"),
            ("du", "how much space artifacts and versions take"),
        ),
    ),
    Task(
        "share",
        (
            ("remote", "add, list and remove remotes"),
            ("push", "send what commits point at to the remote"),
            ("fetch", "bring bytes from the remote into the store"),
            ("pull", "fetch, and place the files"),
            ("whereis", "which remotes hold every piece of an artifact"),
            ("trust", "allow what a repository asks for"),
            ("hooks", "have Git call track by itself"),
        ),
    ),
    Task(
        "look after",
        (
            ("gc", "free the space of what nothing names any more"),
            ("purge", "remove a version for good, everywhere"),
            ("verify", "hash what is stored and say what is not whole"),
            ("repair", "bring back what is damaged or lost from any right copy"),
            ("doctor", "look for what is wrong with this project or machine"),
            ("migrate", "bring a project to the latest format"),
            ("config", "read and change settings"),
            ("completion", "print a completion script for your shell"),
            ("help", "explain a command"),
        ),
    ),
)

FIRST = ("init", "clone", "add", "status", "diff", "checkout", "log", "remote", "push", "pull")

SUMMARIES = {name: summary for task in TASKS for name, summary in task.commands}

ACTS = (
    "init",
    "uninit",
    "clone",
    "add",
    "checkout",
    "mv",
    "rm",
    "merge",
    "restore",
    "gc",
    "purge",
    "repair",
    "migrate",
    "import-dvc",
    "import-lfs",
    "export",
    "label",
    "tag",
    "put",
    "declare",
    "alias",
    "get",
    "remote",
    "push",
    "fetch",
    "pull",
    "hooks",
    "run",
    "rerun",
    "claim",
    "runs",
    "monitor",
    "alerts",
    "code",
    "catalog",
)
"""What these print says what they did: nobody asked for it under `-q`."""

_CATALOG = ("changed", "untracked", "refs")
_RECORDS = (*_CATALOG, "changed records", "untracked records")
AHEAD = {
    **dict.fromkeys(("deps", "find", "lineage", "path", "who-uses"), _CATALOG),
    **dict.fromkeys(("runs list", "runs show", "why"), _RECORDS),
}
"""Those whose answer begins with what differs in the working tree, and what of `history.ahead` Git is asked while they
are loaded.
"""

PAGED = ("deps", "diff", "events", "find", "help", "lineage", "log", "ls", "path", "show", "whereis", "why")


def first_commands() -> str:
    """What `track` alone prints: the ten commands that carry a project, by task."""
    lines = ["track: data versioning that lives in Git", ""]
    for task in TASKS:
        rows = [(name, summary) for name, summary in task.commands if name in FIRST]
        if rows:
            lines.append(task.title)
            lines.extend(f"  track {name:<9} {summary}" for name, summary in rows)
            lines.append("")
    lines.append("`track --help` lists every command, `track help COMMAND` explains one, `track demo` shows it all.")
    return "\n".join(lines)
