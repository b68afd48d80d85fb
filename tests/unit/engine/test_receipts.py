"""What stands behind a claim, what of it can be withdrawn, and what a claim is worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from builders import USDC, WETH, a_block, a_price, a_reserve, an_address

from monitor.core.events import Place
from monitor.core.keys import price_key, receipt_key, reserve_key, token_key
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.pairs import Token
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.risk import AccountRisk
from monitor.core.sources import Line, Listing, Statement
from monitor.core.units import AssetId, MarketId, RawAmount, Shares
from monitor.engine.receipts import Account, accounts_of
from monitor.engine.valuation import Valuation
from monitor.oracles.valuation_feed import VALUATION

VAULT = AssetId(an_address("vault"))
BLOCK = a_block()
MORPHO = MarketId("morpho")
FIRST, SECOND = "0x" + "1" * 64, "0x" + "2" * 64
CLAIM = Receipt(
    kind=ReceiptKind.ERC4626,
    underlying=USDC,
    unit_shares=Shares(10**18),
    unit_assets_raw=RawAmount(2 * 10**6),
    supply=Shares(50 * 10**18),
    assets_raw=RawAmount(100),
    idle_raw=RawAmount(0),
    queue=(FIRST, SECOND),
)


@dataclass
class Lender:
    """A market that lends USDC in some sub-markets: (what the vault has there, cash)."""

    lent: dict[str, tuple[int, int | None]]
    market: MarketId = MORPHO
    protocol: str = "morpho_blue"

    def listings(self, view: LedgerView) -> Iterator[Listing]:
        for sub_market, (_, cash) in self.lent.items():
            raw = None if cash is None else RawAmount(cash)
            yield Listing(sub_market, USDC, "USDC", 6, None, 10**36, USDC, raw)

    def statement(self, view: LedgerView, place: Place, at_unix: int) -> Statement | None:
        held = self.lent[place.sub_market][0]
        if place.account != VAULT or not held:
            return None
        risk = AccountRisk(0, 0, None, liquidatable=False)
        line = Line(USDC, RawAmount(held))
        return Statement(VAULT, place.sub_market, (), (), 0, risk, (line,))


def account(claim: Receipt, *lenders: Lender) -> Account:
    rules: Sequence[object] = lenders
    [found] = accounts_of(Ledger({receipt_key(VAULT): claim}), BLOCK, rules)  # type: ignore[arg-type]
    return found


def test_curated_vault__market_short_of_cash__limits_what_can_be_withdrawn() -> None:
    found = account(CLAIM, Lender({FIRST: (60, 1000), SECOND: (40, 15)}))
    assert [stake.amount_raw for stake in found.stakes] == [60, 40]
    assert (found.withdrawable_raw, found.unknown) == (75, ())


def test_curated_vault__what_lies_idle__cannot_be_withdrawn() -> None:
    idle = replace(CLAIM, idle_raw=RawAmount(5))
    assert account(idle, Lender({FIRST: (100, 1000)})).withdrawable_raw == 100


def test_plain_vault__what_lies_idle__can_be_withdrawn() -> None:
    plain = replace(CLAIM, queue=None, idle_raw=RawAmount(40))
    assert account(plain, Lender({FIRST: (60, 10)})).withdrawable_raw == 50


def test_vault__lends_where_nobody_looks__is_unknown() -> None:
    found = account(CLAIM, Lender({FIRST: (60, 1000)}))
    assert found.withdrawable_raw is None
    assert "60 of the 100" in found.unknown[0]


def test_vault__cash_unknown__is_unknown() -> None:
    assert account(CLAIM, Lender({FIRST: (100, None)})).withdrawable_raw is None


def test_vault__that_reverts__is_unknown_for_that_reason_alone() -> None:
    broken = replace(CLAIM, assets_raw=None, unit_assets_raw=None, reason="totalAssets: reverted")
    found = account(broken, Lender({FIRST: (60, 1000)}))
    assert found.withdrawable_raw is None
    assert found.unknown == (f"{VAULT}: totalAssets: reverted",)


@pytest.mark.parametrize(
    ("there", "booked", "claimed", "paid"),
    [
        (60, 60, 100, 60),
        (70, 60, 100, 60),
        (50, 60, 100, 50),
        (110, 110, 100, 100),
        (60, 0, 100, 0),
    ],
)
def test_atoken__pays__what_is_there_and_booked_and_claimed(
    there: int, booked: int, claimed: int, paid: int
) -> None:
    claim = replace(
        CLAIM,
        kind=ReceiptKind.AAVE_ATOKEN,
        idle_raw=RawAmount(there),
        assets_raw=RawAmount(claimed),
        queue=None,
    )
    reserve = replace(a_reserve(USDC), supply_token=VAULT)
    records = {receipt_key(VAULT): claim, reserve_key(MORPHO, USDC): reserve}
    rules: Sequence[object] = [Lender({"": (0, booked)})]
    [found] = accounts_of(Ledger(records), BLOCK, rules)  # type: ignore[arg-type]
    assert found.withdrawable_raw == paid


def test_rate_provider__can_never_say_what_is_withdrawn() -> None:
    rate = replace(CLAIM, kind=ReceiptKind.RATE_PROVIDER, queue=None)
    assert account(rate).withdrawable_raw is None


def listing(asset: AssetId, price: int | None) -> Listing:
    return Listing("", asset, "", 6, a_price(price), 10**8)


def valued(claim: Receipt, *listings: Listing) -> Fraction | None:
    return Valuation(Ledger({receipt_key(VAULT): claim}), listings).usd(VAULT, 3 * 10**18)


def test_claim__in_no_market__is_worth_its_underlying() -> None:
    assert valued(CLAIM, listing(USDC, 10**8)) == 6


def test_claim__whose_market_prices_it__is_worth_that() -> None:
    assert valued(CLAIM, listing(USDC, 10**8), listing(VAULT, 10**8)) == 3 * 10**12


@pytest.mark.parametrize(
    "claim",
    [
        replace(CLAIM, unit_assets_raw=None),
        replace(CLAIM, unit_shares=None),
        replace(CLAIM, underlying=None),
        replace(CLAIM, underlying=VAULT),
        replace(CLAIM, underlying=WETH),
    ],
)
def test_claim__rate_or_underlying_unknown__is_worth_nothing_known(claim: Receipt) -> None:
    assert valued(claim, listing(USDC, 10**8)) is None


def test_claim__rate_of_zero__is_worth_zero() -> None:
    assert valued(replace(CLAIM, unit_assets_raw=RawAmount(0)), listing(USDC, 10**8)) == 0


def test_asset__of_no_listing_but_with_a_feed__needs_the_token_s_own_decimals() -> None:
    records = {price_key(VALUATION, WETH): a_price(2000 * 10**8)}
    assert Valuation(Ledger(records), []).usd(WETH, 10**18) is None
    told = records | {token_key(WETH): Token("WETH", 18)}
    assert Valuation(Ledger(told), []).usd(WETH, 10**18) == 2000
