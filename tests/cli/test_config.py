"""`track config`: one value, all of them, where they come from, and how they change."""

from pathlib import Path

import pytest

from support.cli import track_here as track


@pytest.fixture
def here(repo: Path) -> Path:
    track("init", cwd=repo).ok()
    return repo


def test_one_value_is_printed_alone(here: Path) -> None:
    assert track("config", "checkout.link", cwd=here).ok().out == "copy\n"


def test_a_setting_without_a_value_is_code_one(here: Path) -> None:
    done = track("config", "core.remote", cwd=here)
    assert (done.code, done.out, done.err) == (1, "", "core.remote is not set\n")


def test_a_change_says_where_it_was_written(here: Path) -> None:
    done = track("config", "lock.timeout", "5", cwd=here).ok()
    assert done.err == f"lock.timeout = 5      in {here}/.git/track/config.toml\n"
    assert track("config", "lock.timeout", cwd=here).ok().out == "5\n"
    assert track("config", "--unset", "lock.timeout", cwd=here).ok().err == "lock.timeout is no longer set\n"


def test_the_list_has_the_values_that_hold_and_origins_all(here: Path) -> None:
    track("config", "--project", "lock.timeout", "4", cwd=here).ok()
    track("config", "lock.timeout", "5", cwd=here).ok()
    listed = dict(line.split(maxsplit=1) for line in track("config", cwd=here).ok().out.splitlines())
    assert list(listed) == sorted(listed)
    assert listed["checkout.link"] == "copy"
    assert listed["lock.timeout"] == "5"
    assert listed["store.shared"] == "false"
    assert "core.remote" not in listed
    assert track("config", "--origin", "lock.timeout", cwd=here).ok().out.splitlines() == [
        f"lock.timeout  5  clone    {here}/.git/track/config.toml",
        f"lock.timeout  4  project  {here}/.track/config.toml",
    ]


def test_config_as_json(here: Path) -> None:
    found = track("config", "store.shared", "--json", cwd=here).ok().json
    assert found["settings"] == [{"key": "store.shared", "value": False, "layer": "default", "source": ""}]
    changed = track("config", "store.shared", "true", "--json", cwd=here).ok().json["settings"]
    assert [(one["value"], one["layer"]) for one in changed] == [(True, "clone")]


def test_an_unknown_setting_names_the_nearest(here: Path) -> None:
    done = track("config", "checkout.lnk", cwd=here)
    assert (done.code, done.err) == (
        3,
        "error: there is no setting called `checkout.lnk`\nhint: did you mean checkout.link ?\n",
    )


def test_outside_of_a_repository_only_the_users_file_can_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert track("config", "lock.timeout", "3", cwd=tmp_path).code == 0
    assert track("config", "lock.timeout", cwd=tmp_path).ok().out == "3\n"
    assert track("config", "--project", "lock.timeout", "3", cwd=tmp_path).code == 3


def test_warnings_about_committed_settings_are_said_once(here: Path) -> None:
    (here / ".track/config.toml").write_text('[store]\npath = "/x"\n')
    done = track("config", cwd=here).ok()
    assert done.err.count("warning: ") == 1


def test_a_user_that_was_committed_is_ignored_with_the_reason_for_it(repo: Path) -> None:
    track("init", cwd=repo).ok()
    (repo / ".track" / "config.toml").write_text('user = "mallory"\n')
    done = track("config", cwd=repo).ok()
    assert "committed configuration does not choose who you are" in done.err
