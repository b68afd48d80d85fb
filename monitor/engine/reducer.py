"""Events in log order over an overlay of the ledger: the only code that writes records."""

from collections.abc import Iterable
from dataclasses import replace

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


def reduce_all(overlay: Overlay, events: Iterable[DomainEvent]) -> None:
    """Apply events in order. Raises LedgerCorrupt for one that does not fit."""
    for event in events:
        reduce(overlay, event)


def reduce(overlay: Overlay, event: DomainEvent) -> None:  # noqa: C901 - one arm an event
    """Apply one event."""
    match event:
        case CollateralChanged():
            _hold_supply(overlay, event)
        case DebtChanged():
            _hold_debt(overlay, event)
        case CollateralUseChanged():
            _use(overlay, event)
        case CategoryChosen():
            position = _position(overlay, event.place)
            _put_position(overlay, event.place, replace(position, e_mode=event.category))
        case IndexMoved():
            _move_index(overlay, event)
        case CashMoved():
            key, reserve = _reserve(overlay, event.market, event.asset, event.sub_market)
            cash = RawAmount(reserve.cash_raw + event.delta_raw)
            overlay.put(key, replace(reserve, cash_raw=cash))
        case DeficitMoved():
            key, reserve = _reserve(overlay, event.market, event.asset)
            deficit = RawAmount(reserve.deficit_raw + event.delta_raw)
            overlay.put(key, replace(reserve, deficit_raw=deficit))
        case TreasuryPaid():
            key, reserve = _reserve(overlay, event.market, event.asset)
            overlay.put(key, replace(reserve, treasury_scaled=ScaledAmount(0)))
        case MarketChanged():
            overlay.put(market_key(event.market), event.contracts)
        case ReserveListed():
            key = reserve_key(event.market, event.reserve.asset, event.sub_market)
            overlay.put(key, event.reserve)
        case ReserveDropped():
            overlay.put(reserve_key(event.market, event.asset), None)
            overlay.put(price_key(event.market, event.asset), None)
        case RiskParametersChanged():
            key, reserve = _reserve(overlay, event.market, event.asset)
            overlay.put(key, replace(reserve, terms=event.terms))
        case CategoryChanged():
            _put_category(overlay, event)
        case PriceMoved():
            overlay.put(price_key(event.market, event.asset), event.price)
        case PoolMoved():
            overlay.put(pool_key(event.pool), event.state)
        case Liquidated():
            pass  # news, not state: balances come by the token events


def _hold_supply(overlay: Overlay, event: CollateralChanged) -> None:
    position = _position(overlay, event.place)
    before, supplies = _with_holding(
        position.supplies, event.asset, event.scaled, event.checkpoint_ray
    )
    _put_position(overlay, event.place, replace(position, supplies=supplies))
    key, reserve = _reserve(overlay, event.place.market, event.asset, event.place.sub_market)
    total = ScaledAmount(reserve.supply_scaled + event.scaled - before)
    overlay.put(key, replace(reserve, supply_scaled=total))


def _hold_debt(overlay: Overlay, event: DebtChanged) -> None:
    position = _position(overlay, event.place)
    before, debts = _with_holding(position.debts, event.asset, event.scaled, event.checkpoint_ray)
    _put_position(overlay, event.place, replace(position, debts=debts))
    key, reserve = _reserve(overlay, event.place.market, event.asset, event.place.sub_market)
    total = ScaledAmount(reserve.debt_scaled + event.scaled - before)
    overlay.put(key, replace(reserve, debt_scaled=total))


def _use(overlay: Overlay, event: CollateralUseChanged) -> None:
    position = _position(overlay, event.place)
    empty = Holding(event.asset, ScaledAmount(0), Ray(RAY))
    held = next((h for h in position.supplies if h.asset == event.asset), empty)
    supplies = _sorted_with(position.supplies, replace(held, used_as_collateral=event.used))
    _put_position(overlay, event.place, replace(position, supplies=supplies))


def _move_index(overlay: Overlay, event: IndexMoved) -> None:
    key, reserve = _reserve(overlay, event.market, event.asset, event.sub_market)
    moved = replace(
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


def _put_category(overlay: Overlay, event: CategoryChanged) -> None:
    """A category without terms and lists is none: that is how all 255 begin."""
    number = event.category.number
    is_blank = event.category == Category(number, "", Bps(0), Bps(0), Bps(0))
    overlay.put(category_key(event.market, number), None if is_blank else event.category)


def _with_holding(
    side: tuple[Holding, ...], asset: AssetId, scaled: ScaledAmount, checkpoint_ray: Ray
) -> tuple[ScaledAmount, tuple[Holding, ...]]:
    """The scaled amount held before, and the side with the new one."""
    held = next((h for h in side if h.asset == asset), None)
    used = held.used_as_collateral if held else False
    # An empty holding has no history: its checkpoint is of no use, and must not tell two
    # ledgers apart that came to the same state on different ways.
    checkpoint = checkpoint_ray if scaled else Ray(RAY)
    after = Holding(asset, scaled, checkpoint, used)
    return held.scaled if held else ScaledAmount(0), _sorted_with(side, after)


def _sorted_with(side: tuple[Holding, ...], new: Holding) -> tuple[Holding, ...]:
    rest = [held for held in side if held.asset != new.asset]
    if new.scaled or new.used_as_collateral:
        rest.append(new)
    return tuple(sorted(rest, key=lambda held: held.asset))


def _position(overlay: Overlay, place: Place) -> Position:
    key = position_key(place.market, place.account, place.sub_market)
    return find(overlay, key, Position) or Position()


def _put_position(overlay: Overlay, place: Place, position: Position) -> None:
    key = position_key(place.market, place.account, place.sub_market)
    is_empty = not (position.supplies or position.debts or position.e_mode)
    overlay.put(key, None if is_empty else position)


def _reserve(
    overlay: Overlay, market: MarketId, asset: AssetId, sub_market: str = ""
) -> tuple[Key, Reserve]:
    key = reserve_key(market, asset, sub_market)
    reserve = find(overlay, key, Reserve)
    if reserve is None:
        raise LedgerCorrupt(f"an event moves {asset} in {market}, which the ledger does not list")
    return key, reserve
