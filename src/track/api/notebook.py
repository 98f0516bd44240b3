"""What a notebook shows of results: tables, and a picture of lineage. A result learns it when it is loaded.

Results are made by verbs, which know no page; what a notebook asks them for is therefore given to them from here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from track.api.brief import PARTS, brief, shorten
from track.api.page import block, facts, note, table, title
from track.api.shown import WORDS
from track.model.amounts import count_text, size_text
from track.model.drawing import line, svg
from track.model.names import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # they are there before anybody shows them
    from track.flows.lineage_of import Traced
    from track.flows.running import Ran
    from track.model.record import Record
    from track.verbs import find as finding
    from track.verbs.add import Added
    from track.verbs.diff import Diff
    from track.verbs.log import Logged
    from track.verbs.pull import Pulled
    from track.verbs.push import Pushed
    from track.verbs.runs_list import Listed
    from track.verbs.status import ArtifactStatus, Status

_STATES = {"A": "new", "M": "modified", "D": "missing", "U": "in conflict", "S": "out of step", "?": "cannot be read"}
_OPS = {"A": "new", "M": "changed", "D": "gone", "R": "moved", "T": "executable or not", "=": "facts"}
_DRAWN = 300
_FACTS = 6


def status_page(found: Status) -> str:
    """Each artifact, and how its data stands."""
    rows = [(one.name or text_of(one.path), one.kind, size_text(one.size), _state(one)) for one in found.artifacts]
    where = f"on branch {found.branch}" if found.branch else "not on a branch"
    return block(
        title(where, count_text(len(rows), "artifact")),
        table(("artifact", "kind", "size", "state"), rows, numbers=(2,)),
    )


def diff_page(found: Diff) -> str:
    """Each artifact that differs."""
    rows = [
        (one.name or text_of(one.path), _OPS.get(one.op, one.op), size_text(one.old_size), size_text(one.new_size))
        for one in found.artifacts
    ]
    said = count_text(len(rows), "artifact") + " differ" + "s" * (len(rows) == 1)
    head = ("artifact", "", found.old, found.new)
    return block(title(f"{found.old} → {found.new}", said), table(head, rows, numbers=(2, 3)) if rows else "")


def log_page(found: Logged) -> str:
    """Each version, newest first."""
    rows = [
        (one.commit[:8], one.subject, one.author, _OPS.get(one.op, one.op), _signed(one.size_delta))
        for one in found.versions
    ]
    head = ("commit", "subject", "author", "", "size")
    return block(
        title(found.name or text_of(found.path), count_text(len(rows), "version")), table(head, rows, numbers=(4,))
    )


def runs_page(found: Listed) -> str:
    """The runs, with their first parameters and metrics."""
    records = [one.record for one in found.runs]
    params = _first(record.params for record in records)
    metrics = _first(record.metrics for record in records)
    rows = [
        (
            one.record.name,
            one.record.short,
            f"{one.record.started:%Y-%m-%d %H:%M}",
            one.status,
            *(one.record.params.get(name, "") for name in params),
            *(_last(one.record, name) for name in metrics),
        )
        for one in found.runs
    ]
    shown = count_text(len(rows), "run") + (f" of {found.matching_count:,}" if found.matching_count > len(rows) else "")
    said = (
        [table(("run", "id", "started (UTC)", "status", *params, *metrics), rows)] if rows else map(note, found.doubts)
    )
    return block(title(shown), *said)


def found_page(found: finding.Found) -> str:
    """The versions and runs that were found."""
    rows = [(one.name, one.id, f"{one.created:%Y-%m-%d %H:%M}", one.user) for one in found.items]
    more = f" of {found.matching_count:,}" if found.matching_count > len(rows) else ""
    shown = count_text(len(rows), "item") + more
    said = [table(("name", "id", "created (UTC)", "by"), rows)] if rows else map(note, found.doubts)
    return block(title(shown), *said)


def lineage_page(found: Traced) -> str:
    """The graph as a picture; one that is too large for that as a table."""
    graph = found.graph
    if len(graph.nodes) <= _DRAWN:
        return block(title(found.start.name), *svg(graph))
    return block(title(found.start.name), table(("kind", "what"), [(node.kind, line(node)) for node in graph.nodes]))


def record_page(record: Record) -> str:
    """A run: when and what, what it was given, what it measured, what it used and made."""
    known = {
        "id": record.id,
        "status": record.status,
        "started": f"{record.started:%Y-%m-%d %H:%M:%S} UTC",
        "seconds": None if record.seconds is None else f"{record.seconds:.1f}",
        "by": record.by,
        "command": " ".join(record.command),
        "commit": record.revision.commit if record.revision is not None else None,
    }
    known |= {f"param {name}": value for name, value in record.params.items()}
    known |= {f"metric {name}": f"{value.last:g}" for name, value in record.metrics.items()}
    rows = [(used.category, used.shown, size_text(used.size)) for used in record.artifacts]
    made = table(("", "artifact", "size"), rows, numbers=(2,)) if rows else ""
    return block(title(record.name), facts(known), made)


def ran_page(found: Ran) -> str:
    """The record of the run, and what is not as it should be."""
    return record_page(found.record) + "".join(block(note(warning)) for warning in found.warnings)


def added_page(found: Added) -> str:
    """Each artifact, and whether it is new or changed."""
    rows = [
        (
            text_of(one.path),
            one.kind,
            size_text(one.size),
            "new" if one.is_new else "changed" if one.is_changed else "same",
        )
        for one in found.artifacts
    ]
    return block(table(("artifact", "kind", "size", ""), rows, numbers=(2,)))


def pulled_page(found: Pulled) -> str:
    """How much came, and from where."""
    remotes = ", ".join(name for name, _ in found.remotes)
    known = {"from": remotes, "objects": found.objects_count, "fetched": size_text(found.fetched_bytes)}
    return block(title("would be pulled" if found.dry_run else "pulled"), facts(known))


def pushed_page(found: Pushed) -> str:
    """How much went, and where to."""
    known = {"to": found.remote, "url": found.url, "objects": found.objects_count, "sent": size_text(found.sent_bytes)}
    return block(title("would be pushed" if found.dry_run else "pushed"), facts(known))


_PAGES: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("track.flows.lineage_of", "Traced", lineage_page),
    ("track.flows.run_find", "Found", lambda found: record_page(found.record)),
    ("track.flows.running", "Ran", ran_page),
    ("track.model.record", "Record", record_page),
    ("track.verbs.add", "Added", added_page),
    ("track.verbs.diff", "Diff", diff_page),
    ("track.verbs.find", "Found", found_page),
    ("track.verbs.log", "Logged", log_page),
    ("track.verbs.pull", "Pulled", pulled_page),
    ("track.verbs.push", "Pushed", pushed_page),
    ("track.verbs.runs_list", "Listed", runs_page),
    ("track.verbs.status", "Status", status_page),
)
"""What has a page: its module, its class there, and how it is shown."""


def teach() -> None:
    """Give their pages, and their words, to the results whose modules are loaded by now; once more is fine.

    What another thread has not loaded to its end gets them from that thread.
    """
    words = (*WORDS, *((module, kind, brief) for module, kinds in PARTS for kind in kinds))
    for name, shows in (("_repr_html_", _PAGES), ("__repr__", words)):
        for module, kind, how in shows:
            if (made := getattr(sys.modules.get(module), kind, None)) is not None:
                how.__annotations__ = {"return": str}  # of what, its class says, and nobody has to load that for it
                setattr(made, name, how)
                shorten(made)


def _state(one: ArtifactStatus) -> str:
    data = _STATES.get(one.data)
    staged = "staged" if one.staged != "." else "pointer changed" if one.unstaged != "." else None
    return ", ".join(filter(None, (data, staged))) or "unchanged"


def _signed(size: int) -> str:
    return ("+" if size > 0 else "−" if size < 0 else "") + size_text(abs(size))


def _first(groups: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for group in groups for name in group if not name.startswith("resources/")))[:_FACTS]


def _last(record: Record, name: str) -> str:
    return f"{record.metrics[name].last:g}" if name in record.metrics else ""
