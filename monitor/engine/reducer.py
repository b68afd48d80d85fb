"""Events in log order over an overlay of the ledger: the only code that writes records."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from monitor.core.amendment import amender
from monitor.core.events import (
    CashMoved,
    CategoryChanged,
    CategoryChosen,
    CollateralChanged,
    CollateralUseChanged,
    DebtChanged,
    DeficitMoved,
    DomainEvent,
    IndexMoved,
    Liquidated,
    MarketChanged,
    Place,
    PoolMoved,
    PriceMoved,
    ReserveDropped,
    ReserveListed,
    RiskParametersChanged,
    TreasuryPaid,
)
from monitor.core.ledger import (
    Category,
    Holding,
    Key,
    Overlay,
    Position,
    Reserve,
    category_key,
    find,
    market_key,
    pool_key,
    position_key,
    price_key,
    reserve_key,
)
from monitor.core.units import RAY, AssetId, Bps, MarketId, RawAmount, Ray, ScaledAmount
from monitor.errors import LedgerCorrupt

_NOTHING = Position()
_amended = amender(Reserve)
# Reserves are few, and nearly every log moves one.
_reserve_key = lru_cache(4096)(reserve_key)


def reduce_all(overlay: Overlay, events: Iterable[DomainEvent]) -> None:
    """Apply events in order. Raises LedgerCorrupt for one that does not fit."""
    for event in events:
        REDUCERS[type(event)](overlay, event)


def _hold_supply(overlay: Overlay, event: CollateralChanged) -> None:
    key, position = _position(overlay, event.place)
    before, supplies = _with_holding(
        position.supplies, event.asset, event.scaled, event.checkpoint_ray
    )
    _put_position(overlay, key, Position(supplies, position.debts, position.e_mode))
    key, reserve = _reserve(overlay, event.place.market, event.asset, event.place.sub_market)
    total = ScaledAmount(reserve.supply_scaled + event.scaled - before)
    overlay.put(key, _amended(reserve, supply_scaled=total))


def _hold_debt(overlay: Overlay, event: DebtChanged) -> None:
    key, position = _position(overlay, event.place)
    before, debts = _with_holding(position.debts, event.asset, event.scaled, event.checkpoint_ray)
    _put_position(overlay, key, Position(position.supplies, debts, position.e_mode))
    key, reserve = _reserve(overlay, event.place.market, event.asset, event.place.sub_market)
    total = ScaledAmount(reserve.debt_scaled + event.scaled - before)
    overlay.put(key, _amended(reserve, debt_scaled=total))


def _use(overlay: Overlay, event: CollateralUseChanged) -> None:
    key, position = _position(overlay, event.place)
    place, held = _held(position.supplies, event.asset)
    scaled, checkpoint = (held.scaled, held.checkpoint_ray) if held else (ScaledAmount(0), Ray(RAY))
    used = Holding(event.asset, scaled, checkpoint, event.used)
    supplies = _with(position.supplies, place, held, used)
    _put_position(overlay, key, Position(supplies, position.debts, position.e_mode))


def _choose_category(overlay: Overlay, event: CategoryChosen) -> None:
    key, position = _position(overlay, event.place)
    chosen = Position(position.supplies, position.debts, event.category)
    _put_position(overlay, key, chosen)


def _move_index(overlay: Overlay, event: IndexMoved) -> None:
    key, reserve = _reserve(overlay, event.market, event.asset, event.sub_market)
    moved = _amended(
        reserve,
        supply_index_ray=event.supply_index_ray,
        debt_index_ray=event.debt_index_ray,
        supply_rate_ray=event.supply_rate_ray,
        debt_rate_ray=event.debt_rate_ray,
        updated_unix=event.updated_unix,
        treasury_scaled=event.treasury_scaled,
        debt_scaled_at_accrual=reserve.debt_scaled,
    )
    overlay.put(key, moved)


def _move_cash(overlay: Overlay, event: CashMoved) -> None:
    key, reserve = _reserve(overlay, event.market, event.asset, event.sub_market)
    cash = RawAmount(reserve.cash_raw + event.delta_raw)
    overlay.put(key, _amended(reserve, cash_raw=cash))


def _move_deficit(overlay: Overlay, event: DeficitMoved) -> None:
    key, reserve = _reserve(overlay, event.market, event.asset)
    deficit = RawAmount(reserve.deficit_raw + event.delta_raw)
    overlay.put(key, _amended(reserve, deficit_raw=deficit))


def _pay_treasury(overlay: Overlay, event: TreasuryPaid) -> None:
    key, reserve = _reserve(overlay, event.market, event.asset)
    overlay.put(key, _amended(reserve, treasury_scaled=ScaledAmount(0)))


def _put_market(overlay: Overlay, event: MarketChanged) -> None:
    overlay.put(market_key(event.market), event.contracts)


def _list_reserve(overlay: Overlay, event: ReserveListed) -> None:
    overlay.put(reserve_key(event.market, event.reserve.asset, event.sub_market), event.reserve)


def _drop_reserve(overlay: Overlay, event: ReserveDropped) -> None:
    overlay.put(reserve_key(event.market, event.asset), None)
    overlay.put(price_key(event.market, event.asset), None)


def _put_terms(overlay: Overlay, event: RiskParametersChanged) -> None:
    key, reserve = _reserve(overlay, event.market, event.asset)
    overlay.put(key, _amended(reserve, terms=event.terms))


def _put_category(overlay: Overlay, event: CategoryChanged) -> None:
    """A category without terms and lists is none: that is how all 255 begin."""
    number = event.category.number
    is_blank = event.category == Category(number, "", Bps(0), Bps(0), Bps(0))
    overlay.put(category_key(event.market, number), None if is_blank else event.category)


def _put_price(overlay: Overlay, event: PriceMoved) -> None:
    overlay.put(price_key(event.market, event.asset), event.price)


def _put_pool(overlay: Overlay, event: PoolMoved) -> None:
    overlay.put(pool_key(event.pool), event.state)


def _note(overlay: Overlay, event: Liquidated) -> None:
    """News, not state: balances come by the token events."""


def _with_holding(
    side: tuple[Holding, ...], asset: AssetId, scaled: ScaledAmount, checkpoint_ray: Ray
) -> tuple[ScaledAmount, tuple[Holding, ...]]:
    """The scaled amount held before, and the side with the new one."""
    place, held = _held(side, asset)
    used = held.used_as_collateral if held else False
    # An empty holding has no history: its checkpoint is of no use, and must not tell two
    # ledgers apart that came to the same state on different ways.
    checkpoint = checkpoint_ray if scaled else Ray(RAY)
    after = Holding(asset, scaled, checkpoint, used)
    return held.scaled if held else ScaledAmount(0), _with(side, place, held, after)


def _held(side: tuple[Holding, ...], asset: AssetId) -> tuple[int, Holding | None]:
    """Where an asset is, or would be, among the sorted; and what is held of it."""
    for place, held in enumerate(side):
        if held.asset >= asset:
            return place, held if held.asset == asset else None
    return len(side), None


def _with(
    side: tuple[Holding, ...], place: int, held: Holding | None, after: Holding
) -> tuple[Holding, ...]:
    """The side with what is held at a place replaced; with nothing there if it came to nothing."""
    new = (after,) if after.scaled or after.used_as_collateral else ()
    return side[:place] + new + side[place + (held is not None) :]


def _position(overlay: Overlay, place: Place) -> tuple[Key, Position]:
    key = position_key(place.market, place.account, place.sub_market)
    return key, find(overlay, key, Position) or _NOTHING


def _put_position(overlay: Overlay, key: Key, position: Position) -> None:
    is_empty = not (position.supplies or position.debts or position.e_mode)
    overlay.put(key, None if is_empty else position)


def _reserve(
    overlay: Overlay, market: MarketId, asset: AssetId, sub_market: str = ""
) -> tuple[Key, Reserve]:
    key = _reserve_key(market, asset, sub_market)
    reserve = overlay.get(key)
    if not isinstance(reserve, Reserve):
        raise LedgerCorrupt(f"an event moves {asset} in {market}, which the ledger does not list")
    return key, reserve


REDUCERS: Mapping[type[DomainEvent], Callable[[Overlay, Any], None]] = {
    CollateralChanged: _hold_supply,
    DebtChanged: _hold_debt,
    CollateralUseChanged: _use,
    CategoryChosen: _choose_category,
    IndexMoved: _move_index,
    CashMoved: _move_cash,
    DeficitMoved: _move_deficit,
    TreasuryPaid: _pay_treasury,
    MarketChanged: _put_market,
    ReserveListed: _list_reserve,
    ReserveDropped: _drop_reserve,
    RiskParametersChanged: _put_terms,
    CategoryChanged: _put_category,
    PriceMoved: _put_price,
    PoolMoved: _put_pool,
    Liquidated: _note,
}
"""One arm an event; a dictionary, as this is done for every log."""
