"""What is a claim, where its money is lent, and what it finally rests on."""

from dataclasses import replace
from fractions import Fraction

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
from monitor.core.units import (
    ZERO_ADDRESS,
    AssetId,
    MarketId,
    RawAmount,
    Shares,
    Wad,
)
from monitor.leverage.claims import Claim, Claims, Part, claims_of
from monitor.leverage.foundation import Base
from monitor.library import abi_library
from monitor.protocols.registry import PROTOCOLS, MarketPlan

AAVE, MORPHO = MarketId("aave"), MarketId("morpho")
FIRST, SECOND = "0x" + "1" * 64, "0x" + "2" * 64
VAULT, OUTER, STETH = (AssetId(an_address(name)) for name in ("vault", "outer", "stETH"))
A, B, C = (AssetId(an_address(name)) for name in "abc")
NONE, HALF, ALL = Fraction(0), Fraction(1, 2), Fraction(1)


RULES = tuple(
    PROTOCOLS[protocol](MarketPlan(market, an_address(protocol), 0), abi_library)
    for protocol, market in (("aave_v3", AAVE), ("morpho_blue", MORPHO))
)


def a_pair(loan: AssetId = USDC, collateral: AssetId = WETH) -> Pair:
    """A million lent, a share worth a millionth of a unit; no interest."""
    return Pair(
        loan=loan,
        collateral=collateral,
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


def a_receipt(
    underlying: AssetId = USDC,
    total: int | None = 100,
    *,
    idle: int = 0,
    queue: tuple[str, ...] | None = None,
) -> Receipt:
    assets = None if total is None else RawAmount(total)
    return Receipt(
        ReceiptKind.ERC4626, underlying, assets_raw=assets, idle_raw=RawAmount(idle), queue=queue
    )


def lends(raw: int, asset: AssetId = USDC) -> Position:
    return Position(lent=(a_holding(asset, raw * 10**6),))


def told(**receipts: Receipt) -> dict[object, Record]:
    tokens = {"vault": VAULT, "outer": OUTER}
    return {receipt_key(tokens[name]): receipt for name, receipt in receipts.items()}


def claims_in(records: dict[object, Record], at_unix: int = 0) -> Claims:
    """In a world of an Aave that lends WETH and USDC, and two Morpho markets that lend USDC."""
    world: dict[object, Record] = {
        market_key(AAVE): a_market(),
        market_key(MORPHO): Market("morpho_blue", an_address("morpho")),
        reserve_key(AAVE, WETH): a_reserve(WETH),
        reserve_key(AAVE, USDC): a_reserve(USDC, symbol="USDC"),
        pair_key(MORPHO, FIRST): a_pair(),
        pair_key(MORPHO, SECOND): a_pair(),
    }
    ledger = Ledger(world | records)  # type: ignore[arg-type]
    return claims_of(ledger, RULES, at_unix)


def test_atoken__of_a_followed_market__is_a_claim_without_being_followed() -> None:
    claims, atoken = claims_in({}), an_address("aWETH")
    assert claims.kind(atoken) is ReceiptKind.AAVE_ATOKEN
    assert claims.underlying(atoken) == WETH
    assert claims.behind(atoken) == {(AAVE, "")}
    assert claims.rests_on(atoken).bases == ((Base(WETH, (AAVE, "")), ALL),)


def test_plain_asset__is_no_claim__and_rests_on_itself() -> None:
    claims = claims_in({})
    assert (claims.kind(WETH), claims.underlying(WETH), claims.behind(WETH)) == (
        None,
        None,
        frozenset(),
    )
    assert claims.rests_on(WETH).bases == ((Base(WETH, None), ALL),)


def test_curated_vault__lends_in_two_markets_of_its_queue__rests_on_them_alone() -> None:
    records = {
        **told(vault=a_receipt(queue=(FIRST, SECOND), idle=50)),
        position_key(MORPHO, VAULT, FIRST): lends(75),
        position_key(MORPHO, VAULT, SECOND): lends(25),
    }
    claims = claims_in(records)
    found = claims.rests_on(VAULT)
    assert claims.behind(VAULT) == {(MORPHO, FIRST), (MORPHO, SECOND)}
    assert found.bases == (
        (Base(USDC, (MORPHO, FIRST)), Fraction(3, 4)),
        (Base(USDC, (MORPHO, SECOND)), Fraction(1, 4)),
    )
    assert (found.circular, found.unknown, found.reasons) == (NONE, NONE, ())


def test_curated_vault__lends_outside_of_its_queue__that_part_is_not_its_assets() -> None:
    records = {
        **told(vault=a_receipt(total=75, queue=(FIRST,))),
        position_key(MORPHO, VAULT, FIRST): lends(75),
        position_key(MORPHO, VAULT, SECOND): lends(25),
    }
    assert claims_in(records).behind(VAULT) == {(MORPHO, FIRST)}


def test_plain_vault__in_a_pool_and_idle__rests_on_both() -> None:
    """As a stataToken does: what it supplies to Aave is its own position there."""
    supplied = Position((a_holding(USDC, 60),))
    records = {**told(vault=a_receipt(idle=40)), position_key(AAVE, VAULT): supplied}
    found = claims_in(records).rests_on(VAULT)
    assert found.bases == (
        (Base(USDC, (AAVE, "")), Fraction(3, 5)),
        (Base(USDC, None), Fraction(2, 5)),
    )


def test_plain_vault__that_fees_accrue_to__has_them_before_there_is_a_record() -> None:
    earning = replace(
        a_pair(),
        rate_model=an_address("rate model"),
        borrow_rate_wad=Wad(10**10),
        debt_raw=RawAmount(10**6),
        debt_shares=Shares(10**12),
        fee_wad=Wad(10**17),
    )
    records = {
        **told(vault=a_receipt(total=10**5)),
        market_key(MORPHO): Market("morpho_blue", an_address("morpho"), fee_recipient=VAULT),
        pair_key(MORPHO, FIRST): earning,
    }
    assert claims_in(records).behind(VAULT) == frozenset()
    assert claims_in(records, at_unix=10**7).behind(VAULT) == {(MORPHO, FIRST)}


def test_plain_vault__that_was_given_money__counts_what_its_assets_leave_open() -> None:
    supplied = Position((a_holding(USDC, 60),))
    records = {**told(vault=a_receipt(idle=10**9)), position_key(AAVE, VAULT): supplied}
    found = claims_in(records).rests_on(VAULT)
    assert found.bases[0] == (Base(USDC, (AAVE, "")), Fraction(3, 5))


def test_plain_vault__pledges_where_nobody_can_borrow_it__has_it_and_lends_it_to_nobody() -> None:
    pledged = Position((a_holding(WETH, 100, used=True),))
    records = {**told(vault=a_receipt(WETH)), position_key(MORPHO, VAULT, FIRST): pledged}
    claims = claims_in(records)
    assert claims.behind(VAULT) == frozenset()
    assert claims.rests_on(VAULT).bases == ((Base(WETH, None), ALL),)


def test_vault__holds_what_nobody_sees__that_part_is_unknown_and_says_why() -> None:
    records = {**told(vault=a_receipt()), position_key(MORPHO, VAULT, FIRST): lends(60)}
    found = claims_in(records).rests_on(VAULT)
    assert (found.bases, found.unknown) == (
        ((Base(USDC, (MORPHO, FIRST)), Fraction(3, 5)),),
        Fraction(2, 5),
    )
    assert found.reasons == (f"{VAULT}: the followed markets show 60 of the 100 it holds",)


def test_vault__that_reverts__is_unknown_where_it_lends_is_not() -> None:
    broken = replace(a_receipt(total=None), reason="totalAssets: reverted")
    records = {**told(vault=broken), position_key(MORPHO, VAULT, FIRST): lends(60)}
    claims = claims_in(records)
    assert claims.behind(VAULT) == {(MORPHO, FIRST)}
    found = claims.rests_on(VAULT)
    assert (found.bases, found.unknown) == ((), ALL)
    assert found.reasons == (f"{VAULT}: totalAssets: reverted",)


def test_nested_vault__of_shares_of_another__rests_on_what_that_lends() -> None:
    outer = a_receipt(VAULT, 10, idle=10)
    inner = a_receipt(queue=(FIRST,))
    records = {**told(vault=inner, outer=outer), position_key(MORPHO, VAULT, FIRST): lends(100)}
    claims = claims_in(records)
    assert claims.behind(OUTER) == {(MORPHO, FIRST)}
    assert claims.within(OUTER) == {OUTER, VAULT}
    assert claims.rests_on(OUTER).bases == ((Base(USDC, (MORPHO, FIRST)), ALL),)


def kept(receipt: Receipt, held: int = 200) -> Receipt:
    """Of 200 shares, each worth a unit, so many are known by their holders."""
    one = replace(receipt, unit_shares=Shares(1), unit_assets_raw=RawAmount(1))
    return replace(one, supply=Shares(200), held=Shares(held))


def test_vaults_of_one_asset__that_hold_each_others_shares__are_a_circle() -> None:
    """Each has 100; the one 60 of the other's shares, that all 100 in shares of the first."""
    first, second = kept(a_receipt(idle=40)), kept(a_receipt())
    records = {
        **told(vault=first, outer=second),
        holder_key(OUTER, VAULT): Holder(Shares(60)),
        holder_key(VAULT, OUTER): Holder(Shares(150)),  # 50 of them a gift
    }
    claims = claims_in(records)
    assert claims.within(VAULT) == {VAULT, OUTER}
    assert claims.rests_on(OUTER).bases == ((Base(USDC, None), ALL),)
    without = claims_in(records | told(vault=replace(first, idle_raw=RawAmount(0))))
    assert without.rests_on(OUTER).unknown == ALL  # 40 of each 100 are seen nowhere


def test_shares__of_a_vault_whose_holders_are_not_known__are_not_believed() -> None:
    doubtful = kept(a_receipt(idle=100), held=199)
    records = {
        **told(vault=a_receipt(), outer=doubtful),
        holder_key(OUTER, VAULT): Holder(Shares(100)),
    }
    assert claims_in(records).rests_on(VAULT).unknown == ALL


def test_rate__of_an_unfollowed_token__rests_on_it() -> None:
    rated = Receipt(ReceiptKind.RATE_PROVIDER, STETH)
    claims = claims_in(told(vault=rated))
    assert claims.rests_on(VAULT).bases == ((Base(STETH, None), ALL),)


def test_atoken__of_a_market_not_followed__is_unknown() -> None:
    claims = claims_in(told(vault=Receipt(ReceiptKind.AAVE_ATOKEN, STETH)))
    assert (claims.underlying(VAULT), claims.behind(VAULT)) == (STETH, frozenset())
    assert claims.rests_on(VAULT).unknown == 1


def held(asset: AssetId, raw: int) -> Part:
    return Part(asset, None, raw)


def vault_of(*parts: Part) -> Claim:
    return Claim(ReceiptKind.ERC4626, parts[0].asset, parts, RawAmount(sum(p.raw for p in parts)))


def test_vaults_in_a_circle__of_nothing_else__rest_on_nothing() -> None:
    claims = Claims({A: vault_of(held(B, 7)), B: vault_of(held(C, 5)), C: vault_of(held(A, 3))})
    for one in (A, B, C):
        found = claims.rests_on(one)
        assert (found.bases, found.circular, found.unknown) == ((), ALL, NONE)
        assert claims.behind(one) == frozenset()


def test_vaults_in_a_circle__with_something_in_it__rest_on_that_exactly() -> None:
    """A: a third USDC, two thirds B. B: half WETH, half A. Solved by hand: a = 1/2, b = 1/2."""
    claims = Claims(
        {A: vault_of(held(USDC, 1), held(B, 2)), B: vault_of(held(WETH, 1), held(A, 1))}
    )
    assert dict(claims.rests_on(A).bases) == {Base(USDC, None): HALF, Base(WETH, None): HALF}
    assert dict(claims.rests_on(B).bases) == {
        Base(USDC, None): Fraction(1, 4),
        Base(WETH, None): Fraction(3, 4),
    }
    assert (claims.rests_on(A).circular, claims.rests_on(B).circular) == (NONE, NONE)


def test_vault__half_in_a_circle_of_others__half_of_it_is_circular() -> None:
    claims = Claims(
        {C: vault_of(held(USDC, 5), held(A, 5)), A: vault_of(held(B, 1)), B: vault_of(held(A, 1))}
    )
    found = claims.rests_on(C)
    assert (found.bases, found.circular) == (((Base(USDC, None), HALF),), HALF)


def test_vault__that_holds_itself__has_what_else_it_holds() -> None:
    assert Claims({A: vault_of(held(A, 9), held(USDC, 1))}).rests_on(A).bases == (
        (Base(USDC, None), ALL),
    )
    assert Claims({A: vault_of(held(A, 9))}).rests_on(A).circular == 1


def test_lent__through_two_markets__counts_each_for_itself_and_once_together() -> None:
    """A is lent in `aave`, and is itself a vault that lends half of its USDC in `morpho`."""
    aave, morpho = (AAVE, ""), (MORPHO, FIRST)
    claims = Claims(
        {
            B: vault_of(Part(A, aave, 10)),
            A: vault_of(Part(USDC, morpho, 5), held(USDC, 5)),
        }
    )
    assert claims.behind(B) == {aave, morpho}
    assert claims.lent_in(B, aave) == 1
    assert claims.lent_in(B, morpho) == HALF
    assert tuple(claims.split(one).lent for one in (B, A, USDC)) == (
        ALL,
        HALF,
        NONE,
    )
    assert dict(claims.rests_on(B).bases) == {Base(USDC, morpho): HALF, Base(USDC, None): HALF}
