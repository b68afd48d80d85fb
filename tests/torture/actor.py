"""Everybody on the chain: prices, borrowers, liquidators, miners who change their minds.

What is drawn depends on the seed and on the chain alone, never on the clock: the same seed makes
the same blocks, whenever the disasters strike.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from devnet import USD, Block, Tx, World, account
from steady_proxy import Gate

CALM_BLOCKS = 70
"""Empty blocks before all else: what is final (64 blocks deep) is then the calm after the setup."""
UNDOABLE_BLOCKS = 60
"""No reorganisation goes deeper below the highest block there ever was: beyond, all is final."""
BLOCK_SECONDS = 12
PEOPLE = tuple(account(f"torture {number}") for number in range(12))
LIQUIDATOR = account("torture liquidator")
PRICES_USD = ((1650, 1760), (1780, 1900), (1900, 2000), (2050, 2250), (2050, 2250))
"""Beyond trip, about trip, about warn, and twice the clear."""
CALM_USD = 2250
"""At first nobody is near a liquidation: an undisturbed daemon that has seen the whole past is then
in no episode where the tortured one begins."""
VERBS = (
    ("price", 8),
    ("borrow", 3),
    ("lever", 2),
    ("supply", 1),
    ("repay", 1),
    ("unwind", 1),
    ("liquidate", 1),
    ("nothing", 2),
)
STAY_CHANCE = 0.4
"""Of a price that stays in its range: holds of several blocks are fulfilled, too."""
REORGS = (("replace", 5), ("shorten", 1), ("node", 2), ("return", 3))
REORG_CHANCE = 0.22
DEEP_CHANCE, DEEP_BLOCKS = 0.1, 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """A block to be mined, perhaps more than once."""

    at_unix: int
    txs: tuple[Tx, ...]


class Actor:
    """Mines one thing after another; `counts` says how often each."""

    def __init__(
        self, world: World, gate: Gate, rng: random.Random, borrowers: Sequence[str]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._world = world
        self._gate = gate
        self._rng = rng
        self._borrowers = (*borrowers, *PEOPLE)
        self._range_usd = PRICES_USD[-1]
        self._price_usd = CALM_USD
        self._highest = 0
        self._alarm = Recipe(0, ())
        self._alarm_hash = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Everybody whose position is compared with the contracts at the end."""
        return (*self._borrowers, LIQUIDATOR)

    async def settle(self) -> None:
        """Everybody gets what they need, and then nothing happens for long."""
        world = self._world
        await world.block(*self._priced(CALM_USD))
        for who in (*PEOPLE, LIQUIDATOR):
            await world.fund(
                who, WETH=world.raw("WETH", 100_000), USDC=world.raw("USDC", 100_000_000)
            )
        await world.supply(LIQUIDATOR, "USDC", world.raw("USDC", 50_000_000))
        self._highest = (await world.mine(CALM_BLOCKS)).number

    async def step(self) -> None:
        """One block, or one change of mind."""
        if self._rng.random() < REORG_CHANCE:
            await self._reorganise()
        else:
            await self._mine(await self._draw(await self._world.head()))

    # -- alarms -----------------------------------------------------------------------------------

    async def calm_down(self) -> None:
        """A block in which every breaker clears."""
        self._range_usd, self._price_usd = PRICES_USD[-1], CALM_USD
        await self._mine(await self._priced_block(CALM_USD))

    async def alarm(self) -> None:
        """A block in which the price falls beyond trip; it can be had again."""
        self._range_usd = PRICES_USD[0]
        self._price_usd = self._rng.randint(*self._range_usd)
        self._world.fund_anew()
        self._alarm = await self._priced_block(self._price_usd)
        await self._mine(self._alarm)
        self._alarm_hash = (await self._world.head()).hash

    async def replace_by_calm(self) -> None:
        """In place of the newest block another one, in which nothing is wrong."""
        await self._rollback(1)
        await self._mine(await self._priced_block(CALM_USD, late_seconds=1))

    async def replace_by_sibling(self) -> None:
        """In place of the newest block one that differs by a second only."""
        await self._rollback(1)
        await self._mine(replace(self._alarm, at_unix=self._alarm.at_unix + 1))

    async def bring_back(self) -> None:
        """In place of the newest block the very one of the alarm."""
        await self._rollback(1)
        await self._mine(self._alarm)
        found = (await self._world.head()).hash
        self.counts["same alarm came back"] += found == self._alarm_hash

    async def _priced_block(self, usd: int, late_seconds: int = 0) -> Recipe:
        parent = await self._world.head()
        return Recipe(parent.timestamp + BLOCK_SECONDS + late_seconds, self._priced(usd))

    # -- blocks -----------------------------------------------------------------------------------

    async def _mine(self, recipe: Recipe) -> None:
        async with self._gate.changing():
            await self._world.block(*recipe.txs, timestamp=recipe.at_unix, check=False)
        self._highest = max(self._highest, (await self._world.head()).number)
        self.counts["blocks"] += 1

    async def _rollback(self, depth: int) -> Block:
        async with self._gate.changing():
            return await self._world.rollback(depth)

    async def _draw(self, parent: Block, late_seconds: int = 0) -> Recipe:
        verb = _chosen(self._rng, VERBS)
        self.counts[verb] += 1
        txs: tuple[Tx, ...] = ()
        if verb == "price":
            txs = self._price()
        elif verb == "liquidate":
            txs = await self._liquidate()
        elif verb != "nothing":
            txs = self._person(verb)
        return Recipe(parent.timestamp + BLOCK_SECONDS + late_seconds, txs)

    def _price(self) -> tuple[Tx, ...]:
        """Feeds and pool together, as arbitrage would have them."""
        if self._rng.random() > STAY_CHANCE:
            self._range_usd = self._rng.choice(PRICES_USD)
        self._price_usd = self._rng.randint(*self._range_usd)
        return self._priced(self._price_usd)

    def _priced(self, usd: int) -> tuple[Tx, ...]:
        world = self._world
        return (
            world.move_pool_to("WETH/USDC", usd),
            world.move_feed("wstETH", usd * USD * 6 // 5),
            world.move_feed("WETH", usd * USD),
        )

    def _person(self, verb: str) -> tuple[Tx, ...]:
        world, who = self._world, self._rng.choice(PEOPLE)
        eth = self._rng.randint(5, 60)
        debt = world.raw("USDC", eth * self._price_usd * self._rng.randint(50, 79) // 100)
        supplied = world.supply(who, "WETH", world.raw("WETH", eth))
        if verb == "borrow":
            return supplied, world.borrow(who, "USDC", debt)
        if verb == "lever":  # what is borrowed is pledged again
            return supplied, world.borrow(who, "USDC", debt), world.supply(who, "USDC", debt)
        if verb == "unwind":
            return world.withdraw(who, "USDC", debt // 2), world.repay(who, "USDC", debt // 2)
        return (supplied,) if verb == "supply" else (world.repay(who, "USDC", debt // 2),)

    async def _liquidate(self) -> tuple[Tx, ...]:
        data = await self._world.all_account_data(self._borrowers)
        ruined = [
            who
            for who, found in zip(self._borrowers, data, strict=True)
            if found.debt_e8 and found.health_factor_wad < 10**18
        ]
        if not ruined:
            return ()
        return (self._world.liquidate(LIQUIDATOR, self._rng.choice(ruined), "WETH", "USDC"),)

    # -- changes of mind --------------------------------------------------------------------------

    async def _reorganise(self) -> None:
        is_deep = self._rng.random() < DEEP_CHANCE
        drawn = DEEP_BLOCKS if is_deep else self._rng.randint(1, 6)
        head = await self._world.head()
        depth = min(drawn, head.number - (self._highest - UNDOABLE_BLOCKS))
        manner = _chosen(self._rng, REORGS)
        self.counts[f"reorg: {manner}"] += 1
        self.counts["reorg: 20 deep"] += depth == DEEP_BLOCKS
        if manner == "node":
            async with self._gate.changing():
                await self._world.anvil_reorg(depth)
        elif manner == "return":
            await self._return(depth)
        else:
            base = await self._rollback(depth)
            least, most = (1, depth + 1) if manner == "replace" else (0, depth - 1)
            await self._branch(base, self._rng.randint(least, most))

    async def _branch(self, base: Block, blocks: int) -> tuple[Recipe, ...]:
        """A new branch. Its first block is a second late: else it might equal the old one."""
        recipes = []
        parent = base
        for _ in range(blocks):
            recipe = await self._draw(parent, late_seconds=parent is base)
            recipes.append(recipe)
            await self._mine(recipe)
            parent = await self._world.head()
        return tuple(recipes)

    async def _return(self, depth: int) -> None:
        """A, then B, then the very blocks of A again: what was taken back happens after all."""
        base = await self._rollback(depth)
        recipes = await self._branch(base, self._rng.randint(1, depth))
        wanted = (await self._world.head()).hash
        await self.pause()
        await self._rollback(len(recipes))
        for number in range(self._rng.randint(0, len(recipes))):
            at_unix = base.timestamp + (number + 1) * BLOCK_SECONDS + 2
            await self._mine(Recipe(at_unix, ()))
        await self.pause()
        above = (await self._world.head()).number - base.number
        await self._rollback(above)
        for recipe in recipes:
            await self._mine(recipe)
        found = (await self._world.head()).hash
        self.counts["same blocks came back"] += found == wanted

    async def pause(self) -> None:
        await asyncio.sleep(self._rng.choice((0.0, 0.02, 0.1, 0.3, 0.6)))


def _chosen(rng: random.Random, weighted: Sequence[tuple[str, int]]) -> str:
    [name] = rng.choices([name for name, _ in weighted], [weight for _, weight in weighted])
    return name
