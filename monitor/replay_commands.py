"""`cascade-monitor replay`: what the monitor would have said of blocks of the past."""

import os
import shlex
from pathlib import Path
from typing import Annotated

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


def replay(
    context: typer.Context,
    config: ConfigOrNone = None,
    from_block: Annotated[int | None, typer.Option(help="the first block to be judged")] = None,
    to_block: Annotated[int | None, typer.Option(help="the last one")] = None,
    recording: Annotated[
        Path | None, typer.Option(help="a file of --record, instead of a node's blocks")
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
    if recording is not None:
        is_typed = _is_typed(context, "config")
        document = _played(recording, config if is_typed else None, seconds, context)
    else:
        document = _asked(config, _range(from_block, to_block), record, seconds, force=force)
    if output is not None:
        _write(output, document, force=force)
        document = {**document, "report": str(output)}
    display.show(out, document, said, as_json=as_json)


def _asked(
    config: Path | None,
    blocks: tuple[int, int],
    record: Path | None,
    seconds: int | None,
    *,
    force: bool,
) -> Document:
    with garbage.undisturbed():
        from monitor.incidents.sessions import Wanted, from_node

    if config is None:
        raise QuestionError("expected --config F (or CASCADE_MONITOR_CONFIG), or --recording FILE")
    settings = loaded(config)
    horizon = seconds or _seconds(USUAL_HORIZON)
    words = ["--config", str(config), "--from-block", str(blocks[0]), "--to-block", str(blocks[1])]
    again = shlex.join(["cascade-monitor", "replay", *words, "--horizon", f"{horizon}s"])
    wanted = Wanted(blocks, horizon, record, force, again)
    with progress("replay") as tell:
        return interruptible(from_node(settings, wanted, tell))


def _played(
    recording: Path, config: Path | None, seconds: int | None, context: typer.Context
) -> Document:
    for name in ("from_block", "to_block", "record"):
        if _is_typed(context, name):
            option = f"--{name.replace('_', '-')}"
            raise QuestionError(f"{option} and --recording: expected one of them: it has its own.")
    with garbage.undisturbed():
        from monitor.incidents.sessions import from_recording

    configure(Redaction(()), level=os.environ.get("CASCADE_MONITOR_LOG", "info"))
    settings = None if config is None else loaded(config)
    with progress("replay") as tell:
        return interruptible(from_recording(recording, settings, seconds, tell))


def _seconds(horizon: str) -> int:
    from monitor.silencing import seconds_of

    return seconds_of(horizon, "--horizon")


def _range(from_block: int | None, to_block: int | None) -> tuple[int, int]:
    if from_block is None or to_block is None:
        raise QuestionError("expected --from-block A and --to-block B, or --recording FILE")
    return from_block, to_block


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _write(output: Path, document: Document, *, force: bool) -> None:
    from monitor.incidents.page import html_of
    from monitor.incidents.report import page_of
    from monitor.store.placing import ordered

    page = page_of(document, "What the monitor would have said")
    with ordered(output, force=force) as file:
        file.write(html_of(page).encode())


def said(console: Console, document: Document) -> None:
    """The verdicts on a terminal."""
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
    for reason in document["unknown"]:
        err.print(f"unknown: {reason}", soft_wrap=True, markup=False)
    for name in ("recording", "report"):
        if document.get(name):
            console.print(f"{name} {document[name]}", highlight=False, soft_wrap=True)


__all__ = ["replay", "said"]
