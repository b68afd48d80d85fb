"""What a projection breaks its sums down by: kinds of loops, reasons, rounds, accounts."""

import random
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import pytest
from unit.simulation.worlds import (
    DAI,
    TERMS,
    USDC,
    WBTC,
    WETH,
    account_number,
    borrower,
    debt,
    market,
    pledge,
    pool,
    scenario,
    sheet_of,
    world,
)

from monitor.core.risk import DebtSpot, Exposure, WorldSheet
from monitor.core.units import Address, AssetId
from monitor.simulation.options import Options
from monitor.simulation.projection import project
from monitor.simulation.report import document_of
from monitor.simulation.results import Figures, Projection

FREE = Options(gas_usd=0.0)
DEEP = pool(WETH, USDC, 1e12)
REASONS = [
    "not_allowed",
    "no_collateral",
    "no_price",
    "no_route",
    "no_cash",
    "no_profit",
    "rounds_ran_out",
]


def spot(number: int, asset: AssetId = USDC, place: str = "core") -> DebtSpot:
    return DebtSpot(place, account_number(number), asset)


def result_of(found: Projection) -> dict[str, Any]:
    return dict(document_of(found, {})["result"])


def small(number: int, owed: float, *, pledged: float = 1.0) -> Exposure:
    """Below 2,000 USD, so it is closed whole."""
    return borrower(number, pledge(WETH, pledged), debt(USDC, owed))


def test_by_loop_kind__of_debts_in_loops__is_theirs_and_the_rest_none() -> None:
    """WETH falls to 1,500, where 1 WETH secures 1,200. All is repaid, and 5 % more of it seized."""
    sheet = world(market([small(1, 1300), small(2, 1400), small(3, 1250), small(4, 1000)]), [DEEP])
    looped = {spot(1): "correlated", spot(2): "same_asset", spot(4): "directional"}
    found = project(replace(sheet, looped=looped), scenario(WETH=-0.25), FREE)
    assert list(found.by_loop_kind) == ["same_asset", "correlated", "none"]
    repaid = {kind: each.liquidated_usd for kind, each in found.by_loop_kind.items()}
    assert repaid == pytest.approx({"same_asset": 1400, "correlated": 1300, "none": 1250})
    for each in found.by_loop_kind.values():
        assert each.seized_usd == pytest.approx(1.05 * each.liquidated_usd)


def test_by_loop_kind__of_one_account__is_by_its_debts() -> None:
    """Of 3,200 owed on what is worth 2,000 nothing can be sold: 1,200 are bad, as the debts are."""
    account = borrower(1, pledge(WETH, 2), [debt(USDC, 2400), debt(DAI, 800)])
    sheet = replace(world(market([account])), looped={spot(1, DAI): "correlated"})
    found = project(sheet, scenario(WETH=-0.5), FREE)
    assert asdict(found.by_loop_kind["correlated"]) == pytest.approx(
        asdict(Figures(bad_debt_usd=300, unliquidated_usd=800))
    )
    rows = result_of(found)["by_loop_kind"]
    assert rows["none"] == {
        "liquidated_usd": "0.00",
        "seized_usd": "0.00",
        "bad_debt_usd": "900.00",
        "unliquidated_usd": "2400.00",
    }


def test_by_loop_kind__of_a_debt_elsewhere__is_not_this_ones() -> None:
    """Whose place, account or asset differs."""
    sheet = world(market([small(1, 1300)]), [DEEP])
    looped = {spot(2): "same_asset", spot(1, DAI): "same_asset", spot(1, place="x"): "same_asset"}
    found = project(replace(sheet, looped=looped), scenario(WETH=-0.25), FREE)
    assert list(found.by_loop_kind) == ["none"]


def test_by_loop_kind__where_nothing_happens__is_empty() -> None:
    sheet = replace(world(market([small(1, 500)]), [DEEP]), looped={spot(1): "correlated"})
    assert project(sheet, scenario(WETH=-0.25), FREE).by_loop_kind == {}


def stuck_world() -> WorldSheet:
    """WETH falls to 1,000. Nobody can liquidate any of the accounts: the debt of one may not be
    repaid, no pool takes the collateral of another, the pool's fee is more than the bonus.
    """
    accounts = [
        borrower(1, pledge(WETH, 1), debt(USDC, 910, repayable=False)),
        borrower(2, pledge(WBTC, 0.1), debt(USDC, 3920)),
        small(3, 1730, pledged=2),
        small(4, 1900, pledged=2),
    ]
    return world(market(accounts), [pool(WETH, USDC, 1e12, fee_ppm=60_000)])


