"""What a breaker makes of a projection that found no end: it keeps its state, and says so."""

from decimal import Decimal
from typing import Any

from builders import a_block
from unit.simulation.worlds import (
    USDC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    world,
)

from monitor.core.alerts import AlertType, BreakerPhase
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.risk import WorldSheet
from monitor.engine.breaker import BreakerRule, Origin
from monitor.engine.cascade_runner import Answer, CurvePlan, Plan
from monitor.engine.judge import Judge, Receiver
from monitor.engine.measures import Limits, Measure
from monitor.simulation.options import Options
from monitor.simulation.projection import curve, names_of, project
from monitor.simulation.scenarios import curve_of, scenario_of
from monitor.simulation.shocks import parse_shocks

SICK = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
WORLD = world(market([SICK]), [pool(WETH, USDC, 1e9)])
RULE = BreakerRule(
    origin=Origin("default", "0xgenesis"),
    name="eth-cascade",
    limits=(
        Limits(
            Measure.LIQUIDATED_USD,
            warn=Decimal(5_000),
            trip=Decimal(7_000),
            clear=Decimal(1_000),
            scenario="eth-crash",
        ),
    ),
)


def answer(block: BlockRef, **options: object) -> Answer:
    """A fall of 5 %: half of the debt in the first round, and then an end."""
    chosen = Options().updated(options)
    plan = Plan("eth-crash", {"WETH": -0.05}, None, chosen)
    asked = scenario_of(parse_shocks(plan.shocks), names_of(WORLD, {"WETH": WETH}))
    return Answer(plan, block, project(WORLD, asked, chosen))


class Runner:
    """Answers a block with what it was given."""

    def __init__(self) -> None:
        self.next: Answer | None = None

    async def run(self, view: Any, block: BlockRef) -> tuple[dict[str, Answer], WorldSheet]:
        assert self.next is not None
        return {"eth-crash": self.next}, WORLD


async def test_breaker__whose_projection_finds_no_end__keeps_its_state_and_is_blind() -> None:
    runner = Runner()
    judge = Judge(
        runner,  # type: ignore[arg-type]
        [RULE],
        [Receiver("on-call", ("*",))],
        str,
    )
    block, said = a_block(), []
    for options in ({}, {"max_rounds": 1}, {"max_rounds": 1}, {}):
        block = a_block(block)
        runner.next = answer(block, **options)
        judgement, webhooks = await judge.judge(Ledger(), block)
        judge.settle(judgement)
        state = judge.states["eth-cascade"]
        assert state.phase is BreakerPhase.TRIPPED
        assert state.blind is bool(options)
        said.append([alert.type for alert in judgement.alerts])
        assert [webhooks[alert.id] for alert in judgement.alerts] == [("on-call",)] * len(said[-1])
    assert said == [[AlertType.TRIPPED], [AlertType.BLIND], [], [AlertType.RECOVERED]]


def test_answer__without_an_end__has_no_measure_and_says_why() -> None:
    cut, whole = answer(a_block(), max_rounds=1), answer(a_block())
    assert whole.measure("liquidated_usd", ("*",)) == Decimal(7750)
    assert cut.unknown == ("no end within 1 rounds",)
    for measure in ("liquidated_usd", "bad_debt_usd", "unliquidated_usd", "amplification"):
        assert cut.measure(measure, ("*",)) is None


def test_curve__of_which_one_step_has_no_end__has_no_critical_shock() -> None:
    names = names_of(WORLD, {"WETH": WETH})
    asked, plan = curve_of("WETH", "-0.05", 5, names), CurvePlan("WETH", Decimal("-0.05"), 5)
    for max_rounds, is_seen in ((100, True), (1, False)):
        options = Options(max_rounds=max_rounds)
        found = curve(WORLD, asked, options)
        told = Answer(Plan("eth-curve", {}, plan, options), a_block(), found)
        assert (told.measure("critical_shock", ("*",)) is not None) is is_seen
