"""Every log is a check: what does not follow from the ledger is believed by nobody."""

import gc
import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from builders import a_block, a_hash, an_address
from eth_abi.abi import encode

from monitor.core.abi import EventAbi
from monitor.core.blocks import RawLog
from monitor.core.events import DomainEvent, PairMoved, Place
from monitor.core.keys import market_key, pair_key, position_key
from monitor.core.ledger import Ledger, Market, Position, find
from monitor.core.overlay import Overlay
from monitor.core.pairs import Pair
from monitor.core.units import (
    WAD,
    ZERO_ADDRESS,
    Address,
    MarketId,
    RawAmount,
    Shares,
    Wad,
)
from monitor.engine.reducer import reduce_all
from monitor.errors import LedgerCorrupt, UndecodableLog
from monitor.library import abi_library
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope
from monitor.protocols.morpho_blue.events import MorphoDecoder
from monitor.protocols.morpho_blue.liquidation import loss_of
from monitor.protocols.morpho_blue.positions import Held, held_at, held_in, lends, owes, pledges
from monitor.protocols.morpho_blue.rate_model import INITIAL_RATE_AT_TARGET_WAD, borrow_rate
from monitor.protocols.morpho_blue.shares import (
    to_assets_down,
    to_assets_up,
    to_shares_down,
    to_shares_up,
)