def test_unliquidated_because__of_each_reason__is_the_debt_that_it_kept() -> None:
    found = project(stuck_world(), scenario(WETH=-0.5, WBTC=-0.1), FREE)
    assert found.liquidated_usd == 0
    assert found.unliquidated_because == {
        "not_allowed": pytest.approx(910),
        "no_collateral": 0,
        "no_price": 0,
        "no_route": pytest.approx(3920),
        "no_cash": pytest.approx(0),
        "no_profit": pytest.approx(1730 + 1900),
        "rounds_ran_out": 0,
    }
    assert sum(found.unliquidated_because.values()) == pytest.approx(found.unliquidated_usd)


def test_unliquidated_because__of_a_market_that_writes_nothing_off__is_no_collateral() -> None:
    """Of 1,500 owed on what is worth 1,000, 1,000 / 1.05 are repaid and the rest stays."""
    terms = replace(TERMS, writes_off=False)
    found = project(world(market([small(1, 1500)], terms=terms), [DEEP]), scenario(WETH=-0.5), FREE)
    assert found.unliquidated_because == dict.fromkeys(REASONS, 0.0) | {
        "no_collateral": pytest.approx(1500 - 1000 / 1.05)
    }


def test_unliquidated_because__of_a_market_without_cash__is_that() -> None:
    assets = [sheet_of(WETH, cash_raw=0), *(sheet_of(asset) for asset in (WBTC, USDC, DAI))]
    sheet = world(market([small(1, 1300)], assets=assets), [DEEP])
    found = project(sheet, scenario(WETH=-0.25), FREE)
    assert result_of(found)["unliquidated_because"] == dict.fromkeys(REASONS, "0.00") | {
        "no_cash": "1300.00"
    }


def test_unliquidated_because__when_rounds_run_out__is_what_nobody_refused() -> None:
    """Health is 0.9 at 1,620: one of two debts is repaid in the only round, and it is 0.96 then: at
    most a half of what is left may be.
    """
    account = borrower(1, pledge(WETH, 10), [debt(USDC, 7200), debt(DAI, 7200)])
    pools = [DEEP, pool(DAI, USDC, 1e12, fee_ppm=100, number=2)]
    sheet, asked = world(market([account]), pools), scenario(WETH=-0.19)
    found = project(sheet, asked, Options(gas_usd=0.0, max_rounds=1))
    assert not found.converged
    assert found.liquidated_usd == pytest.approx(7200)
    assert found.unliquidated_because == dict.fromkeys(REASONS, 0.0) | {
        "rounds_ran_out": pytest.approx(7200)
    }
    more = project(sheet, asked, FREE)
    assert more.unliquidated_usd == 0
    assert more.liquidated_usd == pytest.approx(7200 + 3600)


def crowd_world(depth_usd: float = 1.2e7) -> WorldSheet:
    accounts = [
        borrower(1, pledge(WETH, 200), debt(USDC, 310_000)),
        borrower(2, pledge(WETH, 10), debt(USDC, 13_500)),
        borrower(3, pledge(WETH, 10), debt(USDC, 13_400)),
    ]
    return world(market(accounts), [pool(WETH, USDC, depth_usd)])


def test_branching_ratio__of_a_cascade__makes_the_whole_of_its_first_round() -> None:
    found = project(crowd_world(), scenario(WETH=-0.15), FREE)
    assert found.rounds > 1
    assert 0 < found.branching_ratio < 1
    assert found.first_round_usd / (1 - found.branching_ratio) == pytest.approx(
        found.liquidated_usd
    )
    assert found.branching_ratio == pytest.approx(1 - 1 / found.amplification)


def test_branching_ratio__of_one_round_or_none__is_zero() -> None:
    once = project(world(market([small(1, 1300)]), [DEEP]), scenario(WETH=-0.25), FREE)
    assert (once.rounds, once.branching_ratio) == (1, 0.0)
    none = project(world(market([])), scenario(WETH=-0.25), FREE)
    assert (none.rounds, none.branching_ratio) == (0, 0.0)


