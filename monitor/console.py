"""What every command shares: its options, its two consoles, its exit codes, how it is run."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from monitor.logs import Redaction, configure
from monitor.settings import Settings, load

CHECK_FAILED, USAGE, UNAVAILABLE, CONFIG, INTERRUPTED = 1, 64, 69, 78, 130
Result = TypeVar("Result")

out, err = Console(), Console(stderr=True)

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="CASCADE_MONITOR_CONFIG", help="the TOML file"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


def interruptible(work: Coroutine[Any, Any, Result], interrupted: int = INTERRUPTED) -> Result:
    """Run to the end, or until SIGINT or SIGTERM: whatever was opened is closed again then."""

    async def guarded() -> Result:
        task = asyncio.create_task(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        raise typer.Exit(interrupted) from None


def loaded(config: Path) -> Settings:
    """The configuration of a command, whose log says none of its secrets."""
    settings = load(config)
    configure(Redaction(settings.secrets()), level=os.environ.get("CASCADE_MONITOR_LOG", "info"))
    return settings
