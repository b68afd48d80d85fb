import pytest

from monitor.core.blocks import BlockRef
from monitor.core.delta import apply, collapse
from monitor.core.keys import Key, Kind, price_key
from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.prices import Price
from monitor.core.units import Address, BaseValue, BlockHash, MarketId
from monitor.errors import LedgerCorrupt

BLOCK = BlockRef(2, BlockHash("0x02"), BlockHash("0x01"), 24)
MARKET = MarketId("m")


def key(number: int) -> Key:
    return price_key(MARKET, Address(f"0x{number:040x}"))


def price(value: int) -> Price:
    return Price(BaseValue(value))


def test_collapse__of_writes_that_cancel_out__is_empty() -> None:
    ledger = Ledger({key(1): price(1)})
    overlay = Overlay(ledger)
    overlay.put(key(1), price(2))
    overlay.put(key(1), price(1))
    assert collapse(BLOCK, overlay).changes == ()


def test_apply__of_a_delta_and_its_inverse__restores_the_ledger() -> None:
    ledger = Ledger({key(1): price(1), key(2): price(2)})
    before = dict(ledger.records())
    overlay = Overlay(ledger)
    overlay.put(key(1), price(9))
    overlay.put(key(2), None)
    overlay.put(key(3), price(3))
    delta = collapse(BLOCK, overlay)
    apply(ledger, delta)
    assert dict(ledger.records()) == {key(1): price(9), key(3): price(3)}
    apply(ledger, delta.inverse())
    assert dict(ledger.records()) == before


def test_apply__of_a_change_that_does_not_fit__raises_and_writes_nothing() -> None:
    ledger = Ledger({key(1): price(1)})
    overlay = Overlay(ledger)
    overlay.put(key(1), price(2))
    overlay.put(key(2), price(2))
    delta = collapse(BLOCK, overlay)
    ledger.put(key(1), price(7))
    with pytest.raises(LedgerCorrupt, match="store rebuild"):
        apply(ledger, delta)
    assert ledger.get(key(2)) is None


def test_overlay__keys__show_new_records_and_hide_removed_ones() -> None:
    overlay = Overlay(Ledger({key(1): price(1), key(2): price(2)}))
    overlay.put(key(1), None)
    overlay.put(key(3), price(3))
    assert set(overlay.keys(Kind.PRICE, MARKET)) == {key(2), key(3)}
