"""At a prompt every result, and every part of one, is a few words: whatever it holds, however much of it."""

import dataclasses
import inspect
import io
import pickle
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import track
from support.cli import track as cli
from support.repositories import commit_all, new_repository
from support.trees import write_tree
from track.api import later, notebook
from track.verbs.init import init

MANY = 1_200
FACES = (track.Repo, track.Handler, track.Store, track.Client, track.Run)
NOT_OF_THEIRS = ("namedtuple", "__create_fn__", "object.__repr__", "tuple.__repr__")


def kinds_in(hint: Any) -> Iterator[type]:
    """The classes of ours that an annotation names."""
    for argument in typing.get_args(hint):
        if not isinstance(argument, list):
            yield from kinds_in(argument)
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) and hint.__module__.startswith("track."):
        yield hint


def hints_of(something: Any) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(something)
    except (NameError, TypeError, AttributeError):  # of a library, or of what is no function
        return {}


def facts_of(kind: type) -> tuple[str, ...]:
    names = tuple(getattr(kind, "__dataclass_fields__", ())) or getattr(kind, "_fields", ())
    return tuple(name for name in names if not name.startswith("_"))


def public_kinds() -> dict[type, str]:
    """Every class of ours that a public method gives, or that is a fact of one, and where it was met."""
    met: dict[type, str] = {}
    waiting = [(face, face.__name__) for face in FACES]
    while waiting:
        kind, where = waiting.pop()
        if kind in met:
            continue
        met[kind] = where
        named = [(name, hints_of(kind).get(name)) for name in facts_of(kind)]
        for name, member in inspect.getmembers(kind):
            of = member.fget if isinstance(member, property) else member
            if not name.startswith("_") and callable(of):
                named.append((name, hints_of(inspect.unwrap(getattr(of, "__func__", of))).get("return")))
        waiting += [(each, f"{where}.{name}") for name, hint in named for each in kinds_in(hint)]
    return met


def test_every_class_that_python_meets_has_words_of_its_own() -> None:
    kinds = public_kinds()
    assert len(kinds) > 50
    for kind in kinds:
        importable = getattr(sys.modules[kind.__module__], kind.__name__, None)
        assert importable is kind
    notebook.teach()
    silent = {}
    for kind, where in kinds.items():
        generated = dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
        own = kind.__repr__.__qualname__ != f"{kind.__name__}.__repr__"
        if kind.__repr__ is object.__repr__ or (generated and not own and not is_small(kind)):
            silent[f"{kind.__module__}.{kind.__name__}"] = where
    assert silent == {}


def is_small(kind: type) -> bool:
    """Whether all of its facts are text or numbers of its own, none of them many; or whether it wrote its words."""
    if "def __repr__" in inspect.getsource(kind):
        return True
    return all(hints_of(kind).get(name) in (int, str, float, bool) for name in facts_of(kind))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[track.Repo]:
    """A repository with a directory of many files, which changed, a run that used many and an upload of many."""
    top = new_repository(tmp_path_factory.mktemp("all") / "project")
    init(top, look=False)
    write_tree(top, {f"many/{number:05}.csv": b"%d" % number for number in range(MANY)})
    cli("add", "many", cwd=top).ok()
    cli("remote", "add", "shelf", top.parent / "shelf", cwd=top).ok()
    commit_all(top, "many")
    write_tree(top, {f"many/{number:05}.csv": b"%d and more" % number for number in range(MANY)})
    script = "from pathlib import Path; Path('sum.txt').write_text('x' * 5)"
    facts = [word for number in range(300) for word in ("-p", f"fact{number}={'x' * 100}")]
    command = [sys.executable, "-c", script, "y" * 5_000]
    cli("run", "-q", "-i", "many", "-o", "sum.txt", *facts, "--", *command, cwd=top).ok()
    commit_all(top, "used")
    cli("run", "-q", "-i", "sum.txt", "--", "true", cwd=top).ok()
    with track.Repo(top) as repo:
        yield repo


def parts(found: object, depth: int = 6) -> Iterator[object]:
    """What is found, and what is in it, as far as it is ours; of many a few."""
    if type(found).__module__.startswith("track."):
        yield found
        for name in facts_of(type(found)):
            yield from parts(getattr(found, name), depth - 1) if depth else ()
    elif isinstance(found, Mapping):
        for one in list(found.values())[:3]:
            yield from parts(one, depth - 1) if depth else ()
    elif isinstance(found, tuple | list | set | frozenset):
        for one in list(found)[:3]:
            yield from parts(one, depth - 1) if depth else ()


