"""Leverage made by hand: supply, borrow, swap through Uniswap, supply again."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from devnet.abi import Address
from devnet.chain import View
from devnet.transactions import Tx
from devnet.world import BALANCE, World

PRICE = "getAssetPrice(address)(uint256)"


@dataclass(frozen=True, slots=True)
class Loop:
    """`amount_raw` of collateral, levered `turns` times.

    Each turn borrows `borrow_bps` of the value it supplied. The account holds the collateral and
    has approved it to the pool, and the debt asset to the router.
    """

    account: Address
    collateral: str
    debt: str
    amount_raw: int
    turns: int
    borrow_bps: int = 7500


async def loop(world: World, *loops: Loop, arbitrage: bool = False) -> None:
    """Runs all loops in step, a block per turn.

    With `arbitrage`, every pool is brought back to its feeds' price at the end of each block, as
    it would be while people build positions over months; without it they pay the slippage.
    """
    supplied = {each: each.amount_raw for each in loops}
    turn = 0
    while active := [each for each in supplied if turn < each.turns]:
        prices_e8 = await oracle_prices(world)
        txs = [tx for each in active for tx in _turn(world, each, supplied[each], prices_e8)]
        await world.block(*txs, *(arbitrage_pools(world, prices_e8) if arbitrage else ()))
        balances = await world.read(
            [View(world.token(each.collateral), BALANCE, (each.account,)) for each in active]
        )
        supplied.update(zip(active, balances, strict=True))
        turn += 1
    await world.block(
        *(world.supply(each.account, each.collateral, amount) for each, amount in supplied.items())
    )


def arbitrage_pools(world: World, prices_e8: dict[str, int]) -> list[Tx]:
    return [
        world.move_pool_to(pool.name, Fraction(prices_e8[pool.base], prices_e8[pool.quote]))
        for pool in world.terms.pools
    ]


async def oracle_prices(world: World) -> dict[str, int]:
    """By symbol, in US dollars with eight decimals, as the market itself sees them."""
    symbols: Sequence[str] = list(world.addresses.tokens)
    views = [View(world.addresses.oracle, PRICE, (world.token(symbol),)) for symbol in symbols]
    return dict(zip(symbols, await world.read(views), strict=True))


def _turn(world: World, each: Loop, supplied_raw: int, prices_e8: dict[str, int]) -> list[Tx]:
    collateral, debt = world.terms.asset(each.collateral), world.terms.asset(each.debt)
    value_e8 = supplied_raw * prices_e8[each.collateral] // 10**collateral.decimals
    borrowed_e8 = value_e8 * each.borrow_bps // 10_000
    borrowed_raw = borrowed_e8 * 10**debt.decimals // prices_e8[each.debt]
    return [
        world.supply(each.account, each.collateral, supplied_raw),
        world.borrow(each.account, each.debt, borrowed_raw),
        world.trade(each.account, each.debt, each.collateral, borrowed_raw),
    ]
