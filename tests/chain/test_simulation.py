"""Transactions tried on nodes that misbehave: an alert waits for none of them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from builders import an_address
from fake_node import FakeNode

from monitor.chain.endpoints import Endpoints
from monitor.chain.simulation import LONGEST_REASON, NodeSimulator
from monitor.core.abi import ErrorAbi
from monitor.core.ports import ViewCall
from monitor.library import abi_library

FREEZE = abi_library("aave_v3/PoolConfigurator").functions["setReserveFreeze"]
CONTRACT, ASSET, GUARDIAN = an_address("contract"), an_address("asset"), an_address("guardian")
CALL = ViewCall(CONTRACT, FREEZE, (ASSET, True))
CALLDATA = f"0x96e957c4{ASSET[2:]:0>64}{1:064x}"
PATIENCE_SECONDS = 0.3
REVERTED = {"code": 3, "message": "execution reverted"}


@asynccontextmanager
async def simulator(*urls: str) -> AsyncIterator[NodeSimulator]:
    endpoints = Endpoints(list(urls), 1, lambda *_: None, timeout_seconds=10)
    errors = {"0xdeadbeef": ErrorAbi("Nope")}
    try:
        yield NodeSimulator(endpoints, errors, PATIENCE_SECONDS)
    finally:
        await endpoints.close()


async def outcome(fake: FakeNode, url: str = "") -> str:
    async with simulator(url or fake.http_url) as made:
        [result] = await made.simulate(fake.blocks[-1].ref, GUARDIAN, [CALL])
    assert result.calldata == CALLDATA
    return result.outcome


@pytest.mark.parametrize(
    ("code", "call", "expected"),
    [
        ("0x60", "0x", "ok"),
        ("0x", "0x", f"reverted: there is no contract at {CONTRACT}"),
        ("0x60", REVERTED | {"data": "0xdeadbeef"}, "reverted: Nope()"),
        ("0x60", REVERTED, "reverted: execution reverted"),
        ("0x60", {"code": -32000, "message": "execution timeout"}, "unknown: "),
        ("0x60", {"code": -32000, "message": "header not found"}, "unknown: "),
        ("0x60", {"code": -32000, "message": "missing trie node ab"}, "unknown: "),
        ("0x60", {"code": 429, "message": "too many requests"}, "unknown: "),
    ],
)
async def test_outcome__of_what_a_node_answers__is_ok_reverted_or_unknown(
    fake: FakeNode, code: str, call: Any, expected: str
) -> None:
    fake.results["eth_getCode"] = code
    (fake.errors if isinstance(call, dict) else fake.results)["eth_call"] = call
    told = await outcome(fake)
    assert told.startswith(expected)
    assert "secret-key" not in told
    if not expected.endswith(": "):
        assert told == expected


@pytest.mark.parametrize("fault", ["hang", "silence", "500", "garbage", "truncated", "wrong_id"])
async def test_outcome__of_a_sick_node__is_unknown_in_time(fake: FakeNode, fault: str) -> None:
    fake.fault = fault
    began = time.monotonic()
    told = await outcome(fake, fake.ws_url if fault == "silence" else "")
    assert told.startswith("unknown: ")
    assert time.monotonic() - began < PATIENCE_SECONDS + 1


async def test_outcome__of_a_node_that_hung__is_known_again_when_it_answers(
    fake: FakeNode,
) -> None:
    fake.results |= {"eth_getCode": "0x60", "eth_call": "0x"}
    async with simulator(fake.ws_url) as made:
        fake.fault = "silence"
        [first] = await made.simulate(fake.blocks[-1].ref, GUARDIAN, [CALL])
        fake.fault = None
        [second] = await made.simulate(fake.blocks[-1].ref, GUARDIAN, [CALL])
    assert (first.outcome[:7], second.outcome) == ("unknown", "ok")


async def test_outcome__of_a_contract_that_says_much__is_short_and_printable(
    fake: FakeNode,
) -> None:
    words = ("pay\n\x1b[2J" * 100).encode().ljust(928, b"\0")
    data = "0x08c379a0" + f"{32:064x}{800:064x}" + words.hex()
    fake.results["eth_getCode"] = "0x60"
    fake.errors["eth_call"] = REVERTED | {"data": data}
    told = await outcome(fake)
    assert told.startswith("reverted: pay")
    assert told.isprintable()
    assert len(told) <= LONGEST_REASON + 1
