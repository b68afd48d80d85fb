"""The positions that people begin with on Morpho."""

import random
from collections.abc import Iterator, Mapping, Sequence

from devnet import MAX, USD, Address, Tx, WideWorld

from fuzz.people import UMBRELLA, actors, in_parts

LENDERS = 6
LENT_USD = 400_000
DEPOSITORS = 8
DEPOSITED_USD = 20_000
SMALLEST_USD, LARGEST_USD = 60, 200_000
BORROWERS_PER_BLOCK = 6
ACTOR_USD = 10**9
WAD, ORACLE_SCALE = 10**18, 10**36


async def open_positions(world: WideWorld, rng: random.Random, markets: Sequence[str]) -> None:
    """Lenders, depositors of the vault, and a healthy debt of everybody else in one market."""
    people, morpho = actors(), world.morpho
    prices = {market: await morpho.price_e36(market) for market in markets}
    await world.block(*(tx for symbol in world.addresses.tokens for tx in _equip(world, symbol)))
    for who in (UMBRELLA, *people[:LENDERS]):
        loans = ((market, _symbol(world, morpho.params(market).loan)) for market in markets)
        await world.block(
            *(morpho.supply(who, market, _raw(world, it, LENT_USD)) for market, it in loans)
        )
    amount = _raw(world, world.terms.vaults[0].asset, DEPOSITED_USD)
    await world.block(*(world.vault.deposit(who, amount) for who in people[-DEPOSITORS:]))
    for some in in_parts(people[LENDERS:], BORROWERS_PER_BLOCK):
        takings = [_take(world, rng, who, rng.choice(markets), prices) for who in some]
        await world.block(*(tx for taking in takings for tx in taking))


def _equip(world: WideWorld, symbol: str) -> Iterator[Tx]:
    """The actor of bundles gets a purse, and Morpho may take from it."""
    actor, morpho = world.morpho.actor, world.addresses.morpho.morpho
    yield world.mint(actor, symbol, _raw(world, symbol, ACTOR_USD))
    yield world.morpho.bundle(UMBRELLA, world.approve(actor, symbol, morpho, MAX))


def _take(
    world: WideWorld, rng: random.Random, who: Address, market: str, prices: Mapping[str, int]
) -> Iterator[Tx]:
    """A position somewhere between careful and at the edge of what may be borrowed."""
    params = world.morpho.params(market)
    size_usd = int(SMALLEST_USD * (LARGEST_USD / SMALLEST_USD) ** rng.random())
    pledged = _raw(world, _symbol(world, params.collateral), size_usd)
    limit = pledged * prices[market] // ORACLE_SCALE * params.lltv_wad // WAD
    yield world.morpho.supply_collateral(who, market, pledged)
    yield world.morpho.borrow(who, market, int(limit * rng.uniform(0.45, 0.97)))


def _symbol(world: WideWorld, token: Address) -> str:
    [symbol] = [symbol for symbol, address in world.addresses.tokens.items() if address == token]
    return symbol


def _raw(world: WideWorld, symbol: str, usd: int) -> int:
    terms = world.terms.asset(symbol)
    unit: int = 10**terms.decimals
    return usd * USD * unit // terms.price_e8
