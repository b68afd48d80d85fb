"""Events in log order over an overlay of the ledger: the only code that writes records."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from monitor.core.events import (
    CashMoved,
    CategoryChanged,
    CategoryChosen,
    CollateralChanged,
    CollateralUseChanged,
    DebtChanged,
    DeficitMoved,
    DomainEvent,
    FeedKnown,
    IndexMoved,
    LentChanged,
    Liquidated,
    MarketChanged,
    PairMoved,
    Place,
    PoolMoved,
    PriceMoved,
    RateTermsChanged,
    ReceiptMoved,
    ReserveDropped,
    ReserveListed,
    RiskParametersChanged,
    SharesMoved,
    TokenKnown,
    TreasuryPaid,
)
from monitor.core.keys import (
    Key,
    Kind,
    category_key,
    feed_key,
    holder_key,
    market_key,
    pair_key,
    pool_key,
    position_key,
    price_key,
    rate_key,
    receipt_key,
    reserve_key,
    token_key,
)
from monitor.core.ledger import Holding, Position, find
from monitor.core.overlay import Overlay
from monitor.core.pools import ProductPool, StablePool, TickPool
from monitor.core.receipts import Holder, Receipt
from monitor.core.reserves import Category, Reserve
from monitor.core.slots import slot
from monitor.core.units import RAY, AssetId, Bps, MarketId, Ray, ScaledAmount, Shares
from monitor.errors import LedgerCorrupt

_NOTHING = Position()

# What moves of a reserve, in the block's own draft of it.
_set_supply_index = slot(Reserve, "supply_index_ray")
_set_debt_index = slot(Reserve, "debt_index_ray")
_set_supply_rate = slot(Reserve, "supply_rate_ray")
_set_debt_rate = slot(Reserve, "debt_rate_ray")
_set_updated = slot(Reserve, "updated_unix")
_set_supply = slot(Reserve, "supply_scaled")
_set_debt = slot(Reserve, "debt_scaled")
_set_debt_at_accrual = slot(Reserve, "debt_scaled_at_accrual")
_set_treasury = slot(Reserve, "treasury_scaled")
_set_cash = slot(Reserve, "cash_raw")
_set_deficit = slot(Reserve, "deficit_raw")
_set_terms = slot(Reserve, "terms")


def reduce_all(overlay: Overlay, events: Iterable[DomainEvent]) -> None:
    """Apply events in order. Raises LedgerCorrupt for one that does not fit."""
    for event in events:
        REDUCERS[type(event)](overlay, event)


def _hold_supply(overlay: Overlay, event: CollateralChanged) -> None:
    key, position = _position(overlay, event.place)
    before, supplies = _with_holding(position.supplies, event, event.used)
    _put_position(overlay, key, Position(supplies, position.debts, position.e_mode, position.lent))
    if not event.place.sub_market:  # a pair tells its totals itself
        reserve = _reserve(overlay, event.place.market, event.asset)
        _set_supply(reserve, reserve.supply_scaled + event.scaled - before)


def _hold_debt(overlay: Overlay, event: DebtChanged) -> None:
    key, position = _position(overlay, event.place)
    before, debts = _with_holding(position.debts, event)
    _put_position(overlay, key, Position(position.supplies, debts, position.e_mode, position.lent))
    if not event.place.sub_market:
        reserve = _reserve(overlay, event.place.market, event.asset)
        _set_debt(reserve, reserve.debt_scaled + event.scaled - before)


def _lend(overlay: Overlay, event: LentChanged) -> None:
    key, position = _position(overlay, event.place)
    place, held = _held(position.lent, event.asset)
    lent = _with(position.lent, place, held, Holding(event.asset, event.scaled, Ray(RAY)))
    lending = Position(position.supplies, position.debts, position.e_mode, lent)
    _put_position(overlay, key, lending)


def _use(overlay: Overlay, event: CollateralUseChanged) -> None:
    key, position = _position(overlay, event.place)
    place, held = _held(position.supplies, event.asset)
    scaled, checkpoint = (held.scaled, held.checkpoint_ray) if held else (ScaledAmount(0), Ray(RAY))
    used = Holding(event.asset, scaled, checkpoint, event.used)
    supplies = _with(position.supplies, place, held, used)
    _put_position(overlay, key, Position(supplies, position.debts, position.e_mode, position.lent))


def _choose_category(overlay: Overlay, event: CategoryChosen) -> None:
    key, position = _position(overlay, event.place)
    chosen = Position(position.supplies, position.debts, event.category, position.lent)
    _put_position(overlay, key, chosen)


def _move_index(overlay: Overlay, event: IndexMoved) -> None:
    reserve = _reserve(overlay, event.market, event.asset, event.sub_market)
    _set_supply_index(reserve, event.supply_index_ray)
    _set_debt_index(reserve, event.debt_index_ray)
    _set_supply_rate(reserve, event.supply_rate_ray)
    _set_debt_rate(reserve, event.debt_rate_ray)
    _set_updated(reserve, event.updated_unix)
    _set_treasury(reserve, event.treasury_scaled)
    _set_debt_at_accrual(reserve, reserve.debt_scaled)


def _move_cash(overlay: Overlay, event: CashMoved) -> None:
    reserve = _reserve(overlay, event.market, event.asset, event.sub_market)
    _set_cash(reserve, reserve.cash_raw + event.delta_raw)


def _move_deficit(overlay: Overlay, event: DeficitMoved) -> None:
    reserve = _reserve(overlay, event.market, event.asset)
    _set_deficit(reserve, reserve.deficit_raw + event.delta_raw)


def _pay_treasury(overlay: Overlay, event: TreasuryPaid) -> None:
    _set_treasury(_reserve(overlay, event.market, event.asset), ScaledAmount(0))


def _put_market(overlay: Overlay, event: MarketChanged) -> None:
    overlay.put(market_key(event.market), event.contracts)


def _put_pair(overlay: Overlay, event: PairMoved) -> None:
    overlay.put(pair_key(event.market, event.sub_market), event.pair)


def _know_token(overlay: Overlay, event: TokenKnown) -> None:
    overlay.put(token_key(event.asset), event.token)


def _put_receipt(overlay: Overlay, event: ReceiptMoved) -> None:
    overlay.put(receipt_key(event.token), event.receipt)


def _hold_shares(overlay: Overlay, event: SharesMoved) -> None:
    receipt = find(overlay, receipt_key(event.token), Receipt)
    if receipt is None or receipt.held is None:
        return  # nobody keeps them, or they are not known any more
    key = holder_key(event.token, event.account)
    before = find(overlay, key, Holder)
    moved = event.shares - (before.shares if before else 0)
    held = None if event.shares < 0 else Shares(receipt.held + moved)
    overlay.put(receipt_key(event.token), replace(receipt, held=held))
    overlay.put(key, Holder(event.shares) if event.shares > 0 else None)


def _list_reserve(overlay: Overlay, event: ReserveListed) -> None:
    overlay.put(reserve_key(event.market, event.reserve.asset, event.sub_market), event.reserve)


def _drop_reserve(overlay: Overlay, event: ReserveDropped) -> None:
    overlay.put(reserve_key(event.market, event.asset), None)
    overlay.put(price_key(event.market, event.asset), None)
    overlay.put(rate_key(event.market, event.asset), None)


def _put_terms(overlay: Overlay, event: RiskParametersChanged) -> None:
    _set_terms(_reserve(overlay, event.market, event.asset), event.terms)


def _put_rate_terms(overlay: Overlay, event: RateTermsChanged) -> None:
    overlay.put(rate_key(event.market, event.asset), event.terms)


def _put_category(overlay: Overlay, event: CategoryChanged) -> None:
    """A category without terms and lists is none: that is how all 255 begin."""
    number = event.category.number
    is_blank = event.category == Category(number, "", Bps(0), Bps(0), Bps(0))
    overlay.put(category_key(event.market, number), None if is_blank else event.category)


def _put_price(overlay: Overlay, event: PriceMoved) -> None:
    overlay.put(price_key(event.market, event.asset, event.sub_market), event.price)


def _know_feed(overlay: Overlay, event: FeedKnown) -> None:
    overlay.put(feed_key(event.contract), event.feed)


_POOL_KINDS = {
    TickPool: Kind.POOL,
    ProductPool: Kind.PRODUCT_POOL,
    StablePool: Kind.STABLE_POOL,
}


def _put_pool(overlay: Overlay, event: PoolMoved) -> None:
    overlay.put(pool_key(event.pool, _POOL_KINDS[type(event.state)]), event.state)


def _note(overlay: Overlay, event: Liquidated) -> None:
    """News, not state: balances come by the token events."""


def _with_holding(
    side: tuple[Holding, ...], event: CollateralChanged | DebtChanged, used: bool | None = None
) -> tuple[ScaledAmount, tuple[Holding, ...]]:
    """The scaled amount held before, and the side with the new one. `used`: None leaves it."""
    place, held = _held(side, event.asset)
    before = held.scaled if held else ScaledAmount(0)
    if used is None:
        used = held.used_as_collateral if held else False
    # An empty holding has no history: its checkpoint is of no use, and must not tell two
    # ledgers apart that came to the same state on different ways.
    checkpoint = event.checkpoint_ray if event.scaled else Ray(RAY)
    after = Holding(event.asset, event.scaled, checkpoint, used)
    return before, _with(side, place, held, after)


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
    is_empty = not (position.supplies or position.debts or position.e_mode or position.lent)
    overlay.put(key, None if is_empty else position)


def _reserve(overlay: Overlay, market: MarketId, asset: AssetId, sub_market: str = "") -> Reserve:
    """The block's draft of a reserve."""
    reserve = overlay.draft(reserve_key(market, asset, sub_market), Reserve)
    if reserve is None:
        raise LedgerCorrupt(f"an event moves {asset} in {market}, which the ledger does not list")
    return reserve


REDUCERS: Mapping[type[DomainEvent], Callable[[Overlay, Any], None]] = {
    CollateralChanged: _hold_supply,
    DebtChanged: _hold_debt,
    LentChanged: _lend,
    CollateralUseChanged: _use,
    CategoryChosen: _choose_category,
    IndexMoved: _move_index,
    CashMoved: _move_cash,
    DeficitMoved: _move_deficit,
    TreasuryPaid: _pay_treasury,
    MarketChanged: _put_market,
    PairMoved: _put_pair,
    TokenKnown: _know_token,
    ReceiptMoved: _put_receipt,
    SharesMoved: _hold_shares,
    ReserveListed: _list_reserve,
    ReserveDropped: _drop_reserve,
    RiskParametersChanged: _put_terms,
    RateTermsChanged: _put_rate_terms,
    CategoryChanged: _put_category,
    PriceMoved: _put_price,
    FeedKnown: _know_feed,
    PoolMoved: _put_pool,
    Liquidated: _note,
}
"""One arm an event; a dictionary, as this is done for every log."""
