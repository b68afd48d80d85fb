"""What a person reads: checked word by word where it matters, and against hostile names."""

import json
import re
from typing import Any

import pytest
from alert_bodies import ACTION, PROJECTION, a_body, taken_back
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.alertmanager import _annotations
from monitor.alerts.message import Message, message_of
from monitor.alerts.notice import Kind, notice_of
from monitor.alerts.pagerduty import _details
from monitor.core.alerts import AlertType
from monitor.core.words import figure, measured, money, plain, shocked

SIGHT: dict[str, Any] = {"measure": None, "value": None, "threshold": None, "projection": {}}
POSITION: dict[str, Any] = {
    "market": "morpho",
    "sub_market": "0xab",
    "account": "0x" + "12" * 20,
    "unknown": [],
}


def told(body: str, page_url: str | None = "https://ops.example/cm") -> Message:
    return message_of(notice_of(body), page_url)


def test_message__tripped__says_what_how_big_how_sure_what_to_do_and_where() -> None:
    reverted = ACTION | {"description": "pause aave-core", "simulated": "reverted: not guardian"}
    message = told(a_body(actions=[reverted, ACTION]))
    assert message == Message(
        "TRIPPED eth-cascade: $23.1M liquidated (limit $20.0M)",
        (
            "If WETH falls 30 %: $23.1M liquidated. Projected at block 100",
            "Liquidated $23.1M, 1.8x the first push, bad debt $120.0K, $1.5M nobody would "
            "liquidate",
            "Sure: everything it needs is known, came to an end in 4 rounds",
            "Can do: freeze WETH in aave-core (simulated: ok)",
            "Not so: pause aave-core (simulated: reverted: not guardian)",
            "Again: cascade-monitor project --snapshot abc.cms --shock WETH=-0.3",
            "Page: https://ops.example/cm",
        ),
    )


def test_message__much_can_be_done__shows_what_would_go_through_and_one_that_would_not() -> None:
    reverted = ACTION | {"simulated": "reverted: not guardian"}
    message = told(a_body(actions=[reverted] * 4 + [ACTION] * 5))
    assert sum(line.startswith("Can do: ") for line in message.lines) == 3
    assert sum(line.startswith("Not so: ") for line in message.lines) == 1
    assert "and 5 more actions, with their calldata, in the alert" in message.lines


@pytest.mark.parametrize(
    ("to", "way"), [(-0.5, "WETH falls, at most by 50 %"), (2.0, "WETH rises, at most by 200 %")]
)
def test_message__critical_shock__says_of_what(to: float, way: str) -> None:
    curve = {"asset": "WETH", "to": to, "steps": 100}
    projection = {"scenario": "eth-curve", "curve": curve, "critical_shock": 0.085, "unknown": []}
    crash: dict[str, Any] = {"measure": "critical_shock", "value": "0.085", "threshold": "0.1"}
    message = told(a_body(projection=projection, **crash))
    first = f"If {way}: a move of 8.5 % is critical. Projected at block 100"
    assert message.lines[0] == first


def test_message__several_measures__says_all_of_them() -> None:
    measures = [
        {"measure": "liquidated_usd", "value": "23100000.00"},
        {"measure": "amplification", "value": None},
    ]
    message = told(a_body(measures=measures))
    assert "Measured: $23.1M liquidated, amplification unknown" in message.lines


def test_message__cleared__says_how_long_and_asks_for_nothing() -> None:
    body = a_body(
        "breaker.cleared", firing=False, block=150, value="3000000.00", threshold="4000000.00",
        starts=100, actions=[ACTION],
    )  # fmt: skip
    message = told(body)
    assert message.title == "CLEARED eth-cascade: $3.0M liquidated (clear at $4.0M)"
    assert "Fired from 2023-11-14 22:33 UTC to 2023-11-14 22:43 UTC" in message.lines
    assert "Can do" not in message.body
    assert "Again:" not in message.body


@pytest.mark.parametrize("type", ["breaker.cleared", "watch.recovered"])
def test_message__taken_out_of_the_configuration__says_so(type: str) -> None:
    why = {"projection": {"unknown": ["it is no longer in the configuration"]}}
    body = a_body(type, firing=False, block=150, starts=100, **SIGHT | why)
    message = told(body)
    head = "CLEARED" if type == "breaker.cleared" else "SAFE AGAIN"
    assert message.title == f"{head} eth-cascade: it is no longer in the configuration"
    assert message.lines[0] == "Fired from 2023-11-14 22:33 UTC to 2023-11-14 22:43 UTC"
    assert notice_of(body).kind is (Kind.BREAKER if head == "CLEARED" else Kind.WATCH)


