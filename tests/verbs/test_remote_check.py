"""What `remote check` finds, at a real server and at bad ones; each row of what may be wrong with a bucket."""

import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from support.cli import Completed, track_here
from support.repositories import commit_all, git
from support.seaweed import BUCKET, NO_LIST, NO_READ, NO_WRITE, OWNER, Person, Seaweed
from support.servers import Answer, Request, answering, closed_port, hanging, proxy, s3_error
from track.store.address import Access, Bucket
from track.store.backends import object_place, s3

RIGHTS = ["list", "read", "write", "delete"]


@pytest.fixture
def project(repo: Path) -> Path:
    """A project with nothing in it."""
    assert track_here("init", cwd=repo).code == 0
    commit_all(repo, "track")
    return repo


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"s3://{BUCKET}/check/{tmp_path.parent.name}-{tmp_path.name}"


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Callable[[Person], None]:
    """Put a person's credentials into the environment."""

    def put(person: Person) -> None:
        for name, value in person.environment.items():
            monkeypatch.setenv(name, value)

    put(OWNER)
    return put


def steps(done: Completed) -> dict[str, str | None]:
    """The problem of each step, by its name."""
    return {step["name"]: step["problem"] for step in done.json["steps"]}


def point_at(project: Path, url: str, endpoint: str) -> None:
    """Name a remote without asking it: as a person who edits the configuration."""
    assert track_here("config", "--clone", "remote.origin.url", url, cwd=project).code == 0
    assert track_here("config", "--clone", "remote.origin.endpoint", endpoint, cwd=project).code == 0


