"""The same for real: all of it happens on the chain, liquidators come, and then it is undone.

Blocks have one timestamp, so that no interest lies between them and the projected block.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devnet import ADMIN, ZERO_ADDRESS, Address, Deployer, Executed, Tx, WideWorld, crash
from devnet.executed import Use
from devnet.leaving import EVERYTHING, leave
from devnet.lending import lending_markets
from devnet.pool_families import PAIR, Families

from fidelity.amounts import view_of
from fidelity.channels import Leaving, Report, Term
from fidelity.question import Question

SETTLED_BLOCKS = 2
DAY_SECONDS = 86_400
YEAR_SECONDS = 365 * DAY_SECONDS
STAKING_RATE_WAD = 12 * 10**17
WAD = 10**18
COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
SOURCE = "getSourceOfAsset(address)(address)"
FEE = "setLiquidationProtocolFee(address,uint256)"


@dataclass(frozen=True, slots=True)
class Stage:
    """A world at the block that is projected. `reporters`: sources that report too little, of
    (market, asset), deployed but asked by nobody yet. `uses`: of what every market lends.
    """

    world: WideWorld
    families: Families | None
    reporters: Mapping[tuple[str, str], Address]
    uses: Sequence[Use]


async def set_stage(world: WideWorld, families: Families | None, question: Question) -> Stage:
    """Ends at the block to project."""
    reporters, at = {}, (await world.head()).timestamp + 3_600
    waited = 0
    if question.waiting:
        waited = question.waiting.days * DAY_SECONDS
        # A projection knows no yield of what is not lent.
        await world.block(world.set_staking_rate(STAKING_RATE_WAD))
    for channel in question.channels:
        if isinstance(channel, Report):
            view = view_of(world, channel.market)
            token, oracle = world.token(channel.asset), view.addresses.oracle
            source = await world.call(oracle, SOURCE, token)
            # Its discount shrinks by the second: it is what was asked for at the last block.
            discount = (at + waited + YEAR_SECONDS, WAD, int(-channel.change * WAD))
            reporters[channel.market, channel.asset] = await Deployer(world).deploy(
                "DiscountAdapter", source, ZERO_ADDRESS, *discount
            )
    await world.mine(SETTLED_BLOCKS)
    await world.mine(timestamp=at)
    uses = [use for market in await lending_markets(world) for use in await market.uses()]
    return Stage(world, families, reporters, uses)


async def executed(stage: Stage, question: Question) -> Executed:
    """What came of it; the world is as it was."""
    world = stage.world
    before = await world.snapshot()
    if question.waiting:
        await world.jump(question.waiting.days * DAY_SECONDS)
    txs = await _channels(stage, question)
    if txs:
        await world.block(*txs, timestamp=(await world.head()).timestamp)
    done = await crash(
        world,
        question.changes(),
        gas_usd=question.gas_usd * question.gas,
        deviation=question.deviation,
        max_rounds=question.max_rounds,
        seconds=0,
    )
    await world.revert(before)
    return done


async def _channels(stage: Stage, question: Question) -> list[Tx]:
    """What happens before prices move."""
    txs: list[Tx] = []
    for channel in question.channels:
        if isinstance(channel, Leaving):
            txs += await _leave(stage, channel)
        elif isinstance(channel, Report):
            view = view_of(stage.world, channel.market)
            source = stage.reporters[channel.market, channel.asset]
            txs.append(view.replace_source(channel.asset, source))
        else:
            txs += _change(stage.world, channel)
    return txs


async def _leave(stage: Stage, channel: Leaving) -> list[Tx]:
    families = stage.families
    if families is None:
        return await leave(stage.world, {channel.asset: channel.factor})
    txs: list[Tx] = []
    if channel.asset == EVERYTHING:
        txs += await leave(stage.world, {"WBTC": channel.factor})
    for pool in (PAIR, *families.stable):
        if channel.asset in (EVERYTHING, *pool.split("/")):
            txs += await families.leave(pool, channel.factor)
    return txs


def _change(world: WideWorld, term: Term) -> Iterator[Tx]:
    view, asset, token = view_of(world, term.market), world.terms.asset(term.asset), term.asset
    configurator: Any = view.addresses.configurator
    if term.field == "fee_bps":
        yield world.tx(ADMIN, configurator, FEE, world.token(token), term.bps)
        return
    threshold = term.bps if term.field == "threshold_bps" else asset.threshold_bps
    bonus = term.bps if term.field == "bonus_bps" else asset.bonus_bps
    ltv = min(asset.ltv_bps, threshold)
    yield world.tx(ADMIN, configurator, COLLATERAL, world.token(token), ltv, threshold, bonus)
