"""Whatever a program hands over, it gets an answer or a track error that names it: every parameter of every method."""

import inspect
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import numpy
import pytest

import track
from support.repositories import commit_all, new_repository
from track.api import handled, making
from track.api.filesystem import TrackFileSystem
from track.api.samples import Samples
from track.api.version import Files
from track.errors import TrackError, UnknownFile, UnknownNumber, UsageError


class Odd:
    """Something that nobody expects."""

    def __repr__(self) -> str:
        raise RuntimeError("it cannot even be shown")


WRONG: tuple[Any, ...] = (
    *(None, 5, -1, 10**400, True, 1.5, float("nan"), float("inf"), 2j),
    *(b"x", b"\xff", "\0", "a\0b", "\ud800", Path("no\0such")),
    *([], [5], ["\0"], [None], (), {}, {5: 5}, {"x": Odd()}, {"\ud800": 1}, {None: None}, set(), range(3)),
    *(Odd(), Odd, len, io.BytesIO, slice(1), Ellipsis),
)
TEXTS: tuple[Any, ...] = ("", "\n", "-x:y", "x" * 5000, "../../..", "a//b", "*[", "HEAD^{nonsense}", "\udcff")


class Asked(NamedTuple):
    """A method, and arguments with which it works; with `is_cheap` odd texts are tried, too."""

    of: Callable[[], Any]
    name: str
    works: Mapping[str, Any]
    is_cheap: bool = True


