"""Why the monitor is blind: one table a condition."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from builders import USDC, WETH, a_block, an_address
from unit.engine.test_judge import answer

from monitor.core.keys import fault_key
from monitor.core.ledger import Fault, Ledger
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.sources import Listing
from monitor.core.units import BlockHash, MarketId
from monitor.engine.price_book import PriceRow
from monitor.engine.symptoms import (
    LATE_SECONDS,
    LOG_BLOCKS,
    ClockSight,
    HeadSeen,
    drift_reasons,
    head_reasons,
    lag_reasons,
    log_reasons,
    outbox_reasons,
    price_reasons,
    scenario_reasons,
    store_reasons,
)

BLOCK = a_block(number=1_000)
NOW = float(BLOCK.timestamp)
HOUR = 3_600


@pytest.mark.parametrize(
    ("seen", "now", "words"),
    [
        (HeadSeen(BLOCK, 0, 0), NOW, []),
        (HeadSeen(BLOCK, 180, 30), NOW + 180, []),
        (HeadSeen(BLOCK, 0, 0), NOW + 181, ["is 181 s old, expected at most 180 s"]),
        (HeadSeen(BLOCK, 181, 0), NOW - HOUR, ["no newer block than 1000 for 181 s"]),
        (HeadSeen(BLOCK, 0, 31), NOW, ["no node has told its head for 31 s"]),
        (HeadSeen(BLOCK, 200, 200), NOW + 200, ["no node has told", "is 200 s old"]),
        (HeadSeen(None, 1e9, 0), NOW, []),
        (HeadSeen(None, 1e9, 60), NOW, ["no node has told its head for 60 s"]),
    ],
)
def test_head__seen__is_blind_without_a_new_block_or_an_answer(
    seen: HeadSeen, now: float, words: list[str]
) -> None:
    found = head_reasons(seen, now, 180)
    assert len(found) == len(words)
    assert all(word in reason for word, reason in zip(words, found, strict=True))


def test_lag__more_blocks_than_may_wait__is_told() -> None:
    assert lag_reasons(a_block(number=1_010), BLOCK, 10) == ()
    assert lag_reasons(a_block(number=990), BLOCK, 10) == ()
    [reason] = lag_reasons(a_block(number=1_011), BLOCK, 10)
    assert "11 blocks wait, expected at most 10" in reason


def a_row(age: int | None, heartbeat: int | None, *, anybodys: bool = False) -> PriceRow:
    told_unix = None if age is None else BLOCK.timestamp - age
    feed = Edge(
        an_address("feed"),
        PriceKind.MARKET,
        "Chainlink",
        answered_unix=told_unix,
        heartbeat_seconds=heartbeat,
    )
    price = Price(None, path=(feed,))
    listing = Listing(
        asset=WETH,
        symbol="WETH",
        decimals=18,
        price=price,
        base_unit=10**8,
        numeraire=USDC,
        sub_market="",
        is_permissionless=anybodys,
    )
    return PriceRow(MarketId("aave-core"), listing, price, ("USD", None), Fraction(0))


@pytest.mark.parametrize(
    ("row", "is_late"),
    [
        (a_row(HOUR, HOUR), False),
        (a_row(HOUR + LATE_SECONDS, HOUR), False),
        (a_row(HOUR + LATE_SECONDS + 1, HOUR), True),
        (a_row(HOUR + LATE_SECONDS + 1, HOUR, anybodys=True), False),
        (a_row(10**6, None), False),
        (a_row(None, HOUR), False),
    ],
)
def test_prices__feed_past_its_heartbeat__is_told_when_it_is_later_than_usual(
    row: PriceRow, is_late: bool
) -> None:
    found = price_reasons((), [row, row], BLOCK)
    assert len(found) == is_late
    assert all("last answered 3901 s ago, expected every 3600 s" in reason for reason in found)


def test_prices__unknown__are_told_as_they_are_worded() -> None:
    assert price_reasons(("price of a/b: gone",), (), BLOCK) == ("price of a/b: gone",)


def test_logs__undecodable__are_told_until_enough_blocks_had_none() -> None:
    ledger = Ledger({fault_key(BlockHash("0xaa")): Fault(100, 2, "topic 0x1 is cut off")})
    for number, is_blind in ((100, True), (99 + LOG_BLOCKS, True), (100 + LOG_BLOCKS, False)):
        found = log_reasons(ledger, a_block(number=number))
        assert len(found) == is_blind
        assert all("2 logs of block 100" in reason for reason in found)
    # What they did to positions is still unknown.
    assert "positions may be wrong" in drift_reasons(ledger)[0]
    assert drift_reasons(Ledger()) == ()


def test_outbox__overdue_or_full__names_the_receiver() -> None:
    assert outbox_reasons({"on-call": 300.0}, {}, 300) == ()
    late, full = outbox_reasons({"b": 301.0, "a": 1.0}, {"c": 4}, 300)
    assert late.startswith("webhook b: an alert waits for 301 s")
    assert full.startswith("webhook c: too many alerts waited for it, and 4 were given up")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("", 1.0, "", 1.0), []),
        (("", 1.2, "", 1.0), ["Redis took 1.2 s to answer"]),
        (("gone", None, "", 1.0), ["gone"]),
        (("", 0.1, "appendonly no", 1.0), ["appendonly no"]),
        (("it is a replica", 2.0, "appendonly no", 1.0), ["replica", "took 2.0 s", "appendonly"]),
    ],
)
def test_store__away_slow_or_forgetful__is_told(given: Any, words: list[str]) -> None:
    found = store_reasons(*given)
    assert len(found) == len(words)
    assert all(word in reason for word, reason in zip(words, found, strict=True))


class Clocks:
    """A wall clock that can be set, beside one that only runs."""

    def __init__(self) -> None:
        self.sight = ClockSight(60, 10)
        self.wall, self.elapsed = NOW, 0.0

    def look(self, seconds: float = 1.0, jump: float = 0.0) -> tuple[str, ...]:
        self.wall += seconds + jump
        self.elapsed += seconds
        return self.sight.look(self.wall, self.elapsed, BLOCK)


@pytest.mark.parametrize("jump", [3_600.0, 61.0])
def test_clock__that_jumps_forward_and_back__is_told_until_it_ran_evenly(jump: float) -> None:
    clocks = Clocks()
    assert clocks.look() == ()
    [reason] = clocks.look(jump=jump)
    assert f"jumped by +{jump:.0f} s" in reason
    assert len(clocks.look(69)) == 1
    assert clocks.look(1) == ()
    [reason] = clocks.look(jump=-jump)
    assert f"jumped by -{jump:.0f} s" in reason
    assert clocks.look(70) == ()


def test_clock__that_runs_a_little_off_or_pauses_between_looks__is_no_jump() -> None:
    clocks = Clocks()
    for _ in range(1_000):
        assert clocks.look(jump=0.5) == ()
    assert clocks.look(seconds=86_400) == ()


def test_clock__behind_the_chain__is_told_while_it_is() -> None:
    clocks = Clocks()
    clocks.wall -= 121
    [reason] = clocks.look()
    assert "block 1000 is 120 s in the future, expected at most 60 s" in reason
    assert clocks.look(60) == ()


def test_scenario_reasons__no_end_or_no_answer__says_of_which_and_what_to_do() -> None:
    endless, failed = answer(BLOCK, max_rounds=1), replace(answer(BLOCK), result=None, fault="odd")
    assert scenario_reasons([answer(BLOCK)]) == ()
    assert scenario_reasons([endless, failed]) == (
        "scenario eth-crash: no end within 1 rounds: raise its max_rounds",
        "scenario eth-crash: odd",
    )
