"""Several remotes: a push goes to all of them, and what comes comes from whichever has it whole."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all
from support.seaweed import BUCKET, OWNER, Seaweed
from support.servers import proxy
from support.sharing import cloned, files_below, opened, shared
from support.trees import read_tree
from track.errors import MissingObject, NoRemote, RemoteError, RemoteUnreachable
from track.flows.delivery import deliver
from track.flows.reach import versions_here
from track.flows.routes import sources, targets
from track.verbs.fetch import Fetched, fetch
from track.verbs.push import Pushed, push

TOP = (b".git", b".store", b".track")
EVERYTHING = {b"data", b"model.bin", b"table.csv"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three remotes beside it, `origin` the default one; nothing is pushed."""
    repo = shared(tmp_path)
    for name in ("backup", "lab"):
        track("remote", "add", name, f"../{name}", cwd=repo).ok()
    track("config", "core.remote", "origin", cwd=repo).ok()
    commit_all(repo, "remotes")
    return repo


def pushed(repo: Path, **options: object) -> Pushed:
    with opened(repo) as project:
        return push(project, **options)  # type: ignore[arg-type]  # as given


def fetched(repo: Path, remote: str | None = None) -> Fetched:
    with opened(repo) as project:
        return fetch(project, remote)


def order(repo: Path) -> list[str]:
    with opened(repo) as project:
        return [named.name for named in sources(project, versions_here(project).versions)]


def names(things: Sequence[tuple[str, str]]) -> list[str]:
    return [name for name, _ in things]


def spoil_all(remote: Path) -> None:
    for path in (*remote.rglob("*.pack"), *(each for each in (remote / "objects").rglob("*") if each.is_file())):
        path.chmod(0o644)
        path.write_bytes(bytes(byte ^ 0x40 for byte in path.read_bytes()))


def test_a_push_goes_to_every_remote_named(repo: Path) -> None:
    done = pushed(repo, to=("lab", "backup", "lab"))
    assert [done.remote, *(one.remote for one in done.also)] == ["lab", "backup"]
    assert not (repo.parent / "remote/packs").exists()
    for name in ("lab", "backup"):
        clone = cloned(repo, f"from-{name}")
        assert names(fetched(clone, name).remotes) == [name]


def test_where_none_is_named_a_push_goes_to_those_of_the_setting(repo: Path) -> None:
    track("config", "push.to", "origin, backup", cwd=repo).ok()
    with opened(repo) as project:
        assert [named.name for named in targets(project)] == ["origin", "backup"]
        assert [named.name for named in targets(project, ["lab"])] == ["lab"]
    said = track("push", "--json", cwd=repo).ok().json
    assert [one["remote"] for one in said["remotes"]] == ["origin", "backup"]
    assert (said["remote"], said["objects"]) == ("origin", said["remotes"][1]["objects"])
    assert not (repo.parent / "lab/packs").exists()
    track("config", "push.to", "origin nonesuch", cwd=repo).ok()
    with pytest.raises(NoRemote, match="nonesuch"):
        pushed(repo)


def test_a_remote_that_fails_stops_no_other_and_is_named(repo: Path) -> None:
    shutil.rmtree(repo.parent / "lab")
    done = track("push", "--to", "lab", "--to", "backup", "--to", "origin", cwd=repo)
    assert done.code == 5 and "to `lab`: " in done.err and "is not there" in done.err
    assert "`backup` has everything" in done.err and "`origin` has everything" in done.err
    clone = cloned(repo)
    assert names(fetched(clone, "backup").remotes) == ["backup"]


def test_revisions_stand_behind_the_remotes_named_by_to(repo: Path) -> None:
    assert track("push", "--to", "lab", "HEAD", "-n", "--json", cwd=repo).ok().json["remote"] == "lab"
    assert track("push", "--to", "lab", "nonesuch", cwd=repo).code == 2


def test_a_second_remote_without_to_is_told_how_it_is_meant(repo: Path) -> None:
    done = track("push", "lab", "backup", cwd=repo)
    assert done.code == 2 and "hint: track push --to NAME --to backup" in done.err


def test_the_hook_sends_to_every_remote_and_goes_on_when_one_has_it(repo: Path) -> None:
    track("config", "push.to", "backup, lab", cwd=repo).ok()
    shutil.rmtree(repo.parent / "backup")
    with opened(repo) as project:
        (done,) = deliver(project, versions_here(project).versions)
        assert done.remote == "lab" and done.objects_count == 9
        (failure,) = done.failed
        assert isinstance(failure, RemoteUnreachable)
        shutil.rmtree(repo.parent / "lab")
        with pytest.raises(RemoteUnreachable):
            deliver(project, versions_here(project).versions)


def test_who_is_known_to_have_it_is_asked_first(repo: Path) -> None:
    assert order(repo) == ["origin", "backup", "lab"]
    pushed(repo, to=["lab"])
    assert order(repo) == ["lab", "origin", "backup"]
    pushed(repo, to=["origin"])
    assert order(repo) == ["origin", "lab", "backup"]
    track("config", "fetch.from", "backup lab", cwd=repo).ok()
    assert order(repo) == ["lab", "origin", "backup"]
    pushed(repo, to=["backup"])
    assert order(repo) == ["backup", "lab", "origin"]
    track("config", "fetch.from", "nonesuch", cwd=repo).ok()
    with pytest.raises(NoRemote, match="nonesuch"):
        order(repo)