def methods(scene: "Scene") -> dict[str, Asked]:
    """Every public method with parameters, by its name."""
    repo, fs, client, handler = scene.repo, scene.files, scene.client, scene.handler
    version, folder = repo.get("data/train.csv"), repo.get("images")
    upload = handler.get(scene.upload).files["train.csv"]
    found = {
        "Repo": Asked(lambda: track, "Repo", {"path": scene.top}),
        "Repo.init": Asked(lambda: track.Repo, "init", {"path": scene.top, "hooks": False}, is_cheap=False),
        "Repo.clone": Asked(
            lambda: track.Repo, "clone", {"url": "nowhere", "to": "there", "branch": "main"}, is_cheap=False
        ),
        "Repo.add": Asked(
            lambda: repo,
            "add",
            {"paths": ("data/train.csv",), "labels": {}, "tags": (), "type": None, "name": None, "partitions": None},
            is_cheap=False,
        ),
        "Repo.checkout": Asked(lambda: repo, "checkout", {"paths": ("data/train.csv",), "rev": None}, is_cheap=False),
        "Repo.push": Asked(lambda: repo, "push", {"remote": None, "revs": (), "paths": ()}, is_cheap=False),
        "Repo.pull": Asked(lambda: repo, "pull", {"paths": (), "remote": None}, is_cheap=False),
        "Repo.run": Asked(
            lambda: repo,
            "run",
            {
                "command": [],
                "inputs": [],
                "outputs": [],
                "metrics": [],
                "name": None,
                "folder": "/",
                "description": None,
                "tags": (),
                "metadata": {},
                "params": {},
                "observe": None,
                "require": None,
                "isolated": False,
                "commit": False,
                "keep": True,
                "echo": None,
            },
            is_cheap=False,
        ),
        "Repo.get": Asked(lambda: repo, "get", {"name_or_path": "data/train.csv", "rev": None, "partitions": {}}),
        "Repo.open": Asked(
            lambda: repo, "open", {"name_or_path": "data/train.csv", "mode": "r", "rev": None, "encoding": "utf-8"}
        ),
        "Repo.status": Asked(lambda: repo, "status", {"paths": ("data",)}),
        "Repo.diff": Asked(lambda: repo, "diff", {"revs": ("HEAD",), "paths": ()}),
        "Repo.log": Asked(lambda: repo, "log", {"path": "data/train.csv", "rev": "HEAD"}),
        "Repo.lineage": Asked(lambda: repo, "lineage", {"item": "data/train.csv", "depth": None, "rev": None}, False),
        "Repo.deps": Asked(lambda: repo, "deps", {"item": "data/train.csv", "depth": None, "rev": None}, False),
        "Repo.path": Asked(
            lambda: repo, "path", {"source": "data/train.csv", "target": "data/train.csv", "rev": None}, False
        ),
        "Repo.who_uses": Asked(lambda: repo, "who_uses", {"path": "data/train.csv"}, False),
        "Repo.stale": Asked(lambda: repo, "stale", {"paths": ("data/train.csv",)}),
        "Repo.put": Asked(
            lambda: repo,
            "put",
            {
                "name": "odd",
                "paths": ("data/train.csv",),
                "partitions": None,
                "time": None,
                "labels": None,
                "type": None,
                "dry_run": True,
            },
        ),
        "Repo.runs": Asked(
            lambda: repo, "runs", {"where": None, "status": None, "tags": (), "sort": None, "limit": None}
        ),
        "Repo.find": Asked(
            lambda: repo,
            "find",
            {"query": None, "labels": None, "user": None, "since": None, "name": None, "rev": None, "limit": None},
        ),
        "Version.read_text": Asked(lambda: version, "read_text", {"encoding": "utf-8", "errors": "strict"}),
        "Version.open": Asked(lambda: version, "open", {"mode": "r", "encoding": "utf-8", "errors": "strict"}),
        "Version.download": Asked(lambda: version, "download", {"to": "copy.csv", "force": True}),
        "Version.load": Asked(lambda: version, "load", {}),
        "Version.__eq__": Asked(lambda: version, "__eq__", {"other": version}),
        "Files.__getitem__": Asked(lambda: folder.files, "__getitem__", {"path": "a.txt"}),
        "Files.__contains__": Asked(lambda: folder.files, "__contains__", {"path": "a.txt"}),
        "Files.get": Asked(lambda: folder.files, "get", {"key": "a.txt"}),
        "Samples.__getitem__": Asked(folder.samples, "__getitem__", {"number": 0}),
        "Samples.__getitems__": Asked(folder.samples, "__getitems__", {"numbers": [0]}),
        "Samples.stream": Asked(
            folder.samples, "stream", {"seed": 1, "batch": 2, "prefetch": 1, "part": (0, 1)}, is_cheap=False
        ),
        "Store": Asked(lambda: track, "Store", {"path": scene.top, "remote": None}),
        "Store.put": Asked(
            lambda: scene.store,
            "put",
            {"source": "data/train.csv", "path": "x", "labels": None, "type": None, "dry_run": True},
        ),
        "Store.get": Asked(lambda: scene.store, "get", {"path": "kept", "target": "kept", "rev": None}),
        "Store.list": Asked(lambda: scene.store, "list", {"folder": None, "rev": None}),
        "Store.info": Asked(lambda: scene.store, "info", {"path": "kept", "rev": None}),
        "Store.delete": Asked(lambda: scene.store, "delete", {"path": "none"}),
        "Handler": Asked(lambda: track, "Handler", {"remote": None, "path": scene.top}),
        "Handler.upload": Asked(lambda: handler, "upload", {"local_paths": [], "labels": None, "based_on": None}),
        "Handler.new": Asked(lambda: handler, "new", {"paths": ["a"], "labels": None, "based_on": None}),
        "Handler.find": Asked(lambda: handler, "find", {"query": None, "max_docs": 7}, is_cheap=False),
        "Handler.get": Asked(lambda: handler, "get", {"artifact_id": scene.upload}, is_cheap=False),
        "File.download": Asked(lambda: upload, "download", {"path": "train.csv", "force": True}),
        "File.download_string": Asked(lambda: upload, "download_string", {"encoding": "utf-8"}),
        "Labels": Asked(
            lambda: track,
            "Labels",
            {"ticket": "", "project": "", "datatype": "", "dataset": "", "description": "", "infos": {}},
        ),
        "as_user": Asked(lambda: _As, "user", {"username": "andy"}),
        "Client": Asked(lambda: track, "Client", {"path": scene.top}),
        "Client.get_artifact": Asked(lambda: client, "get_artifact", {"run": "one", "name": "a", "category": None}),
        "Client.get_artifact_as_file": Asked(
            lambda: client, "get_artifact_as_file", {"run": "one", "name": "a", "path": None, "category": None}
        ),
        "Client.get_artifacts_as_files": Asked(
            lambda: client,
            "get_artifacts_as_files",
            {"run": "one", "path": None, "category": None, "startswith": "", "contains": "", "endswith": ""},
        ),
        "Client.list_artifacts": Asked(lambda: client, "list_artifacts", {"run": "one", "category": None}),
        "Client.get_run": Asked(lambda: client, "get_run", {"run": "one"}),
        "Client.get_runs": Asked(lambda: client, "get_runs", {"filters": None, "sort": None, "limit": None}),
        "Client.get_metric_values": Asked(lambda: client, "get_metric_values", {"run": "one", "names": ()}),
        "Client.get_events": Asked(lambda: client, "get_events", {"run": "one", "contains": ""}),
        "Run.config": Asked(_run, "config", {"queue_size": 5}),
        "Run.attach": Asked(_run, "attach", {"run": "nope"}),
        "LogHandler": Asked(lambda: track, "LogHandler", {"run": track.Run(), "level": 20}),
        "TrackFileSystem": Asked(fresh, "filesystem", {"repo": scene.top, "rev": None}),
    }
    works: dict[str, dict[str, Any]] = {
        "init": {"name": 5, "metadata": None, "tags": None, "description": None, "folder": "/"},
        "set_status": {"status": "failed"},
        "update_tags": {"tags": ["x"]},
        "set_tags": {"tags": ["x"]},
        "update_metadata": {"metadata": {}},
        "folder_details": {"path": "/x", "metadata": None, "tags": None, "description": None},
        "add_alert": {"name": "x", "type": "by hand", "metric": None, "frequency": None, "window": None, "more": {}},
        "set_alert": {"name": "none", "state": "ok"},
        "log_metrics": {"metrics": {"x": 1}, "step": None, "time": None, "timestamp": None},
        "log_event": {"event": "x", "timestamp": None},
        "save": {"path": "data/train.csv", "category": "nope", "filetype": None, "name": None},
        "save_directory": {"directory": "images", "category": "nope", "filetype": None},
        "save_all": {"items": [], "category": "nope", "filetype": None},
        "save_object": {"obj": "text", "category": "nope", "name": "x"},
    }
    for name, fits in works.items():
        found[f"Run.{name}"] = Asked((lambda: _run()) if name == "init" else scene.run, name, fits, is_cheap=False)
    named = ("info", "ls", "glob", "exists", "isfile", "isdir", "created", "modified", "ukey", "open", "expand_path")
    for name in named:
        found[f"TrackFileSystem.{name}"] = Asked(lambda: fs, name, {"path": "data/train.csv"})
    return found


