"""The architecture and the house style, as tests: what a reviewer would otherwise have to say by hand.

Read the tables first. Each rule is a function from one source file to its problems; `FAULTS` at the end plants
one fault for each, so that every rule has been seen to fail.
"""

import ast
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from track import errors

TOP = Path(__file__).parents[1]
SRC = TOP / "src"
LINES_PER_FILE, LINES_PER_FUNCTION, POSITIONAL = 400, 60, 5

# Lowest first. A module imports from strictly lower rows, or from its own folder; the parts of one row are strangers.
LAYERS = (
    {"errors", "progress"},
    {"forks", "lending", "library"},
    {"system"},
    {"here", "locks", "work"},
    {"publish"},
    {"model"},
    {"store", "worktree", "history", "runs", "sources", "formats"},
    {"config", "consents"},
    {"project"},
    {"flows"},
    {"verbs"},
    {"ui"},
    {"api"},
    {"cli"},
)
STRANGERS_INSIDE = {"verbs"}  # A verb never calls a verb: what two share is a flow.
DOORS = {
    "git": ("track.history.gitpython",),
    "dvc_objects": ("track.store.remote", "track.store.backends"),
    "fsspec": ("track.store.remote", "track.store.backends", "track.sources", "track.api.filesystem"),  # offered to it
    "obstore": ("track.store.remote", "track.store.backends"),
    "gcsfs": ("track.store.backends",),
    "google": ("track.store.backends",),
    "aiohttp": ("track.store.backends",),
    "asyncssh": ("track.store.backends",),
    "cryptography": ("track.store.backends",),
    "pyrage": ("track.store.backends",),
    "sshfs": ("track.store.backends",),
    # Git, the pager, and the one command that the person at the keyboard named.
    "subprocess": ("track.history.plumbing", "track.cli.pager", "track.runs.command"),
    # What the command line and Python's face load late, the store of a project, Git's own names for contents, the C
    # library, mail, the chunker, and the library of a kind of storage or object, is loaded by name when it is needed.
    "importlib": (
        "track",
        "track.__main__",
        "track.cli",
        "track.store.backends",
        "track.formats.known",
        "track.store.fastcdc",
        "track.library",
        "track.model.loading",
        "track.model.nearest",
        "track.runs.mail",
    ),
    "rich": ("track.cli.bars",),
    "tempfile": ("track.history.gitrepo",),  # what Git reads once; everything of ours is staged by publish
}
STARTERS = re.compile(r"^os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*)$")
MAKERS = ("track.publish", "track.system", "track.locks")  # publish, and what it stands on
MAKING = re.compile(
    r"^os\.(rename|renames|replace|link|symlink|mkfifo|mknod|truncate|O_CREAT)$|^shutil\.(copy\w*|move)$"
)
MAKING_METHODS = {"write_bytes", "write_text", "symlink_to", "hardlink_to", "touch", "rename"}
IMPURE = {"io", "os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess", "sys", "tempfile", "time"}
CLOCKS = {"now", "today", "utcnow"}
ASKS = {
    "status",
    "diff",
    "ls",
    "show",
    "cat",
    "log",
    "du",
    "verify",
    "doctor",
    "find",
    "lineage",
    "deps",
    "path",
    "stale",
    "why",
    "review",
}
NO_NAMES = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"}
NO_WORDS = {"oid", "oids", "checksum", "checksums", "blob", "blobs"}  # Git's own: only by history and who asks it.
# How Azure calls its service, the hosts of it, its errors, and an option of its own command line.
NAMES_OF_OTHERS = re.compile(
    r"Azure Blob Storage|Storage Blob Data|blob\.core\.windows\.net|\bBlob(?=[A-Z])|--blob-endpoint"
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Source(NamedTuple):
    """One module: its dotted name, its text, its syntax tree."""

    module: str
    text: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The folder or file below `track` that it belongs to."""
        return part_of(self.module)


def part_of(module: str) -> str:
    return [*module.split("."), ""][1]


def row_of(module: str) -> int:
    """The layer of a module; the package's own `__init__` and `__main__` stand above all."""
    return next((i for i, row in enumerate(LAYERS) if part_of(module) in row), len(LAYERS))


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or (place != "track" and module.startswith(place + ".")) for place in places)