def test_where_all_is_well_it_says_so_and_leaves_nothing(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    assert track_here("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=project).code == 0
    done = track_here("remote", "check", "--json", cwd=project).ok()
    assert done.json["identity"].startswith("access key OWNE…0123, from the environment; " + s3_server.endpoint)
    assert set(steps(done).values()) == {None} and set(RIGHTS) <= set(steps(done))
    assert done.json["conditional"] is True and len(done.json["store"]) == 32
    assert OWNER.secret not in done.out + done.err and OWNER.key not in done.out + done.err
    again = track_here("remote", "check", cwd=project).ok()
    assert "probe" not in again.out and OWNER.secret not in again.out + again.err
    assert done.json["sums"] == "crc32"
    assert "  sum        CRC-32 is looked at: what arrives as something else is refused\n" in again.out


@pytest.mark.parametrize(
    ("person", "missing"),
    [(NO_LIST, {"list"}), (NO_READ, {"read", "read back"}), (NO_WRITE, {"write", "delete"})],
    ids=["list", "read", "write"],
)
def test_each_right_that_is_missing_is_named(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None], person: Person, missing: set[str]
) -> None:
    assert track_here("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=project).code == 0
    become(person)
    done = track_here("remote", "check", "--json", cwd=project)
    assert done.code == 5
    problems = {name: problem for name, problem in steps(done).items() if problem}
    assert problems.keys() - {"store", "condition"} <= missing and problems.keys() & missing
    for name, problem in problems.items():
        assert f"may not {name.split()[0]}" in problem or name in ("store", "condition", "read back")
    shown = track_here("remote", "check", cwd=project)
    assert shown.code == 5 and "s3:" in shown.err and person.secret not in shown.err


def test_a_missing_right_to_delete_is_named(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    with proxy(s3_server.endpoint) as between:
        assert track_here("remote", "add", "origin", url, "--endpoint", between.endpoint, cwd=project).code == 0
        between.faults.append(lambda request, ask: s3_error("AccessDenied") if request.method == "DELETE" else None)
        done = track_here("remote", "check", "--json", cwd=project)
        assert done.code == 5 and [name for name, problem in steps(done).items() if problem] == ["delete"]
        assert "s3:DeleteObject" in done.err
    other = ("remote", "add", "other", url, "--endpoint", s3_server.endpoint)
    assert track_here(*other, cwd=project).code == 0, "what the check could not delete is not taken for data"


def test_a_server_that_does_not_respect_conditions_is_told(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    def believe(request: Request, ask: object) -> Answer | None:
        conditional = any(name.lower() == "if-none-match" for name in request.headers)
        return Answer(200, headers=(("ETag", '"x"'),)) if conditional else None

    with proxy(s3_server.endpoint) as between:
        assert track_here("remote", "add", "origin", url, "--endpoint", between.endpoint, cwd=project).code == 0
        between.faults.append(believe)
        done = track_here("remote", "check", "--json", cwd=project)
    assert done.code == 0 and done.json["conditional"] is False


def test_no_credentials_at_all(project: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    point_at(project, url, closed_port())
    done = track_here("remote", "check", cwd=project)
    assert done.code == 5 and "there are no credentials" in done.err and "AWS_ACCESS_KEY_ID" in done.err


def test_wrong_credentials_are_told_once_and_nothing_else_is_tried(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    point_at(project, url, s3_server.endpoint)
    become(OWNER._replace(secret="wrong"))
    done = track_here("remote", "check", "--json", cwd=project)
    assert done.code == 5 and list(steps(done)) == ["list"]
    assert "the secret key does not belong" in str(steps(done)["list"]) and "wrong" not in done.out.replace(url, "")
    become(OWNER._replace(key="NOBODYKEY0123"))
    assert "does not know the access key NOBO…0123" in track_here("remote", "check", cwd=project).err


def test_expired_credentials_and_a_wrong_region(project: Path, url: str, become: Callable[[Person], None]) -> None:
    for code, status, words in (
        ("ExpiredToken", 400, "have expired"),
        ("PermanentRedirect", 301, "is not in the region us-east-1"),
    ):
        answer = s3_error(code, status)
        with answering(lambda _, answer=answer: answer) as endpoint:
            point_at(project, url, endpoint)
            done = track_here("remote", "check", cwd=project)
        assert done.code == 5 and words in done.err


def test_no_bucket(project: Path, s3_server: Seaweed, become: Callable[[Person], None]) -> None:
    point_at(project, "s3://nowhere/x", s3_server.endpoint)
    done = track_here("remote", "check", cwd=project)
    assert done.code == 5 and f"there is no bucket `nowhere` at {s3_server.endpoint}" in done.err
    added = track_here("remote", "add", "new", "s3://nowhere/x", "--endpoint", s3_server.endpoint, cwd=project)
    assert added.code == 5 and "there is no bucket" in added.err


def test_a_bucket_that_is_not_ours(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None], tmp_path: Path
) -> None:
    point_at(project, url, s3_server.endpoint)
    place = s3.open_bucket(*_way(url, s3_server.endpoint))
    place.put("photos/cat.jpg", b"somebody's")
    done = track_here("remote", "check", cwd=project)
    assert done.code == 5 and "has something in it and is not a store of track" in done.err
    added = track_here("remote", "add", "new", url, "--endpoint", s3_server.endpoint, cwd=project)
    assert added.code == 5 and "nothing was changed" in added.err
    assert [one.key for one in place.list("")] == ["photos/cat.jpg"]


def _way(url: str, endpoint: str) -> tuple[Bucket, Access]:
    return Bucket(BUCKET, url.removeprefix(f"s3://{BUCKET}/")), Access(endpoint=endpoint)


def test_an_endpoint_that_hangs_or_is_not_there(
    project: Path, url: str, become: Callable[[Person], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_place, "ANSWER", timedelta(seconds=0.3))
    monkeypatch.setattr(object_place, "ASKING_AGAIN", {"max_retries": 1, "retry_timeout": timedelta(seconds=1)})
    with hanging() as endpoint:
        point_at(project, url, endpoint)
        for command in (("remote", "check"), ("push",)):
            done = track_here(*command, cwd=project)
            assert done.code == 5 and f"{endpoint} does not answer" in done.err
    point_at(project, url, closed_port())
    assert "cannot be reached" in track_here("remote", "check", cwd=project).err


@pytest.mark.parametrize(
    "answer", [Answer(200, b"<html>hello</html>"), Answer(404, b"<html>no</html>"), Answer(200, b"")], ids=str
)
def test_an_endpoint_that_talks_nonsense(
    project: Path, url: str, become: Callable[[Person], None], answer: Answer
) -> None:
    with answering(lambda _: answer) as endpoint:
        point_at(project, url, endpoint)
        done = track_here("remote", "check", cwd=project)
        assert done.code == 5 and done.err.startswith("error: remote `origin`:")
        pushed = track_here("push", cwd=project)
        assert pushed.code == 5 and "Traceback" not in pushed.err


def test_one_missing_right_is_told_once(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    """Whether conditions are respected is found out by reading, too."""
    track_here("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, "--clone", cwd=project).ok()
    become(NO_READ)
    done = track_here("remote", "check", "origin", cwd=project)
    assert done.code == 5 and done.err.count("may not read") == 1, done.err


def test_an_address_of_no_kind_is_told_which_kinds_there_are(project: Path) -> None:
    done = track_here("remote", "add", "origin", "nfs://host/data", cwd=project)
    assert done.code == 2 and "ssh://USER@HOST/PATH" in done.err


def test_a_folder_is_checked_too(project: Path, tmp_path: Path) -> None:
    assert track_here("remote", "add", "origin", tmp_path / "store", cwd=project).code == 0
    done = track_here("remote", "check", "--json", cwd=project).ok()
    assert set(steps(done).values()) == {None} and done.json["identity"] == ""
    assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == ["store.toml"]


def test_a_remote_that_the_repository_named_is_not_written_to(project: Path, tmp_path: Path) -> None:
    (project / ".track" / "config.toml").write_text('[remote.origin]\nurl = "s3://strangers/bucket"\n')
    done = track_here("remote", "check", cwd=project)
    assert done.code == 5 and "was named by the repository, not by you" in done.err
    assert "track trust origin" in done.err and 'remote.origin.url = "s3://strangers/bucket"' in done.err


def test_endpoint_and_profile_that_are_committed_are_ignored_with_a_warning(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    seen: list[Request] = []

    def look(request: Request) -> Answer:
        seen.append(request)
        return s3_error("AccessDenied")

    with answering(look) as evil:
        (project / ".track" / "config.toml").write_text(
            f'[remote.origin]\nurl = "{url}"\nendpoint = "{evil}"\nprofile = "root"\n'
        )
        os.environ["AWS_ENDPOINT_URL"] = s3_server.endpoint
        try:
            done = track_here("fetch", cwd=project)
            listed = track_here("remote", "list", cwd=project)
        finally:
            del os.environ["AWS_ENDPOINT_URL"]
    assert seen == [] and "does not choose which server or account you use" in done.err + listed.err


def test_credentials_in_dotenv_are_used_unless_git_tracks_them(
    project: Path, url: str, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in OWNER.environment.items()))
    added = track_here("remote", "add", "origin", url, "--endpoint", s3_server.endpoint, cwd=project)
    assert added.code == 0 and OWNER.secret not in added.out + added.err
    (project / "below").mkdir()
    assert "from .env" in track_here("remote", "check", cwd=project / "below").ok().out
    git("add", "--force", ".env", cwd=project)
    done = track_here("remote", "check", cwd=project)
    assert done.code == 5 and "`.env` is tracked by Git" in done.err and "no credentials" in done.err


def test_what_is_written_says_the_region_to_all_and_the_rest_to_this_clone(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    way = ("--endpoint", s3_server.endpoint, "--region", "eu-west-3")
    assert track_here("remote", "add", "origin", url, *way, cwd=project).code == 0
    committed = (project / ".track" / "config.toml").read_text()
    own = (project / ".git" / "track" / "config.toml").read_text()
    assert url in committed and "eu-west-3" in committed and s3_server.endpoint not in committed
    assert s3_server.endpoint in own and OWNER.secret not in committed + own
    assert track_here("remote", "remove", "origin", cwd=project).code == 0
    assert "endpoint" not in (project / ".git" / "track" / "config.toml").read_text()
    assert "region" not in (project / ".track" / "config.toml").read_text()


def test_a_folder_has_no_endpoint(project: Path, tmp_path: Path) -> None:
    done = track_here("remote", "add", "origin", tmp_path / "store", "--endpoint", "http://x", cwd=project)
    assert done.code == 2 and not (tmp_path / "store").exists()


def test_the_document_is_json_even_when_something_is_wrong(
    project: Path, url: str, s3_server: Seaweed, become: Callable[[Person], None]
) -> None:
    point_at(project, url, closed_port())
    done = track_here("remote", "check", "--json", cwd=project)
    assert done.code == 5 and json.loads(done.out)["kind"] == "remote-check"
    assert stat.S_ISDIR(os.stat(project).st_mode)


@pytest.mark.parametrize("where", [(), (("Location", "/x"),)])
def test_a_server_that_sends_on_to_nowhere_gets_one_hint(repo: Path, where: tuple[tuple[str, str], ...]) -> None:
    track_here("init", cwd=repo).ok()
    with answering(lambda _: Answer(302, b"", where)) as endpoint:
        url = endpoint.replace("http", "webdav") + "/x"
        track_here("config", "--clone", "remote.origin.url", url, cwd=repo).ok()
        done = track_here("remote", "check", "origin", cwd=repo)
    assert done.code == 5 and "is elsewhere" in done.err and done.err.count("hint: ") == 1 and "also: " not in done.err
