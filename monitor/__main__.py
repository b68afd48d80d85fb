"""The command line. Exit codes: 0 done, 1 a check failed, 64 usage, 69 unavailable, 78 config."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from types import TracebackType
from typing import Annotated

import typer
from prometheus_client import disable_created_metrics
from rich.markup import escape

from monitor import (
    __version__,
    alert_commands,
    audit_commands,
    claim_commands,
    display,
    garbage,
    init_command,
    loop_commands,
    projection_commands,
    projection_display,
    replay_commands,
    store_commands,
)
from monitor.console import (
    CHECK_FAILED,
    CONFIG,
    REDACTION,
    UNAVAILABLE,
    USAGE,
    ConfigOption,
    JsonOption,
    asked,
    err,
    interruptible,
    loaded,
    out,
    warn_of_open_secrets,
)
from monitor.core.ports import PositionFilter
from monitor.environment import open_to_others
from monitor.errors import (
    ConfigError,
    MonitorError,
    QuestionError,
    SchemaMismatch,
    StateUnavailable,
    TransientError,
    WriterFenced,
)
from monitor.export_commands import USUAL_ROWS, ForceOption, Order, OutputOption, export
from monitor.logs import journal_mark
from monitor.schema import SECRETS
from monitor.web.tables import POSITIONS

app = typer.Typer(
    name="cascade-monitor",
    help="Sees liquidation cascades coming, and says so before they happen.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


app.add_typer(store_commands.app, name="store")
app.command()(init_command.init)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def run(
    config: ConfigOption,
    once: Annotated[
        bool, typer.Option("--once", help="catch up, judge one block, print, exit")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="send nothing, and keep no alert and no judgement")
    ] = False,
    standby: Annotated[
        bool, typer.Option("--standby", help="wait beside a running daemon, take over when it ends")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Follow the chain, project every block, fire breakers: the daemon."""
    with garbage.undisturbed():
        from monitor.app import Mode, run_once, run_until_stopped

    if once and standby:
        raise typer.BadParameter("--once and --standby exclude one another: leave one out")
    settings = loaded(config)
    warn_of_open_secrets(config)
    mode = Mode(dry_run=dry_run, standby=standby)
    if once:
        document = interruptible(run_once(settings, mode))
        display.show(out, document, projection_display.summary, as_json=as_json)
    else:
        # Told to stop while it still starts, a service has done as told.
        interruptible(run_until_stopped(settings, mode), interrupted=0)


