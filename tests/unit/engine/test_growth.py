from dataclasses import replace
from fractions import Fraction

from builders import a_block, an_address

from monitor.core.blocks import BlockRef
from monitor.core.keys import growth_key, receipt_key
from monitor.core.ledger import Ledger, find
from monitor.core.overlay import Overlay
from monitor.core.receipts import Growth, Receipt, ReceiptKind
from monitor.core.units import YEAR_SECONDS, RawAmount, Shares
from monitor.engine.growth import KEPT, SAMPLE_SECONDS, observe, yearly_growth

VAULT, ASSET = an_address("vault"), an_address("asset")
UNIT = 10**18


def worth(assets_raw: int | None) -> Receipt:
    told = None if assets_raw is None else RawAmount(assets_raw)
    return Receipt(ReceiptKind.ERC4626, ASSET, Shares(UNIT), told, reason="" if told else "gone")


def after(seconds: int) -> BlockRef:
    return replace(a_block(), timestamp=a_block().timestamp + seconds)


def seen(*days: tuple[int, int | None]) -> Ledger:
    """A ledger in which the claim was worth that, so many seconds on."""
    ledger = Ledger()
    for seconds, assets_raw in days:
        ledger.put(receipt_key(VAULT), worth(assets_raw))
        overlay = Overlay(ledger)
        observe(after(seconds), overlay)
        for key, _, record in overlay.written():
            ledger.put(key, record)
    return ledger


def samples(ledger: Ledger) -> list[int]:
    """When the claim was looked at, in seconds from the first block."""
    found = find(ledger, growth_key(VAULT), Growth)
    return [one.at_unix - a_block().timestamp for one in found.samples] if found else []


def told(ledger: Ledger, seconds: int, assets_raw: int | None) -> Fraction | None:
    return yearly_growth(ledger, VAULT, worth(assets_raw), after(seconds).timestamp)


def test_growth__over_two_days__is_a_years_by_the_share_of_it() -> None:
    two_days = 2 * SAMPLE_SECONDS
    found = told(seen((0, UNIT)), two_days, UNIT * 1001 // 1000)
    assert found == Fraction(1, 1000) * Fraction(YEAR_SECONDS, two_days)


def test_growth__of_a_claim_that_lost__is_negative() -> None:
    found = told(seen((0, UNIT)), SAMPLE_SECONDS, UNIT // 2)
    assert found is not None
    assert found < 0


def test_growth__before_a_day_has_passed__is_unknown() -> None:
    assert told(seen((0, UNIT)), SAMPLE_SECONDS - 1, 2 * UNIT) is None
    assert told(Ledger(), SAMPLE_SECONDS, UNIT) is None


def test_growth__of_what_does_not_tell_its_worth__is_unknown() -> None:
    assert told(seen((0, UNIT)), SAMPLE_SECONDS, None) is None


def test_samples__however_long__are_one_a_day_and_the_newest() -> None:
    hours = [(hour * 3600, UNIT) for hour in range(24 * 20)]
    days = samples(seen(*hours))
    assert days == [day * SAMPLE_SECONDS for day in range(20)][-KEPT:]


def test_samples__while_the_worth_is_unknown__wait() -> None:
    ledger = seen((0, UNIT), (SAMPLE_SECONDS, None), (SAMPLE_SECONDS + 12, UNIT))
    assert samples(ledger) == [0, SAMPLE_SECONDS + 12]
