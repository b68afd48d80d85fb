"""The figures of a projection, and the document they are answered in."""

import json
from dataclasses import replace

import pytest
from unit.simulation.worlds import (
    DAI,
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

from monitor.core.risk import Exposure, WorldSheet
from monitor.core.units import Address, AssetId
from monitor.errors import QuestionError
from monitor.simulation.options import Options
from monitor.simulation.projection import curve, names_of, project
from monitor.simulation.report import document_of, usd
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import Scenario, curve_of, scenario_of
from monitor.simulation.shocks import parse_shocks

BLOCK = {"number": 1, "hash": "0x01", "timestamp": 1_700_000_000}
RESULT_KEYS = [
    *("first_round_usd", "liquidated_usd", "seized_usd", "bad_debt_usd", "bad_debt_realised_usd"),
    *("unliquidated_usd", "amplification", "price_amplification", "branching_ratio", "rounds"),
    *("converged", "prices", "by_market", "by_asset", "by_loop_kind", "contagion"),
    *("unliquidated_because", "unwinding", "largest", "largest_unliquidated", "largest_share"),
    *("round_log", "snapshot"),
]


def crowd() -> list[Exposure]:
    return [
        borrower(1, pledge(WETH, 200), debt(USDC, 310_000)),
        borrower(2, pledge(WETH, 10), debt(USDC, 13_500)),
        borrower(3, pledge(WBTC, 1), debt(DAI, 30_000)),
        borrower(4, pledge(WETH, 1), [debt(DAI, 1500), debt(USDC, 500)]),
    ]


def crash_world(depth_usd: float = 1.2e7) -> WorldSheet:
    second = market([borrower(5, pledge(WETH, 10), debt(USDC, 16_900))], name="second")
    return world([market(crowd()), second], [pool(WETH, USDC, depth_usd)])


def crash(**options: object) -> Projection:
    return project(crash_world(), scenario(WETH=-0.15), Options().updated(options))


def test_projection__totals__are_the_sums_of_rounds_markets_and_assets() -> None:
    found = crash()
    for parts in (found.by_asset.values(), [e.figures for e in found.by_market.values()]):
        assert sum(part.liquidated_usd for part in parts) == pytest.approx(found.liquidated_usd)
        assert sum(part.seized_usd for part in parts) == pytest.approx(found.seized_usd)
        assert sum(part.bad_debt_usd for part in parts) == pytest.approx(found.bad_debt_usd)
        assert sum(part.unliquidated_usd for part in parts) == pytest.approx(found.unliquidated_usd)
    assert sum(r.liquidated_usd for r in found.round_log) == pytest.approx(found.liquidated_usd)


def test_projection__amplification__is_all_over_the_first_round() -> None:
    found = crash()
    first = found.round_log[0].liquidated_usd
    assert found.rounds > 1
    assert found.amplification == pytest.approx(found.liquidated_usd / first)
    assert found.amplification > 1
    assert found.price_amplification > 1


def test_projection__first_round__is_the_first_in_which_something_was_liquidated() -> None:
    """The pool is off from the start, so the oracle has to follow before anybody is unsafe."""
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_900))
    sheet = world(market([account]), [pool(WETH, USDC, 1e9, mid_factor=0.98)])
    found = project(sheet, scenario(WETH=0), Options())
    assert [r.liquidations for r in found.round_log] == [0, 1]
    assert (found.rounds, found.amplification) == (1, 1.0)
    assert found.first_round_usd == found.liquidated_usd > 0


def test_projection__of_nothing__is_zeros_and_ones() -> None:
    found = project(world(market([])), scenario(WETH=-0.3), Options())
    assert (found.liquidated_usd, found.bad_debt_usd, found.unliquidated_usd) == (0, 0, 0)
    assert (found.amplification, found.price_amplification, found.rounds) == (1.0, 1.0, 0)