def test_what_no_single_remote_has_comes_from_several(repo: Path) -> None:
    pushed(repo, to=["lab"], paths=[str(repo / "model.bin")])
    pushed(repo, to=["backup"], paths=[str(repo / "data"), str(repo / "table.csv")])
    clone = cloned(repo)
    done = fetched(clone)
    assert names(done.remotes) == ["origin", "backup", "lab"] and done.passed == ()
    track("checkout", cwd=clone).ok()
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)


def test_a_remote_that_does_not_answer_is_passed_over_and_named(repo: Path) -> None:
    pushed(repo, to=["lab"])
    clone = cloned(repo)
    shutil.rmtree(repo.parent / "remote")
    done = track("pull", "--json", cwd=clone).ok()
    assert [one["name"] for one in done.json["passed"]] == ["origin"]
    assert [one["name"] for one in done.json["remotes"]] == ["backup", "lab"]
    assert "warning: `origin` (../remote) was passed over: " in done.err and "is not there" in done.err
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)


def test_a_damaged_copy_is_passed_over_and_the_next_push_mends_it(repo: Path) -> None:
    pushed(repo, to=["origin", "backup"])
    clone = cloned(repo)
    spoil_all(repo.parent / "remote")
    done = track("pull", cwd=clone).ok()
    assert "`origin` (../remote) was passed over: 3 objects there are damaged" in done.err
    assert "hint: where the data is whole, this mends it: track repair --remote origin" in done.err
    assert read_tree(clone, leave_out=TOP) == read_tree(repo, leave_out=TOP)
    track("remote", "add", "origin", "../remote", cwd=clone).ok()
    assert track("verify", "--remote", "origin", cwd=clone).code == 7
    track("push", "origin", cwd=clone).ok()
    track("verify", "--remote", "origin", cwd=clone).ok()


def test_when_nobody_has_it_all_the_best_remote_speaks_and_the_others_are_named(repo: Path) -> None:
    pushed(repo, to=["backup"], paths=[str(repo / "data")])
    clone = cloned(repo)
    shutil.rmtree(repo.parent / "remote")
    shutil.rmtree(repo.parent / "lab")
    with pytest.raises(RemoteUnreachable) as caught:
        fetched(clone)
    details = "\n".join(caught.value.details)
    assert "`backup` has not all that is needed" in details and "`lab` could not be asked" in details
    with opened(clone) as project:  # what could be had came, and stays
        assert not project.store.absent([project.pointers()[b"data.track"].digest])


def test_a_remote_that_was_not_asked_is_named_beside_what_is_missing(repo: Path) -> None:
    clone = cloned(repo)
    shutil.rmtree(repo.parent / "lab")
    with pytest.raises(MissingObject) as caught:
        fetched(clone)
    assert "`lab` could not be asked" in "\n".join(caught.value.details)


def test_the_remote_named_is_asked_alone(repo: Path) -> None:
    pushed(repo, to=["lab"])
    clone = cloned(repo)
    with pytest.raises(MissingObject):
        fetched(clone, "origin")
    shutil.rmtree(repo.parent / "remote")
    with pytest.raises(RemoteError):
        fetched(clone, "origin")


def test_what_is_sent_can_be_read_back_before_it_counts(
    repo: Path, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    with proxy(s3_server.endpoint) as between:
        url = f"s3://{BUCKET}/readback/{repo.parent.name}"
        track("remote", "add", "far", url, "--clone", "--endpoint", between.endpoint, cwd=repo).ok()

        def flipped(request, ask):  # type: ignore[no-untyped-def]
            if request.method != "GET" or "/packs/" not in request.path:
                return None
            answer = ask()
            return answer._replace(body=answer.body[:-1] + bytes([answer.body[-1] ^ 1]))

        between.faults.append(flipped)
        done = track("push", "--verify", "far", cwd=repo)
        between.faults.clear()
        assert done.code == 7 and "reads back as something else" in done.err and "packs/" in done.err, done.err
        assert "hint: track push --verify far" in done.err
        assert not [r for r in between.requests if r.method == "PUT" and "/roots/" in r.path and ".claim" not in r.path]
        del between.requests[:]
        again = track("push", "--verify", "far", "--json", cwd=repo).ok().json
        read = [
            r.path for r in between.requests if r.method == "GET" and ("/packs/" in r.path or "/objects/" in r.path)
        ]
        assert again["packs"] >= 1 and len(read) >= again["packs"]
        track("verify", "--remote", "far", cwd=repo).ok()


def test_a_folder_is_read_back_too(repo: Path) -> None:
    before = files_below(repo.parent / "remote")
    said = track("push", "--verify", "origin", cwd=repo).ok()
    assert "sent to origin" in said.err and before != files_below(repo.parent / "remote")
    track("verify", "--remote", "origin", cwd=repo).ok()
