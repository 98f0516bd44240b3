"""Every setting there is, as a table; where their values come from is `track.config`."""

import re
from typing import Literal, NamedTuple, TypeAlias

Value: TypeAlias = str | bool | int | None

NAME = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""What people may call a remote: it becomes part of a file's name, and may come from a stranger."""


class Key(NamedTuple):
    """A setting that exists. `name` may hold one `*` for a name that people choose; `kind` says what its values are.

    `committed` is false for what only the person at the keyboard may set.
    """

    name: str
    kind: Literal["text", "boolean", "place", "seconds", "number", "size", "rate", "choice", "policy"]
    default: Value
    description: str
    committed: bool = True
    choices: tuple[str, ...] = ()

    def matches(self, name: str) -> bool:
        """Return whether `name` is this setting."""
        if name == self.name or "*" not in self.name:
            return name == self.name
        return re.fullmatch(re.escape(self.name).replace(r"\*", NAME), name) is not None


KEYS = (
    Key(
        "age.identity",
        "place",
        None,
        "the file of your age identities, with which encrypted remotes are opened; `age.txt` beside the user's "
        "configuration where nothing is set",
        committed=False,
    ),
    Key("alerts.email-from", "text", None, "who mails of alerts come from; else the first they go to", committed=False),
    Key(
        "alerts.email-to",
        "text",
        None,
        "whom alerts are mailed to, addresses with commas between them",
        committed=False,
    ),
    Key("alerts.smtp-host", "text", None, "the server that takes mails of alerts", committed=False),
    Key("alerts.smtp-port", "number", 587, "the port of that server", committed=False),
    Key(
        "alerts.smtp-security",
        "choice",
        "starttls",
        "how the way to that server is secured: `starttls`, `tls` from the first byte, or `none`",
        committed=False,
        choices=("starttls", "tls", "none"),
    ),
    Key(
        "alerts.smtp-user",
        "text",
        None,
        "the name to log in with at that server; the password is in the variable `TRACK_SMTP_PASSWORD`",
        committed=False,
    ),
    Key(
        "checkout.link",
        "choice",
        "copy",
        "how large files come out of the store: `copy` (a reflink where the "
        "filesystem has them), or `hardlink` or `symlink`, which are read-only",
        choices=("copy", "hardlink", "symlink"),
    ),
    Key(
        "checkout.shallow",
        "boolean",
        False,
        "whether data that was never asked for stays away: `pull`, `fetch` and `checkout` without a path look after "
        "what was placed before, and nothing else counts as missing; `clone --shallow` sets it",
        committed=False,
    ),
    Key("core.remote", "text", None, "the remote that push, fetch and pull use when none is named"),
    Key(
        "fetch.from",
        "text",
        None,
        "the remotes in the order in which fetch and pull ask them, such as `lab, origin`; those that it does not name "
        "come after them",
    ),
    Key(
        "gc.grace",
        "number",
        14,
        "how many days `track gc` keeps what nothing names any more, and then once more in the store's trash",
        committed=False,
    ),
    Key(
        "gc.keep",
        "policy",
        "all",
        "which versions of the history a collection keeps: `all`, `tips` (what branches and tags name), and besides "
        "`last 3` (of each artifact) or `newer than 90d`, with commas between them",
        committed=False,
    ),
    Key(
        "hooks.install",
        "boolean",
        True,
        "whether `init`, `clone`, and the first `add` or `pull` in a clone without them install Git's hooks; "
        "`track hooks install` does so in any case",
    ),
    Key(
        "hooks.max-file-size",
        "size",
        10 << 20,
        "how large a file may be that a commit brings into Git itself, such as `50 MiB`; at least 1 MiB, or 0 for "
        "any size",
    ),
    Key(
        "hooks.pre-push",
        "choice",
        "upload",
        "what `git push` does about the data of new pointers: `upload` sends it first, `check` refuses when no remote "
        "is known to have it, `off` does nothing",
        choices=("upload", "check", "off"),
    ),
    Key("lock.timeout", "seconds", 60, "how many seconds to wait for another track in the same working tree"),
    Key("push.to", "text", None, "the remotes that push sends to when none is named, such as `origin, backup`"),
    Key(
        "remote.*.encryption",
        "text",
        None,
        "which key the remote is encrypted with, by its fingerprint, which is no secret; a store that has another key, "
        "or none, is refused; `track remote add` sets it",
    ),
    Key(
        "remote.*.endpoint",
        "text",
        None,
        "the server of the remote's bucket or container, when it is not the provider's: `https://HOST`",
        committed=False,
    ),
    Key("remote.*.profile", "text", None, "the profile of `~/.aws` for the remote's bucket", committed=False),
    Key(
        "remote.*.read-only",
        "boolean",
        False,
        "whether the remote is only read: a mirror, or one that others write; nothing is pushed to it",
    ),
    Key("remote.*.region", "text", None, "the region of the remote's bucket"),
    Key("remote.*.url", "text", None, "where the remote of that name is"),
    Key(
        "runs.env",
        "text",
        None,
        "environment variables to keep with a run, names or patterns with blanks between them, such as "
        "`CUDA_VISIBLE_DEVICES SLURM_*`; what looks secret is never kept",
    ),
    Key(
        "runs.keep",
        "choice",
        "all",
        "which runs are put into the working tree when they end: `all`, those with `outputs`, or `none`; the others "
        "stay in this clone's journal",
        choices=("all", "outputs", "none"),
    ),
    Key(
        "runs.observe",
        "choice",
        "auto",
        "how a run notices which files its command opens: Python programs by themselves and all else through "
        "`strace` where it is (`auto`), only Python programs (`python`), everything through `strace` (`trace`), or "
        "not at all (`off`)",
        choices=("auto", "python", "trace", "off"),
    ),
    Key(
        "runs.require",
        "choice",
        "nothing",
        "what `track run` and `track rerun` ask of the code before they execute anything: `nothing`, that all of it is "
        "in the commit that is checked out (`clean`), or that a Git remote has that commit, too (`pushed`)",
        choices=("nothing", "clean", "pushed"),
    ),
    Key(
        "runs.warn",
        "choice",
        "all",
        "what `track run` and `track rerun` hint at after a run that completed: code that no commit has, or no Git "
        "remote that is known (`code`), that Git has no lock file for its Python (`lock`), both (`all`), or `nothing`",
        choices=("all", "code", "lock", "nothing"),
    ),
    Key(
        "store.chunks",
        "boolean",
        False,
        "whether the local store keeps large files in chunks, so that what versions have in common is there once, for "
        "files that are copied out instead of linked; what is there stays as it is",
        committed=False,
    ),
    Key(
        "store.max_size",
        "size",
        0,
        "how large the local store may be, such as `100 GiB`: `push`, `pull`, `fetch` and `gc` let go of what remotes "
        "verifiably hold, what was needed longest ago first; 0 for any size",
        committed=False,
    ),
    Key(
        "store.min_copies",
        "number",
        1,
        "how many remotes have to hold what a commit names before it leaves the local store, and how many other places "
        "before a keep policy gives it up at a remote; with 0, a policy may give up the last copy",
        committed=False,
    ),
    Key("store.path", "place", None, "the folder of the store, when it is not in the Git directory", committed=False),
    Key("store.shared", "boolean", False, "whether the store is writable by the group of its folder", committed=False),
    Key(
        "transfer.rate",
        "rate",
        0,
        "at most so many bytes a second to and from remotes, over all streams together, such as `10M` or `512 KiB`; "
        "0 for no limit",
        committed=False,
    ),
    Key("trash.days", "number", 30, "how many days `track restore` can go back"),
    Key("trash.steps", "number", 100, "how many commands `track restore` can go back"),
    Key(
        "user",
        "text",
        None,
        "who runs are recorded as, a name; else Git's identity, which stays what it is",
        committed=False,
    ),
)
"""Every setting there is, by name."""
