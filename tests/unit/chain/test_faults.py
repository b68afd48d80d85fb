import pytest

from monitor.chain.faults import RateLimited, RevertError, RpcError, RpcRefused, fault_of
from monitor.errors import BlockUnknown, StateUnavailable

SAID = [
    (3, "execution reverted", RevertError),
    (-32000, "execution reverted: SafeMath", RevertError),
    (-32015, "VM execution error.", RevertError),
    (-32000, "out of gas", RevertError),
    (-32603, "EVM error InvalidFEOpcode", RevertError),
    (-32000, "invalid opcode: INVALID", RevertError),
    (-32000, "header not found", BlockUnknown),
    (-32000, "unknown block", BlockUnknown),
    (-32000, "hash 12ab is not currently canonical", BlockUnknown),
    (-32001, "Resource not found", BlockUnknown),
    (-32000, "missing trie node 12ab (path ) state 0x12ab is not available", StateUnavailable),
    (-32602, "BlockOutOfRangeError: block height is 3 but requested was 9", StateUnavailable),
    (-32000, "historical state 12ab is not available", StateUnavailable),
    (4444, "pruned history unavailable", StateUnavailable),
    (429, "slow down", RateLimited),
    (-32005, "Too Many Requests", RateLimited),
    (-32005, "query returned more than 10000 results", RpcRefused),
    (-32602, "block range is too wide", RpcRefused),
    (-32600, "Under the Free tier plan, you can make eth_getLogs requests", RpcRefused),
    (-32614, "eth_getLogs is limited to a 10,000 range", RpcRefused),
    (-32701, "exceed maximum block range: 50000", RpcRefused),
    (35, "ranges over 10000 blocks are not supported on freetier", RpcRefused),
    (-32000, "query timeout exceeded", RpcRefused),
    (-32601, "Method not found", RpcRefused),
    (-32603, "internal error", RpcRefused),
]


@pytest.mark.parametrize(("code", "message", "kind"), SAID)
def test_fault_of__what_nodes_say__is_sorted(code: int, message: str, kind: type) -> None:
    assert type(fault_of("endpoint 0", RpcError(code, message))) is kind


@pytest.mark.parametrize(
    ("data", "expected"),
    [("0x1234", b"\x12\x34"), ({"data": "0x12"}, b"\x12"), (None, b""), ("Reverted", b"")],
)
def test_fault_of__a_revert__keeps_its_data(data: object, expected: bytes) -> None:
    fault = fault_of("endpoint 0", RpcError(3, "execution reverted", data))
    assert isinstance(fault, RevertError)
    assert fault.data == expected


def test_fault_of__a_url_in_the_message__is_left_out() -> None:
    fault = fault_of("endpoint 0", RpcError(-1, "see https://node.example/v2/abc for more"))
    assert "abc" not in str(fault)


@pytest.mark.parametrize(
    ("message", "offered"),
    [
        ("x" * 300 + "this block range should work: [0x10, 0x1fF]", (16, 511)),
        ("query returned more than 10000 results. Try with this block range [0x1,0x2].", (1, 2)),
        ("query returned more than 10000 results", None),
        ("bad [0x, 0x1] and [1, 2]", None),
    ],
)
def test_fault_of__a_range_offered__is_kept_though_the_message_is_cut(
    message: str, offered: tuple[int, int] | None
) -> None:
    fault = fault_of("endpoint 0", RpcError(-32602, message))
    assert isinstance(fault, RpcRefused)
    assert fault.offered == offered
