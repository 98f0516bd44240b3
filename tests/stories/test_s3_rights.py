"""A new user at a bucket: wrong, then partial, then right permissions; each message leads to the next step."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.cli import Completed, track
from support.repositories import commit_all, git, new_repository
from support.seaweed import (
    BUCKET,
    EVERYBODY,
    NO_LIST,
    NO_READ,
    NO_RIGHTS,
    NO_WRITE,
    ONLY_LIST,
    ONLY_READ,
    ONLY_WRITE,
    OWNER,
    Person,
    Seaweed,
)
from support.trees import read_tree

GRANTS = {"s3:ListBucket": "List", "s3:GetObject": "Read", "s3:PutObject": "Write", "s3:DeleteObject": "Write"}
PARTIAL = (NO_RIGHTS, ONLY_LIST, ONLY_READ, ONLY_WRITE, NO_LIST, NO_READ, NO_WRITE)


def named(person: Person) -> str:
    return "+".join(sorted(rights(person))) or "nothing"


class User:
    """Somebody at a keyboard who does what the messages say."""

    def __init__(self, repo: Path, server: Seaweed, person: Person) -> None:
        self.repo, self.server, self.person = repo, server, person

    def types(self, command: str, env: Mapping[str, str] | None = None) -> Completed:
        """Run a command as it is typed; an error names what to do next, and no more of a secret than its key's ends."""
        name, *args = command.split()
        assert name == "track"
        who = self.person.environment if env is None else env
        done = track(*args, cwd=self.repo, env={"AWS_ENDPOINT_URL": self.server.endpoint, **who})
        assert "Traceback" not in done.err and done.code in (0, 5), done
        if done.code:
            assert "error: " in done.err and "hint: " in done.err, done.err
            assert self.person.secret not in done.err and self.person.key not in done.err
        return done

    def asks_the_owner(self, said: str) -> bool:
        """Have the owner of the bucket grant every right that a message asks for; whether it asked for one."""
        asked = {GRANTS[right] for right in re.findall(r"s3:\w+", said)}
        has = rights(self.person)
        if asked <= has:
            return False
        self.person = next(one for one in (OWNER, *EVERYBODY) if rights(one) == asked | has)
        return True


def rights(person: Person) -> set[str]:
    """What somebody may do in the bucket; the owner everything."""
    if person is OWNER:
        return {"List", "Read", "Write"}
    return {action.partition(":")[0] for action in person.actions if action.endswith(f":{BUCKET}")}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = new_repository(tmp_path / "repo")
    track("init", cwd=repo).ok()
    (repo / "data").mkdir()
    for number in range(5):
        (repo / "data" / f"{number}.csv").write_text(f"a,b\n{number},2\n")
    track("add", "data", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


def url_of(tmp_path: Path) -> str:
    return f"s3://{BUCKET}/rights/{tmp_path.parent.name}-{tmp_path.name}"


def test_from_no_credentials_to_a_first_push_by_following_the_messages(
    tmp_path: Path, repo: Path, s3_server: Seaweed
) -> None:
    user = User(repo, s3_server, OWNER)
    add = f"track remote add origin {url_of(tmp_path)}"
    none = user.types(add, env={})
    assert "there are no credentials" in none.err and "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in none.err
    unknown = user.types(add, env={"AWS_ACCESS_KEY_ID": "AKIAMISTYPED", "AWS_SECRET_ACCESS_KEY": "x"})
    assert "does not know the access key AKIA…" in unknown.err and "--endpoint" in unknown.err
    wrong = user.types(add, env={"AWS_ACCESS_KEY_ID": OWNER.key, "AWS_SECRET_ACCESS_KEY": "not-the-secret"})
    assert "the secret key does not belong" in wrong.err and "set AWS_SECRET_ACCESS_KEY" in wrong.err
    assert "remote" not in (repo / ".track/config.toml").read_text("utf-8"), "nothing half-made is left"
    user.types(add).ok()
    pushed = user.types("track push").ok()
    assert "sent to origin" in pushed.err


@pytest.mark.parametrize(
    "person", PARTIAL, ids=lambda person: "+".join(action.partition(":")[0] for action in person.actions)
)
def test_a_remote_is_added_once_the_owner_granted_what_the_message_asks_for(
    tmp_path: Path, repo: Path, s3_server: Seaweed, person: Person
) -> None:
    user = User(repo, s3_server, person)
    refused = user.types(f"track remote add origin {url_of(tmp_path)}-{PARTIAL.index(person)}")
    assert refused.code == 5 and " may not " in refused.err and "what was tried: list " in refused.err
    assert user.asks_the_owner(refused.err), refused.err
    (again,) = re.findall(r"hint: then again: (track .*)", refused.err)
    user.types(again).ok()  # all that is lacking was said at once
    user.types("track push").ok()
    user.types("track remote check").ok()


def test_what_is_to_be_typed_again_is_about_the_same_server(tmp_path: Path, repo: Path, s3_server: Seaweed) -> None:
    options = f"--endpoint {s3_server.endpoint} --region us-east-1"
    refused = User(repo, s3_server, PARTIAL[0]).types(f"track remote add origin {url_of(tmp_path)}-again {options}")
    (again,) = re.findall(r"hint: then again: (track .*)", refused.err)
    assert again.endswith(f"-again {options}")
    missing = User(repo, s3_server, OWNER).types(f"track remote add origin s3://not-there/x {options}")
    assert f"aws s3 mb s3://not-there --endpoint-url {s3_server.endpoint}" in missing.err


@pytest.mark.parametrize("verb", ["push", "pull"])
@pytest.mark.parametrize(
    "person", PARTIAL, ids=lambda person: "+".join(action.partition(":")[0] for action in person.actions)
)
def test_what_is_refused_leads_through_the_check_to_what_works(
    tmp_path: Path, repo: Path, s3_server: Seaweed, person: Person, verb: str
) -> None:
    url = f"{url_of(tmp_path)}-{verb}-{PARTIAL.index(person)}"
    owner = User(repo, s3_server, OWNER)
    owner.types(f"track remote add origin {url}").ok()
    commit_all(repo, "remote")
    if verb == "pull":
        owner.types("track push").ok()
    git("clone", "--quiet", repo, tmp_path / "clone", cwd=tmp_path)
    user = User(repo if verb == "push" else tmp_path / "clone", s3_server, person)
    done = user.types(f"track {verb}")
    if verb == "pull" and person is NO_WRITE:
        assert done.code == 0, done.err
        return
    assert done.code == 5 and url in done.err
    (check,) = re.findall(r"to see all that is allowed: (track .*)", done.err)
    assert user.asks_the_owner(done.err)
    for _ in range(3):
        if verb == "push":
            user.asks_the_owner((seen := user.types(check)).out + seen.err)
            assert "to see all that is allowed" not in seen.out + seen.err, "the check does not send people to itself"
        done = user.types(f"track {verb}")
        if done.code == 0 or not user.asks_the_owner(done.err):
            break
    assert done.code == 0, done.err
    if verb == "pull":
        assert read_tree(tmp_path / "clone" / "data") == read_tree(repo / "data")
