"""`make demo`: a market crash on real contracts, and the alert that comes before it.

Everything is real but the money: Aave V3.6, Chainlink and Uniswap V3 bytecode on anvil, the daemon
as its users run it, a receiver that checks signatures. At the end what was projected stands beside
what happened.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from devnet.configuration import Wiring, configuration
from devnet.executed import Executed
from devnet.market import crash, slide
from devnet.receiver import Letter, Receiver
from devnet.saved_world import new_world
from devnet.staging import CRASH, DEMO_TERMS, SLIDE
from devnet.world import World

ERROR_BOUND = 0.05
"""Contract section 1: 5 % until the fidelity issue is done."""
READY_SECONDS = 60.0
console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `DEMO_EXIT=1` exits by."""

    projected_usd: float
    executed_usd: float
    tripped_block: int
    first_liquidation_block: int | None
    signatures_refused: int

    @property
    def error(self) -> float:
        return abs(self.projected_usd / self.executed_usd - 1) if self.executed_usd else 1.0

    @property
    def came_before(self) -> bool:
        first = self.first_liquidation_block
        return first is not None and self.tripped_block < first

    @property
    def is_good(self) -> bool:
        return self.came_before and self.error <= ERROR_BOUND and not self.signatures_refused


@dataclass(frozen=True, slots=True)
class Watch:
    """The running daemon, asked over its own API."""

    session: aiohttp.ClientSession
    url: str
    log: Path
    process: asyncio.subprocess.Process

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path) as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def judged(self, block_hash: str) -> dict[str, Any]:
        """The projection at a block, once the daemon judged it."""
        async with asyncio.timeout(READY_SECONDS):
            while self.process.returncode is None:
                try:
                    status = await self.get("/api/v1/status")
                except aiohttp.ClientError:
                    status = {}
                if (status.get("evaluated") or {}).get("hash") == block_hash:
                    return await self.get("/api/v1/cascade/eth-crash")
                await asyncio.sleep(0.05)
        raise RuntimeError(f"the daemon ended; its log:\n{self.log.read_text()[-2000:]}")


async def play(folder: Path) -> Verdict:
    """The whole demo; leaves nothing behind."""
    async with AsyncExitStack() as stack:
        started = time.monotonic()
        say("building a chain with real contracts and 300 borrowers ...")
        world = await stack.enter_async_context(
            new_world(DEMO_TERMS, genesis_timestamp=int(time.time()) - 7200, epoch_slots=1)
        )
        await world.mine(4)  # so that the daemon begins after the world was made
        receiver = await stack.enter_async_context(Receiver())
        say(f"chain at {world.anvil.http_url}, block {(await world.head()).number}")
        watch = await stack.enter_async_context(_daemon(world, receiver, folder))
        await watch.judged((await world.head()).hash)
        say(f"daemon ready at {watch.url} after {time.monotonic() - started:.0f} s")
        tripped = await _slide(world, watch, receiver)
        verdict = await _crash(world, watch, receiver, tripped)
        if os.environ.get("DEMO_EXIT") != "1":
            say(f"the daemon stays up at [bold]{watch.url}[/]; Ctrl-C ends everything")
            await asyncio.Event().wait()
        return verdict


async def _slide(world: World, watch: Watch, receiver: Receiver) -> Letter:
    """Prices fall step by step until the breaker trips."""
    console.rule("the market slides")
    told = 0
    for ratio in SLIDE:
        block = await slide(world, ratio)
        document = await watch.judged(block.hash)
        result, price = document["result"], document["result"]["prices"]["WETH"]
        breaker = (await watch.get("/api/v1/breakers"))["breakers"][0]["phase"]
        say(
            f"block {block.number}  WETH ${float(price['before']):,.0f}  a crash of "
            f"{float(CRASH):.0%} would now liquidate [bold]{usd(result['liquidated_usd'])}[/] "
            f"in {result['rounds']} rounds  breaker [bold]{breaker}[/]"
        )
        if breaker == "tripped":
            await receiver.wait_for("breaker.tripped")
        for letter in receiver.letters[told:]:
            _show_letter(letter)
        told = len(receiver.letters)
    return await receiver.wait_for("breaker.tripped")


