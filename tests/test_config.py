"""Layers of configuration: which value holds, where it comes from, and what a stranger may not set."""

import time
from pathlib import Path

import pytest

from track import config
from track.config import Config, Source
from track.errors import BadConfig, NewerFormat
from track.model.settings import KEYS


def _load(
    tmp_path: Path, environ: dict[str, str] | None = None, flags: dict[str, str] | None = None, **files: str
) -> Config:
    sources = []
    for layer in ("clone", "project", "user"):
        path = tmp_path / f"{layer}.toml"
        if layer in files:
            path.write_text(files[layer])
        sources.append(Source(layer, path))
    return config.load(tuple(sources), environ or {}, flags)


def test_without_any_file_the_defaults_hold(tmp_path: Path) -> None:
    found = _load(tmp_path)
    assert found.text("checkout.link") == "copy"
    assert found.text("store.path") is None
    assert found.is_on("store.shared") is False
    assert found.seconds("lock.timeout") == 60
    assert found.setting("checkout.link").layer == "default"
    assert found.warnings == ()


def test_a_flag_beats_the_environment_beats_the_clone_beats_the_project_beats_the_user(tmp_path: Path) -> None:
    files = {
        "clone": "[lock]\ntimeout = 3\n",
        "project": "[lock]\ntimeout = 4\n",
        "user": "[lock]\ntimeout = 5\n",
    }
    environ, flags = {"TRACK_LOCK_TIMEOUT": "2"}, {"lock.timeout": "1"}
    found = _load(tmp_path, environ, flags, **files)
    assert [(setting.value, setting.layer) for setting in found.settings["lock.timeout"]] == [
        (1, "flag"),
        (2, "environment"),
        (3, "clone"),
        (4, "project"),
        (5, "user"),
    ]
    assert found.seconds("lock.timeout") == 1
    assert _load(tmp_path, environ).seconds("lock.timeout") == 2
    assert _load(tmp_path).setting("lock.timeout").source == str(tmp_path / "clone.toml")
    (tmp_path / "clone.toml").unlink()
    assert _load(tmp_path).seconds("lock.timeout") == 4
    (tmp_path / "project.toml").unlink()
    assert _load(tmp_path).seconds("lock.timeout") == 5


def test_an_environment_variable_is_its_own_source(tmp_path: Path) -> None:
    found = _load(tmp_path, {"TRACK_STORE_SHARED": "yes", "TRACK_REMOTE_ORIGIN_URL": "/somewhere", "TRACK_OTHER": "x"})
    assert found.setting("store.shared") == ("store.shared", True, "environment", "TRACK_STORE_SHARED")
    assert found.text("remote.origin.url") == "/somewhere"
    assert found.names("remote.*.url") == ("origin",)


def test_the_names_of_remotes_are_read_from_every_layer(tmp_path: Path) -> None:
    found = _load(tmp_path, clone='[remote.b]\nurl = "/b"\n', project='[remote.a]\nurl = "../a"\n')
    assert found.names("remote.*.url") == ("a", "b")


def test_an_unknown_key_warns_and_names_the_nearest(tmp_path: Path) -> None:
    found = _load(tmp_path, clone='[chekout]\nlink = "copy"\n[completely]\ndifferent = 1\n')
    first, second = found.warnings
    assert "`chekout.link`" in first
    assert "did you mean checkout.link ?" in first
    assert str(tmp_path / "clone.toml") in first
    assert "did you mean" not in second


def test_a_committed_place_is_ignored_with_a_warning(tmp_path: Path) -> None:
    found = _load(tmp_path, project='[store]\npath = "/tmp/stolen"\nshared = true\n')
    assert found.text("store.path") is None
    assert found.is_on("store.shared") is False
    assert all("ignored" in warning for warning in found.warnings)
    assert any("store.path" in warning and "--clone" in warning for warning in found.warnings)


def test_the_person_at_the_keyboard_may_set_a_place(tmp_path: Path) -> None:
    assert _load(tmp_path, clone='[store]\npath = "/data/store"\n').text("store.path") == "/data/store"
    assert _load(tmp_path, user='[store]\npath = "/data/store"\n').text("store.path") == "/data/store"


@pytest.mark.parametrize(
    "text",
    [
        '[remote.origin]\nurl = "https://ada:hunter2@example.org/x"\n',
        '[remote.origin]\nurl = "https://example.org/x?X-Amz-Signature=abc"\n',
        '[remote.origin]\naccess_key = "AKIA"\n',
        '[remote.origin]\npassword = "x"\n',
        'token = "x"\n',
    ],
)
def test_a_committed_secret_is_ignored_with_a_warning_that_does_not_repeat_it(tmp_path: Path, text: str) -> None:
    found = _load(tmp_path, project=text)
    assert found.settings == {}
    [warning] = found.warnings
    assert "secret" in warning
    assert "hunter2" not in warning and "abc" not in warning and "AKIA" not in warning


@pytest.mark.parametrize("key", ["hooks.command", "editor", "task.shell", "diff.exec"])
def test_a_committed_command_is_ignored_with_a_warning(tmp_path: Path, key: str) -> None:
    found = _load(tmp_path, project=f'{key} = "rm -rf /"\n')
    assert found.settings == {}
    assert "names no command" in found.warnings[0]


