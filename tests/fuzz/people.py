"""Who takes part, and the positions they start with."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from devnet import ADMIN, MAX, USD, Address, Tx, World, account
from devnet.chain import MULTICALL3
from eth_abi import abi as eth_abi
from eth_utils.crypto import keccak

from fuzz.props import IDLE, LATECOMERS, Props, make_props

ACTORS = 48
LENDERS = 6
LENT_USD = 200_000
UMBRELLA_USD = 1_000_000
PURSE_USD = 10**9
SMALLEST_USD, LARGEST_USD = 60, 400_000
FUNDED_PER_BLOCK = 8
STATES_IN_MEMORY = 10_000
"""Of the node: blocks of the longest run, with those that are replaced."""
TREASURY, UMBRELLA = account("treasury"), account("umbrella")
FLASH_OWNER = account("flash owner")
RETURNS_TRUE = bytes.fromhex("600a600c600039600a6000f3" + "600160005260206000f3")
"""Creation code of a contract that answers 1 to everything: a receiver of flash loans."""


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


def actors() -> list[Address]:
    return [account(f"fuzz {number}") for number in range(ACTORS)]


def watched() -> tuple[Address, ...]:
    """Everybody who can come to hold something. Bundles hold in the name of the Multicall3."""
    return (*actors(), TREASURY, UMBRELLA, MULTICALL3)


def delegate_of(who: Address) -> Address:
    """Who may borrow on somebody's credit."""
    people = actors()
    return people[(people.index(who) + 1) % ACTORS]


def flash_receiver() -> Address:
    """The first contract that its owner created: RLP of (owner, 0), hashed."""
    owner = bytes.fromhex(FLASH_OWNER[2:])
    return "0x" + keccak(b"\xd6\x94" + owner + b"\x80")[-20:].hex()


def manager_of(who: Address) -> Address:
    """Who may change somebody's flags, once approved."""
    people = actors()
    return people[(people.index(who) + 2) % ACTORS] if who in people else people[0]


async def settle(world: World, rng: random.Random) -> Props:
    """The set-up phase: purses, lenders, and healthy debts of everybody else."""
    early = list(world.addresses.tokens)
    props = await make_props(world)
    await Tx(world, FLASH_OWNER, None, RETURNS_TRUE, "deploy flash receiver")
    people = actors()
    rich = [*people, flash_receiver(), UMBRELLA]
    for start in range(0, len(rich), FUNDED_PER_BLOCK):
        some = rich[start : start + FUNDED_PER_BLOCK]
        await world.block(*(tx for who in some for tx in _fund(world, who)))
    await world.block(*(tx for who in people for tx in _entrust(world, who)))
    await world.block(
        *_appoint(world),
        # A rate without debt: the debt index then compounds in views, but is not stored.
        new_rates(world, "wstETH", 100, 0),
        *_lend(world, early, UMBRELLA, UMBRELLA_USD),
        *(tx for who in people[:LENDERS] for tx in _lend(world, early, who, LENT_USD)),
    )
    for who in people[LENDERS:]:
        [stance] = rng.choices(STANCES, weights=[stance.weight for stance in STANCES])
        await world.block(*_take(world, rng, who, stance))
    return props


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


def _fund(world: World, who: Address) -> Iterator[Tx]:
    late = {terms.symbol for terms in LATECOMERS}
    for symbol in world.addresses.tokens:
        if symbol != IDLE:
            yield world.mint(who, symbol, raw_of(world, symbol, PURSE_USD * USD))
            yield world.approve(who, symbol, world.addresses.pool)
        if symbol not in late:
            yield world.approve(who, symbol, world.addresses.router)


def _entrust(world: World, who: Address) -> Iterator[Tx]:
    """Somebody may borrow on their credit, and somebody may move their aTokens."""
    for token in world.addresses.debt_tokens.values():
        yield world.tx(who, token, "approveDelegation(address,uint256)", delegate_of(who), MAX)
    for token in world.addresses.atokens.values():
        yield world.tx(who, token, "approve(address,uint256)", delegate_of(who), MAX)


def _appoint(world: World) -> Iterator[Tx]:
    """The umbrella may cover deficits, and bundles may govern."""
    provider, roles = world.addresses.addresses_provider, world.addresses.acl_manager
    name = b"UMBRELLA".ljust(32, b"\0")
    yield world.tx(ADMIN, provider, "setAddress(bytes32,address)", name, UMBRELLA)
    yield world.tx(ADMIN, roles, "addPoolAdmin(address)", MULTICALL3)


def _lend(world: World, symbols: list[str], who: Address, each_usd: int) -> Iterator[Tx]:
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
