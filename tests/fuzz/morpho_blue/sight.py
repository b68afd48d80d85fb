"""What Morpho Blue says at one block: as stored, and after its own accrueInterest at that time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devnet import ZERO_ADDRESS, Address, Block, MarketParams, RevertError, View, WideWorld
from devnet.morpho import (
    ACCRUE,
    HEALTHY,
    LIQUIDATE,
    MARKET,
    POSITION,
    UNHEALTHY,
    MarketState,
    Position,
)

from fuzz.facts import Facts, Told, of
from fuzz.morpho_blue.vault_sight import VaultSight, VaultViewer
from fuzz.people import manager_of

PRICE = "price()(uint256)"
TARGET = "rateAtTarget(bytes32)(int256)"
RATE = "getPooledEthByShares(uint256)(uint256)"
AUTHORIZED = "isAuthorized(address,address)(bool)"
MAX_UINT256 = 2**256 - 1
ORACLE_SCALE, WAD = 10**36, 10**18
NOTHING = Position(0, 0, 0)


@dataclass(frozen=True, slots=True)
class PairSight:
    """One market."""

    params: MarketParams
    stored: MarketState
    accrued: MarketState | None
    """None where its rate model reverts: then nobody can say."""
    price_e36: int | None
    rate_at_target_wad: int | None
    """None where the rate model has no such thing."""
    positions: Mapping[Address, Position]
    """Stored ones, without those of nothing."""
    fee_shares: Mapping[Address, int]
    """What accruing would add, for the fee recipient."""
    is_liquidatable: Mapping[Address, bool]
    """By the contract's own word, of those in debt; without those of whom it cannot tell."""

    @property
    def now(self) -> MarketState:
        """With interest, as far as anybody knows."""
        return self.accrued or self.stored

    @property
    def liquid_raw(self) -> int:
        return self.stored.supply_raw - self.stored.borrow_raw

    def lent_raw(self, who: Address) -> int:
        held = self.positions.get(who, NOTHING).supply_shares
        return self.now.supplied_raw(held + self.fee_shares.get(who, 0))

    def owed_raw(self, who: Address) -> int:
        return self.now.owed_raw(self.positions.get(who, NOTHING).borrow_shares)

    def limit_raw(self, who: Address) -> int | None:
        """What its collateral allows it to owe. None without a price, or beyond all numbers."""
        held = self.positions.get(who, NOTHING).collateral_raw
        if self.price_e36 is None or held * self.price_e36 > MAX_UINT256:
            return None
        allowed = held * self.price_e36 // ORACLE_SCALE * self.params.lltv_wad
        return None if allowed > MAX_UINT256 else allowed // WAD

    def told(self) -> Told:
        params, stored = self.params, self.stored
        for field in ("loan", "collateral", "oracle", "rate_model"):
            yield field, int(getattr(params, field), 16)
        yield "lltv_wad", params.lltv_wad
        yield "supply_raw", stored.supply_raw
        yield "supply_shares", stored.supply_shares
        yield "debt_raw", stored.borrow_raw
        yield "debt_shares", stored.borrow_shares
        yield "collateral_raw", sum(held.collateral_raw for held in self.positions.values())
        yield "fee_wad", stored.fee_wad
        if params.rate_model != ZERO_ADDRESS:  # without one nothing logs its date, or depends on it
            yield "updated_unix", stored.updated_unix
        yield "rate_at_target_wad", self.rate_at_target_wad
        yield "price_e36", self.price_e36

    def told_of(self, who: Address) -> Told:
        """Amounts at the block's time; health as contract.md defines it."""
        held = self.positions.get(who, NOTHING)
        yield "supply_shares", held.supply_shares
        yield "borrow_shares", held.borrow_shares
        yield "collateral_raw", held.collateral_raw
        yield "lent_raw", self.lent_raw(who)
        yield "owed_raw", self.owed_raw(who)
        if not held.borrow_shares:
            yield "is_liquidatable", 0
            return
        verdict, limit = self.is_liquidatable.get(who), self.limit_raw(who)
        is_known = verdict is not None and limit is not None
        yield "is_liquidatable", int(verdict) if is_known and verdict is not None else None
        health = limit * WAD // self.owed_raw(who) if is_known and limit is not None else None
        yield "health_factor_wad", health