def test_whatever_is_found_of_very_much_is_told_in_a_few_words(
    repo: track.Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.root)
    handler, client, store = track.Handler(), track.Client(), track.Store()
    artifact = handler.upload([f"many/{number:05}.csv" for number in range(MANY)])
    with handler.new([f"{number}.csv" for number in range(MANY)]) as new:
        assert len(repr(new.files)) < 200
        for file in new.files.values():
            Path(file.remote_url).write_text("1")
        monkeypatch.setattr(new, "_register", lambda folder: artifact)
    found: list[object] = [
        *(repo.status(), repo.diff(), repo.diff("HEAD~1", "HEAD"), repo.log("many", stat=True), repo.find()),
        *(repo.lineage("sum.txt"), repo.deps("many"), repo.runs(), repo.runs().runs[0].record, repo.get("many")),
        *(repo.get("many").files, repo.get("many").samples(), repo.get("sum.txt").run, repo.add("many", dry_run=True)),
        *(repo.checkout("many", force=True), repo.push(), repo.pull(), repo.run(["true"])),
        *(repo.get("many").download(tmp_path / "there"), handler, artifact, artifact.metadata, artifact.files, new),
        *(
            repo.stale(),
            repo.who_uses("sum.txt"),
            client,
            store,
            store.put(io.BytesIO(b"x"), "kept/x.txt"),
            store.info("kept/x.txt"),
            store.list("kept"),
        ),
    ]
    told = {type(part).__name__: repr(part) for one in found for part in parts(one)}
    every = [repr(part) for one in found for part in parts(one)]
    assert [text for text in every if text.count("\n") > 21 or any(len(line) > 600 for line in text.split("\n"))] == []
    assert [text for text in every if len(text) > 600 and not text.startswith(f"<{MANY:,} items>\n")] == []
    assert f"changes=<{MANY:,} items>" in repr(repo.diff("HEAD~1", "HEAD~2").artifacts[0])
    assert told["Graph"].startswith("Graph(start=") and told["CheckedOut"].startswith("CheckedOut(")
    assert " UTC, digest=" in told["StoreObject"]
    assert (
        told["Artifact"]
        == f"<Artifact {artifact.metadata.artifact_id}: {MANY:,} files, username={artifact.metadata.username!r}>"
    )
    assert told["Staleness"] == "<Staleness: 1 stale of 2 artifacts that runs made>"
    assert told["Users"] == "<Users of sum.txt: 1 use>" and told["Use"].startswith("Use(kind='run', ")
    assert told["Named"].startswith(f"<{MANY:,} files: ") and told["New"] == f"<New: {MANY:,} files, uploaded>"


def test_what_is_loaded_later_learns_its_words_then() -> None:
    assert repr(later.CheckedOut).startswith("<class")
    assert later.CheckedOut.__repr__.__name__ == "brief"


NUMBERS: tuple[Any, ...] = tuple(range(25))


def test_a_tuple_of_very_much_is_told_by_its_number_and_its_first(tmp_path: Path) -> None:
    top = new_repository(tmp_path / "project")
    init(top, look=False)
    write_tree(top, {f"{number:03}.csv": b"%d" % number for number in range(30)})
    cli("add", *(f"{number:03}.csv" for number in range(30)), cwd=top).ok()
    with track.Repo(top) as repo:
        status = repo.status()
        artifacts = status.artifacts
        assert repr(status.changed).startswith("<30 items>") and repr(status.unpushed) == "()"
        found = repo.find(limit=25)
        listed = later.Listed(NUMBERS, 25, (), 25)
        assert repr(listed.runs).startswith("<25 items>") and tuple(listed) == (NUMBERS, 25, (), 25, ())
    head, *lines, last = repr(artifacts).split("\n")
    assert (head, len(lines), last) == ("<30 items>", 20, "  … and 10 more")
    assert lines[0].startswith("  ArtifactStatus(path=b'000.csv'")
    assert repr(artifacts[:2]) == repr((artifacts[0], artifacts[1])) and repr(artifacts[5:]).startswith("<25 items>")
    assert artifacts == tuple(artifacts) and hash(artifacts) == hash(tuple(artifacts))
    assert isinstance(artifacts, tuple) and artifacts[-1].path == b"029.csv"
    assert pickle.loads(pickle.dumps(artifacts)) == artifacts
    assert repr(found.items).startswith("<25 items>") and len(found) == 25
