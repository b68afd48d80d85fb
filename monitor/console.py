"""What every command shares: its options, its two consoles, its exit codes, how it is run."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer
from rich.console import Console
from rich.progress import Progress

from monitor import garbage
from monitor.environment import open_to_others
from monitor.logs import Redaction, configure
from monitor.schema import SECRETS
from monitor.settings import Settings, load

CHECK_FAILED, USAGE, UNAVAILABLE, CONFIG, INTERRUPTED = 1, 64, 69, 78, 130
LOG_SECONDS = 5.0
Result = TypeVar("Result")
log = structlog.stdlib.get_logger(__name__)

out, err = Console(), Console(stderr=True)
REDACTION = Redaction()
"""Of this process: what a command is told of secrets, whatever it says then is without."""

ConfigOption = Annotated[
    Path,
    # Whether it can be read is found out by reading it, and told in our words.
    typer.Option(
        "--config", "-c", envvar="CASCADE_MONITOR_CONFIG", readable=False, help="the TOML file"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a log line every few seconds elsewhere: `(done, of)` moves it."""
    if err.is_terminal:
        with Progress(console=err, transient=True) as bars:
            bar = bars.add_task(what)
            yield lambda done, of: bars.update(bar, completed=done, total=of)
        return
    told_monotonic = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told_monotonic
        if time.monotonic() - told_monotonic > LOG_SECONDS:
            told_monotonic = time.monotonic()
            log.info(what, done=done, of=of)

    yield tell


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
    REDACTION.register(*settings.secrets())
    configure(REDACTION, level=os.environ.get("CASCADE_MONITOR_LOG", "info"))
    return settings


def warn_of_open_secrets(config: Path) -> None:
    """For a daemon, whose log is what is read; `check` says it too."""
    for path in open_to_others(config, SECRETS):
        log.warning("everybody on this machine can read secrets: chmod 600", file=path)


def asked(config: Path, question: Callable[[Any], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """What the store answers, beside a running daemon or a stopped one."""
    with garbage.undisturbed():
        from monitor.desk import desk

    settings = loaded(config)

    async def ask() -> dict[str, Any]:
        async with desk(settings) as answers:
            return await question(answers)

    return interruptible(ask())
