"""`track alerts`: what calls for somebody while a run goes on."""

from typing import Any

import click

from track.cli import late
from track.cli.session import emit, emit_json, note, opened, refuse, table
from track.model.alert import NOTIFICATIONS, STATES, TYPES, Alert
from track.model.names import display

_HELP = """Have runs watched: a metric that leaves its limits, an event, or what somebody sets by hand.

\b
  track alerts add "quality too low" --type "is below" --metric quality --threshold 0.4
  track alerts add "quality too low" --run brave-otter      have a living run watched by it
  track alerts list                                         those of the project
  track alerts list --run brave-otter                       and how they stand in a run
  track alerts set "look at the mesh" critical --run brave-otter

An alert is a small file in `.track/alerts`, staged for your next commit; its state in a run is in the run's record.

\b
Exit codes: 0 done; 1 it cannot be written; 2 wrong usage, no such run or alert, or the run has ended; 3 not a project,
or a definition that cannot be read; 6 another alert of that name, or locked.
"""

_ADD_HELP = """Define an alert of the project, and, with --run, have a living run watched by it.

\b
  track alerts add "quality too low" --type "is below" --metric quality --threshold 0.4
  track alerts add density --type "is outside range" --metric density --range-low 1 --range-high 5 --window 5
  track alerts add diverged --type event --pattern "[Dd]iverged" --notification email
  track alerts add "look at the mesh" --type "by hand"
  track alerts add diverged --run brave-otter               one that the project has

Every --frequency minutes the average of the last --window minutes is compared; exactly on a limit is not beyond it.
Who logs to the run looks at it: the program that writes, and every `track log` and `track monitor`.

\b
Exit codes: 0 done; 1 it cannot be written; 2 it cannot be, no such run or alert, or the run has ended; 3 not a
project, or mail is wanted and no setting says where it goes; 6 another alert of that name, or locked.
"""

_LIST_HELP = """List the alerts of the project, or how those of a run stand.

\b
  track alerts list
  track alerts list --run brave-otter
  track alerts list --run brave-otter --state critical
  track alerts list --json

\b
Exit codes: 0 done; 2 no such run or state; 3 not a project, or a definition that cannot be read, after the others
were listed.
"""

_SET_HELP = """Say by hand how an alert of a living run stands.

\b
  track alerts set "look at the mesh" critical --run brave-otter
  track alerts set "look at the mesh" ok                    of the run that started this command

\b
Exit codes: 0 done; 1 it cannot be written; 2 no such run, alert or state, or the run has ended; 3 not a project;
6 locked.
"""

_REMOVE_HELP = """Remove an alert of the project, or have a living run watched by it no more.

\b
  track alerts remove diverged
  track alerts remove diverged --run brave-otter

What records of ended runs say of it stays.

\b
Exit codes: 0 done; 1 it cannot be written; 2 no such run or alert; 3 not a project; 6 a living run is watched by it,
or locked.
"""

_MINUTES = ("frequency", "window")


@click.group("alerts", help=_HELP, short_help="what calls for somebody while a run goes on")
def command() -> None:
    """The group; its commands say what they do."""


@command.command("add", help=_ADD_HELP, short_help="define an alert, and watch a run")
@click.argument("name", metavar="NAME")
@click.option("--type", "type", type=click.Choice(TYPES), help="What calls.")
@click.option("--metric", metavar="METRIC", help="Of a metric: which one.")
@click.option("--threshold", type=float, metavar="NUMBER", help="For `is above` and `is below`.")
@click.option("--range-low", type=float, metavar="NUMBER", help="For the two ranges: the lower limit.")
@click.option("--range-high", type=float, metavar="NUMBER", help="For the two ranges: the upper limit.")
@click.option("--frequency", type=float, metavar="MINUTES", help="How often the average is looked at; else 1.")
@click.option("--window", type=float, metavar="MINUTES", help="Over how long it is taken; else 1.")
@click.option("--pattern", metavar="REGEX", help="Of events: what one holds.")
@click.option("--notification", type=click.Choice(NOTIFICATIONS), help="Whether mail is sent; else none.")
@click.option("--run", metavar="RUN", help="Have this living run watched by it.")
def add(*, name: str, run: str | None, **said: Any) -> None:
    """Translate, call the verb, show."""
    facts = {fact: value for fact, value in said.items() if value is not None}
    if facts.get("metric") is not None:
        facts = {**dict.fromkeys(_MINUTES, 1.0), **facts}
    with opened() as project:
        alert = late.alerts_add.alerts_add(project, name, facts, run)
    emit(f"{display(alert.name)}  {_meaning(alert)}")
    note("staged: git commit keeps it" if run is None else f"run {display(run)} is watched by it")


@command.command("list", help=_LIST_HELP, short_help="the alerts of the project, or of a run")
@click.option("--run", metavar="RUN", help="How they stand in this run.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(*, run: str | None, state: str | None, as_json: bool) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        listed = late.alerts_list.alerts_list(project, run, state=state)
    if as_json:
        record = None if listed.run is None else listed.run.record
        head = {"run": None if record is None else record.id, "name": None if record is None else record.name}
        emit_json("alerts list", {**head, "alerts": [_document(each) for each in listed.alerts]})
    else:
        table([_row(each) for each in listed.alerts])
        if not listed.alerts:
            note("no alerts" if state is None else f"no alert is {state}")
    refuse(listed.refused)


@command.command("set", help=_SET_HELP, short_help="how an alert of a run stands, by hand")
@click.argument("name", metavar="NAME")
@click.argument("state", type=click.Choice(STATES))
@click.option("--run", metavar="RUN", help="The run; else that of TRACK_RUN_ID.")
def set_(*, name: str, state: str, run: str | None) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        record = late.alerts_set.alerts_set(project, name, state, run)
    emit(f"{display(name)}  {state}  in run {display(record.name)}")


@command.command("remove", help=_REMOVE_HELP, short_help="remove an alert, or from a run")
@click.argument("name", metavar="NAME")
@click.option("--run", metavar="RUN", help="Only have this living run watched by it no more.")
def remove(*, name: str, run: str | None) -> None:
    """Translate, call the verb, show."""
    with opened() as project:
        late.alerts_remove.alerts_remove(project, name, run)
    emit(f"{display(name)}  removed" + ("" if run is None else f" from run {display(run)}"))


def _row(each: "late.alerts_list.AlertState") -> tuple[str, ...]:
    meaning = "not defined here" if each.alert is None else _meaning(each.alert)
    state = () if each.state is None else (each.state,)
    return display(each.name), *state, meaning


def _meaning(alert: Alert) -> str:
    """An alert in words."""
    if alert.metric is not None:
        limits = (alert.threshold,) if alert.threshold is not None else (alert.range_low, alert.range_high)
        said = f"{display(alert.metric)} {alert.type} {' to '.join(f'{limit:g}' for limit in limits)}"
        said += f", mean of {alert.window:g} min, every {alert.frequency:g} min"
    else:
        said = f"event {display(alert.pattern)}" if alert.pattern is not None else alert.type
    return said + (", e-mail" if alert.notification == "email" else "")


def _document(each: "late.alerts_list.AlertState") -> dict[str, object]:
    alert = each.alert
    facts = None
    if alert is not None:
        facts = {fact: getattr(alert, fact) for fact in ("type", "metric", "frequency", "window", "threshold")}
        facts |= {fact: getattr(alert, fact) for fact in ("range_low", "range_high", "pattern", "notification")}
    return {"name": each.name, "state": each.state, "definition": facts}
