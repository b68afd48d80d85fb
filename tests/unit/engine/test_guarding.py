"""The `actions` of an alert: whose, in which order, and what stands in for what nobody knows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from builders import WETH, a_block, a_market, a_reserve, an_address

from monitor.core.abi import ErrorAbi, FunctionAbi
from monitor.core.blocks import BlockRef
from monitor.core.guarding import Order, Proposal, Proposals
from monitor.core.keys import market_key, reserve_key
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.ports import ContractReader, Simulated, ViewCall
from monitor.core.units import Address, MarketId
from monitor.engine import guarding
from monitor.engine.guarding import MOST_CALLS, Guardian, Guards
from monitor.errors import BlockUnknown, InvariantBroken, MonitorError, QuestionError

BLOCK = a_block()
STOP = FunctionAbi("stop", "stop(uint256)", "{}")
CORE, OTHER = MarketId("core"), MarketId("other")
READER = cast(ContractReader, None)


@dataclass
class Told:
    """A protocol that knows so many calls, or fails, or never answers."""

    calls: int = 1
    done: tuple[str, ...] = ()
    failure: MonitorError | None = None
    is_mute: bool = False
    actions: frozenset[str] = frozenset({"stop"})
    errors: Mapping[str, ErrorAbi] = field(default_factory=dict)

    async def proposals(
        self, order: Order, view: LedgerView, reader: ContractReader, at: BlockRef
    ) -> Proposals:
        if self.is_mute:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return Proposals(
            tuple(
                Proposal(f"{n}", f"stop {n}", ViewCall(an_address("contract"), STOP, (n,)))
                for n in range(self.calls)
            ),
            self.done,
        )


@dataclass
class Rehearsal:
    """A CallSimulator that lets pass what the sender may do."""

    may: frozenset[Address] = frozenset()
    asked: list[tuple[BlockRef, Address, int]] = field(default_factory=list)

    async def simulate(
        self, at: BlockRef, sender: Address, calls: Sequence[ViewCall]
    ) -> list[Simulated]:
        self.asked.append((at, sender, len(calls)))
        outcome = "ok" if sender in self.may else "reverted: Nope()"
        return [Simulated(f"0x{call.args[0]:02x}", outcome) for call in calls]


def a_guardian(
    told: Told, market: str = CORE, who: str = "guardian", breakers: tuple[str, ...] = ("*",)
) -> Guardian:
    return Guardian(an_address(who), MarketId(market), Order("stop"), told, breakers)


def the_guards(*guardians: Guardian, simulator: Rehearsal | None = None) -> Guards:
    simulator = simulator or Rehearsal(frozenset({an_address("guardian")}))
    return Guards(guardians, READER, simulator, 1, str.upper)


async def actions(
    guards: Guards, breaker: str = "b", markets: Sequence[str] = ("*",)
) -> list[dict[str, Any]]:
    return list(await guards.actions(Ledger(), BLOCK, breaker, markets))


async def test_actions__of_two_guardians__are_in_the_configurations_order() -> None:
    simulator = Rehearsal(frozenset({an_address("guardian")}))
    guards = the_guards(
        a_guardian(Told(2)), a_guardian(Told(1), OTHER, "stranger"), simulator=simulator
    )
    found = await actions(guards)
    assert found[0] == {
        "description": "stop 0",
        "market": "core",
        "from": an_address("guardian").upper(),
        "chain_id": 1,
        "to": an_address("contract").upper(),
        "calldata": "0x00",
        "simulated": "ok",
    }
    outcomes = [(a["market"], a["calldata"], a["simulated"]) for a in found]
    assert outcomes[1:] == [("core", "0x01", "ok"), ("other", "0x00", "reverted: Nope()")]
    assert [at for at, *_ in simulator.asked] == [BLOCK, BLOCK]


@pytest.mark.parametrize(
    ("breakers", "breaker", "markets", "is_meant"),
    [
        (("*",), "b", ("*",), True),
        (("*",), "b", ("core",), True),
        (("*",), "b", ("core/0xab", "other"), True),
        (("*",), "b", ("other",), False),
        (("a", "b"), "b", ("core",), True),
        (("a",), "b", ("core",), False),
    ],
)
async def test_actions__of_a_breaker__are_those_of_its_markets_and_guardians(
    breakers: tuple[str, ...], breaker: str, markets: tuple[str, ...], is_meant: bool
) -> None:
    guards = the_guards(a_guardian(Told(), breakers=breakers))
    assert bool(await actions(guards, breaker, markets)) == is_meant


async def test_actions__more_than_an_alert_lists__end_in_their_number() -> None:
    simulator = Rehearsal()
    guards = the_guards(
        a_guardian(Told(MOST_CALLS - 1)), a_guardian(Told(4), OTHER), simulator=simulator
    )
    found = await actions(guards)
    assert len(found) == MOST_CALLS + 1
    assert sum(count for *_, count in simulator.asked) == MOST_CALLS
    last = found[-1]
    assert last["description"] == "3 more calls"
    assert (last["to"], last["calldata"]) == (None, None)
    assert last["simulated"].startswith("unknown: ")


async def test_actions__where_nothing_is_left__say_so_without_a_call() -> None:
    simulator = Rehearsal()
    guards = the_guards(a_guardian(Told(0, done=("WETH", "DAI"))), simulator=simulator)
    [line] = await actions(guards)
    assert line["description"] == "stop on core: nothing is left to do for WETH, DAI"
    assert (line["to"], line["calldata"], line["simulated"]) == (None, None, "done")
    assert simulator.asked == []


@pytest.mark.parametrize(
    "failure", [BlockUnknown("the block is gone"), QuestionError("no reserve 'X'")]
)
async def test_actions__that_cannot_be_worked_out__are_unknown_and_spare_the_others(
    failure: MonitorError,
) -> None:
    guards = the_guards(a_guardian(Told(failure=failure)), a_guardian(Told(), OTHER))
    first, second = await actions(guards)
    assert first["simulated"] == f"unknown: {failure}"
    assert first["calldata"] is None
    assert second["simulated"] == "ok"


async def test_actions__of_a_node_that_hangs__keep_no_alert_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guarding, "READING_SECONDS", 0)
    guards = the_guards(*(a_guardian(Told(is_mute=True)) for _ in range(3)), a_guardian(Told()))
    async with asyncio.timeout(1):
        found = await actions(guards)
    assert [a["simulated"] for a in found[:3]] == ["unknown: the node did not answer in 0 s"] * 3
    assert found[3]["simulated"] == "ok"


async def test_actions__of_a_broken_ledger__stop_the_daemon() -> None:
    guards = the_guards(a_guardian(Told(failure=InvariantBroken("broken"))))
    with pytest.raises(InvariantBroken):
        await actions(guards)


async def test_actions__asked_twice__are_the_same() -> None:
    guards = the_guards(a_guardian(Told(3, done=("x",))), a_guardian(Told(2), OTHER, "stranger"))
    assert await actions(guards) == await actions(guards)


async def test_faults__are_the_configurations_alone_and_of_markets_that_are_there() -> None:
    view = Ledger({market_key(CORE): a_market(), reserve_key(CORE, WETH): a_reserve()})
    wrong = Told(failure=QuestionError("no reserve 'X'"))
    away = Told(failure=BlockUnknown("gone"))
    guards = the_guards(*(a_guardian(told) for told in (wrong, away)), a_guardian(wrong, OTHER))
    assert await guards.faults(view, BLOCK) == ["guardians: stop on core: no reserve 'X'"]
