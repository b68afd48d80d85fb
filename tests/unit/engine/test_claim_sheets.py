"""What a claim can be given back for, as a projection is told: order, amounts, and why not."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from builders import USDC, WETH, a_holding, a_market, a_reserve, an_address

from monitor.core.keys import (
    holder_key,
    market_key,
    pair_key,
    position_key,
    receipt_key,
    reserve_key,
)
from monitor.core.ledger import Ledger, Market, Position, Record
from monitor.core.pairs import Pair
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.reserves import ReserveTerms
from monitor.core.risk import ClaimSheet, Lent
from monitor.core.units import ZERO_ADDRESS, AssetId, MarketId, RawAmount, Shares, Wad
from monitor.engine.claim_sheets import claim_sheets
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan

AAVE, MORPHO, MORE = MarketId("aave"), MarketId("morpho"), MarketId("more-of-morpho")
FIRST, SECOND = "0x" + "1" * 64, "0x" + "2" * 64
VAULT, OUTER = (AssetId(an_address(name)) for name in ("vault", "outer"))
AT_FIRST, AT_SECOND = f"{MORPHO}/{FIRST}", f"{MORPHO}/{SECOND}"
RULES = tuple(
    PROTOCOLS[protocol](MarketPlan(market, an_address(protocol), 0), abi_library)
    for protocol, market in (("aave_v3", AAVE), ("morpho_blue", MORPHO), ("morpho_blue", MORE))
)
VAULT_OF_100 = Receipt(
    kind=ReceiptKind.ERC4626,
    underlying=USDC,
    unit_shares=Shares(10**18),
    unit_assets_raw=RawAmount(125 * 10**4),
    supply=Shares(80 * 10**12),
    assets_raw=RawAmount(100),
    idle_raw=RawAmount(0),
)
CURATED = replace(VAULT_OF_100, queue=(SECOND, FIRST))


def a_pair() -> Pair:
    """A million lent, a share worth a millionth of a unit; no interest."""
    return Pair(
        loan=USDC,
        collateral=WETH,
        oracle=ZERO_ADDRESS,
        rate_model=ZERO_ADDRESS,
        lltv_wad=Wad(0),
        updated_unix=0,
        supply_raw=RawAmount(10**6),
        supply_shares=Shares(10**12),
        debt_raw=RawAmount(0),
        debt_shares=Shares(0),
        collateral_raw=RawAmount(0),
        fee_wad=Wad(0),
    )


def lends(raw: int) -> Position:
    return Position(lent=(a_holding(USDC, raw * 10**6),))


def sheets(records: Mapping[object, Record]) -> Mapping[AssetId, ClaimSheet]:
    """In a world of an Aave that lends WETH and USDC, and two Morpho markets that lend USDC."""
    world: dict[object, Record] = {
        market_key(AAVE): a_market(),
        market_key(MORPHO): Market("morpho_blue", an_address("morpho")),
        market_key(MORE): Market("morpho_blue", an_address("morpho")),
        reserve_key(AAVE, WETH): a_reserve(WETH),
        reserve_key(AAVE, USDC): a_reserve(USDC, symbol="USDC"),
        pair_key(MORPHO, FIRST): a_pair(),
        pair_key(MORPHO, SECOND): a_pair(),
    }
    ledger = Ledger(world | dict(records))  # type: ignore[arg-type]
    markets = [sheet for rule in RULES for sheet in rule.sheets(ledger, 0)]
    return claim_sheets(ledger, RULES, markets, 0)


def vault_sheet(
    receipt: Receipt, stakes: Mapping[str, int], records: Mapping[object, Record] | None = None
) -> ClaimSheet:
    """`stakes`: what the vault has lent in the markets of Morpho."""
    own: dict[object, Record] = {
        position_key(MORPHO, VAULT, at): lends(raw) for at, raw in stakes.items()
    }
    return sheets({receipt_key(VAULT): receipt, **own, **(records or {})})[VAULT]


def test_curated_vault__is_paid_out_in_the_order_of_its_queue() -> None:
    found = vault_sheet(CURATED, {FIRST: 60, SECOND: 40})
    assert found.lent == (Lent(AT_SECOND, RawAmount(40)), Lent(AT_FIRST, RawAmount(60)))
    assert (found.underlying, found.rate, found.total_raw) == (USDC, Fraction(125, 10**14), 100)
    assert (found.bears_losses, found.reason) == (True, "")


def test_curated_vault__what_lies_idle__is_not_paid_out() -> None:
    found = vault_sheet(replace(CURATED, idle_raw=RawAmount(7)), {FIRST: 100})
    assert (found.idle_raw, found.reason) == (0, "")


def test_curated_vault__market_out_of_its_queue__is_not_drawn_on() -> None:
    found = vault_sheet(replace(CURATED, queue=(FIRST,)), {FIRST: 100, SECOND: 30})
    assert found.lent == (Lent(AT_FIRST, RawAmount(100)),)


def test_curated_vault__that_hides_losses__does_not_bear_them() -> None:
    """It claims 130 and has lost 30 of it, 10 of them since it was last touched."""
    hiding = replace(CURATED, assets_raw=RawAmount(130), lost_raw=RawAmount(20))
    found = vault_sheet(hiding, {FIRST: 60, SECOND: 40})
    assert (found.bears_losses, found.reason) == (False, "")


def test_curated_vault__that_hides_losses_and_lends_where_nobody_looks__is_not_known() -> None:
    elsewhere = "0x" + "3" * 64
    hiding = replace(CURATED, lost_raw=RawAmount(0), queue=(SECOND, FIRST, elsewhere))
    found = vault_sheet(hiding, {FIRST: 60})
    assert found.reason == "the followed markets show 60 of the 100 it holds"


def test_vault__lends_where_nobody_looks__says_what_is_seen_and_shows_its_losses() -> None:
    found = vault_sheet(replace(CURATED, idle_raw=RawAmount(7)), {FIRST: 60})
    assert found.idle_raw == 0
    assert found.reason == "the followed markets show 60 of the 100 it holds"
    assert found.lent == (Lent(AT_FIRST, RawAmount(60)),)
    assert found.bears_losses


def test_plain_vault__pays_what_lies_idle__then_in_the_order_of_the_configuration() -> None:
    plain = replace(VAULT_OF_100, idle_raw=RawAmount(30))
    found = vault_sheet(plain, {SECOND: 40, FIRST: 30})
    assert found.idle_raw == 30
    assert found.lent == (Lent(AT_FIRST, RawAmount(30)), Lent(AT_SECOND, RawAmount(40)))
    assert found.reason == ""


def test_plain_vault__gift__is_not_paid_out() -> None:
    plain = replace(VAULT_OF_100, idle_raw=RawAmount(55))
    assert vault_sheet(plain, {FIRST: 70}).idle_raw == 30


def test_plain_vault__holds_another_vault__is_not_known() -> None:
    outer = replace(VAULT_OF_100, held=Shares(80 * 10**12))
    held: dict[object, Record] = {
        receipt_key(OUTER): outer,
        holder_key(OUTER, VAULT): Holder(Shares(64 * 10**12)),
    }
    found = vault_sheet(VAULT_OF_100, {FIRST: 20}, held)
    assert found.reason == "the followed markets show 20 of the 100 it holds"


def test_plain_vault__that_owes__is_not_known() -> None:
    levered = Position(lent=(a_holding(USDC, 100 * 10**6),), debts=(a_holding(USDC, 1),))
    records: dict[object, Record] = {
        receipt_key(VAULT): VAULT_OF_100,
        position_key(MORPHO, VAULT, FIRST): levered,
    }
    assert "owes" in sheets(records)[VAULT].reason


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        (replace(VAULT_OF_100, kind=ReceiptKind.RATE_PROVIDER), "a rate does not tell"),
        (replace(VAULT_OF_100, kind=ReceiptKind.AAVE_ATOKEN), "is not followed"),
        (replace(VAULT_OF_100, reason="asset of it: reverted"), "reverted"),
        (replace(VAULT_OF_100, unit_assets_raw=None), "does not tell what one is worth"),
        (replace(VAULT_OF_100, assets_raw=None), "does not tell what one is worth"),
        (replace(CURATED, queue=("", FIRST)), "not read yet"),
    ],
)
def test_claim__that_does_not_tell__is_not_redeemable_and_says_why(
    receipt: Receipt, reason: str
) -> None:
    assert reason in vault_sheet(receipt, {FIRST: 100}).reason


def test_claim__on_nobody_knows_what__is_none() -> None:
    silent = replace(VAULT_OF_100, underlying=None, reason="gone")
    assert VAULT not in sheets({receipt_key(VAULT): silent})


def test_atoken__of_a_followed_market__is_paid_by_it_one_for_one() -> None:
    reserve = replace(a_reserve(USDC, symbol="USDC"), cash_raw=RawAmount(75))
    found = sheets({reserve_key(AAVE, USDC): reserve})[AssetId(reserve.supply_token)]
    assert (found.underlying, found.rate) == (USDC, Fraction(1))
    assert (found.bears_losses, found.rebases) == (False, True)
    assert [lent.place for lent in found.lent] == ["aave"]
    assert found.reason == ""


def test_atoken__of_a_paused_reserve__is_paid_nothing() -> None:
    terms = ReserveTerms(is_active=True, is_paused=True)
    reserve = replace(a_reserve(USDC), cash_raw=RawAmount(75), terms=terms)
    found = sheets({reserve_key(AAVE, USDC): reserve})[AssetId(reserve.supply_token)]
    assert (found.lent, found.idle_raw, found.reason) == ((), 0, "")


def test_curated_vault__queue_over_two_entries_of_one_protocol__keeps_its_order() -> None:
    third = "0x" + "3" * 64
    queued = replace(CURATED, queue=(third, FIRST))
    elsewhere: dict[object, Record] = {
        pair_key(MORE, third): a_pair(),
        position_key(MORE, VAULT, third): lends(50),
    }
    found = vault_sheet(queued, {FIRST: 50}, elsewhere)
    assert [lent.place for lent in found.lent] == [f"{MORE}/{third}", AT_FIRST]


def test_plain_vault__what_it_has_pledged_and_not_lent__is_its_own_to_give() -> None:
    """A vault of ether that has 60 of it in Morpho as collateral, which nobody borrows."""
    ether = replace(VAULT_OF_100, underlying=WETH, assets_raw=RawAmount(60))
    pledged: dict[object, Record] = {
        receipt_key(VAULT): ether,
        position_key(MORPHO, VAULT, FIRST): Position(supplies=(a_holding(WETH, 60),)),
    }
    found = sheets(pledged)[VAULT]
    assert (found.idle_raw, found.lent, found.reason) == (60, (), "")


def test_atoken__that_is_followed_as_well__is_paid_by_its_market() -> None:
    token = AssetId(a_reserve(USDC).supply_token)
    followed = replace(VAULT_OF_100, kind=ReceiptKind.AAVE_ATOKEN)
    found = sheets({receipt_key(token): followed})[token]
    assert (found.reason, found.rate) == ("", Fraction(1))
    assert [lent.place for lent in found.lent] == ["aave"]
