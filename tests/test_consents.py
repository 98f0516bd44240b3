"""What a person allowed: theirs alone, for one clone, for exact lines, in their own folder."""

import os
import shutil
from pathlib import Path

import pytest

from track.consents import Consents, record_of_user
from track.errors import BadConfig
from track.model.wish import Wish, line

ORIGIN = Wish("remote", "origin", (line("remote.origin.url", "s3://bucket"),))
OTHER = Wish("remote", "origin", (line("remote.origin.url", "s3://bucket2"),))
PLACE = Wish("setting", "store.path", (line("store.path", "/data"),))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "clone/.git").mkdir(parents=True)
    return tmp_path / "clone/.git"


@pytest.fixture
def consents(clone: Path, tmp_path: Path) -> Consents:
    return Consents(clone, tmp_path / "state/track/trust.toml")


def test_nothing_is_allowed_and_nothing_is_made_before_somebody_says_so(consents: Consents, clone: Path) -> None:
    assert not consents.has(ORIGIN) and consents.here() == ()
    assert not consents.record.parent.exists() and os.listdir(clone) == []


def test_a_yes_is_to_these_lines(consents: Consents) -> None:
    consents.give([ORIGIN, PLACE])
    assert consents.has(ORIGIN) and consents.has(PLACE) and not consents.has(OTHER)
    consents.give([OTHER])
    assert consents.has(OTHER) and not consents.has(ORIGIN) and consents.has(PLACE)


def test_a_yes_is_taken_back(consents: Consents) -> None:
    consents.give([ORIGIN, PLACE])
    assert consents.revoke("remote", "origin") == (ORIGIN,)
    assert consents.here() == (PLACE,)
    assert consents.revoke() == (PLACE,) and consents.revoke() == ()


def test_the_record_is_the_users_alone(consents: Consents) -> None:
    consents.give([ORIGIN])
    assert consents.record.stat().st_mode & 0o777 == 0o600
    assert consents.record.parent.stat().st_mode & 0o077 == 0
    assert 'remote.origin.url = \\"s3://bucket\\"' in consents.record.read_text("utf-8")


def test_another_clone_inherits_nothing(consents: Consents, clone: Path, tmp_path: Path) -> None:
    consents.give([ORIGIN])
    (tmp_path / "second/.git").mkdir(parents=True)
    assert not Consents(tmp_path / "second/.git", consents.record).has(ORIGIN)
    shutil.copytree(clone, tmp_path / "copy/.git")  # the number in it alone is not enough
    assert not Consents(tmp_path / "copy/.git", consents.record).has(ORIGIN)
    shutil.rmtree(clone)  # nor is the place alone
    clone.mkdir()
    assert not Consents(clone, consents.record).has(ORIGIN)


def test_a_clone_that_was_moved_is_the_same_one(consents: Consents, clone: Path, tmp_path: Path) -> None:
    consents.give([ORIGIN])
    (tmp_path / "elsewhere").mkdir()
    clone.rename(tmp_path / "elsewhere/.git")
    moved = Consents(tmp_path / "elsewhere/.git", consents.record)
    assert moved.has(ORIGIN)
    shutil.copytree(tmp_path / "elsewhere/.git", clone)  # and what comes to the old path with the number is not
    (clone / "track/trust-id").unlink()
    assert not consents.has(ORIGIN)
    assert moved.revoke() == (ORIGIN,)


def test_a_record_that_others_may_write_says_nothing(consents: Consents) -> None:
    consents.give([ORIGIN])
    consents.record.chmod(0o666)
    with pytest.raises(BadConfig, match="others"):
        consents.has(ORIGIN)


@pytest.mark.parametrize("damage", ["s3://bucket", "s3://elsewhere"])
def test_a_record_whose_lines_were_changed_is_refused(consents: Consents, damage: str) -> None:
    consents.give([ORIGIN])
    text = consents.record.read_text("utf-8")
    consents.record.write_text(text.replace("s3://bucket", damage), "utf-8")
    if damage == "s3://bucket":
        assert consents.has(ORIGIN)
    else:
        with pytest.raises(BadConfig, match="not those that were allowed"):
            consents.has(ORIGIN)


@pytest.mark.parametrize("content", ["format = 2\n", "not TOML", "[[consent]]\n", "format = 1\nconsent = [1]\n", "\0"])
def test_a_record_that_cannot_be_read_is_named(consents: Consents, content: str) -> None:
    consents.give([ORIGIN])
    consents.record.write_text(content, "utf-8")
    consents.record.chmod(0o600)
    with pytest.raises(BadConfig, match=r"trust\.toml"):
        consents.has(ORIGIN)


def test_a_record_that_is_a_link_or_a_pipe_is_not_read(consents: Consents, tmp_path: Path) -> None:
    consents.give([ORIGIN])
    consents.record.rename(tmp_path / "elsewhere.toml")
    consents.record.symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(BadConfig):
        consents.has(ORIGIN)
    consents.record.unlink()
    os.mkfifo(consents.record, 0o600)
    with pytest.raises(BadConfig):
        consents.has(ORIGIN)


def test_a_number_that_is_a_link_or_no_number_is_no_clone(consents: Consents, clone: Path) -> None:
    consents.give([ORIGIN])
    mark = clone / "track/trust-id"
    mark.write_text("../../x\n")
    assert not consents.has(ORIGIN)
    mark.unlink()
    mark.symlink_to("/etc/hostname")
    with pytest.raises(BadConfig):
        consents.has(ORIGIN)


@pytest.mark.parametrize("base", ["", "relative/state"])
def test_the_state_folder_is_where_the_standard_says(
    monkeypatch: pytest.MonkeyPatch, base: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", base)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert record_of_user() == tmp_path / ".local/state/track/trust.toml"


def test_lines_hide_nothing() -> None:
    assert line("remote.x.url", "s3://a\x1b[2J\u202eb\n") == 'remote.x.url = "s3://a\\x1b[2J\\u202eb\\n"'
    assert Wish("a", "b", ("c", "d")).digest != Wish("a", "b", ("c d",)).digest