@dataclass(frozen=True, slots=True)
class MorphoSight:
    """All markets that exist, and the vault."""

    pairs: Mapping[str, PairSight]
    fee_recipient: Address
    trusting: frozenset[Address]
    """Who has authorized its manager. Not compared: it moves nothing by itself."""
    staking_rate_wad: int
    """Ether per wstETH. Not compared as such."""
    vault: VaultSight
    people: Sequence[Address]

    @property
    def is_dark(self) -> bool:
        return False

    @property
    def solvent_share(self) -> float:
        return sum(self.is_solvent(who) for who in self.people) / len(self.people)

    def is_solvent(self, who: Address) -> bool:
        """Whether it owes something, and could be liquidated nowhere."""
        verdicts = [
            pair.is_liquidatable.get(who, True)
            for pair in self.pairs.values()
            if pair.positions.get(who, NOTHING).borrow_shares
        ]
        return bool(verdicts) and not any(verdicts)

    def facts(self) -> Facts:
        facts: Facts = {("Morpho", "fee_recipient"): int(self.fee_recipient, 16)}
        facts.update(of("vault", self.vault.told()))
        for name, pair in self.pairs.items():
            facts.update(of(name, pair.told()))
            for who in pair.positions.keys() | pair.fee_shares.keys():
                if who in pair.positions or pair.lent_raw(who):
                    facts.update(of(f"{name}, {who}", pair.told_of(who)))
        return facts


class Viewer:
    """Asks the contracts; everything at one block hash."""

    def __init__(
        self, world: WideWorld, holders: Sequence[Address], people: Sequence[Address]
    ) -> None:
        self._world = world
        self._at = world.addresses.morpho
        self._holders = holders
        self._people = people
        self._vault = VaultViewer(world, people)
        self._known: dict[tuple[MarketParams, Address], list[View]] = {}

    async def see(self, block: Block) -> MorphoSight:
        morpho, book = self._at.morpho, self._at.markets
        recipient, rate_wad, *states = await self._world.read(
            [
                View(morpho, "feeRecipient()(address)"),
                View(self._world.addresses.staked_ether, RATE, (WAD,)),
                *(View(morpho, MARKET, (params.id,)) for params in book.values()),
            ],
            block.hash,
        )
        made = [
            name
            for name, state in zip(book, states, strict=True)
            if MarketState(*state).updated_unix
        ]
        pairs = {name: await self._pair(block, book[name], recipient) for name in made}
        trusts = [View(morpho, AUTHORIZED, (who, manager_of(who))) for who in self._people]
        answers = await self._world.read(trusts, block.hash)
        trusting = {who for who, trusts in zip(self._people, answers, strict=True) if trusts}
        vault = await self._vault.see(block)
        trusted = frozenset(trusting)
        return MorphoSight(pairs, recipient, trusted, rate_wad, vault, self._people)

    async def _pair(self, block: Block, params: MarketParams, recipient: Address) -> PairSight:
        """Everything in one call of the node: what comes after the accrual sees it."""
        answers = iter(await self._world.attempt(self._views(params, recipient), block.hash))
        stored = next(answers)
        price = next(answers) if params.oracle != ZERO_ADDRESS else None
        target = next(answers) if params.rate_model == self._at.rate_model else None
        positions = [Position(*next(answers)) for _ in self._holders]
        held = {
            who: position
            for who, position in zip(self._holders, positions, strict=True)
            if position != NOTHING
        }
        is_accrued = not isinstance(next(answers), RevertError)
        accrued, later = MarketState(*next(answers)), Position(*next(answers))
        fee_shares = later.supply_shares - held.get(recipient, NOTHING).supply_shares
        pair = PairSight(
            params,
            MarketState(*stored),
            accrued if is_accrued else None,
            None if isinstance(price, RevertError) else price,
            target,
            held,
            {recipient: fee_shares} if fee_shares else {},
            {},
        )
        return replace(pair, is_liquidatable=await self._verdicts(block, pair))

    def _views(self, params: MarketParams, recipient: Address) -> list[View]:
        """The same block after block."""
        known = self._known.get((params, recipient))
        if known is None:
            known = self._known[params, recipient] = self._all_views(params, recipient)
        return known

    def _all_views(self, params: MarketParams, recipient: Address) -> list[View]:
        morpho, target = self._at.morpho, View(params.rate_model, TARGET, (params.id,))
        return [
            View(morpho, MARKET, (params.id,)),
            *([View(params.oracle, PRICE)] if params.oracle != ZERO_ADDRESS else []),
            *([target] if params.rate_model == self._at.rate_model else []),
            *(View(morpho, POSITION, (params.id, who)) for who in self._holders),
            View(morpho, ACCRUE, (params.encoded,)),
            View(morpho, MARKET, (params.id,)),
            View(morpho, POSITION, (params.id, recipient)),
        ]

    async def _verdicts(self, block: Block, pair: PairSight) -> dict[Address, bool]:
        """It refuses to liquidate whom it takes to be healthy."""
        debtors = [who for who, held in pair.positions.items() if held.borrow_shares]
        views = [
            View(self._at.morpho, LIQUIDATE, (pair.params.encoded, who, 0, 1, b""))
            for who in debtors
        ]
        answers = await self._world.attempt(views, block.hash)
        return dict(_verdicts(zip(debtors, answers, strict=True)))


def _verdicts(answers: Iterable[tuple[Address, Any]]) -> Iterator[tuple[Address, bool]]:
    for who, answer in answers:
        if not isinstance(answer, RevertError):
            yield who, True
        elif answer.reason in (HEALTHY, *UNHEALTHY):
            yield who, answer.reason != HEALTHY