@pytest.mark.parametrize(
    ("firing", "title", "line"),
    [
        (True, "TAKEN BACK eth-cascade: its block left the chain, still firing", "still holds"),
        (False, "TAKEN BACK eth-cascade: its block left the chain, resolved", "nothing fires"),
    ],
)
def test_message__retraction__says_how_things_stand_without_it(
    firing: bool, title: str, line: str
) -> None:
    message = told(taken_back(a_body(), firing=firing))
    assert message.title == title
    assert line in message.body
    assert message.lines[1] == "$23.1M liquidated."


def test_message__blind__says_why_and_what_that_means() -> None:
    reasons = ["head 300 s old: expected at most 180 s", "two", "three", "four"]
    message = told(a_body("monitor.blind", breaker="monitor.head", reasons=reasons, **SIGHT))
    assert message.title == "BLIND monitor.head: head 300 s old: expected at most 180 s"
    assert sum(line.startswith("Because: ") for line in message.lines) == 3
    assert "no breaker is cleared" in message.body


def test_message__breaker_that_cannot_see__says_what_is_unknown() -> None:
    body = a_body("monitor.blind", **SIGHT | {"projection": {"unknown": ["price of WETH"]}})
    assert told(body).title == "BLIND eth-cascade: price of WETH"


def test_message__sees_again__says_since_when_it_did_not() -> None:
    body = a_body("monitor.recovered", breaker="monitor.head", firing=False, **SIGHT)
    assert told(body).title == "SEES AGAIN monitor.head: could not since 2023-11-14 22:33 UTC"


def test_message__own_position__names_it_and_what_helps() -> None:
    message = told(
        a_body(
            "watch.below",
            breaker="mine",
            measure="health_factor",
            value="0.9999",
            threshold="1.1500",
            projection={},
            position=POSITION,
            reproduce="",
        )
    )
    assert message.title == "AT RISK mine: health 0.9999 (limit 1.1500)"
    assert message.lines[0] == f"Position {POSITION['account']} in morpho/0xab"
    assert any(line.startswith("Do: repay") for line in message.lines)


@pytest.mark.parametrize(
    ("projection", "line"),
    [
        ({"unknown": ["price of FOO", "depth"]}, "Not sure: price of FOO, and 1 more"),
        ({"unknown": [], "converged": False}, "Not sure: the cascade did not come to an end"),
    ],
)
def test_message__unsure__says_so(projection: dict[str, Any], line: str) -> None:
    assert line in told(a_body(projection=PROJECTION | projection)).body


@pytest.mark.parametrize("type", [*AlertType, "monitor.test", "breaker.of-tomorrow"])
def test_message__every_type__fits_in_some_lines(type: str) -> None:
    long = "x" * 5_000
    data: dict[str, Any] = {"position": POSITION} if type.startswith("watch.") else {}
    message = told(
        a_body(
            type,
            breaker="b" * 63,
            reproduce=long,
            actions=[ACTION | {"simulated": long}] * 9,
            reasons=[long] * 9,
            **data,
        )
    )
    assert len(message.title) <= 80
    assert 1 <= len(message.lines) <= 9
    assert all(len(line) <= 200 for line in message.lines)


HOSTILE = "<!channel> @everyone [free](https://evil.test) <b>\n*x*\u202e\x1b[31m"


def test_message__names_made_by_strangers__mention_and_link_nothing() -> None:
    action = {"description": f"freeze {HOSTILE}", "simulated": HOSTILE}
    message = told(a_body(actions=[action], projection=PROJECTION | {"unknown": [HOSTILE]}))
    text = f"{message.title}\n{message.body}"
    for mark in ("<", ">", "@everyone", "](", "://evil", "\u202e", "\x1b"):
        assert mark not in text
    assert "https://ops.example/cm" in text


