"""What the machine can do at best: bare loops that hash, and hash and keep, as small as they can be.

Run as `python limits.py hash PATH` or `python limits.py keep PATH TARGET`.
"""

import os
import sqlite3
import sys

import blake3

_SMALL = 1 << 20


def hash_all(root: str) -> int:
    """Read and hash every file below `root`, or the one file it is; how many there were."""
    if os.path.isfile(root):
        blake3.blake3(max_threads=blake3.blake3.AUTO).update_mmap(root).digest()
        return 1
    count = 0
    for folder, directories, names in os.walk(root):
        directories.sort()
        fd = os.open(folder, os.O_RDONLY)
        for name in sorted(names):
            file = os.open(name, os.O_RDONLY, dir_fd=fd)
            blake3.blake3(os.read(file, _SMALL)).digest()
            os.close(file)
            count += 1
        os.close(fd)
    return count


def keep_all(root: str, target: str) -> int:
    """Read and hash every file, append it to one file, index it in SQLite, sync both; how many there were."""
    rows = []
    offset = 0
    with open(os.path.join(target, "all"), "wb", buffering=1 << 20) as out:
        for folder, directories, names in os.walk(root):
            directories.sort()
            fd = os.open(folder, os.O_RDONLY)
            for name in sorted(names):
                file = os.open(name, os.O_RDONLY, dir_fd=fd)
                data = os.read(file, _SMALL)
                os.close(file)
                rows.append((blake3.blake3(data).digest(), offset, len(data)))
                out.write(data)
                offset += len(data)
            os.close(fd)
        out.flush()
        os.fsync(out.fileno())
    index = sqlite3.connect(os.path.join(target, "index.db"))
    index.execute("CREATE TABLE objects (digest BLOB PRIMARY KEY, offset INTEGER, length INTEGER) WITHOUT ROWID")
    index.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?, ?)", sorted(rows))
    index.commit()
    index.close()
    return len(rows)


if __name__ == "__main__":
    done = hash_all(sys.argv[2]) if sys.argv[1] == "hash" else keep_all(sys.argv[2], sys.argv[3])
    print(done)