async def _crash(world: World, watch: Watch, receiver: Receiver, tripped: Letter) -> Verdict:
    """The projected crash, for real; then both side by side."""
    console.rule(f"the crash: WETH {float(CRASH):.0%}, and real liquidators")
    projected = (await watch.judged((await world.head()).hash))["result"]
    executed = await crash(world, {"WETH": CRASH}, progress=say)
    await watch.judged((await world.head()).hash)
    verdict = Verdict(
        projected_usd=float(projected["liquidated_usd"]),
        executed_usd=float(executed.liquidated_usd),
        tripped_block=int(tripped.body["data"]["block"]["number"]),
        first_liquidation_block=executed.first_liquidation_block,
        signatures_refused=receiver.refused,
    )
    _show_comparison(projected, executed)
    say(
        f"the alert came in block {verdict.tripped_block}, the first liquidation in block "
        f"{verdict.first_liquidation_block}; the projection was off by [bold]{verdict.error:.2%}[/]"
    )
    return verdict


def _show_letter(letter: Letter) -> None:
    data = letter.body["data"]
    colour = "red" if letter.type == "breaker.tripped" else "yellow"
    text = (
        f"{data['measure']} [bold]{usd(data['value'])}[/] is beyond {usd(data['threshold'])} "
        f"in block {data['block']['number']}\nwebhook-id {letter.id}, signature verified"
    )
    console.print(Panel(text, title=f"webhook: {letter.type}", border_style=colour, expand=False))


def _show_comparison(projected: dict[str, Any], executed: Executed) -> None:
    table = Table("", "projected", "what happened", "error", title="projected beside executed")
    rows = {
        "debt liquidated": ("liquidated_usd", executed.liquidated_usd),
        "of it in round 1": ("first_round_usd", executed.first_round_usd),
        "collateral seized": ("seized_usd", executed.seized_usd),
        "bad debt": ("bad_debt_usd", executed.bad_debt_usd),
        "left unliquidated": ("unliquidated_usd", executed.unliquidated_usd),
    }
    for label, (key, happened) in rows.items():
        table.add_row(label, usd(projected[key]), usd(happened), _off(projected[key], happened))
    after = projected["prices"]["WETH"]["after"]
    price = executed.prices["WETH"].after
    table.add_row("WETH afterwards", usd(after), usd(price), _off(after, price))
    table.add_row("rounds", str(projected["rounds"]), str(executed.rounds), "")
    factor = f"{projected['amplification']:.2f} x"
    table.add_row("amplification", factor, f"{float(executed.amplification):.2f} x", "")
    console.print(table)


def _off(projected: str, happened: Fraction) -> str:
    return f"{abs(float(projected) / float(happened) - 1):.2%}" if happened else ""


def usd(value: str | Fraction) -> str:
    return f"${float(value):,.0f}"


def say(text: str) -> None:
    console.print(text, soft_wrap=True)


@asynccontextmanager
async def _daemon(world: World, receiver: Receiver, folder: Path) -> AsyncIterator[Watch]:
    """`cascade-monitor run`, in a process of its own."""
    secret = folder / "secret"
    secret.write_text(receiver.secret)
    wiring = Wiring(
        state_dir=folder / "state",
        port=_free_port(),
        webhook_url=receiver.url,
        secret_file=secret,
        shocks={"WETH": float(CRASH)},
        warn_usd=4_000_000,
        trip_usd=7_000_000,
        clear_usd=2_000_000,
    )
    config, log = folder / "demo.toml", folder / "daemon.log"
    config.write_text(configuration(world, wiring))
    with log.open("wb") as out:
        command = (sys.executable, "-m", "monitor", "run", "--config", str(config))
        # A session of its own: Ctrl-C reaches us, and we end it in order.
        daemon = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, start_new_session=True
        )
    try:
        async with aiohttp.ClientSession() as session:
            yield Watch(session, f"http://127.0.0.1:{wiring.port}", log, daemon)
    except TimeoutError as error:
        tail = log.read_text()[-2000:]
        raise RuntimeError(f"the daemon does not keep up; the end of its log:\n{tail}") from error
    finally:
        if daemon.returncode is None:
            daemon.send_signal(signal.SIGTERM)
        await daemon.wait()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def _until_interrupted(folder: Path) -> Verdict:
    """The demo, ended in order by Ctrl-C or SIGTERM, wherever it is."""
    playing = asyncio.create_task(play(folder))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    return await playing


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="cascade-demo-") as folder:
        try:
            verdict = asyncio.run(_until_interrupted(Path(folder)))
        except asyncio.CancelledError:
            say("ended")
            # Interrupted, it has no verdict to exit by.
            sys.exit(130 if os.environ.get("DEMO_EXIT") == "1" else 0)
    good = verdict.is_good
    say("[bold green]demo passed[/]" if good else "[bold red]demo failed[/]")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