@app.command()
def check(
    config: ConfigOption,
    send_test: Annotated[
        bool, typer.Option("--send-test", help="send every webhook a test, ask the switch")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at everything the configuration names, and say all that is wrong."""
    with garbage.undisturbed():
        from monitor.checkup import findings
        from monitor.finding import Finding

    settings = loaded(config)

    async def gather() -> list[Finding]:
        open_files = open_to_others(config, SECRETS)
        warning = "everybody on this machine can read the secrets in it: chmod 600"
        found = [Finding(f"file {path}", warning=warning) for path in open_files]
        if not as_json:
            for finding in found:
                display.finding(out, **asdict(finding))
        async for finding in findings(settings, send_test=send_test):
            found.append(finding)
            if not as_json:
                display.finding(out, **asdict(finding))
        return found

    found = interruptible(gather())
    faults = [finding for finding in found if finding.fault]
    if as_json:
        rows = [asdict(finding) for finding in found]
        out.print_json(json.dumps({"faults": len(faults), "findings": rows}))
    else:
        warned = sum(bool(finding.warning) for finding in found)
        warnings = f", {warned} warnings" if warned else ""
        err.print(f"{len(faults)} faults in {len(found)} checks{warnings}")
    if faults:
        raise typer.Exit(CHECK_FAILED)


@app.command()
def positions(
    config: ConfigOption,
    market: Annotated[str | None, typer.Option(help="only this market")] = None,
    account: Annotated[str | None, typer.Option(help="only this account")] = None,
    owner: Annotated[str | None, typer.Option(help="only this owner's accounts")] = None,
    min_debt_usd: Annotated[str | None, typer.Option(help="only from this debt up")] = None,
    liquidatable: Annotated[bool | None, typer.Option(help="only (not) liquidatable")] = None,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="rows")] = 100,
    output: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Positions, largest debt first."""
    wanted = PositionFilter(market, account, owner, min_debt_usd, liquidatable, cursor, limit)
    if output is not None:
        order = Order(output, force, is_part=as_json or limit != USUAL_ROWS or cursor is not None)
        return export(config, order, POSITIONS, lambda answers: answers.position_pages(wanted))
    document = asked(config, lambda answers: answers.positions(wanted))
    return display.show(out, document, display.positions, as_json=as_json)


app.command()(projection_commands.project)
app.command()(projection_commands.curve)
app.command()(projection_commands.snapshot)
app.command()(loop_commands.loops)
app.command()(claim_commands.claims)


@app.command()
def status(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Where the monitor stands."""
    document = asked(config, lambda answers: answers.status())
    display.show(out, document, display.status, as_json=as_json)


@app.command()
def prices(
    config: ConfigOption,
    market: Annotated[str | None, typer.Option(help="only this market")] = None,
    as_json: JsonOption = False,
) -> None:
    """What every oracle says, by which contracts, and how far off the pools that is."""
    document = asked(config, lambda answers: answers.prices(market))
    display.show(out, document, display.prices, as_json=as_json)


@app.command()
def breakers(config: ConfigOption, as_json: JsonOption = False) -> None:
    """The circuit breakers."""
    document = asked(config, lambda answers: answers.breakers())
    display.show(out, document, display.breakers, as_json=as_json)


app.command()(alert_commands.alerts)
app.command()(alert_commands.silence)
app.command()(audit_commands.audit)
app.command()(replay_commands.replay)


@app.command()
def probe(
    config: ConfigOption,
    live: Annotated[bool, typer.Option("--live", help="ask /healthz instead of /readyz")] = False,
) -> None:
    """Ask the running daemon how it is: exit 0 when well. For images without curl."""
    from monitor.probing import ask

    settings = loaded(config)
    probe_answer = interruptible(ask(settings.http.host, settings.http.port, live=live))
    for reason in probe_answer.reasons:
        err.print(reason)
    if not probe_answer.ok:
        raise typer.Exit(CHECK_FAILED)


def main() -> None:
    """The entry point of the command `cascade-monitor`."""
    try:
        sys.exit(_exit_code())
    finally:
        sys.excepthook = _tell_bug  # not before: typer puts its own in its place


def _exit_code() -> int | str | None:
    # A second series for each counter that nobody asks for. The library has no annotation.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        app()
    except SystemExit as end:
        return USAGE if end.code == 2 else end.code
    except MonitorError as error:
        return _told([error])
    except BaseExceptionGroup as group:
        known, unknown = group.split(MonitorError)
        if known is None or unknown is not None:
            raise
        return _told(list(_leaves(known)))
    return 0


def _tell_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw, and where: libraries put the URLs they fail at in their words."""
    sys.stderr.write(REDACTION.text("".join(traceback.format_exception(kind, error, trace))))


def _told(errors: list[MonitorError]) -> int:
    """Say what went wrong; the exit code is the gravest's."""
    # Several tasks may find the same thing out.
    told = [e.faults if isinstance(e, ConfigError) else (str(e),) for e in errors]
    for fault in dict.fromkeys(fault for faults in told for fault in faults):
        err.print(
            f"{journal_mark(logging.ERROR)}[bold red]error:[/] {escape(_plain(fault))}",
            highlight=False,
            soft_wrap=True,
        )
    codes = {
        ConfigError: CONFIG,
        SchemaMismatch: CONFIG,
        TransientError: UNAVAILABLE,
        WriterFenced: UNAVAILABLE,
        StateUnavailable: UNAVAILABLE,
        QuestionError: USAGE,
    }
    found = [code for kind, code in codes.items() for e in errors if isinstance(e, kind)]
    if any(isinstance(error, QuestionError) and error.status == 503 for error in errors):
        found.append(UNAVAILABLE)
    return max(found, default=CHECK_FAILED)


def _plain(fault: str) -> str:
    """Without secrets, and without what would move a terminal's cursor: it quotes others' files."""
    told = REDACTION.without(fault)
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in told)


def _leaves(group: BaseExceptionGroup[MonitorError]) -> Iterator[MonitorError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    main()
