"""Whatever a node sends is a right value or a fault in words: at the layer that reads JSON."""

import json
import os
from collections.abc import Callable
from typing import Any

import msgspec
from builders import a_block, a_hash, an_address
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.chain.faults import fault_of
from monitor.chain.multicall import unpacked
from monitor.chain.rpc import decoded, refused_status
from monitor.chain.wire import read_bytes, read_header, read_logs, read_quantity
from monitor.errors import MonitorError, RpcInconsistent, RpcUnavailable

# More than what is run with every change: CASCADE_MONITOR_FUZZ_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("CASCADE_MONITOR_FUZZ_EXAMPLES", "200"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None)
BLOCK = a_block()
HEADER: dict[str, Any] = {
    "number": hex(BLOCK.number),
    "hash": BLOCK.hash,
    "parentHash": BLOCK.parent_hash,
    "timestamp": hex(BLOCK.timestamp),
    "logsBloom": "0x" + "0" * 511 + "1",
    "gasUsed": "0x5208",
    "gasLimit": "0x5208",
    "miner": "0x" + "00" * 20,
    "sha3Uncles": a_hash("uncles"),
    "stateRoot": a_hash("state"),
    "transactionsRoot": a_hash("transactions"),
    "receiptsRoot": a_hash("receipts"),
    "difficulty": "0x0",
    "extraData": "0x",
    "mixHash": a_hash("mix"),
    "nonce": "0x0000000000000000",
    "baseFeePerGas": "0x7",
    "size": "0x200",
}
LOG: dict[str, Any] = {
    "address": an_address("pool"),
    "topics": ["0x" + "ab" * 32],
    "data": "0xff",
    "blockHash": BLOCK.hash,
    "blockNumber": hex(BLOCK.number),
    "transactionHash": a_hash("tx"),
    "logIndex": "0x2",
    "removed": False,
}
REPLY: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": "0x1",
    "error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"},
    "params": {"subscription": "0x1", "result": HEADER},
}
FORMS = (HEADER, [LOG, LOG | {"logIndex": "0x3"}], REPLY, [REPLY, REPLY | {"id": 2}])
READERS: tuple[Callable[[msgspec.Raw], Any], ...] = (
    *(read_header, read_logs, read_quantity, read_bytes),
)
DEEP = b"[" * 100_000
hexes = st.text("0123456789abcdefABCDEFxX_-+ ", max_size=70).map("0x".__add__)
texts = st.one_of(
    st.text(max_size=12),
    hexes,
    st.sampled_from(("", "0x", "0X1", "0x_1", "0x1_0", "-0x1", "0x-1", "0x٣", "0x" + "f" * 9999)),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    texts,
    st.sampled_from((10**400, -(10**400))),
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """What a node may send: right but for some places, any JSON, or any bytes."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return draw(st.binary(max_size=80) | st.just(DEEP))
    if kind == 1:
        tree = draw(documents)
    else:
        tree = json.loads(json.dumps(draw(st.sampled_from(FORMS))))
        for _ in range(draw(st.integers(1, 3))):
            tree = _damaged(draw, tree)
    body = json.dumps(tree, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return body[: draw(st.integers(0, len(body)))] if kind == 3 else body


def _damaged(draw: st.DrawFn, tree: Any) -> Any:
    """With one place of it exchanged, taken out, or put twice."""
    if not isinstance(tree, dict | list) or not tree or draw(st.integers(0, 9)) == 0:
        return draw(documents)
    key = draw(st.sampled_from(list(tree) if isinstance(tree, dict) else range(len(tree))))
    match draw(st.integers(0, 7)):
        case 0:
            del tree[key]
        case 1 if isinstance(tree, list):
            tree.append(tree[key])
        case _:
            tree[key] = _damaged(draw, tree[key])
    return tree


def told(error: MonitorError) -> None:
    """It is one that the rim knows what to do with, and it is words."""
    assert isinstance(error, RpcUnavailable | RpcInconsistent)
    assert str(error).strip()
    assert len(str(error)) < 1_000, str(error)[:2_000]


@given(answers())
@example(b'{"miner": ' + DEEP)
@example(b'{"strange": ' + DEEP)
@example(b'{"strange": {"a": ' * 50_000)
@example(b'[{"strange": ' + DEEP)
@example(b'"0x' + b"1" * 5_000 + b'"')
@fuzzed
def test_reader__any_bytes__is_a_value_or_a_fault_in_words(body: bytes) -> None:
    for read in READERS:
        try:
            found = read(msgspec.Raw(body))
        except MonitorError as error:
            told(error)
        else:
            right(found)


def right(found: Any) -> None:
    """What was read is what its type says: no sign, no other type got in."""
    match found:
        case int():
            assert found >= 0
        case list():
            for number, log in found:
                assert number >= 0
                assert log.log_index >= 0
                assert all(isinstance(topic, str) for topic in log.topics)
        case bytes() | dict() | None:
            pass
        case _:
            assert found.block.number >= 0
            assert 0 <= found.block.timestamp < 2**48
            assert found.logs_bloom is None or 0 <= found.logs_bloom < 2**2048


@given(answers())
@example(DEEP)
@example(b'{"id": 1, "result": ' + DEEP)
@example(b'{"id": 1, "error": {"code": 1, "data": ' + DEEP)
@fuzzed
def test_frame__any_bytes__is_replies_or_a_fault_in_words(body: bytes) -> None:
    try:
        replies = decoded("a node", body)
    except MonitorError as error:
        told(error)
        return
    for reply in replies:
        if reply.error is not None:
            for method in ("eth_call", "eth_getLogs"):
                fault = fault_of("a node", reply.error, method, ("a-secret-key",))
                assert isinstance(fault, MonitorError)
                assert len(str(fault)) < 1_000


@given(st.binary(max_size=300), st.integers(0, 4))
@fuzzed
def test_calls__any_bytes_returned__are_results_or_a_value_error(data: bytes, count: int) -> None:
    try:
        found = unpacked(data, count)
    except ValueError:
        return
    assert len(found) == count


@given(st.integers(100, 599), st.text() | st.sampled_from(("9" * 5_000, "٣", "²", "-1", "1e9")))
@example(429, "Mon, 01 Jan 0001 00:00:00 +2359")
@example(429, "Mon, 31 Dec 9999 23:59:59 -2359")
@fuzzed
def test_refusal__any_status_and_retry_after__is_a_fault_in_words(status: int, header: str) -> None:
    told(refused_status("a node", status, header))
