"""Trust: what a repository asks for is allowed line by line, for one clone, and asked for again when it changes."""

import os
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from support.sharing import cloned, opened, shared
from track.errors import NotTrusted, UsageError
from track.flows.remotes import choose, is_beside, refuse_strangers, waiting
from track.verbs.push import push
from track.verbs.remote_add import remote_add
from track.verbs.remote_remove import remote_remove
from track.verbs.trust import trust
from track.verbs.trust_list import trust_list

URL = 'remote.origin.url = "{}"'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of a stranger's repository, with a remote in a folder beside it."""
    repo = shared(tmp_path)
    track("push", cwd=repo).ok()
    return cloned(repo)


def named(clone: Path, url: str) -> None:
    """Let the repository name this as `origin`."""
    (clone / ".track/config.toml").write_text(f'[remote.origin]\nurl = "{url}"\n', "utf-8")


def lines(clone: Path) -> dict[str, tuple[str, ...]]:
    """What waits to be allowed before `origin` is sent to, and before it is read from."""
    with opened(clone) as project:
        found = {name: waiting(project, choose(project), sending=name == "send") for name in ("send", "read")}
        return {name: wish.lines for name, wish in found.items() if wish is not None}


def test_what_asks_is_shown_and_allowed(clone: Path) -> None:
    with opened(clone) as project:
        (one,) = trust_list(project)
        assert (one.wish.lines, one.is_given, one.is_asked) == ((URL.format("../remote"),), False, True)
        with pytest.raises(NotTrusted, match="sends nothing"):
            push(project)
        done = trust(project)
        assert done.given == (one.wish,) and done.record.is_file()
        assert trust(project).given == ()
        assert trust_list(project)[0].is_given
    assert lines(clone) == {}
    assert git("status", "--porcelain", cwd=clone) == ""


def test_other_lines_ask_again(clone: Path) -> None:
    with opened(clone) as project:
        trust(project)
    named(clone, "../elsewhere")
    assert lines(clone) == {"send": (URL.format("../elsewhere"),)}
    with opened(clone) as project:
        (one,) = trust_list(project)
        assert one.has_changed and not one.is_given


def test_what_was_not_shown_is_not_allowed(clone: Path) -> None:
    with opened(clone) as project:
        shown = [one.wish for one in trust_list(project)]
    named(clone, "../elsewhere")
    with opened(clone) as project:
        assert trust(project, shown=shown).given == ()
    assert lines(clone)["send"] == (URL.format("../elsewhere"),)


def test_a_yes_is_taken_back(clone: Path) -> None:
    with opened(clone) as project:
        trust(project)
        assert [wish.name for wish in trust(project, ["origin"], revoke=True).revoked] == ["origin"]
        assert not trust_list(project)[0].is_given
        with pytest.raises(UsageError):
            trust(project, ["origin"], revoke=True)
        with pytest.raises(UsageError, match="nobody"):
            trust(project, ["nobody"])


def test_a_removed_remote_is_not_trusted_when_it_comes_back(clone: Path) -> None:
    with opened(clone) as project:
        trust(project)
        remote_remove(project, "origin")
    named(clone, "../remote")
    assert lines(clone) == {"send": (URL.format("../remote"),)}


@pytest.mark.parametrize(
    ("url", "may_read"),
    [
        ("s3://bucket/prefix", True),
        ("../remote", True),
        ("../absent/deeper", True),
        ("../../away", False),
        ("/etc", False),
        ("/", False),
        ("file:///etc", False),
        ("file://localhost/etc/../etc", False),
        ("//server/share", False),
        ("/net/host/share", False),
        ("~/data", False),
        ("../remote/../../away", False),
        ("../link", False),
        ("../link/inner", False),
        ("../remote/inner-link", False),
        ("\\\\\\\\server\\\\share", True),  # what Windows would take for a server is the name of a folder here
    ],
)
def test_only_a_bucket_and_a_folder_beside_the_repository_are_read_without_a_yes(
    clone: Path, url: str, may_read: bool
) -> None:
    (clone.parent / "link").symlink_to(clone.parent / "remote")
    (clone.parent / "remote/inner-link").symlink_to("/etc")
    named(clone, url)
    found = lines(clone)
    assert found["send"] == (URL.format(url.replace("\\\\", "\\")),)
    assert ("read" not in found) == may_read


