"""`cascade-monitor store …`: what an operator does to the state."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor import display
from monitor.console import ConfigOption, JsonOption, interruptible, loaded, out, progress
from monitor.errors import QuestionError

app = typer.Typer(help="Save, restore, rebuild or migrate the stored state.", no_args_is_help=True)

ForceOption = Annotated[bool, typer.Option("--force", help="replace what is there")]


@app.command()
def backup(
    config: ConfigOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="the file to write")],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Save the whole state to one file, beside a running or a stopped daemon."""
    from monitor import upkeep

    settings = loaded(config)
    with progress("backup") as told:
        document = interruptible(upkeep.backup(settings, output, told, force=force))
    display.show(out, document, display.saved, as_json=as_json)


@app.command()
def restore(
    config: ConfigOption,
    file: Annotated[Path, typer.Argument(help="what `store backup` wrote")],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back into an empty store. The daemon must not run."""
    from monitor import upkeep

    document = interruptible(upkeep.restore(loaded(config), file, force=force))
    display.show(out, document, display.restored, as_json=as_json)


@app.command()
def migrate(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Take the state of an older version over into the present layout. The daemon must not run."""
    from monitor import upkeep

    settings = loaded(config)
    with progress("migrate") as told:
        document = interruptible(upkeep.migrate(settings, told))
    display.show(out, document, display.migrated, as_json=as_json)


@app.command()
def rebuild(
    config: ConfigOption,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
    forget_alerts: Annotated[
        bool, typer.Option("--forget-alerts", help="alerts, deliveries and breakers as well")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Throw the ledger away; the next run reads it anew from the chain. Alerts are kept."""
    from monitor import upkeep

    settings = loaded(config)
    whose = f"{settings.store.namespace} on chain {settings.chain.chain_id}"
    fate = "are forgotten too" if forget_alerts else "are kept"
    question = (
        f"The ledger of {whose} is thrown away, and read anew from the chain by the next run. "
        f"Alerts, deliveries and breakers {fate}. Go on?"
    )
    if not yes:
        if not sys.stdin.isatty():
            raise QuestionError("nobody is there to be asked: expected a terminal, or --yes.")
        typer.confirm(question, abort=True, err=True)
    document = interruptible(upkeep.rebuild(settings, forget_alerts=forget_alerts))
    display.show(out, document, display.rebuilt, as_json=as_json)