def test_projection__account_left_under_water__is_bad_debt_and_unliquidated() -> None:
    account = borrower(1, pledge(WETH, 10), [debt(USDC, 12_000), debt(DAI, 4000)])
    found = project(world(market([account])), scenario(WETH=-0.5), Options())
    assert found.unliquidated_usd == pytest.approx(16_000)
    assert found.bad_debt_usd == pytest.approx(6000)
    assert found.bad_debt_realised_usd == 0
    assert found.by_asset["USDC"].bad_debt_usd == pytest.approx(4500)


def test_projection__realised_bad_debt__is_part_of_the_bad_debt() -> None:
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    sheet = world(market([account]), [pool(WETH, USDC, 1e9)])
    found = project(sheet, scenario(WETH=-0.5), Options())
    assert found.bad_debt_realised_usd == pytest.approx(15_500 - 10_000 / 1.05)
    assert found.bad_debt_usd == found.bad_debt_realised_usd


def test_prices__of_a_named_asset__are_those_of_the_market() -> None:
    path = crash().prices["WETH"]
    assert path.before == pytest.approx(2000)
    assert path.shocked == pytest.approx(1700)
    assert path.after is not None
    assert path.after < 1700


def test_prices__of_an_unnamed_asset_that_stands_still__are_left_out() -> None:
    assert list(crash().prices) == ["WETH"]


def test_prices__of_an_asset_no_market_knows__are_null_with_a_reason() -> None:
    stranger = AssetId(Address("0x" + "9" * 40))
    curve_sheet = pool(WETH, USDC, 1e6)
    strange = type(curve_sheet)(
        curve_sheet.pool, WETH, stranger, 3000, 2**96, 0, 10**18, ((-60, 10**18), (60, -(10**18)))
    )
    ratio = scenario(WETH=-0.1).moves[WETH]
    found = project(world(market([]), [strange]), Scenario({stranger: ratio}), Options())
    assert document_of(found, BLOCK)["result"]["prices"][stranger]["after"] is None
    assert found.unknown == (f"no market knows a price of {stranger} ({stranger})",)


def test_largest__accounts__are_those_with_most_debt_repaid() -> None:
    found = crash()
    assert found.largest[0].account == account_number(1)
    debts = [entry.debt_usd for entry in found.largest]
    assert debts == sorted(debts, reverse=True)


def test_largest__of_many__are_ten() -> None:
    many = [borrower(number, pledge(WETH, 10), debt(USDC, 15_500)) for number in range(1, 30)]
    found = project(world(market(many), [pool(WETH, USDC, 1e9)]), scenario(WETH=-0.2), Options())
    assert [entry.account for entry in found.largest] == [account_number(n) for n in range(1, 11)]


def test_document_of__of_a_projection__has_the_fields_of_the_contract() -> None:
    document = document_of(crash(), BLOCK)
    assert list(document) == ["block", "scenario", "result"]
    assert document["block"] == BLOCK
    assert list(document["result"]) == [*RESULT_KEYS, "unknown", "left_out"]
    assert document["scenario"]["shocks"] == {"WETH": -0.15}
    assert list(document["result"]["by_market"]) == ["core", "second"]
    assert json.loads(json.dumps(document)) == document


def test_document_of__sub_markets_in_which_nothing_happens__are_no_news() -> None:
    quiet, busy = (
        replace(market(held), sub_market=f"0x{number}")
        for number, held in enumerate(([], crowd()), start=1)
    )
    sheet = world([market([]), quiet, busy], [pool(WETH, USDC, 1.2e7)])
    found = project(sheet, scenario(WETH=-0.15), Options())
    result = document_of(found, BLOCK)["result"]
    assert list(result["by_market"]) == ["core", "core/0x2"]
    told = {oracle["market"] for entry in result["round_log"] for oracle in entry["oracles"]}
    assert told == {"core", "core/0x2"}


