"""What a prompt shows of results: what they are and how many, in words, and not every fact of them.

As the pages of `notebook`, these are given to results when their modules are loaded: verbs know no prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from track.model.amounts import count_text, size_text
from track.model.names import display, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:  # they are there before anybody shows them
    from track.flows.finding import Item
    from track.flows.lineage_of import Traced
    from track.flows.running import Ran
    from track.model.lineage import Node
    from track.model.record import Record
    from track.verbs import find as finding
    from track.verbs.add import Added
    from track.verbs.diff import Diff
    from track.verbs.log import Logged
    from track.verbs.pull import Pulled
    from track.verbs.push import Pushed
    from track.verbs.runs_list import Listed
    from track.verbs.stale import Staleness
    from track.verbs.status import Status
    from track.verbs.who_uses import Users

_LINES = 20


def _status(found: Status) -> str:
    where = f"on branch {display(found.branch)}" if found.branch else "not on a branch"
    changed = f", {len(found.changed):,} changed" if found.changed else ""
    return f"<Status: {where}, {count_text(len(found.artifacts), 'artifact')}{changed}>"


def _diff(found: Diff) -> str:
    return f"<Diff {display(found.old)} -> {display(found.new)}: {count_text(len(found.artifacts), 'artifact')}>"


def _logged(found: Logged) -> str:
    return f"<Logged {display(found.name or text_of(found.path))}: {count_text(len(found.versions), 'version')}>"


def _listed(found: Listed) -> str:
    head = f"<Listed: shown {len(found.runs):,} of {found.matching_count:,}>"
    return _lines(head, [_record(one.record) for one in found.runs] or found.doubts, len(found.runs))


def _found(found: finding.Found) -> str:
    head = f"<Found: shown {len(found.items):,} of {found.matching_count:,}>"
    return _lines(head, [_item(one) for one in found.items] or found.doubts, len(found.items))


def _item(item: Item) -> str:
    return f"<Item {display(item.name)}: {item.id}, {item.created:%Y-%m-%d %H:%M} UTC, by {display(item.user)}>"


def _record(record: Record) -> str:
    used = [sum(one.category == kind for one in record.artifacts) for kind in ("input", "output")]
    said = ", ".join(count_text(count, kind) for count, kind in zip(used, ("input", "output"), strict=True))
    when = f"{record.started:%Y-%m-%d %H:%M} UTC"
    return f"<Record {display(record.name)} ({record.short}): {record.status}, {when}, {said}>"


def _ran(found: Ran) -> str:
    return _record(found.record).replace("<Record", "<Ran", 1)


def _traced(found: Traced) -> str:
    nodes, edges = len(found.graph.nodes), len(found.graph.edges)
    return f"<Traced {display(found.start.name)}: {count_text(nodes, 'node')}, {count_text(edges, 'edge')}>"


def _node(found: Node) -> str:
    return f"<Node: {found.kind} {display(found.name)}>"


def _added(found: Added) -> str:
    new, changed = (sum(getattr(one, fact) for one in found.artifacts) for fact in ("is_new", "is_changed"))
    return f"<Added: {count_text(len(found.artifacts), 'artifact')}, {new:,} new, {changed:,} changed>"


def _pulled(found: Pulled) -> str:
    remotes = ", ".join(display(name) for name, _ in found.remotes)
    where = f" from {remotes}" if remotes else ""
    return f"<Pulled{where}: {count_text(found.objects_count, 'object')}, {size_text(found.fetched_bytes)}>"


def _pushed(found: Pushed) -> str:
    sent = f"{count_text(found.objects_count, 'object')}, {size_text(found.sent_bytes)}"
    return f"<Pushed to {display(found.remote)}: {sent}>"


def _staleness(found: Staleness) -> str:
    return f"<Staleness: {len(found.artifacts):,} stale of {count_text(found.made_count, 'artifact')} that runs made>"


def _users(found: Users) -> str:
    return f"<Users of {display(found.name)}: {count_text(len(found.uses), 'use')}>"


def _lines(head: str, items: Iterable[str], count: int) -> str:
    shown = [text for text, _ in zip(items, range(_LINES), strict=False)]
    more = [f"… and {count - _LINES:,} more"] if count > _LINES else []
    return "\n  ".join((head, *shown, *more))


WORDS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("track.flows.finding", "Item", _item),
    ("track.flows.lineage_of", "Traced", _traced),
    ("track.flows.run_find", "Found", lambda found: _record(found.record)),
    ("track.flows.running", "Ran", _ran),
    ("track.model.lineage", "Node", _node),
    ("track.model.record", "Record", _record),
    ("track.verbs.add", "Added", _added),
    ("track.verbs.diff", "Diff", _diff),
    ("track.verbs.find", "Found", _found),
    ("track.verbs.log", "Logged", _logged),
    ("track.verbs.pull", "Pulled", _pulled),
    ("track.verbs.push", "Pushed", _pushed),
    ("track.verbs.runs_list", "Listed", _listed),
    ("track.verbs.stale", "Staleness", _staleness),
    ("track.verbs.status", "Status", _status),
    ("track.verbs.who_uses", "Users", _users),
)
"""What is told in words: its module, its class there, and how."""
