"""A remote that is encrypted: every verb works on top, the server learns nothing, and what was changed is damage."""

import json
import os
import random
import shutil
import stat
import sys
from pathlib import Path

import pyrage
import pytest

from store.conftest import files, spoil
from support.cli import track, track_here
from support.repositories import commit_all, git
from support.seaweed import BUCKET, OWNER, Seaweed, place_at
from support.sharing import files_below
from support.trees import write_tree
from support.webservers import Web
from track.store.backends import age
from track.store.backends.folder import open_folder
from track.store.description import dump_description, parse_description

LARGE = random.Random(4).randbytes(3 << 19)
FILES = {"d/a": b"one" * 9, "d/b": b"two" * 9, "x.csv": b"1,2,three,four\n" * 50, "big.bin": LARGE}


def new_identity(path: Path) -> str:
    """Write an identity into a file; its recipient."""
    text, recipient = age.new_identity()
    path.write_text(text)
    path.chmod(0o600)
    return recipient


@pytest.fixture
def recipient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """That of the person here."""
    monkeypatch.setenv("TRACK_AGE_IDENTITY", str(tmp_path / "identity.txt"))
    return new_identity(tmp_path / "identity.txt")


@pytest.fixture
def project(repo: Path) -> Path:
    track_here("init", "--no-hooks", cwd=repo).ok()
    write_tree(repo, FILES)
    track_here("add", "d", "x.csv", "big.bin", cwd=repo).ok()
    commit_all(repo, "data")
    return repo


@pytest.fixture
def pushed(project: Path, recipient: str) -> Path:
    """A project whose data is at an encrypted remote beside it."""
    done = track_here("remote", "add", "origin", "../origin", "--encrypt", recipient, cwd=project).ok()
    assert "new store  encrypted" in done.out
    commit_all(project, "a remote")
    track_here("push", cwd=project).ok()
    return project


def cloned(project: Path, name: str = "clone") -> Path:
    git("clone", "-q", str(project), str(project.parent / name), cwd=project.parent)
    return project.parent / name


def everything_at(folder: Path) -> bytes:
    """All that the server has: names and contents."""
    return b"".join(name.encode() + content for name, content in files_below(folder).items())


def test_a_clone_gets_what_was_pushed_and_a_second_push_sends_nothing(pushed: Path) -> None:
    before = files_below(pushed.parent / "origin")
    assert "has everything" in track_here("push", cwd=pushed).ok().err
    assert files_below(pushed.parent / "origin") == before
    clone = cloned(pushed)
    track_here("pull", cwd=clone).ok()
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES


def test_neither_contents_nor_names_nor_digests_are_at_the_remote(pushed: Path) -> None:
    there = everything_at(pushed.parent / "origin")
    digests = [line.split('"')[1].removeprefix("blake3:") for path in pushed.glob("?*.track")
               for line in path.read_text().splitlines() if line.startswith("digest")]  # fmt: skip
    assert len(set(digests)) == 3
    for secret in (*FILES.values(), b"trackpak", b"trackidx", b"refs/heads", b"HEAD", *map(str.encode, digests)):
        assert secret[:64] not in there
    for digest in digests:
        assert bytes.fromhex(digest) not in there and digest[2:40].encode() not in there
    clone_id = (pushed / ".git/track/clone-id").read_text().split()[0]
    assert clone_id.encode() not in there


def test_no_secret_is_in_the_repository(pushed: Path) -> None:
    identity = Path(os.environ["TRACK_AGE_IDENTITY"]).read_text().splitlines()[1].encode()
    assert all(identity not in content for content in files_below(pushed).values())
    text = (pushed / ".track/config.toml").read_text()
    assert "encryption = " in text and "age1" not in text