def test_one_round__of_several_markets__is_the_whole_to_the_last_bit() -> None:
    """Its sum over calls may be a bit more or less than its sum over markets."""
    rng, found = random.Random(1), []
    for _ in range(10):
        owed = [[rng.uniform(100, 1900) for _ in range(4)] for _ in range(2)]
        markets = [
            market([small(n, usd, pledged=0.00077 * usd) for n, usd in enumerate(each)], name=name)
            for name, each in zip("ab", owed, strict=True)
        ]
        found.append(project(world(markets, [DEEP]), scenario(WETH=-0.25), FREE))
    assert any(each.first_round_usd != each.liquidated_usd for each in found)
    for each in found:
        assert (each.rounds, each.amplification, each.branching_ratio) == (1, 1.0, 0.0)


def test_round_log__ratio__is_to_the_round_before() -> None:
    log = result_of(project(crowd_world(), scenario(WETH=-0.15), FREE))["round_log"]
    sums = [float(entry["liquidated_usd"]) for entry in log]
    assert [entry["ratio"] for entry in log] == [
        None,
        *(pytest.approx(now / was, rel=1e-4) for was, now in pairwise(sums)),
    ]


def test_largest__entry__has_all_that_befell_the_account() -> None:
    """WETH falls to 1,000: of 1,500 owed on one, 1,000 / 1.05 are repaid, the rest is bad."""
    sheet = world(market([small(1, 1500), small(2, 700, pledged=0.85)]), [DEEP])
    sheet = replace(sheet, looped={spot(1): "correlated"})
    first, second = result_of(project(sheet, scenario(WETH=-0.5), FREE))["largest"]
    assert first == {
        "account": account_number(1),
        "market": "core",
        "debt_usd": "952.38",
        "liquidated_usd": "952.38",
        "seized_usd": "1000.00",
        "bad_debt_usd": "547.62",
        "unliquidated_usd": "0.00",
        "loop_kind": "correlated",
    }
    assert (second["account"], second["debt_usd"], second["loop_kind"]) == (
        account_number(2),
        "700.00",
        None,
    )


def test_largest_unliquidated__are_those_of_whom_most_is_left() -> None:
    many = [small(number, 1200 + number) for number in range(1, 15)]
    sold = borrower(20, pledge(WETH, 1), debt(DAI, 1300))
    sheet = world(market([*many, sold]), [pool(WETH, DAI, 1e12)])
    found = project(sheet, scenario(WETH=-0.25), FREE)
    left = [entry.account for entry in found.largest_unliquidated]
    assert left == [account_number(number) for number in range(14, 4, -1)]
    assert [entry.account for entry in found.largest] == [account_number(20)]
    assert result_of(found)["largest_unliquidated"][0]["unliquidated_usd"] == "1214.00"


def test_largest_share__is_the_first_accounts_part_of_what_was_repaid() -> None:
    sheet = world(market([small(1, 1400), small(2, 1300), small(3, 1300)]), [DEEP])
    found = result_of(project(sheet, scenario(WETH=-0.25), FREE))
    assert found["largest_share"] == pytest.approx(0.35)
    nothing = result_of(project(world(market([])), scenario(WETH=-0.25), FREE))
    assert nothing["largest_share"] is None


def test_answers__where_accounts_had_to_be_left_out__are_null() -> None:
    accounts = [small(1, 1300), borrower(2, pledge(WETH, 1), debt(DAI, 900))]
    assets = [sheet_of(WETH), sheet_of(USDC), sheet_of(DAI, price_base=None)]
    found = project(world(market(accounts, assets=assets), [DEEP]), scenario(WETH=-0.25), FREE)
    result = result_of(found)
    assert found.unknown
    assert (result["branching_ratio"], result["largest_share"]) == (None, None)
    assert (result["contagion"], result["largest_unliquidated"], result["largest"]) == ([], [], [])
    assert result["unliquidated_because"] == dict.fromkeys(REASONS)
    assert set(result["by_loop_kind"]["none"].values()) == {None}


def test_face__of_accounts_left__is_the_given_one() -> None:
    found = project(world(market([small(1, 1300)])), scenario(WETH=-0.25), FREE)
    (row,) = document_of(found, {}, face=str.upper)["result"]["largest_unliquidated"]
    assert row["account"] == Address(account_number(1)).upper()
