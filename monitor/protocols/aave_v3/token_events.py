"""Logs of aTokens and debt tokens: what an account now holds on one side of a reserve."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from monitor.core.events import CollateralChanged, DebtChanged, DomainEvent, Place
from monitor.core.keys import Kind, position_key
from monitor.core.ledger import Holding, LedgerView, Position, each, find
from monitor.core.reserves import Reserve
from monitor.core.units import RAY, ZERO_ADDRESS, Address, AssetId, MarketId, Ray, ScaledAmount
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.tokens import TokenMath, TokenMove, TokenRules

Events = tuple[DomainEvent, ...]
_NOTHING_HELD = (ScaledAmount(0), Ray(RAY))


class _Side(NamedTuple):
    """What a token contract keeps: who supplied, or who owes."""

    name: str
    math: TokenMath
    holdings: Callable[[Position], tuple[Holding, ...]]
    changed: type[CollateralChanged] | type[DebtChanged]


_SUPPLIES, _DEBTS = attrgetter("supplies"), attrgetter("debts")


class TokenRole(NamedTuple):
    """Which side of which reserve a token contract keeps."""

    asset: AssetId
    side: _Side


class TokenDecoder:
    """Decodes what moves balances. `view` must show the effect of every event returned."""

    def __init__(self, market: MarketId, view: LedgerView, rules: TokenRules) -> None:
        self._market = market
        self._view = view
        self._supply = _Side("supply", rules.supply, _SUPPLIES, CollateralChanged)
        self._debt = _Side("debt", rules.debt, _DEBTS, DebtChanged)
        self.roles: dict[Address, TokenRole] = {}
        for _, reserve in each(view, Kind.RESERVE, market, Reserve):
            self.add(reserve.asset, reserve.supply_token, reserve.debt_token)
        self.roles.pop(ZERO_ADDRESS, None)

    def add(self, asset: AssetId, supply_token: Address, debt_token: Address) -> None:
        """The tokens of a reserve."""
        self.roles[supply_token] = TokenRole(asset, self._supply)
        self.roles[debt_token] = TokenRole(asset, self._debt)

    def minted(self, token: Address, values: tuple[Any, ...]) -> Events:
        _, account, value, increase, index = values
        return self._moved(token, account, TokenMove(value, increase, index))

    def burnt(self, token: Address, values: tuple[Any, ...]) -> Events:
        account, _, value, increase, index = values
        return self._moved(token, account, TokenMove(-value, increase, index))

    def _moved(self, token: Address, account: Address, move: TokenMove) -> Events:
        asset, side = self.roles[token]
        scaled, checkpoint_ray = self._held(asset, side, account)
        try:
            after = side.math.after(scaled, checkpoint_ray, move)
        except LedgerCorrupt as error:
            raise LedgerCorrupt(f"{side.name} of {asset} by {account}: {error}") from error
        return (side.changed(Place(self._market, account), asset, after, move.index_ray),)

    def transferred(self, token: Address, values: tuple[Any, ...]) -> Events:
        sender, receiver, scaled, index = values
        asset, side = self.roles[token]
        held, _ = self._held(asset, side, sender)
        giver = Place(self._market, sender)
        if sender == receiver:
            return (side.changed(giver, asset, held, index),)
        if held < scaled:
            raise LedgerCorrupt(
                f"{sender} gives away {scaled} scaled, {scaled - held} more than it has"
            )
        taken, _ = self._held(asset, side, receiver)
        taker = Place(self._market, receiver)
        return (
            side.changed(giver, asset, ScaledAmount(held - scaled), index),
            side.changed(taker, asset, ScaledAmount(taken + scaled), index),
        )

    def _held(self, asset: AssetId, side: _Side, account: Address) -> tuple[ScaledAmount, Ray]:
        """Scaled, and the index at the last event."""
        position = find(self._view, position_key(self._market, account, ""), Position)
        if position is not None:
            for held in side.holdings(position):
                if held.asset == asset:
                    return held.scaled, held.checkpoint_ray
        return _NOTHING_HELD