def test_a_flipped_byte_is_damage_and_is_repaired_and_kept(pushed: Path) -> None:
    origin = pushed.parent / "origin"
    pack = max(files(origin / "packs"), key=lambda path: path.stat().st_size)
    good = pack.read_bytes()
    spoil(pack, len(good) // 2)
    bad = pack.read_bytes()

    clone = cloned(pushed)
    assert track_here("pull", cwd=clone).code == 7
    assert not (clone / "big.bin").exists()
    found = track_here("verify", "--remote", "origin", cwd=pushed)
    assert found.code == 7 and "damaged" in found.out

    track_here("repair", "--remote", "origin", cwd=pushed).ok()
    assert "nothing is wrong" in track_here("verify", "--remote", "origin", "--deep", cwd=pushed).ok().out
    assert [path.read_bytes() for path in files(origin / "quarantine")] == [bad]
    assert pack.read_bytes() == good
    track_here("pull", cwd=clone).ok()
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES


def test_two_files_that_were_swapped_are_damage(pushed: Path) -> None:
    first, second = files(pushed.parent / "origin" / "packs")[:2]
    one, two = first.read_bytes(), second.read_bytes()
    for path, content in ((first, two), (second, one)):
        path.chmod(0o644)
        path.write_bytes(content)
    assert track_here("pull", cwd=cloned(pushed)).code == 7
    assert track_here("verify", "--remote", "origin", cwd=pushed).code == 7


def test_a_name_that_the_store_did_not_give_is_not_looked_at(pushed: Path) -> None:
    origin = pushed.parent / "origin"
    (path,) = files(origin / "roots")
    (origin / "roots" / "a-stranger").write_bytes(path.read_bytes())
    (origin / "index" / path.name).write_bytes(path.read_bytes())
    track_here("pull", cwd=cloned(pushed)).ok()


def test_verify_quick_collecting_and_purging_work_on_top(pushed: Path) -> None:
    assert track_here("verify", "--remote", "origin", "--quick", cwd=pushed).code == 0
    track_here("gc", "--remote", cwd=pushed).ok()
    assert "origin" in track_here("whereis", "big.bin", cwd=pushed).ok().out
    before = everything_at(pushed.parent / "origin")
    track_here("purge", "big.bin", "--yes", "--because", "a person asked", cwd=pushed).ok()
    assert b"a person asked" not in everything_at(pushed.parent / "origin") != before
    (path, *_) = files(pushed.parent / "origin" / "packs")
    path.unlink()
    assert track_here("verify", "--remote", "origin", "--quick", cwd=pushed).code == 4


def test_without_an_identity_the_error_says_how_to_have_one(
    pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = cloned(pushed)
    monkeypatch.delenv("TRACK_AGE_IDENTITY")
    done = track_here("pull", cwd=clone)
    assert done.code == 5 and "is encrypted, and you have no identity here to open it with: " in done.err
    assert "TRACK_AGE_IDENTITY" in done.err and "track remote identity --new" in done.err
    assert "track remote recipients add NAME age1…" in done.err and done.err.count("error: ") == 1
    assert "config remote.origin.url" not in done.err
    for name in ("config", "user"):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / name))
    (tmp_path / "user/track").mkdir(parents=True)
    (tmp_path / "user/track/age.txt").write_bytes((tmp_path / "identity.txt").read_bytes())
    (tmp_path / "user/track/age.txt").chmod(0o600)
    track_here("pull", cwd=clone).ok()


def test_the_user_can_name_the_file(pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = cloned(pushed)
    monkeypatch.delenv("TRACK_AGE_IDENTITY")
    committed = track_here("config", "--project", "age.identity", str(tmp_path / "identity.txt"), cwd=clone)
    assert committed.code == 2 and "not committed" in committed.err
    track_here("config", "--clone", "age.identity", str(tmp_path / "identity.txt"), cwd=clone).ok()
    track_here("pull", cwd=clone).ok()


def test_another_identity_is_told_who_the_recipients_are(pushed: Path, recipient: str, tmp_path: Path) -> None:
    own = new_identity(tmp_path / "identity.txt")
    done = track_here("pull", cwd=cloned(pushed))
    assert done.code == 5 and "is one of its recipients" in done.err and recipient in done.err
    assert f"track remote recipients add NAME {own}\n" in done.err  # what the other one pastes adds this one


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "there is no key in it"),
        (b"# only this\n", "there is no key in it"),
        (b"AGE-SECRET-KEY-1NONSENSE\n", "cannot be used"),
        (b"\xff\xfe", "cannot be used"),
        (b"age-encryption.org/v1\n-> scrypt", "passphrase"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nx", "cannot be used"),
    ],
)
def test_a_file_that_holds_no_identity_is_refused(pushed: Path, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "identity.txt").write_bytes(content)
    done = track_here("push", cwd=pushed)
    assert done.code == 5 and said in done.err and "identity.txt" in done.err


