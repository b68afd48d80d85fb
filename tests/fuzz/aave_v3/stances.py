"""The positions that people begin with in an Aave market, and what they trust each other with."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devnet import ADMIN, MAX, USD, Address, Tx, World
from devnet.chain import MULTICALL3
from eth_abi import abi as eth_abi

from fuzz.people import UMBRELLA, actors, delegate_of, in_parts

LENDERS = 6
LENT_USD = 400_000
UMBRELLA_USD = 2_000_000
SMALLEST_USD, LARGEST_USD = 60, 400_000
BORROWERS_PER_BLOCK = 4
ENTRUSTED_PER_BLOCK = 20


@dataclass(frozen=True, slots=True)
class Stance:
    """A way to be in debt: shares of the collateral's value and of the debt's, in percent."""

    weight: int
    collateral: Mapping[str, int]
    debt: Mapping[str, int]
    e_mode: int = 0


STANCES = (
    Stance(22, {"WETH": 100}, {"USDC": 100}),
    Stance(14, {"WBTC": 100}, {"USDC": 60, "DAI": 40}),
    Stance(12, {"USDC": 80, "DAI": 20}, {"WETH": 100}),
    Stance(10, {"DAI": 100}, {"WBTC": 100}),
    Stance(12, {"wstETH": 100}, {"WETH": 100}, e_mode=1),
    Stance(16, {"WETH": 60, "USDC": 40}, {"USDC": 100}),
    Stance(14, {"WBTC": 40, "wstETH": 40, "DAI": 20}, {"USDC": 50, "WETH": 50}),
)


async def open_positions(
    world: World, rng: random.Random, symbols: Sequence[str], first: Sequence[Tx]
) -> None:
    """Lenders, and healthy debts of everybody else; `symbols` are lent. `first`: before all."""
    people = actors()
    for some in in_parts(people, ENTRUSTED_PER_BLOCK):
        await world.crowd(*(tx for who in some for tx in _entrust(world, who)))
    await world.block(
        *first,
        *_lend(world, symbols, UMBRELLA, UMBRELLA_USD),
        *(tx for who in people[:LENDERS] for tx in _lend(world, symbols, who, LENT_USD)),
    )
    borrowers = people[LENDERS:]
    weights = [stance.weight for stance in STANCES]
    stances = rng.choices(STANCES, weights=weights, k=len(borrowers))
    takings = [_take(world, rng, *each) for each in zip(borrowers, stances, strict=True)]
    for few in in_parts(takings, BORROWERS_PER_BLOCK):
        await world.block(*(tx for taking in few for tx in taking))


def raw_of(world: World, symbol: str, value_e8: int, price_e8: int | None = None) -> int:
    """The amount worth so much, at the initial price unless told."""
    terms = world.terms.asset(symbol)
    unit: int = 10**terms.decimals
    return value_e8 * unit // (price_e8 or terms.price_e8)


def new_rates(world: World, symbol: str, more_base_bps: int, more_slope_bps: int) -> Tx:
    """A reserve's rate curve, raised."""
    rates = world.terms.asset(symbol).rates
    curve = (
        *(rates.optimal_usage_bps, rates.base_bps + more_base_bps),
        *(rates.slope1_bps + more_slope_bps, rates.slope2_bps),
    )
    data = eth_abi.encode(["(uint16,uint32,uint32,uint32)"], [curve])
    signature = "setReserveInterestRateData(address,bytes)"
    configurator = world.addresses.configurator
    return world.tx(ADMIN, configurator, signature, world.token(symbol), data)


def _entrust(world: World, who: Address) -> Iterator[Tx]:
    """Somebody may borrow on their credit, and somebody may move their aTokens."""
    for token in world.addresses.debt_tokens.values():
        yield world.tx(who, token, "approveDelegation(address,uint256)", delegate_of(who), MAX)
    for token in world.addresses.atokens.values():
        yield world.tx(who, token, "approve(address,uint256)", delegate_of(who), MAX)


def appoint(world: World) -> Iterator[Tx]:
    """The umbrella may cover deficits, and bundles may govern."""
    provider, roles = world.addresses.addresses_provider, world.addresses.acl_manager
    name = b"UMBRELLA".ljust(32, b"\0")
    yield world.tx(ADMIN, provider, "setAddress(bytes32,address)", name, UMBRELLA)
    yield world.tx(ADMIN, roles, "addPoolAdmin(address)", MULTICALL3)


def _lend(world: World, symbols: Sequence[str], who: Address, each_usd: int) -> Iterator[Tx]:
    for symbol in symbols:
        yield world.supply(who, symbol, raw_of(world, symbol, each_usd * USD))


def _take(world: World, rng: random.Random, who: Address, stance: Stance) -> Iterator[Tx]:
    """A position somewhere between careful and at the edge of what may be borrowed."""
    size_usd = int(SMALLEST_USD * (LARGEST_USD / SMALLEST_USD) ** rng.random())
    if stance.e_mode:
        yield world.set_emode(who, stance.e_mode)
    room_e8 = 0
    for symbol, percent in stance.collateral.items():
        value_e8 = size_usd * percent * USD // 100
        terms = world.terms.e_modes[0] if stance.e_mode else world.terms.asset(symbol)
        room_e8 += value_e8 * terms.ltv_bps // 10_000
        yield world.supply(who, symbol, raw_of(world, symbol, value_e8))
    used = rng.uniform(0.45, 0.97)
    for symbol, percent in stance.debt.items():
        yield world.borrow(who, symbol, raw_of(world, symbol, int(room_e8 * used) * percent // 100))
