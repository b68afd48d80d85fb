"""`make demo`: a market crash on real contracts, and the alert that comes before it.

Everything is real but the money: the bytecode of Aave V3.6 and V3.0.2 (which stands in for Spark,
its fork), Morpho Blue, Chainlink and Uniswap V3 on anvil (wstETH, its adapter and Morpho's oracles
are doubles), the daemon as its users run it, a receiver that checks signatures. At first people
lever across all of them, and the daemon says how; after the alert it says how much larger the crash
may become; at the end what was projected stands beside what really happened.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devnet.chat import Chat
from devnet.configuration import AAVE_3_0, AAVE_CORE, MORPHO, OWN_TIME, Wiring, configuration
from devnet.demo_loops import build_loops
from devnet.deployer import ADMIN
from devnet.executed import Executed
from devnet.market import crash, shock, slide
from devnet.receiver import Letter, Receiver
from devnet.saved_world import new_wide_world
from devnet.staging import CRASH, DEMO_TERMS, DEPEG, SLIDE, SLIP
from devnet.telling import (
    MARKETS,
    console,
    liquidated_in,
    say,
    show_chat,
    show_comparison,
    show_letter,
    show_loops,
    show_path,
    show_prices,
    show_vault,
    usd,
)
from devnet.watch import Watch, free_port, watching
from devnet.wide_world import WideWorld

ERROR_BOUND = 0.01
"""Of what is projected beside what happens, in all markets together and in each."""
MORE = """
[[webhooks]]
name = "chat"
format = "apprise"
url = "{chat}"
allow_private = true

[[guardians]]
market = "{market}"
guardian = "{guardian}"
action = "freeze"
assets = ["WETH"]
"""
"""A chat beside the receiver; and who may stop borrowing against ether: the alert brings what he
would have to send.
"""
CURVE = ("curve", "--asset", "WETH", "--to", "-0.4", "--steps", "20")
BIRTH_SECONDS = 26 * 3600
"""How long before now the chain begins: the vault's timelock takes a day of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `DEMO_EXIT=1` exits by. `error`: the largest, of all markets together and of each."""

    error: float
    tripped_block: int
    first_liquidation_block: int | None
    signatures_refused: int

    @property
    def came_before(self) -> bool:
        first = self.first_liquidation_block
        return first is not None and self.tripped_block < first

    @property
    def is_good(self) -> bool:
        return self.came_before and self.error <= ERROR_BOUND and not self.signatures_refused


async def play(folder: Path) -> Verdict:
    """The whole demo; leaves nothing behind."""
    async with AsyncExitStack() as stack:
        started = time.monotonic()
        loans = len(MARKETS) * DEMO_TERMS.borrowers
        say(f"building a chain with real contracts, three lending markets and {loans} loans ...")
        birth = int(time.time()) - BIRTH_SECONDS
        world = await stack.enter_async_context(
            new_wide_world(DEMO_TERMS, genesis_timestamp=birth, epoch_slots=1)
        )
        await world.mine(4)  # so that the daemon begins after the world was made
        receiver = await stack.enter_async_context(Receiver())
        chat = await stack.enter_async_context(Chat())
        say(f"chain at {world.anvil.http_url}, block {(await world.head()).number}")
        watch = await stack.enter_async_context(_daemon(world, receiver, chat, folder))
        await watch.judged((await world.head()).hash)
        say(f"daemon ready at {watch.url} after {time.monotonic() - started:.0f} s")
        await _lever(world, watch)
        await _slip(world, watch)
        tripped = await _slide(world, watch, receiver, chat)
        await _repeat(watch, tripped, folder / "state" / "snapshots")
        await _curve(watch)
        verdict = await _crash(world, watch, receiver, tripped)
        if os.environ.get("DEMO_EXIT") != "1":
            say(f"the daemon stays up at [bold]{watch.url}[/]; Ctrl-C ends everything")
            await asyncio.Event().wait()
        return verdict


async def _lever(world: WideWorld, watch: Watch) -> None:
    """People pledge, borrow and pledge again; who they are, and how, is found by the daemon."""
    console.rule("the same money, pledged again and again")
    built = await build_loops(world)
    await watch.judged((await world.head()).hash)
    for each in built:
        say(f"{each.owner[:8]} levers {each.what}")
    rows = (await watch.get("/api/v1/loops?limit=1000"))["loops"]
    owners = {each.owner for each in built}
    found = [row for row in rows if row["owner"].lower() in owners]
    say(f"the daemon finds {len(rows)} loops; {len(found)} of them were made just now")
    show_loops(found)
    show_path("the largest of these", found[0])
    show_path("the largest of all", rows[0])


