"""Everything public is documented, and what the documents say is so."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import track
from test_tidy import NAMES_OF_OTHERS, NO_WORDS
from track import errors
from track.cli import failure, outline, reference
from track.cli.main import group
from track.model.pointer import dump_pointer, parse_pointer
from track.model.record_file import dump_record, parse_record
from track.store.description import dump_description, parse_description
from track.store.roots import dump_roots, parse_roots
from track.store.tombstones import dump_tombstone, parse_tombstone

TOP = Path(__file__).parents[1]
DOCS = TOP / "docs"
GENERATED = {DOCS / "reference" / name for name in reference.PAGES}


def pages() -> dict[Path, str]:
    found = [TOP / "README.md", TOP / "CHANGELOG.md", TOP / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
    return {path: path.read_text(encoding="utf-8") for path in found}


def written() -> dict[Path, str]:
    """The pages that people write."""
    return {path: text for path, text in pages().items() if path not in GENERATED}


def fenced(text: str) -> Iterator[str]:
    """What is typed in fences: of a dialogue only the lines after `$ `."""
    for kind, inside in re.findall(r"^\s*```(\w*)\n(.*?)^\s*```$", text, re.MULTILINE | re.DOTALL):
        for line in inside.splitlines():
            if kind != "console":
                yield line.strip()
            elif line.startswith("$ "):
                yield line[2:]


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines outside fences and tables."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside and not line.startswith("|"):
            yield number, line


def commands() -> dict[str, click.Command]:
    """Every command and every command inside one, by what is typed after `track`."""
    parent = click.Context(group, info_name="track")
    found: dict[str, click.Command] = {}
    for name in outline.SUMMARIES:
        command = group.get_command(parent, name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            for inner in command.list_commands(parent):  # some are loaded when they are called
                each = command.get_command(parent, inner)
                assert each is not None
                found[f"{name} {inner}"] = each
    return found


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    found = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert found == reference.PAGES[name](), "python -m track.cli.reference docs/reference"


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    for name, command in commands().items():
        section = text.split(f" track {name}\n", 1)[1].split("\n```\n", 1)[0]
        for option in (each for param in command.params if isinstance(param, click.Option) for each in param.opts):
            assert option in section, f"track {name} {option}"


def test_every_command_begins_with_examples_and_ends_with_its_exit_codes() -> None:
    wrong = []
    for name, command in commands().items():
        told = f"{inspect.cleandoc(command.help or '')}\n{command.epilog}"
        first = told.find(f"\n  track {name}")
        if not 0 < first < told.find("Exit codes:"):
            wrong.append(name)
    assert wrong == []


def test_every_error_and_its_code_is_documented_and_drawn() -> None:
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    drawn = (errors.__doc__ or "").replace("─", " ").split()
    for kind in reference.error_classes():
        assert f"| `{kind.__name__}` |" in page
        assert kind.__name__ in drawn, f"{kind.__name__} is not drawn at the top of errors.py"


def test_every_exit_code_is_documented() -> None:
    page = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    codes = {kind.exit_code for kind in reference.error_classes()}
    codes |= {0, failure.USAGE, failure.BUG, failure.INTERRUPTED, failure.CLOSED_PIPE}
    assert [code for code in sorted(codes) if f"\n| {code} |" not in page] == []


def test_every_verb_and_public_name_is_documented() -> None:
    page = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    assert [name for name in track.__all__ if f"`track.{name}`" not in page] == []
    assert [name for name in reference.verb_modules() if f"### track.verbs.{name}\n" not in page] == []
    assert "@staticmethod\ndef current()" in page  # of `track.Run`


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for path, text in pages().items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
                broken.append(f"{path.relative_to(TOP)}: {target}")
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [TOP / "README.md"]
    while waiting:
        path = waiting.pop()
        if path.is_dir():
            waiting += path.glob("*.md")
        if path in reached or path.suffix != ".md" or not path.is_file():
            continue
        reached.add(path)
        text = path.read_text(encoding="utf-8")
        waiting += [(path.parent / link.partition("#")[0]).resolve() for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert sorted(set(pages()) - reached) == []


def test_the_changelog_has_an_unreleased_section() -> None:
    lines = (TOP / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert "## Unreleased" in lines
    assert any(line.startswith("- ") for line in lines)


def typed(text: str) -> Iterator[list[str]]:
    """The words of every `track` command in fences, up to a pipe, a redirection or a comment."""
    for line in fenced(text):
        match = re.match(r"track ([^|>&;]*)", line)
        if match:
            words = shlex.split(match[1], comments=True)
            if words:
                yield words


def test_commands_in_the_documents_exist_with_their_options() -> None:
    known = commands()
    own = {name for param in group.params for name in param.opts} | {"-h", "--help"}
    wrong = []
    for path, text in written().items():
        for words in typed(text):
            name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
            ours = words[: words.index("--")] if "--" in words else words  # what follows is another program's
            options = {word.partition("=")[0] for word in ours if word.startswith("-") and word != "-"}
            params = known[name].params if name in known else []
            taken = {each for param in params for each in (*param.opts, *param.secondary_opts)}
            exists = name in known or (options and name in options)
            if not exists or not options <= taken | own:
                wrong.append(f"{path.relative_to(TOP)}: track {' '.join(words)}")
    assert wrong == []


def test_documents_have_one_sentence_a_line() -> None:
    wrong = [
        f"{path.relative_to(TOP)}:{number}: {line}"
        for path, text in written().items()
        for number, line in prose(text)
        if re.search(r"[\w)`\]][.!?] [A-Z]", re.sub(r"^\s*\d+\. ", "", line))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_documents_use_the_words_of_the_glossary() -> None:
    allowed = re.compile(
        r"\b(stat|page|user'?s?|disk) caches?\b|actions/cache@|^  cache:$"
        r"|\bDVC's (own )?cache\b|\.dvc/cache\b|\bcache: false\b",  # how DVC calls its own
        re.IGNORECASE,
    )
    wrong = []
    for path, text in written().items():
        if path.name == "glossary.md":
            continue
        for number, line in enumerate(text.splitlines(), 1):
            words = set(re.findall(r"[a-z]+", allowed.sub("", NAMES_OF_OTHERS.sub("", line)).lower()))
            wrong += [f"{path.relative_to(TOP)}:{number}: {word}" for word in words & (NO_WORDS | {"cache"})]
    assert wrong == []


def test_the_examples_of_formats_are_written_as_the_code_writes_them() -> None:
    page = (DOCS / "reference" / "formats.md").read_text("utf-8")
    pointer, record, store, roots, tombstone, sealing = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert dump_pointer(parse_pointer(pointer.encode(), "formats.md")).decode() == pointer
    assert dump_record(parse_record(record.encode(), "formats.md")).decode() == record
    assert dump_description(parse_description(store.encode(), "formats.md")).decode() == store
    assert dump_roots(parse_roots(roots.encode(), "formats.md")).decode() == roots
    sealed = "[store]\nformat = 2\n" + store.partition("format = 1\n")[2] + "\n" + sealing
    assert dump_description(parse_description(sealed.encode(), "formats.md")).decode().endswith(sealed)
    assert dump_tombstone(parse_tombstone(tombstone.encode(), "formats.md")).decode() == tombstone


def test_the_readme_says_how_to_run_what_ci_runs() -> None:
    readme = list(fenced((TOP / "README.md").read_text(encoding="utf-8")))
    assert any("tests/run.py" in line for line in readme)
    assert "tests/run.py" in (TOP / ".ci" / "run").read_text(encoding="utf-8")
