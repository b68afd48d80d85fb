"""Contracts that answer getters, as dictionaries; and what a poll of them reads."""

from collections.abc import Mapping
from typing import Any

from builders import an_address

from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.ports import NO_CODE, ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address
from monitor.engine.reducer import reduce_all
from monitor.library import abi_library
from monitor.oracles.family import MULTICALL3, TIME, Views
from monitor.oracles.graph import OracleGraph

VIEWS = Views(abi_library)
NOW = 1_800_000_000
NO_SUCH = ViewFailed("reverted")
Answers = Mapping[str, Any]
Chain = Mapping[Address, Answers]

FEED, AGGREGATOR, RATE = an_address("feed"), an_address("aggregator"), an_address("rate")


def answered(chain: Chain, call: ViewCall) -> ViewResult:
    """What a call comes to. An answer that is a function is given the arguments."""
    if call.function.name == TIME and MULTICALL3 not in chain:
        return (NOW,)
    if call.to not in chain:
        return ViewFailed(NO_CODE)
    if call.function.name not in chain[call.to]:
        return NO_SUCH
    answer = chain[call.to][call.function.name]
    if callable(answer):
        answer = answer(*call.args)
    return answer if isinstance(answer, tuple) else (answer,)


def polled(graph: OracleGraph, chain: Chain, ledger: Ledger, rounds: int = 20) -> list[int]:
    """Read as folding does, into the ledger; how many calls each round took."""
    overlay, readings, sizes = Overlay(ledger), dict[ViewCall, ViewResult](), list[int]()
    for _ in range(rounds):
        wanted = [call for call in graph.polls(overlay) if call not in readings]
        if not wanted:
            break
        sizes.append(len(wanted))
        readings |= {call: answered(chain, call) for call in wanted}
        reduce_all(overlay, graph.polled(overlay, readings))
    for key, _, after in list(overlay.written()):
        ledger.put(key, after)
    return sizes


def a_round(answer: int, updated_unix: int = NOW) -> tuple[int, ...]:
    """What latestRoundData answers."""
    return (7, answer, updated_unix, updated_unix, 7)


def a_proxy(answer: int, text: str = "ETH / USD", aggregator: Address = AGGREGATOR) -> Answers:
    return {
        "aggregator": aggregator,
        "phaseId": 3,
        "latestRoundData": a_round(answer, NOW - 60),
        "latestAnswer": answer,
        "decimals": 8,
        "description": text,
    }