def test_document_of__addresses__are_shown_by_the_given_face() -> None:
    twins = [sheet_of(WETH), sheet_of(USDC)]
    other = AssetId(Address("0x" + "7" * 40))
    twin = type(twins[1])(other, "USDC", 6, 10**8, None, twins[1].cash_raw)
    sheet = world(market(crowd()[:2], assets=[*twins, twin]), [pool(WETH, USDC, 1.2e7)])
    found = project(sheet, scenario(WETH=-0.15), Options())
    result = document_of(found, BLOCK, face=lambda text: f"<{text}>")["result"]
    assert result["largest"][0]["account"] == f"<{account_number(1)}>"
    assert set(result["by_asset"]) == {"WETH", f"<{USDC}>"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0.00"), (0.005, "0.01"), (2.675, "2.68"), (1e22, "1" + "0" * 22 + ".00")],
)
def test_usd__rounds__half_up(value: float, expected: str) -> None:
    assert usd(value) == expected


def test_measure__over_all_markets__is_the_total() -> None:
    found = crash()
    assert found.measure("liquidated_usd") == found.liquidated_usd
    assert found.measure("amplification") == found.amplification


def test_measure__of_some_markets__counts_theirs_alone() -> None:
    found = crash()
    core, second = (found.measure("liquidated_usd", [name]) for name in ("core", "second"))
    assert core is not None
    assert second is not None
    assert core + second == pytest.approx(found.liquidated_usd)
    assert second == found.by_market["second"].figures.liquidated_usd > 0


def test_measure__share_of_market__is_liquidated_over_its_debt() -> None:
    found = crash()
    second = found.by_market["second"]
    share = found.measure("share_of_market", ["second"])
    assert share == pytest.approx(second.figures.liquidated_usd / 16_900)


def test_measure__share_of_a_market_without_debt__is_zero() -> None:
    found = project(world(market([])), scenario(WETH=-0.3), Options())
    assert found.measure("share_of_market") == 0


def test_measure__unknown__is_a_question_error() -> None:
    with pytest.raises(QuestionError):
        crash().measure("happiness")


def test_curve__critical_shock__is_the_smallest_that_liquidates_one_percent() -> None:
    sheet = world(market(crowd()[:2]), [pool(WETH, USDC, 1.2e7)])
    found = curve(sheet, curve_of("WETH", -0.5, 50, names_of(sheet, {})), Options())
    assert found.critical_usd == pytest.approx(0.01 * 210 * 2000)
    # Account 1 is unsafe below 310,000 over (200 * 0.8) = 1937.50: 3.125 % down.
    assert found.critical_shock == pytest.approx(0.04)
    assert found.measure("critical_shock") == found.critical_shock


def test_curve__never_critical__is_null() -> None:
    sheet = crash_world()
    options = Options(critical_usd=1e12)
    found = curve(sheet, curve_of("WETH", -0.1, 4, names_of(sheet, {})), options)
    assert found.critical_shock is None


def test_curve__of_an_asset_nobody_pledges__is_never_critical() -> None:
    sheet = world(market(crowd()[:2]), [pool(WETH, USDC, 1.2e7)])
    found = curve(sheet, curve_of("WBTC", -0.5, 4, names_of(sheet, {})), Options())
    assert (found.critical_usd, found.critical_shock) == (0, None)


def test_curve__document__is_a_list_of_projections() -> None:
    sheet = crash_world()
    found = curve(sheet, curve_of("WETH", -0.5, 5, names_of(sheet, {})), Options())
    document = document_of(found, BLOCK)
    assert list(document) == ["block", "scenario", "curve", "critical_shock", "unknown"]
    assert document["scenario"]["curve"] == {"asset": "WETH", "to": -0.5, "steps": 5}
    assert [list(entry["result"]) for entry in document["curve"]] == [
        [*RESULT_KEYS, "unknown", "left_out"]
    ] * 5


def test_names_of__a_world__resolves_its_symbols() -> None:
    names = names_of(crash_world(), {"ETH": WETH})
    assert names.resolve("USDC") == USDC
    asked = scenario_of(parse_shocks({"ETH": -0.15}), names)
    assert list(project(crash_world(), asked, Options()).prices) == ["ETH"]
