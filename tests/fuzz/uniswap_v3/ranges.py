"""Where liquidity of the pools begins and ends: the only ticks there can be."""

from devnet import Address, World
from devnet.terms import PoolTerms, RangeTerms
from devnet.uniswap_deployment import raw_price, tick_range
from eth_utils.crypto import keccak

Range = tuple[int, int]
OWN_RANGES = (RangeTerms(0, 250), RangeTerms(0, 900), RangeTerms(0, 3_000))


def own_ranges(world: World, pool: PoolTerms) -> tuple[Range, ...]:
    """Where verbs add and remove: around the middle, and wholly on either side of it."""
    around = [_range(world, pool, part) for part in OWN_RANGES]
    (low, high), (lower, higher) = around[0], around[-1]
    return (*around, (lower, low), (high, higher))


def all_ticks(world: World, pool: PoolTerms) -> tuple[int, ...]:
    """Ascending."""
    first = [_range(world, pool, part) for part in pool.ranges]
    return tuple(sorted({tick for ends in (*first, *own_ranges(world, pool)) for tick in ends}))


def position_id(owner: Address, ends: Range) -> bytes:
    """How a pool names an owner's liquidity between two ticks."""
    ticks = b"".join(tick.to_bytes(3, "big", signed=True) for tick in ends)
    return keccak(bytes.fromhex(owner[2:]) + ticks)


def _range(world: World, pool: PoolTerms, part: RangeTerms) -> Range:
    tokens = world.addresses.tokens
    is_base_first = int(tokens[pool.base], 16) < int(tokens[pool.quote], 16)
    price = raw_price(world.terms, pool, world.terms.mid(pool), is_base_first)
    return tick_range(price, pool.tick_spacing, part)