MARKET = MarketId("morpho")
MORPHO, MODEL = an_address("morpho"), an_address("model")
ALICE, BOB, OWNER = an_address("alice"), an_address("bob"), an_address("fees")
ID, OTHER_ID = a_hash("market"), a_hash("another")
ABI = MorphoAbi.of(abi_library)
BLOCK = a_block()
SUPPLY = (10**12 + 1, 10**18 + 333)
DEBT = (8 * 10**11 + 7, 7 * 10**17 + 11)
HELD = Held(10**18, 10**17, 5 * 10**11)
PAIR = Pair(
    loan=an_address("USDC"),
    collateral=an_address("WETH"),
    oracle=an_address("oracle"),
    rate_model=MODEL,
    lltv_wad=Wad(86 * WAD // 100),
    updated_unix=BLOCK.timestamp - 600,
    supply_raw=RawAmount(SUPPLY[0]),
    supply_shares=Shares(SUPPLY[1]),
    debt_raw=RawAmount(DEBT[0]),
    debt_shares=Shares(DEBT[1]),
    collateral_raw=RawAmount(6 * 10**11),
    fee_wad=Wad(WAD // 10),
    rate_at_target_wad=Wad(INITIAL_RATE_AT_TARGET_WAD),
)


def a_ledger(pair: Pair = PAIR, held: Held = HELD) -> Overlay:
    """One market id, in which Alice holds something."""
    contracts = Market("morpho_blue", MORPHO, fee_recipient=OWNER)
    overlay = Overlay(Ledger({market_key(MARKET): contracts, pair_key(MARKET, ID): pair}))
    place = Place(MARKET, ALICE, ID)
    told = (
        lends(place, pair, held.lent_shares),
        owes(place, pair, held.debt_shares),
        pledges(place, pair, held.collateral_raw),
    )
    reduce_all(overlay, told)
    return overlay


def a_log(event: EventAbi, *values: Any, address: Address = MORPHO) -> RawLog:
    """As the contract would write it, structs word by word."""
    told = list(zip(event.params, values, strict=True))
    topics = [encode([k], [_plain(k, v)]).hex() for (_, k, indexed), v in told if indexed]
    kinds = [k for (_, k, indexed), _ in told if not indexed]
    data = encode(kinds, [_plain(k, v) for (_, k, indexed), v in told if not indexed]).hex()
    hexed = (event.topic0, *("0x" + topic for topic in topics))
    return RawLog(address, hexed, data, BLOCK.hash, 3, a_hash("tx"))


def _plain(kind: str, value: Any) -> Any:
    return bytes.fromhex(value[2:]) if kind == "bytes32" else value


def morpho_log(name: str, *values: Any) -> RawLog:
    return a_log(ABI.morpho.event(name), *values)


def told_by(
    log: RawLog, ledger: Overlay | None = None, ids: frozenset[str] | None = None
) -> tuple[DomainEvent, ...]:
    scope = Scope(MARKET, MORPHO, 0, ids)
    return MorphoDecoder(scope, ABI, BLOCK, ledger or a_ledger(), {}).decode(log)


VERBS: Mapping[str, tuple[tuple[Any, ...], tuple[int, int], Any, Any]] = {
    "Supply": ((BOB, ALICE), SUPPLY, to_shares_down, to_assets_up),
    "Withdraw": ((BOB, ALICE, BOB), SUPPLY, to_shares_up, to_assets_down),
    "Borrow": ((BOB, ALICE, BOB), DEBT, to_shares_up, to_assets_down),
    "Repay": ((BOB, ALICE), DEBT, to_shares_down, to_assets_up),
}
"""Who is in the log, the totals, shares of assets and assets of shares."""


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("by_assets", [True, False])
def test_verb__amounts_that_fit__move_totals_and_position_alike(name: str, by_assets: bool) -> None:
    who, totals, to_shares, to_assets = VERBS[name]
    assets, shares = 12_345_677, 11_111_111_111
    if by_assets:
        shares = to_shares(assets, *totals)
    else:
        assets = to_assets(shares, *totals)
    overlay = a_ledger()
    reduce_all(overlay, told_by(morpho_log(name, ID, *who, assets, shares), overlay))
    sign = 1 if name in ("Supply", "Borrow") else -1
    lends_side = name in ("Supply", "Withdraw")
    pair = find(overlay, pair_key(MARKET, ID), Pair)
    assert pair is not None
    after = (
        (pair.supply_raw, pair.supply_shares) if lends_side else (pair.debt_raw, pair.debt_shares)
    )
    assert after == (totals[0] + sign * assets, totals[1] + sign * shares)
    held = held_at(overlay, Place(MARKET, ALICE, ID))
    expected = HELD._replace(
        **({"lent_shares": HELD.lent_shares + sign * shares} if lends_side else {}),
        **({} if lends_side else {"debt_shares": HELD.debt_shares + sign * shares}),
    )
    assert held == expected


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize(
    ("more_assets", "more_shares"), [(10, 0), (-10, 0), (0, 10**9), (0, -(10**9))]
)
def test_verb__amounts_that_do_not_fit__stop(name: str, more_assets: int, more_shares: int) -> None:
    who, totals, to_shares, _ = VERBS[name]
    assets = 12_345_677
    shares = to_shares(assets, *totals) + more_shares
    with pytest.raises(LedgerCorrupt, match=r"those assets are .* store rebuild"):
        told_by(morpho_log(name, ID, *who, assets + more_assets, shares))


def test_withdrawal__of_more_than_there_is__stops() -> None:
    overlay = a_ledger()
    assets = SUPPLY[0] + 10
    shares = to_shares_up(assets, *SUPPLY)
    with pytest.raises(LedgerCorrupt, match="Withdraw takes"):
        told_by(morpho_log("Withdraw", ID, BOB, ALICE, BOB, assets, shares), overlay)


def test_repayment__by_who_owes_less__stops() -> None:
    shares = HELD.debt_shares + 1
    log = morpho_log("Repay", ID, BOB, ALICE, to_assets_up(shares, *DEBT), shares)
    with pytest.raises(LedgerCorrupt, match="owes -1"):
        told_by(log)


def test_collateral__taken_from_who_has_less__stops() -> None:
    log = morpho_log("WithdrawCollateral", ID, BOB, ALICE, BOB, HELD.collateral_raw + 1)
    with pytest.raises(LedgerCorrupt, match="pledges -1"):
        told_by(log)


@pytest.mark.parametrize(("wrong_interest", "wrong_fee"), [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_accrual__interest_or_fee_that_does_not_follow__stops(
    wrong_interest: int, wrong_fee: int
) -> None:
    rate = 10**9
    growth = rate * 600
    interest = DEBT[0] * (growth + growth**2 // (2 * WAD)) // WAD
    fee = interest // 10
    minted = to_shares_down(fee, SUPPLY[0] + interest - fee, SUPPLY[1])
    good = told_by(morpho_log("AccrueInterest", ID, rate, interest, minted))
    assert good[-1] == lends(Place(MARKET, OWNER, ID), PAIR, minted)
    bad = morpho_log("AccrueInterest", ID, rate, interest + wrong_interest, minted + wrong_fee)
    with pytest.raises(LedgerCorrupt, match="by the log, but"):
        told_by(bad)


def liquidate(repaid_shares: int, seized: int, *, repaid_more: int = 0, **loss: int) -> RawLog:
    repaid = to_assets_up(repaid_shares, *DEBT) + repaid_more
    losses = (loss.get("bad_raw", 0), loss.get("bad_shares", 0))
    return morpho_log("Liquidate", ID, BOB, ALICE, repaid, repaid_shares, seized, *losses)


def test_liquidation__of_the_last_collateral__takes_the_rest_from_the_suppliers() -> None:
    shares = HELD.debt_shares // 2
    repaid = to_assets_up(shares, *DEBT)
    loss = loss_of(HELD.debt_shares - shares, DEBT[0] - repaid, DEBT[1] - shares)
    overlay = a_ledger()
    log = liquidate(shares, HELD.collateral_raw, bad_raw=loss.assets_raw, bad_shares=loss.shares)
    reduce_all(overlay, told_by(log, overlay))
    pair = find(overlay, pair_key(MARKET, ID), Pair)
    assert pair == replace(
        PAIR,
        supply_raw=RawAmount(SUPPLY[0] - loss.assets_raw),
        debt_raw=RawAmount(DEBT[0] - repaid - loss.assets_raw),
        debt_shares=Shares(DEBT[1] - HELD.debt_shares),
        collateral_raw=RawAmount(PAIR.collateral_raw - HELD.collateral_raw),
    )
    position = find(overlay, position_key(MARKET, ALICE, ID), Position)
    assert position is not None
    assert held_in(position) == Held(HELD.lent_shares, 0, 0)


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(liquidate(10**9, 5, repaid_more=1), id="repaid too much"),
        pytest.param(liquidate(10**9, 5, bad_raw=1, bad_shares=1), id="loss with collateral left"),
        pytest.param(liquidate(10**9, HELD.collateral_raw), id="no loss with none left"),
        pytest.param(liquidate(10**9, HELD.collateral_raw + 1), id="seized too much"),
        pytest.param(liquidate(HELD.debt_shares + 1, 5), id="more shares than owed"),
    ],
)
def test_liquidation__that_does_not_add_up__stops(log: RawLog) -> None:
    with pytest.raises(LedgerCorrupt):
        told_by(log)


def creation(market_id: str, model: Address = MODEL) -> RawLog:
    roles = (PAIR.loan, PAIR.collateral, PAIR.oracle, model, PAIR.lltv_wad)
    return morpho_log("CreateMarket", market_id, *roles)


def test_creation__of_what_is_there__stops() -> None:
    with pytest.raises(LedgerCorrupt, match="holds it already"):
        told_by(creation(ID))


@pytest.mark.parametrize(("model", "updated"), [(MODEL, BLOCK.timestamp), (ZERO_ADDRESS, 0)])
def test_creation__with_and_without_a_rate_model__sets_the_clock(
    model: Address, updated: int
) -> None:
    moved = told_by(creation(OTHER_ID, model))[-1]
    assert isinstance(moved, PairMoved)
    assert (moved.pair.updated_unix, moved.pair.rate_at_target_wad) == (updated, None)


def test_log__of_an_id_nobody_created__stops() -> None:
    with pytest.raises(LedgerCorrupt, match="does not hold"):
        told_by(morpho_log("SupplyCollateral", OTHER_ID, BOB, ALICE, 1))


def test_log__of_an_id_that_is_not_followed__says_nothing() -> None:
    log = morpho_log("SupplyCollateral", OTHER_ID, BOB, ALICE, 1)
    assert told_by(log, ids=frozenset({ID})) == ()


def rate_log(average: int, target: int, model: Address = MODEL, market_id: str = ID) -> RawLog:
    event = ABI.rate_model.event("BorrowRateUpdate")
    return a_log(event, market_id, average, target, address=model)


def target_after(log: RawLog, pair: Pair = PAIR) -> Wad | None:
    [moved] = told_by(log, a_ledger(pair))
    assert isinstance(moved, PairMoved)
    return moved.pair.rate_at_target_wad


def test_rate__as_ours_would_be__is_kept() -> None:
    ours = borrow_rate(SUPPLY[0], DEBT[0], INITIAL_RATE_AT_TARGET_WAD, 600)
    assert target_after(rate_log(*ours)) == ours.rate_at_target_wad
    for strange in (rate_log(ours[0] + 1, ours[1]), rate_log(ours[0], ours[1] + 1)):
        assert target_after(strange) is None


def test_rate__of_a_first_use__makes_the_model_known() -> None:
    new = replace(PAIR, debt_raw=RawAmount(0), supply_raw=RawAmount(0), rate_at_target_wad=None)
    first = borrow_rate(0, 0, 0, 0)
    assert target_after(rate_log(*first), new) == INITIAL_RATE_AT_TARGET_WAD


@pytest.mark.parametrize(
    "log",
    [
        pytest.param(rate_log(1, 1, model=an_address("another model")), id="another model"),
        pytest.param(rate_log(1, 1, market_id=OTHER_ID), id="another market"),
        pytest.param(morpho_log("SetOwner", ALICE), id="an owner"),
        pytest.param(RawLog(MORPHO, (), "", BLOCK.hash, 1, "0x"), id="no topic"),
        pytest.param(RawLog(MORPHO, (a_hash("x"),), "", BLOCK.hash, 1, "0x"), id="unknown topic"),
        pytest.param(RawLog(MODEL, (a_hash("x"),), "", BLOCK.hash, 1, "0x"), id="unknown of model"),
    ],
)
def test_log__of_no_consequence__says_nothing(log: RawLog) -> None:
    assert told_by(log) == ()


def test_log__cut_short__is_undecodable() -> None:
    log = morpho_log("Supply", ID, BOB, ALICE, 1, 1)
    with pytest.raises(UndecodableLog, match="Supply"):
        told_by(log._replace(data=log.data[:-2]))


def test_decoder__block_is_done__is_gone_without_the_collector() -> None:
    gc.disable()
    try:
        decoder = MorphoDecoder(Scope(MARKET, MORPHO, 0, None), ABI, BLOCK, a_ledger(), {})
        left = weakref.ref(decoder)
        del decoder
        assert left() is None
    finally:
        gc.enable()
