"""Who has what where: positions by account, as loops and trails are found from them."""

from collections.abc import Iterable, Iterator, Sequence

from monitor.core.delta import BlockDelta
from monitor.core.events import CollateralChanged, DebtChanged, Place
from monitor.core.keys import Key, Kind, category_key, pair_key, position_key, reserve_key
from monitor.core.ledger import Holding, LedgerView, Position, find
from monitor.core.overlay import Overlay
from monitor.core.pairs import Pair
from monitor.core.reserves import Category, Reserve
from monitor.core.trails import Side
from monitor.core.units import RAY, Address, AssetId, MarketId, RawAmount
from monitor.errors import LedgerCorrupt
from monitor.leverage.standings import Standing
from monitor.leverage.steps import Act, Step

_SHARES_OF_NOTHING = 10**6
"""Shares that a pair's first raw unit is worth (SharesMathLib.sol, VIRTUAL_SHARES)."""


class Places:
    """The positions of each account in the committed ledger, by account."""

    def __init__(self, view: LedgerView, markets: Sequence[MarketId]) -> None:
        self._keys: dict[Address, set[Key]] = {}
        for market in markets:
            for key in view.keys(Kind.POSITION, market):
                self._keys.setdefault(Address(key.subject), set()).add(key)

    def apply(self, delta: BlockDelta) -> None:
        """The block is part of the ledger now, or (its inverse) no longer."""
        for change in delta.changes:
            if change.key.kind is not Kind.POSITION:
                continue
            account = Address(change.key.subject)
            if change.after is not None:
                self._keys.setdefault(account, set()).add(change.key)
            elif (keys := self._keys.get(account)) is not None:
                keys.discard(change.key)
                if not keys:
                    del self._keys[account]

    def accounts(self) -> Iterable[Address]:
        return self._keys.keys()

    def of(self, account: Address) -> frozenset[Key]:
        return frozenset(self._keys.get(account, ()))


def standing_at(view: LedgerView, key: Key) -> Standing | None:
    """What one account has pledged and owes in one market; None where it does neither."""
    position = find(view, key, Position)
    if position is None:
        return None
    place = Place(key.market, Address(key.subject), key.sub_market)
    held_for_debt = [held for held in position.supplies if is_pledged(held)]
    pledged = tuple(held.asset for held in held_for_debt)
    owed = tuple(
        (held.asset, raw_of(view, _side(place, held.asset), held.scaled, is_owed=True))
        for held in position.debts
        if held.scaled
    )
    if not pledged and not owed:
        return None
    category = find(view, category_key(key.market, position.e_mode), Category)
    raw = tuple(
        raw_of(view, _side(place, held.asset), held.scaled, is_owed=False) for held in held_for_debt
    )
    return Standing(place, pledged, owed, category if position.e_mode else None, raw)


def is_pledged(held: Holding) -> bool:
    """Whether it secures debt: a collateral flag may outlive its balance."""
    return held.used_as_collateral and held.scaled > 0


def owed_raw(view: LedgerView, side: Side) -> RawAmount:
    """What is owed there now; 0 where nothing is."""
    for held in _position(view, side).debts:
        if held.asset == side.asset:
            return raw_of(view, side, held.scaled, is_owed=True)
    return RawAmount(0)


def pledged_raw(view: LedgerView, side: Side) -> RawAmount:
    """What is supplied there now, whether or not it secures debt; 0 where nothing is."""
    for held in _position(view, side).supplies:
        if held.asset == side.asset:
            return raw_of(view, side, held.scaled, is_owed=False)
    return RawAmount(0)


def raw_of(view: LedgerView, side: Side, scaled: int, *, is_owed: bool) -> RawAmount:
    """A scaled amount in raw units, half-up: right to the unit or one beside it.

    Loops only need to know what became of what; verdicts and statements do not come here.
    """
    reserve = find(view, reserve_key(side.market, side.asset, side.sub_market), Reserve)
    if reserve is not None:
        index = reserve.debt_index_ray if is_owed else reserve.supply_index_ray
        return RawAmount((scaled * index + RAY // 2) // RAY)
    pair = find(view, pair_key(side.market, side.sub_market), Pair)
    if pair is None:
        raise LedgerCorrupt(f"{side} is held, but the ledger does not list it")
    if not is_owed:
        return RawAmount(scaled)
    shares = pair.debt_shares + _SHARES_OF_NOTHING
    return RawAmount((scaled * (pair.debt_raw + 1) + shares // 2) // shares)


Moved = tuple[str, int, CollateralChanged | DebtChanged]
"""Transaction, log index, and what one log changed of a position."""


def steps_of(
    moves: Iterable[Moved], before: LedgerView, after: Overlay
) -> Iterator[tuple[Address, Step]]:
    """What each account borrowed, repaid, pledged and released in a block, in log order.

    `before`: the ledger without the block.
    """
    last: dict[tuple[Side, bool], int] = {}
    for tx_hash, log_index, event in moves:
        is_owed = isinstance(event, DebtChanged)
        side = _side(event.place, event.asset)
        was = last.get((side, is_owed))
        if was is None:
            was = _scaled(before, side, is_owed=is_owed)
        last[side, is_owed] = event.scaled
        more = event.scaled - was
        raw = raw_of(after, side, abs(more), is_owed=is_owed)
        if not raw:
            continue
        if is_owed:
            act = Act.BORROWED if more > 0 else Act.REPAID
        else:
            act = Act.PLEDGED if more > 0 else Act.RELEASED
        yield side.account, Step(tx_hash, log_index, act, side.asset, raw, side)


def _scaled(view: LedgerView, side: Side, *, is_owed: bool) -> int:
    position = _position(view, side)
    held = position.debts if is_owed else position.supplies
    return next((one.scaled for one in held if one.asset == side.asset), 0)


def _position(view: LedgerView, side: Side) -> Position:
    key = position_key(side.market, side.account, side.sub_market)
    return find(view, key, Position) or Position()


def _side(place: Place, asset: AssetId) -> Side:
    return Side(place.market, place.sub_market, place.account, asset)
