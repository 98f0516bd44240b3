"""Config as a verb: reading with origins, and writing that keeps what people wrote."""

import os
import subprocess
from pathlib import Path

import pytest

from support.cli import track_here as track
from support.repositories import commit_all, git
from track import config as layers
from track.config import KEYS, Layer
from track.errors import BadConfig, UsageError
from track.project import Project
from track.verbs.config import Configured, config
from track.verbs.init import init


@pytest.fixture
def here(repo: Path) -> Path:
    init(repo)
    commit_all(repo)
    return repo


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file, for this test alone."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg/track/config.toml"


def _config(
    repo: Path, key: str | None = None, value: str | None = None, *, layer: Layer | None = None, unset: bool = False
) -> Configured:
    with Project.open(repo) as project:
        return config(project, key, value, layer=layer, unset=unset)


def _value(repo: Path, key: str) -> object:
    return _config(repo, key).settings[0].value


def test_without_a_key_everything_with_a_value_is_listed(here: Path) -> None:
    found = _config(here).settings
    assert [one.key for one in found] == [key.name for key in KEYS if key.default is not None]
    assert {"checkout.link", "gc.grace", "lock.timeout", "store.shared"} <= {one.key for one in found}
    assert {one.layer for one in found if one.key != "hooks.install"} == {"default"}  # the tests' own setting


def test_a_value_is_written_for_this_clone_unless_asked_otherwise(here: Path) -> None:
    done = _config(here, "checkout.link", "hardlink")
    assert done.changed is not None
    assert (done.changed.layer, done.changed.source) == ("clone", str(here / ".git/track/config.toml"))
    assert _value(here, "checkout.link") == "hardlink"
    assert git("status", "--porcelain", cwd=here) == ""


def test_a_value_for_everybody_is_written_into_the_committed_file_and_not_staged(here: Path) -> None:
    _config(here, "core.remote", "origin", layer="project")
    assert git("status", "--porcelain", cwd=here) == " M .track/config.toml\n"
    assert (here / ".track/config.toml").read_text().endswith('format = 1\n\n[core]\nremote = "origin"\n')


def test_comments_and_order_of_a_person_stay(here: Path) -> None:
    file = here / ".git/track/config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("# mine\n[lock]   # how long\ntimeout = 5 # short\n\n[checkout]\nlink = 'copy'\n")
    _config(here, "lock.timeout", "9")
    _config(here, "store.shared", "yes")
    text = file.read_text()
    assert text.startswith("# mine\n[lock]   # how long\ntimeout = 9 # short\n\n[checkout]\nlink = 'copy'\n")
    assert text.endswith("[store]\nshared = true\n")


def test_what_is_written_is_what_is_read_for_every_kind(here: Path, tmp_path: Path) -> None:
    for key, text, value in [
        ("store.shared", "on", True),
        ("lock.timeout", "7", 7),
        ("checkout.link", "symlink", "symlink"),
        ("remote.my-origin.url", '/odd "path" \\ é', '/odd "path" \\ é'),
        ("store.path", str(tmp_path), str(tmp_path)),
    ]:
        _config(here, key, text)
        assert _value(here, key) == value


def test_a_place_is_kept_as_it_holds_from_every_folder(here: Path, tmp_path: Path) -> None:
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        _config(here, "store.path", "shared/../store")
    finally:
        os.chdir(before)
    assert _value(here, "store.path") == str(tmp_path / "store")
    _config(here, "store.path", "~/store")
    assert _value(here, "store.path") == "~/store"


def test_unset_takes_the_value_and_an_empty_table_out(here: Path) -> None:
    _config(here, "lock.timeout", "5")
    _config(here, "checkout.link", "symlink")
    assert _config(here, "lock.timeout", unset=True).removed
    assert not _config(here, "lock.timeout", unset=True).removed
    assert (here / ".git/track/config.toml").read_text() == '[checkout]\nlink = "symlink"\n'
    assert _value(here, "lock.timeout") == 60


def test_a_misspelled_key_can_be_unset(here: Path) -> None:
    file = here / ".git/track/config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("[lok]\ntimeout = 5\n")
    assert _config(here, "lok.timeout", unset=True).removed
    assert file.read_text() == ""


