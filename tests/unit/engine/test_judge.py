"""What is said of a block and to whom; and what a breaker makes of a projection without an end."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from builders import a_block, an_alert
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

from monitor.core.alerts import Alert, AlertType, BreakerPhase, BreakerState, Severity, Silence
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta
from monitor.core.keys import hourly_key
from monitor.core.ledger import Ledger
from monitor.core.ports import UndoRecord
from monitor.core.prices import HourlyPrices, PriceSample
from monitor.core.risk import WorldSheet
from monitor.core.units import Wad
from monitor.engine.breaker import BreakerRule, Origin
from monitor.engine.cascade_runner import Answer, CurvePlan, Plan
from monitor.engine.judge import Judge, Receiver
from monitor.engine.measures import Limits, Measure
from monitor.engine.readings import reading_of, unknown_of
from monitor.engine.watching import Wardings
from monitor.errors import StoreUnavailable
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


class Told:
    """A judge of one breaker that is told silences, wards and guards, block by block."""

    def __init__(self, **hooks: Any) -> None:
        self.runner = Runner()
        receivers = [Receiver("on-call", ("*",)), Receiver("dao", ("mine",))]
        self.judge = Judge(self.runner, [RULE], receivers, str, **hooks)  # type: ignore[arg-type]
        self.block = a_block()

    async def next(self, **options: object) -> list[tuple[AlertType, str, tuple[str, ...]]]:
        """What is said of the next block, why to nobody, and to whom."""
        self.block = a_block(self.block)
        self.runner.next = answer(self.block, **options)
        judgement, webhooks = await self.judge.judge(Ledger(), self.block)
        self.judge.settle(judgement)
        self.last = judgement
        return [(alert.type, alert.silenced, webhooks[alert.id]) for alert in judgement.alerts]


def until(block_time: int) -> Any:
    """What a store tells of silences: one, until a time of blocks."""

    async def silences() -> dict[str, Silence]:
        return {"eth-cascade": Silence("eth-cascade", 10**9, block_time, "a drill")}

    return silences


async def test_judge__silenced_breaker__tells_nobody_until_the_first_block_after() -> None:
    told = Told(silences=until(a_block().timestamp + 36))
    assert await told.next() == [(AlertType.TRIPPED, "a drill", ())]
    assert await told.next() == []
    assert told.judge.states["eth-cascade"].is_muted
    assert await told.next() == [(AlertType.REMINDED, "", ("on-call",))]
    assert not told.judge.states["eth-cascade"].is_muted


async def test_judge__retraction_of_what_nobody_heard__goes_to_nobody() -> None:
    told = Told(silences=until(10**9))
    await told.next()
    undo = UndoRecord(BlockDelta(told.block, ()), told.last, {})
    ((alert, webhooks),) = told.judge.retractions(undo).values()
    assert (alert.type, alert.silenced, webhooks) == (AlertType.RETRACTED, "a drill", ())


async def test_judge__retraction__is_for_all_who_saw_the_alert_whatever_they_want_by_now() -> None:
    told = Told()
    await told.next()
    undo = UndoRecord(BlockDelta(told.block, ()), told.last, {})
    ((_, webhooks),) = told.judge.retractions(undo).values()
    assert webhooks == ("on-call", "dao")  # the store leaves out who cannot have seen it


async def test_judge__store_that_cannot_tell_silences__is_left_to_be_asked_again() -> None:
    async def away() -> dict[str, Silence]:
        raise StoreUnavailable("connection refused")

    with pytest.raises(StoreUnavailable):
        await Told(silences=away).next()


WARD = "watch/mine/aave-core//0xabc"


class OneWard:
    """A watched position whose held blocks count up."""

    def knows(self, name: str) -> bool:
        return name == WARD

    def judge(
        self,
        view: Any,
        block: BlockRef,
        states: dict[str, BreakerState],
        silenced: dict[str, str],
    ) -> Wardings:
        held = states.get(WARD, BreakerState()).held_blocks + 1
        alert = Alert(f"a{held}", "f", "e", "mine", AlertType.WATCH_BELOW, block, "{}")
        return Wardings(((WARD, BreakerState(held_blocks=held)),), (alert,))


async def test_judge__wards__are_stored_beside_the_breakers_and_routed_by_their_watch() -> None:
    told = Told(wards=OneWard())
    assert await told.next() == [
        (AlertType.TRIPPED, "", ("on-call",)),
        (AlertType.WATCH_BELOW, "", ("on-call", "dao")),
    ]
    first = dict(told.last.breakers)
    assert set(told.judge.states) == {"eth-cascade"}
    await told.next()
    assert told.judge.ward_states[WARD].held_blocks == 2
    told.judge.restore(UndoRecord(BlockDelta(told.block, ()), told.last, first))
    assert told.judge.ward_states == {WARD: first[WARD]}
    told.judge.restore(UndoRecord(BlockDelta(told.block, ()), told.last, {}))
    assert told.judge.ward_states == {}
    again = Told(wards=OneWard())
    again.judge.resume(first)
    await again.next()
    assert again.judge.ward_states[WARD].held_blocks == 2


class Guard:
    """Knows one thing to do."""

    async def actions(
        self, view: Any, block: BlockRef, breaker: str, markets: tuple[str, ...]
    ) -> tuple[dict[str, Any], ...]:
        return ({"description": f"{breaker} {','.join(markets)}", "simulated": "ok"},)


async def test_judge__guards__are_not_asked_about_reminders_and_blindness() -> None:
    told, found = Told(guards=Guard()), dict[AlertType, Any]()
    told.judge.rules = (replace(RULE, remind_seconds=12),)
    for options in ({}, {}, {"max_rounds": 1}):
        await told.next(**options)
        found |= {a.type: json.loads(a.body)["data"]["actions"] for a in told.last.alerts}
    assert found[AlertType.TRIPPED]
    assert found[AlertType.REMINDED] == found[AlertType.BLIND] == []


async def test_judge__guards__are_asked_about_the_breakers_markets() -> None:
    told = Told(guards=Guard())
    told.judge.rules = (replace(RULE, escalate=(Decimal(7_700),)),)
    await told.next()
    found = {a.type: json.loads(a.body)["data"]["actions"] for a in told.last.alerts}
    wanted = [{"description": "eth-cascade *", "simulated": "ok"}]
    assert found == {AlertType.TRIPPED: wanted, AlertType.ESCALATED: wanted}


SIGMAS = Limits(Measure.CRITICAL_SHOCK_SIGMAS, Decimal(2), Decimal(1), clear=Decimal(3))


def curve_answer() -> Answer:
    names = names_of(WORLD, {"WETH": WETH})
    plan, options = CurvePlan("WETH", Decimal("-0.05"), 5), Options()
    found = curve(WORLD, curve_of("WETH", "-0.05", 5, names), options)
    return Answer(Plan("eth-curve", {}, plan, options), a_block(), found)


def test_reading__in_sigmas__is_the_critical_shock_by_how_much_the_price_moves() -> None:
    told, ledger = curve_answer(), Ledger()
    assert reading_of(SIGMAS, told, ledger).value is None
    (why,) = unknown_of(SIGMAS, told, ledger)
    assert "0 hourly returns" in why
    now_unix = a_block().timestamp
    prices = (Wad(10**20 + number % 2 * 10**18) for number in range(40))
    samples = [PriceSample(now_unix - 3600 * (39 - n), usd) for n, usd in enumerate(prices)]
    ledger.put(hourly_key(WETH), HourlyPrices(tuple(samples)))
    shock = told.measure("critical_shock", ("*",))
    found = reading_of(SIGMAS, told, ledger).value
    assert shock is not None
    assert found is not None
    assert abs(found - shock / Decimal("0.0494")) < Decimal("0.01") * found
    assert unknown_of(SIGMAS, told, ledger) == ()


def test_reading__in_sigmas_of_a_curve_that_cannot_be_trusted__says_why_of_the_curve() -> None:
    told = replace(curve_answer(), result=None, fault="no such asset")
    assert reading_of(SIGMAS, told, Ledger()).value is None
    assert unknown_of(SIGMAS, told, Ledger()) == ("no such asset",)


@pytest.mark.parametrize(
    ("least", "severity", "is_wanted"),
    [
        (Severity.WARNING, Severity.WARNING, True),
        (Severity.WARNING, Severity.CRITICAL, True),
        (Severity.CRITICAL, Severity.WARNING, False),
        (Severity.CRITICAL, Severity.CRITICAL, True),
    ],
)
def test_receiver__of_a_severity__wants_what_is_at_least_that(
    least: Severity, severity: Severity, is_wanted: bool
) -> None:
    told = replace(an_alert(a_block()), severity=severity)
    assert Receiver("on-call", ("*",), least).wants(told) is is_wanted
    assert not Receiver("on-call", ("another",), least).wants(told)


async def test_unmeasured__projections_that_no_breaker_looks_at() -> None:
    told = Told()
    await told.next()
    (measured,) = told.judge.answers.values()
    other = replace(measured, plan=replace(measured.plan, name="another"))
    told.judge.answers["another"] = other
    assert told.judge.unmeasured() == [other]