class _As:
    @staticmethod
    def user(username: Any) -> None:
        with track.as_user(username):
            pass


class _Fresh:
    @staticmethod
    def filesystem(repo: Any, rev: Any) -> None:
        fsspec.filesystem("track", repo=repo, rev=rev, skip_instance_cache=True).ls("")


def fresh() -> type[_Fresh]:
    return _Fresh


def _run() -> track.Run:
    run = track.Run()
    run.config(suppress_errors=False)
    return run


class Scene:
    """A project with one of everything, and what looks at it."""

    def __init__(self, top: Path) -> None:
        self.top = new_repository(top)
        self.repo = track.Repo.init(top, hooks=False)
        (top / "data").mkdir()
        (top / "images").mkdir()
        (top / "data/train.csv").write_text("name,age\nAda,36\n")
        for number in range(3):
            (top / f"images/{'abc'[number]}.txt").write_text(str(number))
        self.repo.add("data/train.csv", "images")
        self.store = track.Store(top)
        self.store.put(top / "data/train.csv", "kept")
        self.handler = track.Handler(path=top)
        self.upload = self.handler.upload([top / "data/train.csv"]).metadata.artifact_id
        self.repo.run(["true"], name="one")
        commit_all(top, "all")
        self.client = track.Client(top)
        self.files = fsspec.filesystem("track", repo=str(top), skip_instance_cache=True)
        self._living: track.Run | None = None

    def run(self) -> track.Run:
        """A run that is alive, one for all that is tried."""
        if self._living is None:
            self._living = _run()
            self._living.init("living")
        return self._living

    def close(self) -> None:
        if self._living is not None:
            self._living.close()
        self.files.close()
        self.store.close()
        self.repo.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    before = os.getcwd()
    found = Scene(tmp_path_factory.mktemp("wrong") / "project")
    os.chdir(found.top)
    try:
        yield found
    finally:
        found.close()
        os.chdir(before)


@pytest.fixture
def inside(scene: Scene) -> Iterator[Scene]:
    """The project, as the current folder."""
    before = os.getcwd()
    os.chdir(scene.top)
    yield scene
    os.chdir(before)


