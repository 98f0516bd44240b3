"""A script is checked by mypy, strictly, against the package as it is installed; and what it loads is little."""

import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import track
from support.cli import track as cli
from track.api import notebook
from track.api.filesystem import TrackFileSystem
from track.api.handled import Artifact, File, Metadata
from track.api.making import New, NewFile
from track.api.questions import Questions
from track.api.samples import Samples
from track.api.version import Files
from track.flows.run_records import Found
from track.model.record import Record
from track.model.series import Points
from track.verbs.push import Pushed

SCRIPT = """
import track
from track.api.version import Files

with track.Repo(".") as repo:
    version = repo.get("data/train.csv", rev="v1", region="eu")
    text: str = version.read_text()
    content: bytes = version.read_bytes()
    size: int = version.size
    files: Files = version.files
    with version.open() as binary, version.open("r") as words:
        first: bytes = binary.read(1)
        line: str = words.readline()
    for used in version.used_by():
        name: str = used.name
    changed: list[bytes] = [artifact.path for artifact in repo.status().changed]
    code: int = repo.run(["true"], params={"lr": 0.1}).code
    reveal_type(version.run)
run = track.Run()
done: bool = run.log_metrics({"loss": 0.5})
handler = track.Handler("origin")
with track.as_user("andy"):
    artifact = handler.upload(["a.txt"], track.Labels(ticket="AB-123"), based_on=[])
    place: str = artifact.files["a.txt"].remote_url
    with handler.new(["b.txt"]) as new:
        where: str = new.file.remote_url
    made: str = new.artifact.metadata.artifact_id
records = [found.record.id for found in track.Client().get_runs()]
try:
    repo.close()
except track.TrackError as error:
    hint: str | None = error.hint
"""
WRONG = """
import track

repo = track.Repo()
number: int = repo.get("a").read_text()
repo.get(5)
repo.no_such_method()
"""


def checked(folder: Path, text: str) -> str:
    """What mypy says of a script in a folder of its own."""
    (folder / "script.py").write_text(text)
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\nfollow_imports = silent\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(folder / "known"), "script.py"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.stdout.decode() + done.stderr.decode()


def test_a_script_is_checked_against_the_types_of_the_package(tmp_path: Path) -> None:
    assert (Path(track.__file__).parent / "py.typed").is_file()
    said = checked(tmp_path, SCRIPT)
    assert "Success" in said, said
    assert 'Revealed type is "track.model.record.Record | None"' in said.replace("Union[", "").replace(
        ", None]", " | None"
    )
    wrong = checked(tmp_path, WRONG)
    assert wrong.count("error:") == 3, wrong


LOADED = """
import sys
before = set(sys.modules)
import track
dir(track)
print(*sorted(set(sys.modules) - before))
track.Repo, track.Version
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
HEAVY = {"pandas", "polars", "pyarrow", "numpy", "duckdb", "dask", "obstore", "gcsfs", "asyncssh", "IPython"}


def test_importing_track_loads_nothing_but_itself() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, check=True)
    first, then = done.stdout.decode().splitlines()
    assert {name for name in first.split() if name.startswith("track")} == {"track"}
    assert not {"typing", "asyncio", "logging", "click", "fsspec"} & set(first.split())
    assert not HEAVY & set(then.split())


FIRST = """
import sys
import track
with track.Repo(".") as repo:
    assert repo.get("a.txt").read_bytes() == b"a"
print(*sorted(sys.modules))
"""


def test_the_first_repo_and_a_file_of_it_load_nothing_that_only_other_methods_need(repo: Path) -> None:
    cli("init", "--no-hooks", cwd=repo).ok()
    (repo / "a.txt").write_bytes(b"a")
    cli("add", "a.txt", cwd=repo).ok()
    done = subprocess.run([sys.executable, "-c", FIRST], cwd=repo, capture_output=True, check=True)
    found = set(done.stdout.decode().split())
    assert not {"git", "dvc_objects", "fsspec", "asyncio", "tomlkit", "numpy", "pandas", "obstore"} & found
    others = {"add", "clone", "pull", "push", "put", "run", "find", "lineage", "version_load"}
    assert not {f"track.verbs.{name}" for name in others} & found


def test_a_result_has_its_page_however_late_it_is_loaded(repo: Path) -> None:
    cli("init", "--no-hooks", cwd=repo).ok()
    code = "import track\nwith track.Repo('.') as repo:\n    print(repo.status()._repr_html_())"
    done = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, check=True)
    assert b"on branch main" in done.stdout


def public_methods() -> list[tuple[str, object]]:
    """Every public function, method and property of what the reference describes, by its name."""
    kinds = [Questions, *(found for name in track.__all__ if inspect.isclass(found := getattr(track, name)))]
    kinds += [Samples, TrackFileSystem, Files, Artifact, Metadata, File, New, NewFile]
    found = [(name, each) for name in track.__all__ if inspect.isfunction(each := getattr(track, name))]
    for kind in kinds:
        for name, each in vars(kind).items():
            if name.startswith("_") and name not in ("__init__", "__getitem__", "__iter__"):
                continue
            inner = getattr(each, "__func__", each)
            inner = inner.fget if isinstance(inner, property) else inner
            if inspect.isfunction(inner):
                found.append((f"{kind.__name__}.{name}", inner))
    return found


def test_the_types_of_every_public_method_resolve_at_run_time() -> None:
    asked = public_methods()
    names = {name for name, _ in asked}
    assert len(names) > 120 and {"Repo.add", "Questions.get", "Version.used_by", "Store.put", "Handler.find"} <= names
    for _, each in asked:
        typing.get_type_hints(each)
    assert typing.get_type_hints(track.Repo.push)["return"] is Pushed
    assert typing.get_type_hints(track.Version.used_by)["return"] == tuple[Record, ...]


def test_the_types_of_what_methods_return_resolve_too_and_so_on() -> None:
    known = resolved()
    notebook.teach()  # their words and pages, now that all are loaded
    assert {Found, Points, Record, Pushed} <= known <= resolved() and len(known) > 500


def resolved() -> set[Any]:
    """Every class and function that the types of public methods lead to; NameError where one does not resolve."""
    waiting: list[Any] = [each for _, each in public_methods()]
    seen: set[Any] = set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        hints = typing.get_type_hints(one)
        inner = list(vars(one).values()) if inspect.isclass(one) else []
        inner = [each.fget if isinstance(each, property) else getattr(each, "__func__", each) for each in inner]
        waiting += [each for each in inner if inspect.isfunction(each)]
        waiting += [each for hint in hints.values() for each in classes_in(hint)]
    return seen


def classes_in(hint: Any) -> Iterator[type]:
    """The classes of ours that a type is made of."""
    if inspect.isclass(hint) and hint.__module__.startswith("track"):
        yield hint
    for each in typing.get_args(hint):
        yield from classes_in(each)