def test_nothing_is_looked_up_beyond_the_folder_of_the_repository(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a folder may be enough to mount a share."""
    with opened(clone) as project:
        asked: list[str] = []
        real = os.lstat
        monkeypatch.setattr(os, "lstat", lambda path, **more: (asked.append(str(path)), real(path, **more))[1])
        (clone.parent / "link").symlink_to("/net/evil")
        assert not is_beside(project, Path("/net/evil/share"))
        assert not is_beside(project, clone.parent / "link" / "share")
    assert not [path for path in asked if path.startswith("/net")]


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/x",
        "s3://bucket?x-amz-security-token=1",
        "s3://-bucket/x",
        "s3://bucket/../other",
        "s3:///x",
        "http://169.254.169.254/latest",
        "https://10.0.0.1/x",
        "https://user:password@host/x",
        "ssh://-oProxyCommand=x/y",
        "ssh://host.invalid/x",
        "host.invalid:x",
        "webdav://host/x",
        "file://host/share",
        "smb://host/share",
        "ext::sh -c x",
    ],
)
def test_other_addresses_a_repository_names_are_refused_whatever_was_allowed(clone: Path, url: str) -> None:
    (clone / ".track/config.toml").write_text(f"[remote.origin]\nurl = '{url}'\n", "utf-8")
    assert track("trust", "--yes", cwd=clone).code in (0, 2)  # where the line is ignored, nothing is left to allow
    for command in (("push",), ("pull",), ("fetch",), ("pull", "--yes"), ("push", "--yes")):
        done = track(*command, cwd=clone)
        assert done.code in (2, 3, 5), (command, done.out, done.err)


def test_what_the_clones_own_file_says_may_have_been_unpacked_with_it(clone: Path) -> None:
    own = clone / ".git/track/config.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text('[remote.origin]\nurl = "s3://bucket"\nendpoint = "http://10.0.0.1"\nprofile = "admin"\n', "utf-8")
    told = (
        URL.format("s3://bucket"),
        'remote.origin.endpoint = "http://10.0.0.1"',
        'remote.origin.profile = "admin"',
    )
    assert lines(clone) == {"send": told, "read": told}
    with opened(clone) as project:
        trust(project)
    assert lines(clone) == {}


def test_a_place_for_the_store_that_was_unpacked_with_the_clone_waits(clone: Path, tmp_path: Path) -> None:
    track("config", "store.path", tmp_path / "mine", cwd=clone).ok()
    assert track("status", cwd=clone).ok().err == ""
    own = clone / ".git/track/config.toml"
    own.write_text(own.read_text("utf-8").replace("mine", "theirs"), "utf-8")
    with opened(clone) as project:
        assert project.store_path == clone / ".git/track/store"
        assert [wish.name for wish in trust(project, ["store.path"]).given] == ["store.path"]
    with opened(clone) as project:
        assert project.store_path == tmp_path / "theirs"


def test_a_person_who_sets_how_a_remote_is_reached_allows_it(clone: Path) -> None:
    named(clone, "s3://bucket")
    track("config", "remote.origin.endpoint", "http://localhost:1", cwd=clone).ok()
    assert len(lines(clone)["send"]) == 2  # a server for a stranger's address: the address was never allowed
    track("trust", "--yes", cwd=clone).ok()
    track("config", "remote.origin.endpoint", "http://localhost:2", cwd=clone).ok()
    assert lines(clone) == {}
    track("config", "remote.mine.url", "/somewhere", cwd=clone).ok()
    with opened(clone) as project:
        refuse_strangers(project, choose(project, "mine"), sending=True)


@pytest.fixture
def bucket(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clone with a bucket as its remote, and a person with keys."""
    named(clone, "s3://bucket")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return clone


def test_dotenv_redirects_nothing_before_it_was_allowed(bucket: Path) -> None:
    (bucket / ".env").write_text("AWS_ENDPOINT_URL_S3=http://10.0.0.1\nAWS_PROFILE=admin\nAWS_ACCESS_KEY_ID=AKID\n")
    told = (URL.format("s3://bucket"), '.env: AWS_ENDPOINT_URL_S3 = "http://10.0.0.1"', '.env: AWS_PROFILE = "admin"')
    assert lines(bucket) == {"send": told, "read": told}
    with opened(bucket) as project:
        trust(project)
    assert lines(bucket) == {}
    (bucket / ".env").write_text("AWS_ENDPOINT_URL_S3=http://10.0.0.2\nAWS_PROFILE=admin\n")
    assert set(lines(bucket)) == {"send", "read"}


def test_what_the_person_set_beats_dotenv(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bucket / ".env").write_text("AWS_ENDPOINT_URL=http://10.0.0.1\nAWS_PROFILE=admin\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert lines(bucket) == {"send": (URL.format("s3://bucket"),)}


def test_keys_alone_in_dotenv_need_no_yes_to_read(bucket: Path) -> None:
    (bucket / ".env").write_text("AWS_ACCESS_KEY_ID=AKID\nAWS_SECRET_ACCESS_KEY=x\nAWS_REGION=eu-west-3\n")
    assert lines(bucket) == {"send": (URL.format("s3://bucket"),)}


def test_a_dotenv_that_is_data_of_the_repository_is_not_believed(bucket: Path) -> None:
    """A checkout would place it, and Git would not track it."""
    (bucket / ".env").write_text("AWS_ENDPOINT_URL=http://10.0.0.1\n")
    (bucket / ".env.track").write_text("whatever it says\n")
    assert lines(bucket) == {"send": (URL.format("s3://bucket"),)}


def test_a_dotenv_that_another_worktree_has_committed_is_not_believed(bucket: Path, tmp_path: Path) -> None:
    git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "far/linked"), cwd=bucket)
    (bucket / ".env").write_text("AWS_ENDPOINT_URL=http://10.0.0.1\n")
    named(tmp_path / "far/linked", "s3://bucket")
    assert "read" in lines(tmp_path / "far/linked")
    git("add", "--force", ".env", cwd=bucket)
    commit_all(bucket, "variables")
    assert "read" not in lines(tmp_path / "far/linked")


