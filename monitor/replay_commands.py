"""`cascade-monitor replay`: what the monitor would have said of blocks of the past."""

import os
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from monitor import display, garbage
from monitor.console import JsonOption, err, interruptible, loaded, out, progress
from monitor.display import Document
from monitor.errors import QuestionError
from monitor.logs import Redaction, configure

ConfigOrNone = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="CASCADE_MONITOR_CONFIG", help="the TOML file"),
]
USUAL_HORIZON = "24h"

if TYPE_CHECKING:
    from monitor.incidents.incident_file import Incident
    from monitor.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """A replay of a node's blocks. `words`: the options that ask for the same again."""

    settings: "Settings"
    blocks: tuple[int, int] | None
    incident: "Incident | None"
    horizon: int
    words: list[str]


def replay(
    context: typer.Context,
    config: ConfigOrNone = None,
    from_block: Annotated[int | None, typer.Option(help="the first block to be judged")] = None,
    to_block: Annotated[int | None, typer.Option(help="the last one")] = None,
    recording: Annotated[
        Path | None, typer.Option(help="a file of --record, instead of a node's blocks")
    ] = None,
    incident: Annotated[
        Path | None,
        typer.Option(
            help="a file of deploy/incidents: its breakers, its days; with --config, on"
            " that node's blocks, else on positions that are at hand"
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(envvar="CASCADE_MONITOR_DATA", help="where sets of positions lie"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the report: one HTML file")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="keep what the node answers, to replay it without one")
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(
            help="how long after a trip a liquidation makes it right, as in 2h",
            show_default=USUAL_HORIZON,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace files that are there")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the pipeline again over past blocks, and compare what it said with what happened.

    Nothing is sent, and no state is touched. Blocks older than about 128 need an archive node.
    """
    seconds = None if horizon is None else _seconds(horizon)
    if output is not None:
        from monitor.store.placing import check_new

        check_new(output, force=force)
    _one_of_them(context)
    is_typed = _is_typed(context, "config")
    if recording is not None:
        document = _played(recording, config if is_typed else None, seconds)
    elif incident is not None and not is_typed:
        document = _of_book(incident, data)
    else:
        asked = _asked(config, incident, _range(from_block, to_block, incident), seconds)
        document = _from_node(asked, record, force=force)
    if output is not None:
        _write(output, document, force=force)
        document = {**document, "report": str(output)}
    display.show(out, document, said, as_json=as_json)


def _one_of_them(context: typer.Context) -> None:
    """Raises QuestionError for options that answer one question twice."""
    range_options = ("from_block", "to_block")
    own = {"recording": (*range_options, "record", "incident"), "incident": range_options}
    for name, others in own.items():
        for other in others if _is_typed(context, name) else ():
            if _is_typed(context, other):
                option = f"--{other.replace('_', '-')}"
                raise QuestionError(
                    f"{option} and --{name}: expected one of them: the {name} has its own."
                )


def _asked(
    config: Path | None,
    incident: Path | None,
    blocks: tuple[int, int] | None,
    seconds: int | None,
) -> "Asked":
    """What a node is to be asked. Raises QuestionError, ConfigError."""
    with garbage.undisturbed():
        from monitor.incidents.incident_file import asked_in, load_incident

    if config is None:
        raise QuestionError(
            "expected --config F (or CASCADE_MONITOR_CONFIG), --recording FILE or --incident FILE"
        )
    settings = loaded(config)
    horizon = seconds or _seconds(USUAL_HORIZON)
    words = ["--config", str(config), "--horizon", f"{horizon}s"]
    if incident is not None:
        found = load_incident(incident)
        words += ["--incident", str(incident)]
        return Asked(asked_in(settings, found), None, found, horizon, words)
    if blocks is not None:
        words += ["--from-block", str(blocks[0]), "--to-block", str(blocks[1])]
    return Asked(settings, blocks, None, horizon, words)


def _from_node(asked: "Asked", record: Path | None, *, force: bool) -> Document:
    with garbage.undisturbed():
        from monitor.incidents.sessions import Wanted, from_node

    found = asked.incident
    if found is not None and found.incident.chain_id != asked.settings.chain.chain_id:
        raise QuestionError(
            f"the incident happened on chain {found.incident.chain_id}, the configuration follows "
            f"chain {asked.settings.chain.chain_id}: expected one of the same chain"
        )
    again = shlex.join(["cascade-monitor", "replay", *asked.words])
    span = (0, 0) if found is None else found.span
    wanted = Wanted(asked.blocks, asked.horizon, record, force, again, span)
    with progress("replay") as tell:
        document = interruptible(from_node(asked.settings, wanted, tell))
    told = {} if found is None else {"incident": found.incident.model_dump(mode="json")}
    return {**document, **told}


def _of_book(path: Path, data: Path | None) -> Document:
    """What is said of positions at hand; else what happened, and how to replay it."""
    with garbage.undisturbed():
        from monitor.incidents.book_run import asked_of_book, not_replayed
        from monitor.incidents.incident_file import alone, load_incident

    configure(Redaction(()), level=os.environ.get("CASCADE_MONITOR_LOG", "info"))
    found = load_incident(path)
    words = ["cascade-monitor", "replay", "--incident", str(path)]
    if found.book is None:
        words[2:2] = ["--config", "YOURS.toml"]
        why = "it needs an archive node, and no positions of the day are at hand."
        command = [*words, "-o", "report.html"] if found.incident.is_replayable else []
        return not_replayed(found, why, shlex.join(command))
    if data is None:
        why = (
            f"positions for it are in the set {found.book.set}, which is others' and not part of "
            "cascade-monitor: name the folder that it lies in with --data."
        )
        command = [*words, "--data", "FOLDER", "-o", "report.html"]
        return not_replayed(found, why, shlex.join(command))
    with tempfile.TemporaryDirectory(prefix="cascade-replay-") as folder:
        settings = alone(found, Path(folder))
        with progress("replay") as tell:
            return interruptible(asked_of_book(found, settings, data, tell))


def _played(recording: Path, config: Path | None, seconds: int | None) -> Document:
    with garbage.undisturbed():
        from monitor.incidents.sessions import from_recording

    configure(Redaction(()), level=os.environ.get("CASCADE_MONITOR_LOG", "info"))
    settings = None if config is None else loaded(config)
    with progress("replay") as tell:
        return interruptible(from_recording(recording, settings, seconds, tell))


def _range(
    from_block: int | None, to_block: int | None, incident: Path | None
) -> tuple[int, int] | None:
    """None where the incident says when."""
    if incident is not None:
        return None
    if from_block is None or to_block is None:
        raise QuestionError(
            "expected --from-block A and --to-block B, --recording FILE or --incident FILE"
        )
    return from_block, to_block


def _seconds(horizon: str) -> int:
    from monitor.silencing import seconds_of

    return seconds_of(horizon, "--horizon")


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _write(output: Path, document: Document, *, force: bool) -> None:
    from monitor.incidents.incident_report import reported
    from monitor.incidents.page import html_of
    from monitor.store.placing import ordered

    with ordered(output, force=force) as file:
        file.write(html_of(reported(document)).encode())


def said(console: Console, document: Document) -> None:
    """The verdicts on a terminal."""
    if "happened" in document:
        _verdicts(console, document)
    else:
        _trips(console, document)
    for reason in document.get("unknown", ()):
        err.print(f"unknown: {reason}", soft_wrap=True, markup=False)
    for name in ("recording", "report"):
        if document.get(name):
            console.print(f"{name} {document[name]}", highlight=False, soft_wrap=True)


def _verdicts(console: Console, document: Document) -> None:
    from monitor.incidents.wording import money, span

    first, last, happened = document["from"], document["block"], document["happened"]
    console.print(
        f"blocks {first['number'] + 1} to {last['number']}: {happened['liquidations']} liquidations"
        f" of {happened['accounts']} accounts, {money(happened['liquidated_usd'])} of debt",
        highlight=False,
    )
    table = Table("breaker", "trips", "false alarms", "misses", "lead", "lead to the peak")
    for row in document["breakers"]:
        leads = (row["lead_seconds"], row["lead_to_peak_seconds"])
        shown = ("-" if seconds is None else span(seconds) for seconds in leads)
        counts = (len(row["trips"]), row["false_alarms"], row["misses"])
        table.add_row(row["name"], *map(str, counts), *shown)
    console.print(table)


def _trips(console: Console, document: Document) -> None:
    """Of positions at hand, or of none."""
    from monitor.incidents.wording import unix_text

    def tell(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    tell(document["incident"]["title"])
    if document["replayed"] is None:
        tell(f"not replayed: {document['not_replayed']}")
        tell(document["command"] or document["incident"]["node"])
        return
    for limit in document["book"]["limits"]:
        tell(f"- {limit}")
    for row in document["breakers"]:
        times = [f"{unix_text(at)} UTC" for at in row["tripped"]]
        tell(f"{row['name']} ({row['measure']} of {row['scenario']}): {_tripped(times)}")


def _tripped(times: Sequence[str]) -> str:
    if not times:
        return "never trips"
    more = f", {len(times)} times in all" if times[1:] else ""
    return f"trips {times[0]}{more}"


__all__ = ["replay", "said"]