NAMES = sorted(
    {
        *("Repo Repo.init Repo.clone Repo.add Repo.checkout Repo.push Repo.pull Repo.run Repo.get Repo.open".split()),
        *("Repo.status Repo.diff Repo.log Repo.lineage Repo.deps Repo.runs Repo.find".split()),
        *("Repo.path Repo.who_uses Repo.stale Repo.put".split()),
        *("Version.read_text Version.open Version.download Version.load Version.__eq__".split()),
        *("Files.__getitem__ Files.__contains__ Files.get".split()),
        *("Samples.__getitem__ Samples.__getitems__ Samples.stream".split()),
        *("Store Store.put Store.get Store.list Store.info Store.delete".split()),
        *("Handler Handler.upload Handler.new Handler.find Handler.get File.download File.download_string".split()),
        *("Labels as_user Client Client.get_artifact Client.get_artifact_as_file".split()),
        *("Client.get_artifacts_as_files Client.list_artifacts Client.get_run Client.get_runs".split()),
        *("Client.get_metric_values Client.get_events Run.config Run.attach Run.init Run.set_status".split()),
        *("Run.update_tags Run.set_tags Run.update_metadata Run.folder_details Run.add_alert Run.set_alert".split()),
        *("Run.log_metrics Run.log_event Run.save Run.save_directory Run.save_all Run.save_object".split()),
        *("LogHandler TrackFileSystem TrackFileSystem.info TrackFileSystem.ls TrackFileSystem.glob".split()),
        *("TrackFileSystem.exists TrackFileSystem.isfile TrackFileSystem.isdir TrackFileSystem.modified".split()),
        *("TrackFileSystem.ukey TrackFileSystem.open TrackFileSystem.created TrackFileSystem.expand_path".split()),
    }
)


def calls(asked: Asked) -> Iterator[tuple[str, Any, tuple[Any, ...], dict[str, Any]]]:
    """(parameter, value, arguments, keywords) for everything wrong in the place of everything right."""
    method = getattr(asked.of(), asked.name)
    signature = inspect.signature(method)
    for wrong in asked.works:
        for value in (*WRONG, *(TEXTS if asked.is_cheap else ())):
            if asked.of is fresh and isinstance(value, Odd | dict):
                continue  # fsspec itself shows what it is given
            given, words = [], {}
            for name, parameter in signature.parameters.items():
                if name not in asked.works:
                    continue
                chosen = value if name == wrong else asked.works[name]
                if parameter.kind is parameter.VAR_POSITIONAL:
                    given += [value] if name == wrong else list(chosen)
                elif parameter.kind is parameter.VAR_KEYWORD:
                    words |= {"region": value} if name == wrong else chosen
                elif parameter.kind is parameter.KEYWORD_ONLY or words:
                    words[name] = chosen
                else:
                    given.append(chosen)
            yield wrong, value, tuple(given), words


DOCUMENTED: Mapping[str, Callable[..., object]] = {"as_user": track.as_user, "TrackFileSystem": TrackFileSystem}
"""What people call, where the test calls something that calls it."""


def says_it_raises(asked: Asked, name: str, error: TrackError) -> bool:
    """Whether a docstring, of the method or of its class, lists the error or a kind of errors that it is of."""
    target = asked.of()
    method = DOCUMENTED.get(name) or getattr(target, asked.name)
    owner = target if inspect.isclass(target) else type(target)
    docs = [inspect.getdoc(each) or "" for each in (method, owner, getattr(method, "__init__", None))]
    text = " ".join([*docs, *(_doc_of(word, owner) for word in re.findall(r"[Rr]aises as `([\w.]+)`", " ".join(docs)))])
    kinds = [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, TrackError)]
    return bool(set(re.findall(r"\b[A-Z]\w+\b", text)).intersection(kinds[:-1] or kinds))  # of a TrackError all are


def _doc_of(word: str, owner: type) -> str:
    """The docstring that another one speaks of: of a method beside it, or of another class."""
    kind, _, method = word.rpartition(".")
    found = next((each for each in FACES if each.__name__ == kind), owner)
    return inspect.getdoc(getattr(found, method)) or ""


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_handed_over_is_answered_or_refused_by_an_error_of_track(name: str, inside: Scene) -> None:
    asked = methods(inside)[name]
    problems = []
    for wrong, value, given, words in calls(asked):
        target = asked.of()
        try:
            answer = getattr(target, asked.name)(*given, **words)
            if isinstance(answer, Iterator):
                next(answer, None)
            if callable(getattr(answer, "close", None)):
                answer.close()
        except TrackError as error:
            if not error.message or "Traceback" in error.message or "\0" in error.message:
                problems.append(f"{wrong}={_told(value)}: says {error.message!r}")
            if not says_it_raises(asked, name, error):
                problems.append(f"{wrong}={_told(value)}: no docstring lists {type(error).__name__}")
        except Exception as error:
            problems.append(f"{wrong}={_told(value)}: {type(error).__name__}: {str(error)[:90]}")
        finally:
            if name == "Run.init" and target.id is not None:
                target.close()
    assert not problems, "\n" + "\n".join(problems)


def _told(value: Any) -> str:
    return type(value).__name__ if isinstance(value, Odd | dict) else repr(value)[:40]


FACES = (
    *(track.Client, track.Handler, track.Repo, track.Run, track.Store, track.Version, Files, Samples),
    *(TrackFileSystem, handled.File, making.New),
)


