"""All parts of a world at once: people act in the same blocks, in random order, at random times."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

from devnet.transactions import Tx
from devnet.wallets import Wallets, open_wallets

from loops.part import Acts, Part
from loops.scene import Scene, approved

SECONDS = (1, 2, 12, 12, 12, 24, 60, 180, 600)
"""Between two blocks. Who waits between borrowing and pledging waits for at most three of them."""
DRIFT_BPS = 40
DRIFT_MOST_BPS = 150
DRIFT_CHANCE = 0.3
CROWD = 1_500
FALSE_CHANCE = 0.08
AFTERMATH_SECONDS = 20 * 86_400

Order: TypeAlias = list[tuple[Part, Tx]]
Witness: TypeAlias = Callable[[str], Awaitable[None]]
"""Told the hash of a block."""


async def admit(scene: Scene, parts: Sequence[Part]) -> Wallets:
    """Everybody moves in, and approves everybody they may ever pay."""
    wallets = await open_wallets(scene.world)
    pairs, txs = approved(scene), list[Tx]()
    for number, part in enumerate(parts):
        await part.move_in(wallets, number)
        for who in part.people:
            asked = [scene.allow(who, asset, to) for asset, to in pairs]
            txs += await part.signed(asked, grouped=True)
    for start in range(0, len(txs), CROWD):
        await scene.world.crowd(*txs[start : start + CROWD])
    return wallets


async def perform(
    scene: Scene, parts: Sequence[Part], at_once: int, witness: Witness | None = None
) -> None:
    """Plays all parts to their ends, `at_once` of them side by side.

    `witness`: is shown blocks that will be taken back, and returns when it has seen one.
    """
    waiting = list(parts)
    scene.rng.shuffle(waiting)
    on_stage: list[tuple[Part, AsyncIterator[Sequence[Tx]]]] = []
    start_e8 = dict(scene.prices_e8)
    while waiting or on_stage:
        while waiting and len(on_stage) < at_once:
            part = waiting.pop()
            on_stage.append((part, part.play(scene, part)))
        turns: list[tuple[Part, list[Tx]]] = []
        for entry in list(on_stage):
            part, acts = entry
            txs = await _next(acts)
            if txs is None:
                on_stage.remove(entry)
            else:
                grouped = scene.rng.random() < 0.5 or part.has_council
                turns.append((part, await part.signed(txs, grouped=grouped)))
        order = _interleaved(scene.rng, turns)
        if witness is not None and order and scene.rng.random() < FALSE_CHANCE:
            await _mine_in_vain(scene, order, witness)
        await _mine(scene, order, start_e8)


async def _next(acts: Acts) -> Sequence[Tx] | None:
    """None where the play has ended."""
    return await anext(acts, None)


async def aftermath(scene: Scene) -> None:
    """Prices move and time passes, while everybody stays where they are."""
    world, rng = scene.world, scene.rng
    ether, bitcoin = (rng.randint(93, 110) for _ in range(2))
    prices_e8 = {
        "WETH": scene.prices_e8["WETH"] * ether // 100,
        "wstETH": scene.prices_e8["wstETH"] * ether // 100,
        "WBTC": scene.prices_e8["WBTC"] * bitcoin // 100,
    }
    await world.block(*(world.move_feed(asset, price) for asset, price in prices_e8.items()))
    await world.jump(rng.randint(60, AFTERMATH_SECONDS))


async def _mine_in_vain(scene: Scene, order: Order, witness: Witness) -> None:
    """A block with some of it, in another world; then that is taken back."""
    some = order[: scene.rng.randint(1, len(order))]
    await scene.world.block(*(tx for _, tx in some), check=False)
    await witness((await scene.world.head()).hash)
    await scene.world.rollback(1)


async def _mine(scene: Scene, order: Order, start_e8: dict[str, int]) -> None:
    world, rng = scene.world, scene.rng
    now = (await world.head()).timestamp + rng.choice(SECONDS)
    drift = _drift(scene, start_e8) if rng.random() < DRIFT_CHANCE else []
    receipts = await world.block(
        *drift, *(tx for _, tx in order), *scene.arbitrage(), timestamp=now, check=False
    )
    for (part, tx), receipt in zip(order, receipts[len(drift) :], strict=False):
        outcome = "" if receipt.succeeded else f" REVERTED: {receipt.revert_reason}"
        part.script.append(
            f"block {receipt.block_number} {tx.sender} {tx.label} "
            f"{receipt.transaction_hash}{outcome}"
        )
        if outcome:
            lines = "\n".join(part.script)
            raise AssertionError(f"{part.title}: the play itself is wrong\n{lines}")
    await scene.look()


def _interleaved(rng: random.Random, turns: Sequence[tuple[Part, list[Tx]]]) -> Order:
    """Everybody's own transactions stay in order, others come in between."""
    queues = [(part, txs) for part, txs in turns if txs]
    order: Order = []
    while queues:
        part, txs = rng.choice(queues)
        order.append((part, txs.pop(0)))
        queues = [entry for entry in queues if entry[1]]
    return order


def _drift(scene: Scene, start_e8: dict[str, int]) -> list[Tx]:
    """Ether and bitcoin move a little; wstETH's feed goes with ether's."""
    rng, now_e8, world = scene.rng, scene.prices_e8, scene.world
    moved_e8 = {}
    for asset in ("WETH", "WBTC"):
        start = start_e8[asset]
        moved = now_e8[asset] * (10_000 + rng.randint(-DRIFT_BPS, DRIFT_BPS)) // 10_000
        most = start * DRIFT_MOST_BPS // 10_000
        moved_e8[asset] = min(max(moved, start - most), start + most)
    moved_e8["wstETH"] = now_e8["wstETH"] * moved_e8["WETH"] // now_e8["WETH"]
    return [world.move_feed(asset, price_e8) for asset, price_e8 in moved_e8.items()]
