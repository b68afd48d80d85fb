"""Three random worlds, projected and played; and their judge shown to see."""

import ast
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from devnet import Executed
from devnet.executed import Liquidation, PricePath, Remainder, Round
from fidelity.campaign import Options, draw, run
from fidelity.comparison import Errors, errors_of, first_difference, is_knife_edge
from fidelity.score import SHARES_FROM, Score, Verdict

WORLDS = 3
SEED_OF_TODAY = int(datetime.now(UTC).strftime("%Y%m%d"))
TESTS = Path(__file__).resolve().parents[1]
EXECUTING = ("tests/fidelity", "deploy/devnet")
CORE, MORPHO = "aave-core", "morpho/0x01"
Change = Callable[[dict[str, Any]], None]


@pytest.mark.timeout(900)
async def test_worlds__projected_and_played__come_to_the_same() -> None:
    said: list[str] = [f"reproduce: make fidelity WORLDS={WORLDS} SEED={SEED_OF_TODAY}"]
    score = await run(Options(WORLDS, SEED_OF_TODAY), said.append, said.append)
    sys.stdout.write("\n".join([*said, score.last_line()]))
    assert not list(score.misses())
    assert len(score.verdicts) == WORLDS


@pytest.mark.parametrize("folder", EXECUTING)
def test_execution__imports__nothing_of_the_projection(folder: str) -> None:
    wrong = []
    for path in sorted((TESTS.parent / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [
                f"{path.name} imports {name}" for name in names if name.split(".")[0] == "monitor"
            ]
    assert not wrong


def test_worlds__of_one_seed__are_drawn_alike() -> None:
    assert draw("7-3-0") == draw("7-3-0")
    assert draw("7-3-0") != draw("7-4-0")


# The judge


def a_liquidation(market: str, usd: int) -> Liquidation:
    values = Fraction(usd), Fraction(usd * 105, 100), Fraction(), Fraction()
    return Liquidation(market, "0x01", "USDC", "WETH", 1, 1, 0, {}, *values)


def an_execution(*, liquidated: int = 1_000_000, after: int = 1_500) -> Executed:
    """Nine tenths of it on Aave, and 5,000 USD of debt that nothing secures on Morpho."""
    done = (a_liquidation(CORE, liquidated * 9 // 10), a_liquidation(MORPHO, liquidated // 10))
    return Executed(
        markets=(CORE, MORPHO),
        shocks={"WETH": Fraction(-20, 100)},
        prices={"WETH": PricePath(Fraction(2_000), Fraction(1_600), Fraction(after))},
        played=(Round(1, 10, ("0x01", "0x01"), done, ()),),
        converged=True,
        left=(Remainder(MORPHO, "0x02", Fraction(1_000), Fraction(6_000)),),
    )


def a_projection() -> dict[str, Any]:
    return an_execution().as_dict()


def test_errors__of_the_same__are_none() -> None:
    assert errors_of(a_projection(), an_execution()) == Errors(0, 0, 0, 0, 0)


def _set(figure: str, value: str, market: str | None = None) -> Change:
    def change(projected: dict[str, Any]) -> None:
        (projected["by_market"][market] if market else projected)[figure] = value

    return change


def _price(projected: dict[str, Any]) -> None:
    projected["prices"]["WETH"]["after"] = "1515.00"


def _not_listed(projected: dict[str, Any]) -> None:
    del projected["prices"]["WETH"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("liquidated_usd", "1010000.00"), {"liquidated": 0.01}),
        (_set("liquidated_usd", "110000.00", MORPHO), {"liquidated": 0.1}),
        (_set("bad_debt_usd", "15000.00"), {"bad_debt": 0.01}),
        (_set("bad_debt_usd", "0.00", MORPHO), {"bad_debt": 0.005}),
        (_set("seized_usd", "115500.00", MORPHO), {"seized": 0.105}),
        (_set("unliquidated_usd", "0.00"), {"unliquidated": 0.006}),
        (_price, {"prices": 0.01}),
        (_not_listed, {"prices": 1 / 3}),
    ],
)
def test_errors__of_a_figure_that_is_off__are_told(
    change: Change, expected: Mapping[str, float]
) -> None:
    projected = a_projection()
    change(projected)
    errors = errors_of(projected, an_execution())
    found = {name: getattr(errors, name) for name in errors.__slots__ if getattr(errors, name)}
    assert found == pytest.approx(expected, rel=1e-3)


def test_errors__in_a_market_where_little_happened__are_of_a_share_of_the_world() -> None:
    projected = a_projection()
    projected["by_market"]["morpho/0x02"] = {**projected["by_market"][MORPHO]}
    projected["by_market"]["morpho/0x02"] |= {"liquidated_usd": "50.00", "bad_debt_usd": "0.00"}
    assert errors_of(projected, an_execution()).liquidated == pytest.approx(0.5)


def test_difference__of_rounds__names_the_first_that_is_told_otherwise() -> None:
    projected = a_projection()
    assert first_difference(projected, an_execution()) == "rounds alike, 1 projected, 1 executed"
    projected["round_log"][0]["liquidated_usd"] = "999000.00"
    assert first_difference(projected, an_execution()).startswith("round 1 is projected as")


@pytest.mark.parametrize(("liquidated", "expected"), [(1_009_000, False), (1_011_000, True)])
def test_knife_edge__is_where_a_nudge_moves_a_hundredth(liquidated: int, expected: bool) -> None:
    assert is_knife_edge(an_execution(), an_execution(liquidated=liquidated)) is expected


def a_verdict(number: int, error: float = 0.0, *, knife: bool = False) -> Verdict:
    errors = Errors(error, 0.0, 0.0, 0.0, 0.0)
    return Verdict(number, "WETH -20%", "thin", "spread", an_execution(), 1, errors, knife, 1.0)


def misses(*verdicts: Verdict) -> list[str]:
    return list(Score(list(verdicts)).misses())


def test_score__all_within_bounds__misses_nothing_and_ends_with_its_line() -> None:
    score = Score([a_verdict(0, 2e-3), a_verdict(1, 1e-5), a_verdict(2)])
    assert not list(score.misses())
    assert score.last_line() == (
        "worlds=3 amplified=0 knife_edge=0 worst_error=2.0e-03 median_error=1.0e-05"
    )


def test_score__what_worlds_had__is_counted() -> None:
    worlds = [replace(a_verdict(number), features=("scarce cash",)) for number in range(2)]
    worlds.append(replace(a_verdict(2), projected_rounds=4))
    told = Score(worlds, redrawn=3).remarks()
    assert told == ("worlds with scarce cash in 2, rounds projected otherwise in 1; drawn again: 3")


def test_score__a_knife_edge__counts_apart() -> None:
    score = Score([a_verdict(0), a_verdict(1, 0.5, knife=True)])
    assert not list(score.misses())
    assert score.knife_edges == 1
    assert score.worst == 0


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([a_verdict(0, 0.011), a_verdict(1), a_verdict(2)], "worst error 1.1e-02"),
        ([a_verdict(0, 2e-3), a_verdict(1, 2e-3)], "median error 2.0e-03"),
        ([a_verdict(0), a_verdict(1, knife=True), a_verdict(2, knife=True)], "2 knife edges"),
        ([a_verdict(0, knife=True)], "no world was judged"),
        ([replace(a_verdict(0), errors=Errors(0, 0, 0, 0, 0.002))], "final prices off by 2.0e-03"),
        ([replace(a_verdict(0), errors=Errors(0, 0.02, 0, 0, 0))], "seized is off by 2.0e-02"),
        (
            [replace(a_verdict(0), executed=replace(an_execution(), played=()))],
            "world 0 liquidates in one protocol only",
        ),
        ([a_verdict(number) for number in range(SHARES_FROM)], "tame: three rounds or more in 0%"),
    ],
)
def test_score__a_bound_that_does_not_hold__is_said(verdicts: list[Verdict], words: str) -> None:
    assert any(words in miss for miss in misses(*verdicts))