def public(kind: type) -> dict[str, Any]:
    """The methods of a class that people call, ours alone."""
    ours = [each for each in reversed(kind.__mro__) if each.__module__.startswith("track.api.")]
    members = {name: each for one in ours for name, each in vars(one).items() if not name.startswith("_")}
    found = {name: getattr(each, "__func__", each) for name, each in members.items()}
    return {name: each for name, each in found.items() if getattr(each, "__name__", "") != "_refused"}


def test_every_method_with_parameters_is_among_them() -> None:
    lacking = []
    for kind in FACES:
        for name, method in public(kind).items():
            if (
                inspect.isfunction(method)
                and len(inspect.signature(method).parameters) > 1
                and name not in ("tell", "close")
            ):
                lacking.append(f"{kind.__name__}.{name}")
    written = {name for name in lacking if name.startswith("TrackFileSystem.") and name not in NAMES}
    assert written == set()
    assert sorted(set(lacking) - set(NAMES)) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_yes_or_no_is_true_or_false_and_nothing_else(name: str, inside: Scene) -> None:
    asked = methods(inside)[name]
    method = getattr(asked.of(), asked.name)
    parameters = inspect.signature(method).parameters
    flags = [each for each, parameter in parameters.items() if isinstance(parameter.default, bool)]
    if name.startswith("TrackFileSystem."):
        flags = []  # what it takes is for fsspec to say
    given = [value for each, value in asked.works.items() if parameters[each].kind is inspect.Parameter.VAR_POSITIONAL]
    words = {each: value for each, value in asked.works.items() if parameters[each].kind in KEYWORDS}
    for flag in flags:
        for wrong in ("no", "false", "", None, 2, 1.0, [], inside):
            with pytest.raises(UsageError, match=f"^{flag} is no truth value: ") as raised:
                method(*(given[0] if given else ()), **(words | {flag: wrong}))
            assert raised.value.hint == f"{flag}=True or {flag}=False"


KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def test_truth_values_of_numpy_and_one_and_zero_are_some(inside: Scene) -> None:
    assert (
        inside.repo.find(history=numpy.True_).matching_count >= inside.repo.find(history=numpy.bool_(0)).matching_count
    )


def test_what_is_wrong_is_said_with_what_may_be(inside: Scene) -> None:
    repo = inside.repo
    version = repo.get("images")
    told = {
        "name_or_path is no path: 5": lambda: repo.get(5),  # type: ignore[call-overload]
        "rev is no text: 5": lambda: repo.get("images", rev=5),  # type: ignore[arg-type]
        "path is no text: 5": lambda: 5 in version.files,
        "encoding is no encoding that Python knows: 'nope'": lambda: version.files["a.txt"].read_text(encoding="nope"),
        "command is no path: 5": lambda: repo.run(["echo", 5]),  # type: ignore[list-item]
        "limit is -1, less than 1": lambda: repo.find(limit=-1),
    }
    for said, ask in told.items():
        with pytest.raises(UsageError, match=re.escape(said)) as caught:
            ask()
        assert caught.value.hint
    with pytest.raises(UnknownFile) as lacking:
        version.files[""]
    assert lacking.value.hint
    with pytest.raises(UnknownNumber, match="there is no file 3: there are 3"):
        version.samples()[3]
    assert [content for _, content in version.samples()] == [b"0", b"1", b"2"]


def test_a_call_that_does_not_fit_the_signature_stays_a_type_error(inside: Scene) -> None:
    wrong: list[Callable[[], object]] = [
        lambda: inside.repo.get(),  # type: ignore[call-overload]
        lambda: inside.repo.status(nonsense=1),  # type: ignore[call-arg]
        lambda: inside.repo.log("images", "HEAD", "more"),  # type: ignore[call-arg]
        lambda: inside.store.put(),  # type: ignore[call-arg]
    ]
    for call in wrong:
        with pytest.raises(TypeError):
            call()


def test_every_method_that_takes_something_says_what_it_raises() -> None:
    silent = []
    for kind in (*FACES, track.LogHandler):
        asked = {**public(kind), "__init__": vars(kind).get("__init__")}
        if (kind.__doc__ and "made by `" in kind.__doc__) or kind in (Files, handled.File, making.New):
            del asked["__init__"]  # nobody calls it
        for name, method in asked.items():
            takes = inspect.isfunction(method) and len(inspect.signature(method).parameters) > 1
            if takes and name != "tell" and not re.search(r"(?i)\braises?\b", inspect.getdoc(method) or ""):
                silent.append(f"{kind.__name__}.{name}")
    assert silent == []
    assert "Raises:" in (track.as_user.__doc__ or "")