def test_identities_that_others_can_read_are_told(pushed: Path, tmp_path: Path) -> None:
    assert "others can read" not in track_here("push", cwd=pushed).ok().err
    (tmp_path / "identity.txt").chmod(0o640)
    done = track_here("push", cwd=pushed).ok()
    assert f"others can read your identities: chmod 600 {tmp_path / 'identity.txt'}" in done.err


def test_an_address_written_by_hand_says_that_its_key_is_not_known(pushed: Path) -> None:
    track_here("config", "--project", "--unset", "remote.origin.encryption", cwd=pushed).ok()
    said = track_here("push", cwd=pushed).ok().err
    line = next(line for line in said.splitlines() if "nothing says which key" in line)
    track_here(*line.partition("track ")[2].split(), cwd=pushed).ok()
    assert "nothing says which key" not in track_here("push", cwd=pushed).ok().err


def test_identities_in_the_repository_are_refused(
    pushed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pushed / "identity.txt").write_bytes((tmp_path / "identity.txt").read_bytes())
    monkeypatch.setenv("TRACK_AGE_IDENTITY", str(pushed / "identity.txt"))
    done = track_here("push", cwd=pushed)
    assert done.code == 5 and "lies in this repository" in done.err
    recipient = track_here("remote", "recipients", "list", cwd=pushed)
    assert recipient.code == 5
    added = track_here("remote", "add", "other", "../other", "--encrypt", "age1x", cwd=pushed)
    assert added.code == 5 and "lies in this repository" in added.err and not (pushed.parent / "other").exists()


def test_what_a_web_server_gives_out_is_read(pushed: Path, nginx_server: Web) -> None:
    """Its list names what is sealed, so that whoever can open it finds it."""
    folder = nginx_server.folder / "web" / pushed.parent.name
    folder.parent.mkdir(exist_ok=True)
    shutil.copytree(pushed.parent / "origin", folder)
    track_here("remote", "publish", cwd=pushed).ok()
    (folder / "listing").write_bytes((pushed.parent / "origin" / "listing").read_bytes())
    (folder / "store.toml").write_bytes((pushed.parent / "origin" / "store.toml").read_bytes())
    clone = cloned(pushed)
    url = f"{nginx_server.endpoint}/web/{pushed.parent.name}"
    track_here("remote", "add", "mirror", url, cwd=clone).ok()
    shutil.rmtree(pushed.parent / "origin")
    track_here("pull", "--from", "mirror", cwd=clone).ok()
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES


def test_a_bucket_is_encrypted_as_a_folder_is(
    project: Path, recipient: str, s3_server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OWNER.environment.items():
        monkeypatch.setenv(name, value)
    prefix = f"sealed/{project.parent.parent.name}-{project.parent.name}"
    url = f"s3://{BUCKET}/{prefix}"
    way = ("--endpoint", s3_server.endpoint)
    track_here("remote", "add", "origin", url, *way, "--encrypt", recipient, cwd=project).ok()
    commit_all(project, "a bucket")
    track_here("push", cwd=project).ok()
    there = place_at(s3_server.endpoint, OWNER, prefix)
    for one in there.list(""):
        content = there.get(one.key)
        assert b"1,2,three" not in content and LARGE[:32] not in content

    clone = cloned(project)
    track_here("remote", "add", "origin", url, *way, cwd=clone).ok()
    track_here("pull", cwd=clone).ok()
    assert {name: (clone / name).read_bytes() for name in FILES} == FILES
    assert "opened with" in track_here("remote", "check", cwd=clone).ok().out
    pack = max(there.list("packs/"), key=lambda one: one.size)
    spoiled = bytearray(there.get(pack.key))
    spoiled[len(spoiled) // 2] ^= 1
    there.put(pack.key, bytes(spoiled))
    assert track_here("verify", "--remote", "origin", cwd=project).code == 7
    track_here("repair", "--remote", "origin", cwd=project).ok()
    assert "nothing is wrong" in track_here("verify", "--remote", "origin", cwd=project).ok().out


def test_a_key_of_ssh_is_an_identity(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [tmp_path / "id", tmp_path / "locked"]
    for path, phrase in zip(keys, ("", "phrase"), strict=True):
        os.spawnlp(os.P_WAIT, "ssh-keygen", "ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(path))
    monkeypatch.setenv("TRACK_AGE_IDENTITY", str(keys[0]))
    public = keys[0].with_suffix(".pub").read_text()
    track_here("remote", "add", "origin", "../origin", "--encrypt", public, cwd=project).ok()
    track_here("push", cwd=project).ok()
    monkeypatch.setenv("TRACK_AGE_IDENTITY", str(keys[1]))
    assert "must be decrypted first" in track_here("push", cwd=project).err


def test_who_cannot_open_it_makes_none(project: Path, recipient: str, tmp_path: Path) -> None:
    other = new_identity(tmp_path / "other.txt")
    done = track_here("remote", "add", "origin", "../origin", "--encrypt", other, cwd=project)
    assert done.code == 5 and "is one of its recipients" in done.err
    assert "you could not read" in done.err and "is encrypted" not in done.err
    assert f"--encrypt {recipient} --encrypt {other}" in done.err
    assert not (project.parent / "origin").exists()
    assert "remote" not in (project / ".track/config.toml").read_text()


@pytest.mark.parametrize("word", ["age1nonsense", "ssh-ed25519 AAAA", "ada@example.org", ""])
def test_what_is_no_recipient_is_refused(project: Path, recipient: str, word: str) -> None:
    done = track_here("remote", "add", "origin", "../origin", "--encrypt", word, cwd=project)
    assert done.code == 2 and "is no recipient" in done.err and "age1…" in done.err


def test_a_secret_key_given_as_a_recipient_is_not_repeated(project: Path, recipient: str) -> None:
    secret = Path(os.environ["TRACK_AGE_IDENTITY"]).read_text().splitlines()[1]
    done = track_here("remote", "add", "origin", "../origin", "--encrypt", secret, cwd=project)
    assert done.code == 2 and "the secret half" in done.err and secret[20:] not in done.err


def test_a_store_that_was_there_stays_what_it_is(project: Path, recipient: str, tmp_path: Path) -> None:
    track_here("remote", "add", "plain", "../plain", cwd=project).ok()
    done = track_here("remote", "add", "origin", "../plain", "--encrypt", recipient, cwd=project)
    assert done.code == 6 and "not encrypted" in done.err
    track_here("remote", "add", "first", "../sealed", "--encrypt", recipient, cwd=project).ok()
    track_here("remote", "add", "again", "../sealed", "--encrypt", recipient, cwd=project).ok()
    other = new_identity(tmp_path / "other.txt")
    both = ("--encrypt", recipient, "--encrypt", other)
    done = track_here("remote", "add", "third", "../sealed", *both, cwd=project)
    assert done.code == 6 and "is no recipient of it" in done.err
    track_here("remote", "remove", "first", cwd=project).ok()
    assert "[remote.first]" not in (project / ".track/config.toml").read_text()


def test_an_encrypted_remote_is_no_local_store(pushed: Path) -> None:
    before = files_below(pushed.parent / "origin")
    done = track_here("config", "--clone", "store.path", str(pushed.parent / "origin"), cwd=pushed)
    refused = done if done.code else track_here("add", "x.csv", cwd=pushed)
    assert refused.code == 5 and "is an encrypted remote" in refused.err
    assert files_below(pushed.parent / "origin") == before


def test_another_store_in_its_place_is_refused_and_nothing_is_sent(pushed: Path, recipient: str) -> None:
    """A server that puts a store of its own there could read what is pushed next."""
    origin = pushed.parent / "origin"
    honest = (origin / "store.toml").read_bytes()
    description = parse_description(honest, "there")
    assert description.encryption is not None
    plain = dump_description(description._replace(encryption=None))
    keys = age.wrap(bytes(32), description.id, [recipient])
    own = dump_description(description._replace(encryption=description.encryption._replace(keys=keys)))
    write_tree(pushed, {"new": b"secret" * 9})
    track_here("add", "new", cwd=pushed).ok()
    commit_all(pushed, "more")
    before = everything_at(origin / "packs")
    for text, said in (
        (plain, "is not encrypted"),
        (own, "another key than it says"),
        (own.replace(description.encryption.key_id.encode(), b"0" * 32), "another key, 0000"),
        (honest.replace(description.id.encode(), b"0" * 32), "the key of another store"),
    ):
        open_folder(origin).put("store.toml", text)
        for command in (("push",), ("verify", "--remote", "origin")):
            done = track_here(*command, cwd=pushed)
            assert done.code == 7 and said in done.err, done
    assert everything_at(origin / "packs") == before
    open_folder(origin).put("store.toml", honest)
    track_here("push", cwd=pushed).ok()


def test_without_the_library_the_error_names_the_extra(pushed: Path, tmp_path: Path) -> None:
    """An import of it fails, as where it is not installed."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pyrage.py").write_text("raise ModuleNotFoundError('No module named pyrage', name='pyrage')\n")
    done = track("push", cwd=pushed, env={"PYTHONPATH": str(hidden)})
    assert done.code == 5 and "pip install 'track-data[age]'" in done.err


def test_what_was_staged_to_be_sealed_is_gone(pushed: Path) -> None:
    """What a repair sends is staged; packs of a push are sealed in memory."""
    packs = pushed.parent / "origin/packs"
    for path in files_below(packs):
        (packs / path).chmod(0o600)
        (packs / path).unlink()
    track_here("repair", "--remote", "origin", cwd=pushed).ok()
    assert files_below(packs) or files_below(pushed.parent / "origin/objects")
    assert list((pushed / ".git/track/remotes/sealing").iterdir()) == []
    mode = stat.S_IMODE((pushed / ".git/track/remotes/sealing").stat().st_mode)
    assert mode & 0o700 == 0o700


def test_no_plain_command_loads_it() -> None:
    assert pyrage.__name__ in sys.modules  # here
    script = "import sys, track.verbs.push, track.verbs.status; print({'pyrage', 'cryptography'} & set(sys.modules))"
    with os.popen(f'{sys.executable} -c "{script}"') as said:
        assert said.read() == "set()\n"


@pytest.mark.parametrize("left", ["nothing", "half a line", "all before the keys"])
def test_a_description_that_was_cut_says_that_it_can_be_restored(pushed: Path, left: str) -> None:
    path = pushed.parent / "origin/store.toml"
    whole = path.read_bytes()
    ends = {
        "nothing": 0,
        "half a line": whole.index(b"[store]") + 12,
        "all before the keys": whole.index(b"[encryption]"),
    }
    path.write_bytes(whole[: ends[left]])
    done = track_here("fetch", cwd=pushed)
    assert done.code == 5
    assert "restore its store.toml from another copy" in done.err and "newer version" not in done.err
    assert "track config remote.origin.url" not in done.err
    path.write_bytes(whole)
    track_here("fetch", cwd=pushed).ok()
    path.unlink()
    assert "track config remote.origin.url FOLDER" in track_here("fetch", cwd=pushed).err


def test_shared_runs_are_taken_back_and_the_server_learns_of_neither(pushed: Path) -> None:
    place = pushed.parent / "origin"
    before = set(files_below(place))
    for name in ("first", "second"):
        track_here("run", "--no-keep", "--name", name, "-p", "word=unheard-of", "--", "true", cwd=pushed).ok()
    run = json.loads(track_here("runs", "show", "first", "--json", cwd=pushed).ok().out)["id"]
    track_here("push", "--runs", cwd=pushed).ok()
    git("clone", "--quiet", str(pushed), str(pushed.parent / "clone"), cwd=pushed.parent)
    clone = pushed.parent / "clone"
    track_here("remote", "add", "origin", "../origin", cwd=clone).ok()
    track_here("fetch", "--runs", cwd=clone).ok()
    assert {"first", "second"} <= set(track_here("runs", "list", "--shared", cwd=clone).ok().out.split())
    track_here("runs", "unshare", "first", cwd=pushed).ok()
    track_here("fetch", "--runs", cwd=clone).ok()
    left = track_here("runs", "list", "--shared", cwd=clone).ok().out.split()
    assert "second" in left and "first" not in left
    track_here("push", "--runs", cwd=pushed).ok()
    there = files_below(place)
    learned = "\n".join(set(there) - before).encode() + b"".join(there.values())
    for secret in (run.encode(), b"unheard-of", b"track-runs"):
        assert secret not in learned, secret
    track_here("runs", "unshare", "--undo", "first", cwd=pushed).ok()
    track_here("push", "--runs", cwd=pushed).ok()
    track_here("fetch", "--runs", cwd=clone).ok()
    assert "first" in track_here("runs", "list", "--shared", cwd=clone).ok().out.split()