def dotted(node: ast.AST) -> str:
    """`os.path.join` for such a node, `""` for any that is not names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def imports(tree: ast.AST) -> Iterator[str]:
    """Every imported name in full: `from a.b import c` is `a.b.c`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ("." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


# ---- the rules ----


def files_fit_one_sitting(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > LINES_PER_FILE:
        yield f"{lines} lines"


def functions_fit_one_screen(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > LINES_PER_FUNCTION:
            yield f"{node.name} has {lines} lines"


def options_are_named(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args) if arg.arg not in ("self", "cls")]
        if len(names) > POSITIONAL:
            yield f"{node.name} takes {len(names)} positional parameters"


def imports_are_spelled_in_full(source: Source) -> Iterator[str]:
    yield from (name for name in imports(source.tree) if name.startswith("."))


def imports_stand_at_the_top(source: Source) -> Iterator[str]:
    for node in functions(source.tree):
        yield from (f"{node.name} hides the import of {name}" for name in imports(node))
    yield from (f"line {call.lineno}: __import__" for call in calls(source.tree) if dotted(call.func) == "__import__")


def expressions_wait_until_they_are_used(source: Source) -> Iterator[str]:
    inside = {call for node in functions(source.tree) for call in calls(node)}
    for call in calls(source.tree):
        if dotted(call.func) == "re.compile" and call not in inside:
            yield f"line {call.lineno}: a command that loads this pays for it; model.expressions has it wait"


def imports_point_down(source: Source) -> Iterator[str]:
    for target in imports(source.tree):
        if target.split(".")[0] != "track" or part_of(target) in ("", "__version__", "__all__"):
            continue
        sibling = part_of(target) == source.part and source.part not in STRANGERS_INSIDE
        if not sibling and row_of(target) >= row_of(source.module):
            yield target


def the_outside_world_has_one_door_each(source: Source) -> Iterator[str]:
    for target in imports(source.tree):
        doors = DOORS.get(target.split(".")[0])
        if doors is not None and not within(source.module, doors):
            yield f"{target}; only {', '.join(doors)} may"
    for node in ast.walk(source.tree):
        if STARTERS.match(dotted(node)) and not within(source.module, DOORS["subprocess"]):
            yield f"{dotted(node)} starts a program"
        if dotted(node) == "os.fork" and source.module != "track.work":
            yield "os.fork; only track.work may"


def only_publish_makes_files(source: Source) -> Iterator[str]:
    if within(source.module, MAKERS):
        return
    for node in ast.walk(source.tree):
        if MAKING.match(dotted(node)):
            yield f"line {getattr(node, 'lineno', 0)}: {dotted(node)}"
    yield from (f"import of {name}" for name in imports(source.tree) if MAKING.match(name))
    for call in calls(source.tree):
        if _makes(call):
            yield f"line {call.lineno}: {ast.unparse(call.func)}"


def _makes(call: ast.Call) -> bool:
    """Whether a call is `open` for writing, or a method of a path that creates or renames."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    owner = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    if name == "open" and owner != "os":
        first = 0 if owner and owner not in ("io", "gzip") else 1
        given = [*call.args[first : first + 1], *(word.value for word in call.keywords if word.arg == "mode")]
        modes = [arg.value for arg in given if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        return any(set(mode) & set("wax+") for mode in modes if set(mode) <= set("rwaxbt+U"))
    if not owner and not isinstance(call.func, ast.Attribute):
        return False
    if name == "replace":  # Path.replace takes one argument, str.replace two, dataclasses.replace keywords
        return len(call.args) == 1 and not call.keywords
    return name in MAKING_METHODS and owner.split(".")[-1] not in ("publish", "channel")  # what is made elsewhere


def the_model_is_pure(source: Source) -> Iterator[str]:
    if source.part != "model":
        return
    for target in imports(source.tree):
        if target.split(".")[0] in IMPURE or (
            target.startswith("track.") and part_of(target) not in ("errors", "model")
        ):
            yield target
    for call in calls(source.tree):
        if dotted(call.func) in ("open", "input") or dotted(call.func).split(".")[-1] in CLOCKS:
            yield f"line {call.lineno}: {dotted(call.func)}"


def errors_grow_on_one_tree(source: Source) -> Iterator[str]:
    if source.module == "track.errors":
        return
    known = {name for name in vars(errors) if name[0].isupper()}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and known & {dotted(base).split(".")[-1] for base in node.bases}:
            yield node.name


def the_page_only_asks(source: Source) -> Iterator[str]:
    for target in imports(source.tree):
        if source.part == "ui" and target.startswith("track.verbs.") and target.split(".")[2] not in ASKS:
            yield target


def only_the_terminal_prints(source: Source) -> Iterator[str]:
    if source.part in ("cli", "__main__"):
        return
    for node in ast.walk(source.tree):
        if dotted(node) in ("print", "sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"):
            yield f"line {getattr(node, 'lineno', 0)}: {dotted(node)}"


def everything_public_says_what_it_is(source: Source) -> Iterator[str]:
    if not ast.get_docstring(source.tree):
        yield "the module"
    yield from _undocumented(source.tree)


def _undocumented(owner: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in owner.body:
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef)) or node.name.startswith("_"):
            continue
        marks = {dotted(mark).split(".")[-1] for mark in node.decorator_list}
        if not ast.get_docstring(node) and not marks & {"overload", "setter"}:
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(node)


def every_module_is_a_noun_of_the_glossary(source: Source) -> Iterator[str]:
    yield from sorted(set(re.split(r"[._]", source.module)) & NO_NAMES)


def one_word_for_one_idea(source: Source) -> Iterator[str]:
    if source.part == "history" or any(name.startswith("track.history.") for name in imports(source.tree)):
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if line.endswith("# a library's word"):
            continue
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", NAMES_OF_OTHERS.sub("", line))}
        yield from (f"line {number}: {word}" for word in sorted(words & NO_WORDS))


def what_is_silenced_has_a_reason(source: Source) -> Iterator[str]:
    lines = source.text.splitlines()
    silent = {node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler) and _swallows(node)}
    for number, line in enumerate(lines, 1):
        mark = re.search(r"#\s*(noqa|type: ignore|pragma: no cover|fmt: off)", line)
        rest = line[mark.end() :] if mark else line
        if (mark or number in silent) and not re.search(r"#\s*(?!noqa|type: ignore|pragma: no cover)\w\w", rest):
            yield f"line {number}: {line.strip()}"


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether everything is caught and nothing raised again."""
    everything = handler.type is None or dotted(handler.type) in ("Exception", "BaseException")
    return everything and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))


