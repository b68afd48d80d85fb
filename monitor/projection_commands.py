"""`cascade-monitor project`, `curve` and `snapshot`: of a store's newest block, or a snapshot's."""

import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console

from monitor import display, projection_display
from monitor.console import ConfigOption, JsonOption, asked, err, interruptible, loaded, out
from monitor.errors import QuestionError
from monitor.logs import Redaction, configure
from monitor.simulation.shocks import pairs_of

STDOUT = Path("-")
Document = dict[str, Any]

ConfigOrNone = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="CASCADE_MONITOR_CONFIG", help="the TOML file"),
]
SnapshotOption = Annotated[
    Path | None,
    typer.Option(help="a file of `snapshot`, or that an alert names; instead of --config"),
]


class Projecting(Protocol):
    """What these commands ask."""

    async def cascade(self, scenario: str) -> Document: ...

    async def project(self, shocks: dict[str, Any], options: dict[str, Any]) -> Document: ...

    async def curve(self, asset: str, to: str, steps: int) -> Document: ...


Question = Callable[[Projecting], Awaitable[Document]]


def project(
    context: typer.Context,
    shock: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE, as in WETH=-0.30; repeatable")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE, a key of the table projection; repeatable")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="one that is configured, instead of --shock and --option")
    ] = None,
    config: ConfigOrNone = None,
    snapshot: SnapshotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Project one scenario from the newest stored block, or from a snapshot."""
    if (scenario is None) == (not shock) or (scenario is not None and option):
        raise QuestionError("expected --shock KEY=VALUE (and --option), or else --scenario NAME")
    shocks = pairs_of(shock or [])
    options = {key: _number(value) for key, value in pairs_of(option or [], "option").items()}

    def question(answers: Projecting) -> Awaitable[Document]:
        return answers.project(shocks, options) if scenario is None else answers.cascade(scenario)

    document = _answered(context, config, snapshot, question)
    display.show(out, document, projection_display.answered, as_json=as_json)


def curve(
    context: typer.Context,
    asset: Annotated[str, typer.Option(help="whose price is shocked")],
    to: Annotated[float, typer.Option(help="the last shock, a ratio")] = -0.5,
    steps: Annotated[int, typer.Option(min=1, max=10_000, help="points")] = 100,
    config: ConfigOrNone = None,
    snapshot: SnapshotOption = None,
    as_json: JsonOption = False,
) -> None:
    """The cascade curve of one asset."""

    def question(answers: Projecting) -> Awaitable[Document]:
        return answers.curve(asset, str(to), steps)

    document = _answered(context, config, snapshot, question)
    display.show(out, document, projection_display.curve, as_json=as_json)


def snapshot(
    config: ConfigOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="the file to write; - for stdout")],
    force: Annotated[bool, typer.Option("--force", help="replace what is there")] = False,
    as_json: JsonOption = False,
) -> None:
    """Freeze all that a projection of the newest stored block uses, to repeat it elsewhere."""
    if output == STDOUT and (as_json or sys.stdout.isatty()):
        raise QuestionError("-o - writes bytes to stdout: expected a pipe or a file, and no --json")
    document = _frozen(config, output, force=force)
    display.show(err if output == STDOUT else out, document, _said, as_json=as_json)


def _frozen(config: Path, output: Path, *, force: bool) -> Document:
    from monitor.desk import stored_world
    from monitor.engine.paging import block_json
    from monitor.filing import frame_for
    from monitor.parts import parts_of
    from monitor.store.placing import check_new, ordered
    from monitor.store.snapshot_file import freeze, pack, schema

    settings = loaded(config)
    if output != STDOUT:
        check_new(output, force=force)
    parts = parts_of(settings)
    world = interruptible(stored_world(settings, parts))
    frozen = freeze(frame_for(settings, parts).around(world))
    if output == STDOUT:
        pack(frozen, sys.stdout.buffer)
        sys.stdout.flush()
    else:
        with ordered(output, force=force) as file:
            pack(frozen, file)
    return {
        "file": str(output),
        "bytes": None if output == STDOUT else output.stat().st_size,
        "snapshot": frozen.id,
        "schema": schema(),
        "chain_id": settings.chain.chain_id,
        "block": block_json(world.block),
        "accounts": sum(len(market.exposures) for market in world.markets),
    }


def _said(console: Console, document: display.Document) -> None:
    display.headline(console, document)
    size = "" if document["bytes"] is None else f"{document['bytes']} bytes, "
    for line in (
        f"{document['file']}: {size}{document['accounts']} accounts with debt",
        f"snapshot {document['snapshot']}",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _answered(
    context: typer.Context, config: Path | None, snapshot: Path | None, question: Question
) -> Document:
    """What a store says, or a snapshot. A configuration in the environment gives way to one."""
    source = context.get_parameter_source("config")
    is_typed = source is not None and source.name == "COMMANDLINE"
    if snapshot is not None and is_typed:
        raise QuestionError(
            "--config and --snapshot: expected one of them: a snapshot has names, scenarios and "
            "options of its own."
        )
    if snapshot is not None:
        return _thawed(snapshot, question)
    if config is None:
        raise QuestionError("expected --config F, CASCADE_MONITOR_CONFIG, or --snapshot F")
    return asked(config, question)


def _thawed(path: Path, question: Question) -> Document:
    from eth_utils.address import to_checksum_address

    from monitor import garbage
    from monitor.engine.freezing import FrozenAnswers
    from monitor.store.snapshot_file import thaw

    configure(Redaction(()), level=os.environ.get("CASCADE_MONITOR_LOG", "info"))

    async def answered() -> Document:
        return await question(FrozenAnswers(identity, frozen, to_checksum_address))

    with garbage.undisturbed():
        identity, frozen = thaw(path)
        return interruptible(answered())


def _number(text: str) -> Any:
    """A number where it is one; the option itself says what it wants."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
