"""The wide world with somebody who lends enough of everything, everywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from devnet import WideWorld, account, open_wide_world

LENDER = account("deep lender")


@asynccontextmanager
async def deep_world() -> AsyncIterator[WideWorld]:
    async with open_wide_world() as world:
        amounts = {asset.symbol: world.raw(asset.symbol, 10_000) for asset in world.terms.assets}
        amounts |= {symbol: world.raw(symbol, 5_000_000) for symbol in ("USDC", "DAI")}
        await world.fund(LENDER, **{symbol: 4 * raw for symbol, raw in amounts.items()})
        for market in (world, world.aave_3_0):
            await world.block(*(market.supply(LENDER, *each) for each in amounts.items()))
        await world.block(
            *(
                world.morpho.supply(LENDER, pair.name, amounts[pair.loan])
                for pair in world.terms.pairs
            )
        )
        yield world
