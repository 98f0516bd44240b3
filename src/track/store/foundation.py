"""Foundation: how a local store is made, and found again: its description, and the name of its index elsewhere."""

import os
import zlib
from pathlib import Path

from track.errors import NotAStore
from track.lending import lend
from track.publish import Batch, create, make_directories, stage, sync_directory, write_all
from track.store.description import CHOSEN, Description, dump_description, parse_description
from track.store.layout import DESCRIPTION
from track.system import naming, reading, shown

_KNOWN_NAMES = {
    "staging", "partial", "trash", "quarantine", "lock", "index.db", "index.db-wal", "index.db-shm", "lost+found",
    "verified.db", "lost", "dropped", "chunks.db",
}  # fmt: skip


def read_description(path: Path) -> Description | None:
    """What the store at `path` says of itself; None when there is none. Raises NotAStore, NewerFormat."""
    try:
        with reading(path / DESCRIPTION), open(path / DESCRIPTION, "rb") as file:
            found = parse_description(file.read(1 << 20), shown(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    if found.encryption is not None:
        raise NotAStore(
            f"{shown(path)} is an encrypted remote, which cannot be a local store", hint="name another folder"
        )
    return found


def create_store(path: Path, group: bool) -> Description:
    """Make a store, unless another process just has; the description is there first, so that a half-made one is one."""
    mode = 0o2775 if group else 0o777
    try:
        made = make_directories(path, mode=mode, exact=group)
        strange = sorted(set(os.listdir(path)) - _KNOWN_NAMES)
    except (NotADirectoryError, FileExistsError) as error:
        raise NotAStore(f"{shown(path)} is not a folder", hint="name an empty or new folder") from error
    if strange:
        if (written := read_description(path)) is not None:  # another process has made it since it was looked for
            return written
        hint = "name an empty or new folder; if this was a store, restore its store.toml"
        raise NotAStore(f"{shown(path)} is no store and not empty: it has {shown(strange[0])}", hint=hint)
    description = Description(os.urandom(16).hex(), "group" if group else "", CHOSEN)
    make_directories(path / "staging", mode=mode, exact=group)
    staged = stage(path / "staging")
    fd = create(staged, mode=0o644)
    try:
        with naming(staged):
            write_all(fd, dump_description(description))
    finally:
        os.close(fd)
    batch = Batch()
    batch.add(staged, path / DESCRIPTION, mode=0o664 if group else None)
    batch.commit()
    lend(path / DESCRIPTION)
    for folder in made:
        sync_directory(folder.parent)
    written = read_description(path)
    assert written is not None
    return written


def index_name(path: Path, description: Description) -> str:
    """One for each store and place: a copy of a store does not have what the other was given since."""
    return f"index-{description.id}-{zlib.crc32(os.fsencode(path.resolve())):08x}.db"


def user_cache() -> Path:
    """Where indexes are that are not in their store."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "track"
