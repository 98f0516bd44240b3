"""Web servers and WebDAV servers: who we are to them, what they refuse, what they cannot do, and what never happens."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support import webservers
from support.servers import LOST, Answer, Proxy, Request, answering, closed_port, hanging, proxy
from support.webservers import PASSWORD, PERSON, USER, Web, dav_at, open_dav_as, web_at
from track.errors import BadCredentials, DamagedObject, DiskFull, RemoteError, RemoteUnreachable, TrackError
from track.model.digest import digest_of
from track.store.address import Access, DavFolder, WebFolder
from track.store.backends import http_requests, object_place, opening
from track.store.backends.dav import DavPlace
from track.store.backends.folder import open_folder
from track.store.backends.opening import open_place
from track.store.backends.web import open_web
from track.store.backends.web_login import find_login
from track.store.listing import publish_listing
from track.store.place import Place
from track.store.trial import try_place

LARGE = os.urandom(object_place.SINGLE_LIMIT + (3 << 20) + 77)
WRONG = {"WEBDAV_USER": USER, "WEBDAV_PASSWORD": "guess-0123"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails is asked for again only once."""
    for name in ("ASKING_AGAIN", "SENDING_AGAIN"):
        monkeypatch.setattr(object_place, name, {"max_retries": 1, "retry_timeout": timedelta(seconds=2)})
    monkeypatch.setattr(http_requests, "TRIES", 2)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return f"dav/web/{tmp_path.parent.name}-{tmp_path.name}"


@pytest.fixture
def between(nginx_server: Web) -> Iterator[Proxy]:
    """A proxy before the server."""
    with proxy(nginx_server.endpoint) as made:
        yield made


def through(between: Proxy, path: str) -> DavPlace:
    return dav_at(Web(between.endpoint, Path()), path)


def send(place: Place, file: Path, content: bytes, key: str = "objects/aa/bb") -> None:
    file.write_bytes(content)
    with place.upload() as upload:
        upload.put_file(key, file, digest_of(content))
        upload.commit()


def first_problem(place: Place, *, writes: bool = True) -> TrackError:
    problems = [step.problem for step in try_place(place, writes=writes).steps if step.problem is not None]
    assert problems, "nothing was refused"
    shown = "".join(f"{each.message}{each.hint}{each.details}" for each in problems)
    assert PASSWORD not in shown and WRONG["WEBDAV_PASSWORD"] not in shown and all(each.hint for each in problems)
    return problems[0]


# ---- who we are ----


