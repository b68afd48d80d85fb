"""`cascade-monitor alerts` and `cascade-monitor silence`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from monitor import display
from monitor.console import ConfigOption, JsonOption, asked, interruptible, loaded, out
from monitor.errors import QuestionError

Document = Mapping[str, Any]


def alerts(
    config: ConfigOption,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="rows")] = 100,
    dead: Annotated[
        bool, typer.Option("--dead", help="deliveries that were given up, and why")
    ] = False,
    replay: Annotated[
        str | None, typer.Option(help="send this alert again, under its id", metavar="ID")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(help="with --replay: to this webhook alone")
    ] = None,
    replay_dead: Annotated[
        bool, typer.Option("--replay-dead", help="send all again that was given up")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Alerts, newest first, and what became of them; or send some again."""
    asked_for = [dead, replay is not None, replay_dead]
    if sum(asked_for) > 1:
        raise QuestionError("--dead, --replay and --replay-dead: expected one of them.")
    if webhook is not None and replay is None:
        raise QuestionError("--webhook alone means nothing: expected --replay ID beside it.")
    if not any(asked_for):
        document = asked(config, lambda answers: answers.alerts(limit))
        display.show(out, document, display.alerts, as_json=as_json)
    elif dead:
        _dead(config, as_json=as_json)
    else:
        _replay(config, replay, webhook, as_json=as_json)


def _dead(config: Path, *, as_json: bool) -> None:
    from monitor import redelivery

    settings = loaded(config)
    document = interruptible(redelivery.dead_letters(settings, config))
    display.show(out, document, _dead_table, as_json=as_json)


def _replay(config: Path, alert_id: str | None, webhook: str | None, *, as_json: bool) -> None:
    from monitor import redelivery

    settings = loaded(config)
    if alert_id is None:
        document = interruptible(redelivery.replay_dead(settings))
    else:
        document = interruptible(redelivery.replay(settings, alert_id, webhook))
    display.show(out, document, _replayed, as_json=as_json)


def silence(
    config: ConfigOption,
    breaker: Annotated[
        str | None, typer.Argument(help="a breaker, a watch, or a condition such as monitor.lag")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", help="how long: 30s, 15m, 2h, 3d", metavar="DURATION")
    ] = None,
    why: Annotated[str | None, typer.Option(help="the reason, kept with each alert")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="end it now")] = False,
    shown: Annotated[bool, typer.Option("--list", help="what is silenced")] = False,
    as_json: JsonOption = False,
) -> None:
    """Hear nothing of a breaker for a while. What still fires at the end is said again."""
    from monitor import silencing

    if shown:
        if breaker is not None or lift or duration is not None:
            raise QuestionError("--list shows all: expected nothing beside it.")
        document = interruptible(silencing.silences(loaded(config)))
        display.show(out, document, _silences, as_json=as_json)
        return
    if breaker is None:
        raise QuestionError("nothing is named: expected a breaker, or --list.")
    if lift:
        if duration is not None or why is not None:
            raise QuestionError("--lift ends a silence: expected neither --for nor --why.")
        document = interruptible(silencing.lifted(loaded(config), breaker))
        display.show(out, document, _lifted, as_json=as_json)
        return
    if duration is None or why is None:
        raise QuestionError(
            "a silence has an end and a reason: expected --for, as in --for 2h, and --why."
        )
    document = interruptible(silencing.silence(loaded(config), breaker, duration, why))
    display.show(out, document, _silences, as_json=as_json)


def _dead_table(console: Console, document: Document) -> None:
    for row in document["dead"]:
        died = row["died_at"] or "at an unknown time"
        console.print(
            f"{row['type'] or 'an alert'} of {row['breaker'] or 'a breaker'} to webhook "
            f"{row['webhook']}, given up {died} after {row['attempts']} attempts",
            f"    {row['reason']}",
            f"    {row['replay'] or 'cannot be sent again: ' + row['obstacle']}",
            sep="\n",
            **_PLAIN,
        )
    if not document["dead"]:
        console.print("nothing was given up", **_PLAIN)


def _replayed(console: Console, document: Document) -> None:
    for row in document["replayed"]:
        console.print(f"{row['id']} is queued again for {', '.join(row['webhooks'])}", **_PLAIN)
    for row in document["left"]:
        console.print(f"{row['id']} is left as it is: {row['why']}", **_PLAIN)
    if not document["replayed"]:
        console.print("nothing was sent again", **_PLAIN)


def _silences(console: Console, document: Document) -> None:
    if not document["silences"]:
        console.print("nothing is silenced", **_PLAIN)
        return
    table = Table("breaker", "since", "until", Column("why", overflow="fold"))
    for row in document["silences"]:
        end = f"{row['until']} (over)" if row["is_over"] else row["until"]
        table.add_row(row["breaker"], row["since"], end, escape(row["why"]))
    console.print(table)


def _lifted(console: Console, document: Document) -> None:
    console.print(f"{document['lifted']} is heard again", **_PLAIN)


_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