def test_a_later_format_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NewerFormat) as raised:
        _load(tmp_path, project="format = 2\n")
    assert "format 2" in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint == "pip install --upgrade track-data"
    assert raised.value.exit_code == 3


def test_this_format_is_read_without_a_warning(tmp_path: Path) -> None:
    assert _load(tmp_path, project="format = 1\n").warnings == ()


@pytest.mark.parametrize("text", ['format = "1"\n', "format = 0\n", "format = true\n", "format = 1.5\n"])
def test_a_format_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig, match="format"):
        _load(tmp_path, project=text)


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "a = 1\na = 2\n",
        "a = " + "[" * 2000 + "]" * 2000 + "\n",
        "a = " + "9" * 5000 + "\n",
        "#" * (2 << 20),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig, match=r"project\.toml"):
        _load(tmp_path, project=text)


def test_a_file_that_is_not_text_a_link_or_a_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "project.toml"
    path.write_bytes(b'a = "\xff"\n')
    with pytest.raises(BadConfig):
        _load(tmp_path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(BadConfig):
        _load(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BadConfig):
        _load(tmp_path)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("store.shared", "perhaps"),
        ("lock.timeout", "soon"),
        ("lock.timeout", "-1"),
        ("lock.timeout", "100000"),
        ("checkout.link", "teleport"),
        ("store.path", "relative/place"),
        ("core.remote", ""),
        ("core.remote", "two\nlines"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error_that_says_what_is_wanted(tmp_path: Path, key: str, text: str) -> None:
    with pytest.raises(BadConfig, match=f"`{key}`.*must be"):
        _load(tmp_path, flags={key: text})


def test_the_files_of_the_user_may_be_links(tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_text("[lock]\ntimeout = 7\n")
    (tmp_path / "user.toml").symlink_to("dotfiles.toml")
    assert _load(tmp_path).seconds("lock.timeout") == 7


def test_a_value_of_the_wrong_type_in_a_file_is_an_error(tmp_path: Path) -> None:
    for text in ("[lock]\ntimeout = true\n", "[lock]\ntimeout = 1.5\n", "[checkout]\nlink = 3\n", "store.shared = 1\n"):
        with pytest.raises(BadConfig):
            _load(tmp_path, clone=text)


def test_an_unknown_key_asked_for_by_name_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as raised:
        Config({}).setting("store.pth")
    assert raised.value.hint == "did you mean store.path ?"


def test_every_key_is_described_and_its_default_is_a_value_of_it() -> None:
    for key in KEYS:
        assert key.description
        assert key.default is None or config.parse_value(key, key.default, "default") == key.default
    assert [key.name for key in KEYS] == sorted(key.name for key in KEYS)


def test_the_files_of_the_user_are_where_the_system_keeps_such_things() -> None:
    assert config.user_file({"HOME": "/home/ada"}) == Path("/home/ada/.config/track/config.toml")
    assert config.user_file({"HOME": "/h", "XDG_CONFIG_HOME": "/etc/ada"}) == Path("/etc/ada/track/config.toml")
    assert config.user_file({"HOME": "/h", "XDG_CONFIG_HOME": "not/absolute"}) == Path("/h/.config/track/config.toml")


def test_a_file_full_of_nonsense_is_refused_at_once(tmp_path: Path) -> None:
    """Each wrong line costs a search for what was meant; a stranger's file may have fifty thousand."""
    begun = time.process_time()
    with pytest.raises(BadConfig, match="no configuration of track"):
        _load(tmp_path, project="".join(f"key{number} = {number}\n" for number in range(50_000)))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("text", [".".join(["a"] * 50_000) + " = 1\n", "[" + ".".join(["'a'"] * 50_000) + "]\n"])
def test_a_key_without_an_end_is_refused_at_once(tmp_path: Path, text: str) -> None:
    begun = time.process_time()
    with pytest.raises(BadConfig):
        _load(tmp_path, project=text)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("name", ["/tmp/x", "../x", "a b", "\\u001b[2J", ""])
def test_a_remote_whose_name_could_be_a_path_is_no_setting(tmp_path: Path, name: str) -> None:
    found = _load(tmp_path, project=f'[remote."{name}"]\nurl = "../x"\n')
    assert found.names("remote.*.url") == () and found.warnings


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"format = 1\n\na = \n", 3, "Invalid value"),
        (b"format = 1\n[gc]\n[gc", 3, "Cannot declare"),
        (b"format = 1\n# \xff\n", 2, "it is not UTF-8"),
    ],
)
def test_a_file_that_is_not_toml_is_named_with_its_line_and_the_way_back(
    tmp_path: Path, content: bytes, line: int, why: str
) -> None:
    committed = tmp_path / ".track" / "config.toml"
    committed.parent.mkdir()
    committed.write_bytes(content)
    with pytest.raises(BadConfig, match=rf"config\.toml, line {line}: it is not TOML: {why}") as caught:
        config.read_file(committed)
    assert (caught.value.hint or "").splitlines()[-1] == f"git restore -- {committed}"
    own = tmp_path / "config.toml"
    own.write_bytes(content)
    with pytest.raises(BadConfig, match=rf"config\.toml, line {line}: ") as caught:
        config.read_file(own)
    assert caught.value.hint == "correct it, or remove it"