@given(st.text(max_size=300), st.integers(10, 200))
def test_plain__any_text__is_one_printable_line(text: str, most: int) -> None:
    shown = plain(text, most)
    assert len(shown) <= most
    assert "\n" not in shown
    assert "<" not in shown
    assert not re.search(r"@[A-Za-z]", shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("12345678.90", "$12.3M"),
        ("999949.99", "$999.9K"),
        ("999960", "$1.0M"),
        ("950.4", "$950"),
        ("0.00", "$0"),
        ("4200000000", "$4.2B"),
        ("7e15", "$7000.0T"),
        ("-1500", "-$1.5K"),
        (None, "an unknown amount"),
        ("NaN", "an unknown amount"),
    ],
)
def test_money__amounts__are_short_and_unknown_is_not_zero(text: str | None, shown: str) -> None:
    assert money(text) == shown


@pytest.mark.parametrize(
    ("shocks", "words"),
    [
        ({"WETH": -0.3}, "WETH falls 30 %"),
        ({"price:WETH": 0.125, "gas": 10}, "WETH rises 12.5 %, gas x10"),
        ({"peg:wstETH/WETH": -0.05}, "wstETH falls 5 % against WETH"),
        ({"oracle:aave-core/wstETH": -0.0285}, "the oracle of wstETH in aave-core falls 2.85 %"),
        ({"rate:aave-core/WETH": "1.0@30d"}, "100 % of WETH in aave-core is lent out for 30d"),
        ({"rate:aave-core/WETH": "soon"}, "WETH in aave-core is lent out at soon"),
        (
            {"parameter:aave-core/WETH.liquidation_threshold_bps": 8000},
            "liquidation_threshold_bps of WETH in aave-core becomes 8000",
        ),
        ({"liquidity:*": 0.5, "liquidity:WETH": 0.1}, "all depth x0.5, depth of WETH x0.1"),
        ({"WETH": "odd"}, "WETH moves by odd"),
        ("no mapping", ""),
    ],
)
def test_shocked__each_channel__is_said_in_words(shocks: object, words: str) -> None:
    assert shocked(shocks) == words


@pytest.mark.parametrize(
    ("measure", "value", "words"),
    [
        ("bad_debt_usd", "1200000.00", "$1.2M of bad debt"),
        ("unliquidated_usd", None, "an unknown amount left unliquidated"),
        ("amplification", "2.4000", "amplification 2.4x"),
        ("critical_shock", "0.085", "a move of 8.5 % is critical"),
        ("critical_shock", None, "no move on the curve is critical"),
        ("critical_shock_sigmas", "2.5", "critical at 2.5 daily moves"),
        ("share_of_market", "0.0725", "7.25 % of all debt liquidated"),
        ("of_tomorrow", "3", "of_tomorrow 3"),
        ("amplification", None, "amplification unknown"),
    ],
)
def test_measured__each_measure__is_said_in_words(
    measure: str, value: str | None, words: str
) -> None:
    assert measured(measure, value) == words


def test_figure__large_and_small__keep_four_digits() -> None:
    assert [figure("amplification", v) for v in ("123456", "0.00012345", "1")] == [
        "1.235e+5x",
        "0.0001234x",
        "1x",
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
KEYS = ("measure", "value", "threshold", "projection", "position", "actions", "measures",
        "reasons", "reproduce", "block")  # fmt: skip
NAMES = st.sampled_from(["shocks", "unknown", "converged", "liquidated_usd", "market", "account"])


@given(
    st.sampled_from([*AlertType, "monitor.test"]),
    st.dictionaries(st.sampled_from(KEYS), ANYTHING | st.dictionaries(NAMES, ANYTHING)),
    st.booleans(),
)
def test_message__whatever_an_alert_holds__is_words_or_a_value_error(
    type: str, data: dict[str, Any], firing: bool
) -> None:
    body = json.loads(a_body(type, firing=firing))
    body["data"] |= data
    try:
        notice = notice_of(json.dumps(body))
    except ValueError:
        return
    message = message_of(notice)
    assert 0 < len(message.title) <= 80
    assert len(json.dumps(_details(notice), default=str)) < 50_000
    assert all(isinstance(text, str) for text in _annotations(notice, None).values())


@given(ANYTHING)
def test_notice__any_document__is_a_value_error(document: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (JSON's own is one, too)
        notice_of(json.dumps(document))


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"type": 1, "data": {"alert": null}}', "null"])
def test_notice__body_that_is_none_of_ours__is_a_value_error(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (JSON's own is one, too)
        notice_of(body)