def test_naming_an_address_is_no_yes_to_a_server_that_a_file_names(bucket: Path) -> None:
    (bucket / ".env").write_text("AWS_ENDPOINT_URL=http://127.0.0.1:9\n")
    with opened(bucket) as project, pytest.raises(NotTrusted, match="a file here names a server") as caught:
        remote_add(project, "origin", "s3://bucket")
    assert caught.value.details == ('.env: AWS_ENDPOINT_URL = "http://127.0.0.1:9"',)
    own = bucket / ".git/track/config.toml"
    (bucket / ".env").unlink()
    own.parent.mkdir(exist_ok=True)
    own.write_text('[remote.origin]\nendpoint = "http://127.0.0.1:9"\n', "utf-8")
    with opened(bucket) as project, pytest.raises(NotTrusted):
        remote_add(project, "origin", "s3://bucket")


@pytest.mark.parametrize("name", ["/tmp/evil", "a/b", "..", "\\u001b[2J", "a b", "-x", "x" * 65])
def test_a_remote_with_a_name_that_is_a_path_or_speaks_is_none(clone: Path, name: str) -> None:
    (clone / ".track/config.toml").write_text(f'[remote."{name}"]\nurl = "../remote"\n', "utf-8")
    done = track("pull", cwd=clone)
    assert done.code == 5 and "is not a setting" in done.err and "no remote" in done.err
    assert "\x1b" not in done.err