def test_every_layer_of_a_value_is_shown_the_one_that_holds_first(here: Path, own_file: Path) -> None:
    _config(here, "lock.timeout", "1")
    _config(here, "lock.timeout", "2", layer="project")
    _config(here, "lock.timeout", "3", layer="user")
    assert own_file.exists()
    assert [(one.value, one.layer) for one in _config(here, "lock.timeout").settings] == [
        (1, "clone"),
        (2, "project"),
        (3, "user"),
    ]
    assert [one.value for one in _config(here, "lock.timeout", layer="user").settings] == [3]


def test_outside_of_a_repository_the_users_own_settings_are_there(own_file: Path) -> None:
    assert config(None, "lock.timeout", "4").changed is not None
    assert config(None, "lock.timeout").settings[0].value == 4
    assert own_file.read_text() == "[lock]\ntimeout = 4\n"
    with pytest.raises(UsageError):
        config(None, "lock.timeout", "4", layer="clone")


def test_a_users_file_that_is_a_link_stays_one(own_file: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("# dots\n")
    own_file.parent.mkdir(parents=True)
    own_file.symlink_to(tmp_path / "dotfiles.toml")
    config(None, "lock.timeout", "4")
    assert own_file.is_symlink()
    assert (tmp_path / "dotfiles.toml").read_text() == "# dots\n\n[lock]\ntimeout = 4\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("store.path", "/somewhere"),
        ("store.shared", "true"),
        ("remote.origin.url", "https://ada:secret@example.org/x"),
    ],
)
def test_places_and_secrets_are_not_written_into_the_committed_file(here: Path, key: str, value: str) -> None:
    before = (here / ".track/config.toml").read_bytes()
    with pytest.raises(UsageError) as raised:
        _config(here, key, value, layer="project")
    assert "not committed" in raised.value.message
    assert "secret" not in (raised.value.hint or "")
    assert (here / ".track/config.toml").read_bytes() == before


def test_wrong_keys_values_and_files_are_errors_that_change_nothing(here: Path) -> None:
    with pytest.raises(BadConfig, match="no setting called"):
        _config(here, "lock.timeot", "5")
    with pytest.raises(BadConfig, match="must be"):
        _config(here, "lock.timeout", "long")
    with pytest.raises(UsageError):
        _config(here, "lock.timeout", "5", unset=True)
    with pytest.raises(UsageError):
        _config(here, unset=True)
    with pytest.raises(UsageError):
        _config(here, "lock.timeout", "5", layer="environment")
    assert not (here / ".git/track/config.toml").exists()
    (here / ".git/track/config.toml").write_text("lock = 5\n")
    assert layers.read_file(here / ".git/track/config.toml") == {"lock": 5}
    with pytest.raises(BadConfig, match="not a table"):
        _config(here, "lock.timeout", "5")


def test_a_store_that_moves_takes_its_link_along_and_says_how_to_move_its_bytes(here: Path, tmp_path: Path) -> None:
    (here / "a.csv").write_bytes(b"a" * 100)
    (here / "b.bin").write_bytes(b"b" * (2 << 20))
    track("add", "a.csv", "b.bin", cwd=here).ok()
    [warning] = _config(here, "store.path", str(tmp_path / "moved store")).warnings
    assert os.readlink(here / ".store") == "../moved store"
    (here / "a.csv").unlink()
    assert track("checkout", cwd=here).code == 4
    command = warning.partition("new place: ")[2]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    track("checkout", cwd=here).ok()
    assert (here / "a.csv").read_bytes() == b"a" * 100
    track("verify", cwd=here).ok()
    [warning] = _config(here, "store.path", unset=True).warnings
    assert os.readlink(here / ".store") == ".git/track/store" and str(tmp_path / "moved store") in warning


def test_a_store_that_moves_leaves_somebody_elses_link_alone(here: Path, tmp_path: Path) -> None:
    (here / ".store").unlink()
    (here / ".store").symlink_to("elsewhere")
    _config(here, "store.path", str(tmp_path / "moved"))
    assert os.readlink(here / ".store") == "elsewhere"