def test_the_environment_beats_dotenv_and_that_netrc(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine cloud.example.org login eve password n\ndefault login x password y\n")
    (tmp_path / ".netrc").chmod(0o600)
    (tmp_path / ".env").write_text("WEBDAV_USER=bob\nWEBDAV_PASSWORD=s\nOTHER=1\n")
    home, access = {"HOME": str(tmp_path)}, Access(dotenv=tmp_path / ".env")
    dav, web = DavFolder("cloud.example.org:8443", "x"), WebFolder("cloud.example.org", "x")
    assert find_login(dav, access, {**home, **PERSON})[:2] == ("`ada`", "the environment")
    assert find_login(dav, access, home)[:2] == ("`bob`", ".env")
    assert find_login(dav, Access(), home)[:2] == ("`eve`", "~/.netrc")
    assert find_login(dav, access, {**home, "WEBDAV_TOKEN": "t"}).headers == {"Authorization": "Bearer t"}
    assert find_login(web, access, {**home, **PERSON})[:2] == ("`eve`", "~/.netrc"), "these variables are for WebDAV"
    assert find_login(DavFolder("elsewhere.example", "x"), Access(), home).headers == {}, "`default` is for no host"


def test_half_a_login_and_a_broken_file_are_told(tmp_path: Path) -> None:
    for half in PERSON:
        with pytest.raises(BadCredentials, match="its other half is there"):
            find_login(DavFolder("h", "x"), Access(), {"HOME": str(tmp_path), half: "x"})
    (tmp_path / ".netrc").write_text("machine h login x passwd hunter2\n")
    with pytest.raises(BadCredentials, match="cannot be read") as error:
        find_login(DavFolder("h", "x"), Access(), {"HOME": str(tmp_path)})
    assert "hunter2" not in f"{error.value.message}{error.value.details}"


# ---- what a WebDAV server refuses ----


@pytest.mark.parametrize("kind", ["nginx_server", "rclone_server"])
def test_the_owner_may_do_everything_also_where_conditions_are_ignored(
    kind: str, path: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(kind)
    place = dav_at(server, path)
    trial = try_place(place)
    assert [step.problem for step in trial.steps] == [None] * len(trial.steps) and trial.conditional
    assert place.identity == f"`{USER}`, from the environment; {server.endpoint}"


@pytest.mark.parametrize("kind", ["nginx_server", "rclone_server"])
def test_wrong_credentials_and_none_are_told(kind: str, path: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    error = first_problem(dav_at(server, path, **WRONG))
    assert isinstance(error, BadCredentials) and f"does not accept `{USER}` (from the environment)" in error.message
    error = first_problem(open_dav_as(DavFolder(server.host, path, is_plain=True), {}))
    assert isinstance(error, BadCredentials) and "asks who you are" in error.message


def test_a_folder_that_may_only_be_read_says_what_is_missing(nginx_server: Web) -> None:
    steps = {step.name: step.problem for step in try_place(dav_at(nginx_server, "read/x")).steps}
    assert steps["list"] is None and steps["read"] is None
    problem = steps["write"]
    assert problem is not None and "cannot be written to" in problem.message and "PUT" in problem.message


@pytest.mark.parametrize(
    ("right", "what", "needed"),
    [
        ("list", "may not list what is in it", "PROPFIND"),
        ("read", "may not read", "GET"),
        ("write", "may not write", "PUT"),
        ("delete", "may not delete", "DELETE"),
    ],
)
def test_each_right_that_a_server_refuses_is_named_alone(
    nginx_server: Web, tmp_path: Path, right: str, what: str, needed: str
) -> None:
    place = dav_at(nginx_server, f"no-{right}/{tmp_path.name}")
    (nginx_server.folder / f"no-{right}" / tmp_path.name).mkdir(parents=True)
    steps = {step.name: step.problem for step in try_place(place).steps}
    problem = steps[right]
    assert problem is not None and f"`{USER}` {what} at " in problem.message, steps
    assert needed in str(problem.hint) and "whoever looks after the server has to allow" in str(problem.hint)
    others = {name: str(each) for name, each in steps.items() if each is not None and name != right}
    assert all(what in text for text in others.values()), others


def test_a_web_page_is_no_webdav(nginx_server: Web) -> None:
    error = first_problem(dav_at(nginx_server, "web/x"))
    assert "does not take PROPFIND" in error.message and "WebDAV folder" in str(error.hint)


def test_a_server_that_makes_no_folders_has_them_made(nginx_server: Web, path: str, tmp_path: Path) -> None:
    place = dav_at(nginx_server, path.replace("dav/", "bare/", 1))
    assert place.create("store.toml", b"first") and not place.create("store.toml", b"second")
    for key in ("index/a", "index/b", "roots/x/y"):
        place.put(key, b"1")
    send(place, tmp_path / "large", LARGE)
    assert {one.key for one in place.list("")} == {"store.toml", "index/a", "index/b", "roots/x/y", "objects/aa/bb"}


def test_something_else_in_the_folder_is_not_ours(nginx_server: Web, path: str) -> None:
    place = dav_at(nginx_server, path)
    place.put("photos/holiday.jpg", b"\xff")
    assert "is not a store of track" in first_problem(place).message


def test_names_with_odd_characters_are_quoted(nginx_server: Web, path: str, tmp_path: Path) -> None:
    place = dav_at(nginx_server, f"{path}/a%20b%2Bc@d~e,f%25")
    place.put("index/a", b"1")
    send(place, tmp_path / "large", LARGE)
    assert {one.key for one in place.list("")} == {"index/a", "objects/aa/bb"}
    assert place.digest("objects/aa/bb") == digest_of(LARGE)


# ---- large files ----


def test_a_large_file_is_sent_beside_its_place_and_moved(between: Proxy, path: str, tmp_path: Path) -> None:
    place = through(between, path)
    send(place, tmp_path / "large", LARGE)
    put, move = (next(one for one in between.requests if one.method == name) for name in ("PUT", "MOVE"))
    assert "/probe/" in put.path and put.path == move.path and move.headers["Overwrite"] == "T"
    assert {one.key for one in place.list("")} == {"objects/aa/bb"}
    assert place.digest("objects/aa/bb") == digest_of(LARGE)


def test_a_large_file_that_is_not_what_it_should_be_leaves_nothing(
    nginx_server: Web, path: str, tmp_path: Path
) -> None:
    place = dav_at(nginx_server, path)
    (tmp_path / "large").write_bytes(LARGE)
    with pytest.raises(DamagedObject), place.upload() as upload:
        upload.put_file("objects/aa/bb", tmp_path / "large", digest_of(b"other"))
    assert list(place.list("")) == []


def test_a_lost_answer_to_a_move_is_no_failure(between: Proxy, path: str, tmp_path: Path) -> None:
    place = through(between, path)
    lost: list[str] = []

    def lose(request: Request, ask: Callable[[], Answer]) -> Answer | None:
        if request.method != "MOVE" or lost:
            return None
        lost.append(request.path)
        ask()
        return LOST

    between.faults.append(lose)
    send(place, tmp_path / "large", LARGE)
    assert lost and place.digest("objects/aa/bb") == digest_of(LARGE)
    lost.clear()
    assert place.create("store.toml", b"mine")


def test_of_two_that_create_at_once_one_is_told(rclone_server: Web, path: str) -> None:
    places = [dav_at(rclone_server, path) for _ in range(8)]
    places[0].put("index/a", b"1")
    made: list[bool] = []

    def create(number: int) -> None:
        made.append(places[number].create("store.toml", b"%d" % number))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(len(places))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8 and made.count(True) >= 1
    assert places[0].get("store.toml") in {b"%d" % number for number in range(8)}


# ---- servers that are none, or sick ----


@pytest.mark.parametrize("opened", [dav_at, web_at], ids=["webdav", "http"])
def test_a_server_that_hangs_or_is_not_there_is_given_up(
    opened: Callable[[Web, str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_place, "ANSWER", timedelta(seconds=0.4))
    with hanging() as endpoint:
        error = first_problem(opened(Web(endpoint, Path()), "x"), writes=False)
        assert isinstance(error, RemoteUnreachable) and error.message == f"{endpoint} does not answer"
    nowhere = closed_port()
    assert first_problem(opened(Web(nowhere, Path()), "x"), writes=False).message == f"{nowhere} cannot be reached"


@pytest.mark.parametrize("opened", [dav_at, web_at], ids=["webdav", "http"])
def test_a_server_that_sends_on_to_one_that_nobody_finds_is_told_with_its_name(
    opened: Callable[[Web, str], Place],
) -> None:
    nobody = f"{'x' * 70}.invalid"  # no part of a name is so long, so that nobody is asked for it
    away = (("Location", f"http://ada:hunter2@{nobody}/x?token=1"),)
    with answering(lambda request: Answer(302, b"", away)) as endpoint:
        place = opened(Web(endpoint, Path()), "x")
        for ask in (lambda: place.get("a"), lambda: list(place.list("index/"))):
            with pytest.raises(RemoteUnreachable) as error:
                ask()
            assert error.value.message == (
                f"{endpoint} sends on what is asked of it to {nobody}, and no server is called so"
            )
    error = first_problem(opened(Web(f"http://{nobody}", Path()), "x"), writes=False)
    assert error.message == f"there is no server called http://{nobody}"


def test_a_server_that_hangs_while_a_large_file_is_sent_is_given_up(
    between: Proxy, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http_requests.SILENCE_S * http_requests.TIMEOUTS < 60
    monkeypatch.setattr(http_requests, "SILENCE_S", 0.5)
    ended = threading.Event()

    def hang(request: Request, _: Callable[[], Answer]) -> Answer | None:
        if request.method == "PUT":
            ended.wait(5)
        return None

    between.faults.append(hang)
    with pytest.raises(RemoteUnreachable, match="does not answer"):
        send(through(between, path), tmp_path / "large", LARGE)
    ended.set()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(200, b"<html>welcome</html>"), RemoteUnreachable, "is not WebDAV"),
        (Answer(207, b"<html>welcome</html>"), RemoteUnreachable, "is not WebDAV"),
        (Answer(207, b"\xff\xfe"), RemoteUnreachable, "is not WebDAV"),
        (Answer(500, b""), RemoteUnreachable, "failed: it answered with 500"),
        (Answer(503, b""), RemoteUnreachable, "is too busy"),
        (Answer(507, b""), DiskFull, "is full"),
        (Answer(423, b""), RemoteUnreachable, "is locked"),
        (Answer(403, b"\x1b[2J"), RemoteError, "may not list"),
        (Answer(418, b""), RemoteError, "is not WebDAV"),
        (Answer(302, b""), RemoteUnreachable, "is elsewhere"),
        (Answer(301, b"", (("Location", "/x"),)), RemoteUnreachable, "is elsewhere"),
    ],
)
def test_what_a_server_answers_has_its_own_words(answer: Answer, kind: type[TrackError], words: str) -> None:
    with answering(lambda _: answer) as endpoint, pytest.raises(kind, match=words) as error:
        list(dav_at(Web(endpoint, Path()), "x").list("index/"))
    assert error.value.hint and "\x1b" not in f"{error.value.message}{error.value.details}"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(507, DiskFull, "is full"), (413, RemoteError, "no file as large"), (403, RemoteError, "may not write")],
)
def test_what_a_server_does_not_take_is_told_for_small_and_large(
    between: Proxy, path: str, tmp_path: Path, status: int, kind: type[TrackError], words: str
) -> None:
    between.faults.append(lambda request, ask: Answer(status) if request.method == "PUT" else None)
    for content in (b"small", LARGE):
        with pytest.raises(kind, match=words) as error:
            send(through(between, path), tmp_path / "file", content)
        assert error.value.hint


def test_credentials_follow_no_redirection_to_another_server(nginx_server: Web, tmp_path: Path) -> None:
    seen: list[Request] = []

    def take(request: Request) -> Answer:
        seen.append(request)
        return Answer(404)

    with answering(take) as thief:
        away = (("Location", f"{thief}/x"),)
        with answering(lambda request: Answer(302, b"", away)) as endpoint:
            place = dav_at(Web(endpoint, Path()), "x")
            for ask in (lambda: place.get("a"), lambda: place.put("a/b", b"1"), lambda: list(place.list("index/"))):
                try:
                    ask()
                except (TrackError, LookupError):
                    continue
            with pytest.raises(TrackError):
                send(place, tmp_path / "large", LARGE)
    assert not any("Authorization" in request.headers for request in seen)


# ---- a web server's folder ----


def test_a_published_folder_is_read_and_never_written(nginx_server: Web, tmp_path: Path) -> None:
    name = f"web/{tmp_path.parent.name}-{tmp_path.name}"
    folder = nginx_server.folder / name
    folder.mkdir()
    written = open_folder(folder)
    place = web_at(nginx_server, name)
    with pytest.raises(RemoteError, match="has no list of what is in it") as error:
        list(place.list("index/"))
    assert "track remote publish" in str(error.value.hint)
    written.put("index/a", b"1")
    written.put("packs/aa/b", b"2")
    assert publish_listing(written) == 1
    assert [one.key for one in place.list("index/")] == ["index/a"] and list(place.list("roots/")) == []
    with pytest.raises(RemoteError, match="cannot be asked what is in `runs/`") as asked:
        list(place.list("runs/"))
    assert "track fetch --runs" in (asked.value.hint or "")
    with pytest.raises(RemoteError, match="cannot be asked what is in `packs/`"):
        list(place.list("packs/"))
    for write in (
        lambda: place.put("index/a", b"2"),
        lambda: place.create("index/b", b"2"),
        lambda: place.delete("index/a"),
        place.upload,
    ):
        with pytest.raises(RemoteError, match="can only be read"):
            write()
    (folder / "listing").write_bytes((folder / "listing").read_bytes()[:-9])
    with pytest.raises(DamagedObject, match="it is not whole"):
        list(place.list("index/"))


def test_python_s_own_web_server_which_knows_no_pieces_is_enough(tmp_path: Path) -> None:
    written = open_folder(tmp_path)
    written.put("packs/aa/b", LARGE)
    serve = [webservers.sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with webservers.running("python", lambda port: [*serve, str(port)], tmp_path.parent / "log") as endpoint:
        place = web_at(Web(endpoint, tmp_path), "")
        assert place.get_range("packs/aa/b", 1000, 50) == LARGE[1000:1050] and not place.comes_in_parts
        assert place.digest("packs/aa/b") == digest_of(LARGE)


def test_what_is_plain_is_never_reached_by_a_redirection_from_https() -> None:
    """The client is told that nothing but TLS will do."""
    with pytest.raises(RemoteError):
        open_web(WebFolder("127.0.0.1:9"), Access()).get("store.toml")


@pytest.mark.parametrize("extra", ["http", "webdav", "azure", "gs"])
def test_without_the_library_the_error_says_what_to_install(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        library = "gcsfs.core" if extra == "gs" else "obstore.store"
        raise ModuleNotFoundError(f"No module named '{library}' for {name}", name=library)

    monkeypatch.setattr(opening, "import_module", missing)
    address = next(kind for kind, each in opening._BACKENDS.items() if each.extra == extra)("x.example", "y")
    with pytest.raises(RemoteError, match="is not installed") as error:
        open_place(address, Access())
    assert error.value.hint == f"pip install 'track-data[{extra}]'"
