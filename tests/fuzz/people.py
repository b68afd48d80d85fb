"""Who takes part, and the positions they start with."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devnet import ADMIN, MAX, USD, Address, Tx, World, account
from devnet.chain import MULTICALL3

ACTORS = 48
LENDERS = 6
LENT_USD = 200_000
PURSE_USD = 10**9
SMALLEST_USD, LARGEST_USD = 60, 400_000
FUNDED_PER_BLOCK = 8
TREASURY, UMBRELLA = account("treasury"), account("umbrella")
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


@dataclass(frozen=True, slots=True)
class Cast:
    """The accounts that act, and the contract that takes flash loans."""

    actors: Sequence[Address]
    flash_receiver: Address

    def delegate(self, who: Address) -> Address:
        """Who may borrow on somebody's credit."""
        at = self.actors.index(who)
        return self.actors[(at + 1) % len(self.actors)]


def actors() -> list[Address]:
    return [account(f"fuzz {number}") for number in range(ACTORS)]


def watched() -> tuple[Address, ...]:
    """Everybody who can come to hold something. Bundles hold in the name of the Multicall3."""
    return (*actors(), TREASURY, UMBRELLA, MULTICALL3)


async def settle(world: World, rng: random.Random) -> Cast:
    """The set-up phase: purses, lenders, and healthy debts of everybody else."""
    creation = await world.send(Tx(world, ADMIN, None, RETURNS_TRUE, "deploy flash receiver"))
    assert creation.contract_address is not None
    cast = Cast(actors(), creation.contract_address)
    people = [*cast.actors, cast.flash_receiver, UMBRELLA]
    for start in range(0, len(people), FUNDED_PER_BLOCK):
        some = people[start : start + FUNDED_PER_BLOCK]
        await world.block(*(tx for who in some for tx in _fund(world, who)))
    await world.block(*(tx for who in cast.actors for tx in _delegate(world, cast, who)))
    await world.block(
        _appoint_umbrella(world),
        *(tx for who in (*cast.actors[:LENDERS], UMBRELLA) for tx in _lend(world, who)),
    )
    for who in cast.actors[LENDERS:]:
        [stance] = rng.choices(STANCES, weights=[stance.weight for stance in STANCES])
        await world.block(*_take(world, rng, who, stance))
    return cast


def raw_of(world: World, symbol: str, value_e8: int, price_e8: int | None = None) -> int:
    """The amount worth so much, at the initial price unless told."""
    terms = world.terms.asset(symbol)
    unit: int = 10**terms.decimals
    return value_e8 * unit // (price_e8 or terms.price_e8)


def _fund(world: World, who: Address) -> Iterator[Tx]:
    for symbol in world.addresses.tokens:
        yield world.mint(who, symbol, raw_of(world, symbol, PURSE_USD * USD))
        yield world.approve(who, symbol, world.addresses.pool)
        yield world.approve(who, symbol, world.addresses.router)


def _delegate(world: World, cast: Cast, who: Address) -> Iterator[Tx]:
    for token in world.addresses.debt_tokens.values():
        yield world.tx(who, token, "approveDelegation(address,uint256)", cast.delegate(who), MAX)


def _appoint_umbrella(world: World) -> Tx:
    """Only the umbrella may cover deficits."""
    provider = world.addresses.addresses_provider
    name = b"UMBRELLA".ljust(32, b"\0")
    return world.tx(ADMIN, provider, "setAddress(bytes32,address)", name, UMBRELLA)


def _lend(world: World, who: Address) -> Iterator[Tx]:
    for symbol in world.addresses.tokens:
        yield world.supply(who, symbol, raw_of(world, symbol, LENT_USD * USD))


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
