"""What ties are made of: of what a block writes, only this can tie or untie anything.

Prices move in every block, and nearly always in what they say alone.
"""

from collections.abc import Iterable

from monitor.core.keys import Key, Kind
from monitor.core.ledger import Record
from monitor.core.pairs import Pair
from monitor.core.prices import Edge, Price
from monitor.core.receipts import Receipt
from monitor.core.reserves import Reserve
from monitor.leverage.ties import USD_UNIT, is_near

Written = Iterable[tuple[Key, Record | None, Record | None]]
"""Key, before and after of what was written."""
UNREAD = frozenset(
    {
        Kind.POSITION,
        Kind.CATEGORY,
        Kind.HOLDER,
        Kind.GROWTH,
        Kind.HOURLY,
        Kind.POOL,
        Kind.FAULT,
        Kind.OWNER,
        Kind.TRAIL,
        Kind.LOOPS,
    }
)
"""What no market's list of assets is made of. All others are, or may be."""


def may_tie(written: Written) -> bool:
    """Whether ties or the lists of assets may be others after these."""
    return any(
        key.kind not in UNREAD and _facts(before) != _facts(after) for key, before, after in written
    )


def _facts(record: Record | None) -> object:
    """What `ties_of` and names are made of; the whole record where that is not known."""
    match record:
        case Price():
            is_dollar = record.value is not None and is_near(record.value, USD_UNIT)
            return is_dollar, [_edge_facts(edge) for edge in record.path]
        case Pair():
            return record.loan, record.collateral, record.oracle
        case Reserve():
            return record.asset, record.symbol, record.supply_token
        case Receipt():
            return Receipt, record.underlying
        case _:
            return record


def _edge_facts(edge: Edge) -> object:
    unit = None if edge.decimals is None else 10**edge.decimals
    return (
        *(edge.source, edge.kind, edge.exponent, edge.asset, edge.quote),
        *(bool(edge.reads), bool(edge.cap_reads)),
        *(_is_near(edge.answer, unit), _is_near(edge.cap, unit)),
    )


def _is_near(amount: int | None, unit: int | None) -> bool | None:
    return None if amount is None or unit is None else is_near(amount, unit)