RULES: tuple[Callable[[Source], Iterator[str]], ...] = (
    files_fit_one_sitting,
    functions_fit_one_screen,
    options_are_named,
    imports_are_spelled_in_full,
    imports_stand_at_the_top,
    expressions_wait_until_they_are_used,
    imports_point_down,
    the_outside_world_has_one_door_each,
    only_publish_makes_files,
    the_model_is_pure,
    errors_grow_on_one_tree,
    the_page_only_asks,
    only_the_terminal_prints,
    everything_public_says_what_it_is,
    every_module_is_a_noun_of_the_glossary,
    one_word_for_one_idea,
    what_is_silenced_has_a_reason,
)


def parsed(module: str, text: str) -> Source:
    return Source(module, text, ast.parse(text))


def all_sources() -> list[Source]:
    found = []
    for path in sorted((SRC / "track").rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        found.append(parsed(".".join(each for each in parts if each != "__init__"), path.read_text(encoding="utf-8")))
    return found


SOURCES = all_sources()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_is_tidy(rule: Callable[[Source], Iterator[str]]) -> None:
    problems = [f"{source.module}: {problem}" for source in SOURCES for problem in rule(source)]
    assert not problems, "\n" + "\n".join(problems)


def circle(sources: list[Source]) -> list[str]:
    """The modules of one circle of imports, or nothing."""
    names = {source.module for source in sources}
    needs = {source.module: {nearest(target, names) for target in imports(source.tree)} - {""} for source in sources}
    settled: set[str] = set()
    while True:
        free = {module for module, wanted in needs.items() if module not in settled and wanted <= settled | {module}}
        if not free:
            return sorted(set(needs) - settled)
        settled |= free


def nearest(target: str, names: set[str]) -> str:
    """The module that an imported name lives in: itself or the longest part of it; packages' own files do not count."""
    while target and target not in names:
        target = target.rpartition(".")[0]
    return "" if target == "track" else target


def test_no_imports_run_in_a_circle() -> None:
    assert circle(SOURCES) == []


LATE = ("track.api.later", "track.cli.late", "track.history.late", "track.model.reading", "track.store.late")
"""What loads what it names when that is asked for."""


@pytest.mark.parametrize("module", LATE)
def test_what_is_loaded_late_is_what_a_checker_of_types_sees(module: str) -> None:
    tree = next(source.tree for source in SOURCES if source.module == module)
    checked = next(node for node in tree.body if isinstance(node, ast.If) and dotted(node.test) == "TYPE_CHECKING")
    late, seen = import_module(module), list(imports(checked))
    for target in seen:
        place, _, name = target.rpartition(".")
        assert getattr(late, name) is getattr(import_module(place), name), target
    table = vars(late).get("_PLACES") or vars(late)["_ELSEWHERE"]
    assert set(table) <= {target.split(".")[-1] for target in seen}
    assert not hasattr(late, "__nothing__")


# ---- every rule is seen to fail ----

DOC = '"""Says what it is."""\n'
FAULTS = (
    (files_fit_one_sitting, "track.model.digest", DOC + "x = 1\n" * 400),
    (functions_fit_one_screen, "track.verbs.add", DOC + "def add():\n" + "    x = 1\n" * 60),
    (options_are_named, "track.verbs.add", DOC + "def add(a, b, c, d, e, f):\n    '''Do.'''\n"),
    (imports_are_spelled_in_full, "track.verbs.add", "from . import push\n"),
    (imports_stand_at_the_top, "track.verbs.add", "def add():\n    import track.project\n"),
    (imports_stand_at_the_top, "track.verbs.add", "project = __import__('track.project')\n"),
    (expressions_wait_until_they_are_used, "track.model.digest", "import re\n_HEX = re.compile('[0-9a-f]{64}')\n"),
    (imports_point_down, "track.verbs.add", "from track.verbs.push import push\n"),
    (imports_point_down, "track.history.log", "from track.store.objects import Store\n"),
    (imports_point_down, "track.store.objects", "import track.worktree.scan\n"),
    (imports_point_down, "track.model.digest", "from track.project import Project\n"),
    (imports_point_down, "track.ui.server", "from track.cli.main import run\n"),
    (imports_point_down, "track.project", "from track import flows\n"),
    (the_outside_world_has_one_door_each, "track.cli.main", "import git\n"),
    (the_outside_world_has_one_door_each, "track.store.objects", "from dvc_objects.fs import generic\n"),
    (the_outside_world_has_one_door_each, "track.flows.bring", "import fsspec\n"),
    (the_outside_world_has_one_door_each, "track.verbs.add", "import subprocess\n"),
    (the_outside_world_has_one_door_each, "track.store.objects", "from tempfile import mkstemp\n"),
    (the_outside_world_has_one_door_each, "track.verbs.add", "from importlib import import_module\n"),
    (the_outside_world_has_one_door_each, "track.verbs.add", "import os\nos.execvp('git', [])\n"),
    (the_outside_world_has_one_door_each, "track.store.objects", "import os\nos.fork()\n"),
    (only_publish_makes_files, "track.store.objects", "import os\nos.rename('a', 'b')\n"),
    (only_publish_makes_files, "track.store.objects", "import os\nos.open('a', os.O_WRONLY | os.O_CREAT)\n"),
    (only_publish_makes_files, "track.store.objects", "from os import replace\n"),
    (only_publish_makes_files, "track.store.objects", "open('a', 'wb')\n"),
    (only_publish_makes_files, "track.store.objects", "path.open('w')\n"),
    (only_publish_makes_files, "track.store.objects", "path.open(mode='a')\n"),
    (only_publish_makes_files, "track.store.objects", "(path / 'a').write_bytes(b'')\n"),
    (only_publish_makes_files, "track.store.objects", "path.replace(target)\n"),
    (only_publish_makes_files, "track.store.objects", "import shutil\nshutil.copyfile('a', 'b')\n"),
    (the_model_is_pure, "track.model.digest", "import os\n"),
    (the_model_is_pure, "track.model.digest", "from track.publish import publish_bytes\n"),
    (the_model_is_pure, "track.model.digest", "import datetime\ndatetime.datetime.now()\n"),
    (errors_grow_on_one_tree, "track.store.pack", "class NoPack(errors.MissingObject): ...\n"),
    (the_page_only_asks, "track.ui.server", "from track.verbs.push import push\n"),
    (only_the_terminal_prints, "track.verbs.add", "print('done')\n"),
    (only_the_terminal_prints, "track.verbs.add", "import sys\nsys.stderr.write('done')\n"),
    (everything_public_says_what_it_is, "track.verbs.add", "x = 1\n"),
    (everything_public_says_what_it_is, "track.verbs.add", DOC + "def add(): ...\n"),
    (
        everything_public_says_what_it_is,
        "track.verbs.add",
        DOC + "class Added:\n    '''It.'''\n    def more(self): ...\n",
    ),
    (every_module_is_a_noun_of_the_glossary, "track.store.file_utils", DOC),
    (every_module_is_a_noun_of_the_glossary, "track.common.thing", DOC),
    (one_word_for_one_idea, "track.store.objects", "def check(file_oid): ...\n"),
    (one_word_for_one_idea, "track.store.objects", "# the checksum of a Blob\n"),
    (one_word_for_one_idea, "track.store.objects", "# a blob of Azure Blob Storage\n"),
    (what_is_silenced_has_a_reason, "track.store.objects", "x = 1  # noqa: E501\n"),
    (what_is_silenced_has_a_reason, "track.store.objects", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
)


@pytest.mark.parametrize(("rule", "module", "text"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_each_rule_finds_a_planted_fault(rule: Callable[[Source], Iterator[str]], module: str, text: str) -> None:
    assert list(rule(parsed(module, text)))


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _, _ in FAULTS} == set(RULES)


def test_a_planted_circle_is_found() -> None:
    keep = parsed("track.flows.keep", "from track.flows.bring import bring\n")
    bring = parsed("track.flows.bring", "from track.flows.keep import keep\n")
    assert circle([keep, bring]) == ["track.flows.bring", "track.flows.keep"]


def test_innocent_text_is_left_alone() -> None:
    text = DOC + "import os\nx = 'a'.replace('a', 'b')\nos.open('a', os.O_RDONLY)\nopen('a', 'rb')\n"
    assert not [problem for rule in RULES for problem in rule(parsed("track.store.objects", text))]