async def _slip(world: WideWorld, watch: Watch) -> None:
    """wstETH loses a little in its market; who sees it, and whom a larger loss would cost."""
    console.rule("one asset, three prices")
    await shock(world, {"wstETH": SLIP})
    await watch.judged((await world.head()).hash)
    say(f"wstETH slips by {float(-SLIP):.0%} in its market")
    prices = (await watch.get("/api/v1/prices"))["prices"]
    show_prices(row for row in prices if row["symbol"] == "wstETH")
    projected = (await watch.projected({"wstETH": float(DEPEG)}))["result"]
    parts = (
        f"[bold]{usd(liquidated_in(projected, market))}[/] on {name}"
        for market, name in MARKETS.items()
    )
    say(f"a slip of {float(-DEPEG):.0%} would now liquidate {', '.join(parts)}")


async def _slide(world: WideWorld, watch: Watch, receiver: Receiver, chat: Chat) -> Letter:
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
            show_letter(letter)
            if letter.type == "breaker.tripped":
                show_chat(await chat.wait_for("TRIPPED"))
        told = len(receiver.letters)
    return await receiver.wait_for("breaker.tripped")


async def _repeat(watch: Watch, tripped: Letter, snapshots: Path) -> None:
    """The alert once more, from what was frozen with it: no node, no store, no configuration."""
    data = tripped.body["data"]
    say(f"[bold]{data['reproduce'].split(' --option')[0]}[/] …")
    again = (await watch.repeated(data["reproduce"], snapshots))["result"]["liquidated_usd"]
    if again != data["value"]:
        raise RuntimeError(f"the alert said {data['value']} USD, its snapshot says {again}")
    say(f"its snapshot says the same once more, to the cent: ${float(again):,.2f}")


async def _curve(watch: Watch) -> None:
    """How far it is to where the cascade begins, and how it grows behind."""
    console.rule("how bad would it get")
    say(f"[bold]cascade-monitor {' '.join(CURVE)}[/]")
    await watch.told(*CURVE)


async def _crash(world: WideWorld, watch: Watch, receiver: Receiver, tripped: Letter) -> Verdict:
    """The projected crash, for real; then both side by side."""
    console.rule(f"the crash: WETH {float(CRASH):.0%}, and real liquidators")
    projected = (await watch.judged((await world.head()).hash))["result"]
    before = await watch.receipt(world.vault.address)
    executed = await crash(world, {"WETH": CRASH}, progress=say)
    await watch.judged((await world.head()).hash)
    verdict = Verdict(
        error=_error(projected, executed),
        tripped_block=int(tripped.body["data"]["block"]["number"]),
        first_liquidation_block=executed.first_liquidation_block,
        signatures_refused=receiver.refused,
    )
    show_comparison(projected, executed)
    show_vault(before, await watch.receipt(world.vault.address))
    say(
        f"the alert came in block {verdict.tripped_block}, the first liquidation in block "
        f"{verdict.first_liquidation_block}; no market was further off the projection than "
        f"[bold]{verdict.error:.2%}[/]"
    )
    return verdict


def _error(projected: Mapping[str, Any], executed: Executed) -> float:
    pairs = [(float(projected["liquidated_usd"]), executed.liquidated_usd)]
    for market in (AAVE_CORE, AAVE_3_0, MORPHO):
        happened = executed.figures_in(market).liquidated_usd
        pairs.append((liquidated_in(projected, market), happened))
    return max(abs(told / float(happened) - 1) if happened else 1.0 for told, happened in pairs)


@asynccontextmanager
async def _daemon(
    world: WideWorld, receiver: Receiver, chat: Chat, folder: Path
) -> AsyncIterator[Watch]:
    secret, config = folder / "secret", folder / "demo.toml"
    secret.write_text(receiver.secret)
    wiring = Wiring(
        state_dir=folder / "state",
        port=free_port(),
        webhook_url=receiver.url,
        secret_file=secret,
        shocks={"WETH": float(CRASH)},
        warn_usd=3_000_000,
        trip_usd=4_200_000,
        clear_usd=2_000_000,
        blindness=dict(OWN_TIME),
        more=MORE.format(market=AAVE_CORE, guardian=ADMIN, chat=chat.url),
    )
    config.write_text(configuration(world, wiring))
    async with watching(config, wiring.port) as watch:
        yield watch


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
