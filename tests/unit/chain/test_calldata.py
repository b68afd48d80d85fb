import json
from typing import Any

import pytest
from builders import an_address

from monitor.chain.calldata import ERROR_SELECTOR, PANIC_SELECTOR, Calldata
from monitor.chain.faults import RevertError
from monitor.core.abi import ErrorAbi, FunctionAbi, parse_abi
from monitor.core.ports import ViewCall, ViewFailed

POOL = an_address("pool")
PAIR = {
    "type": "tuple",
    "name": "pair",
    "components": [{"type": "address", "name": "a"}, {"type": "uint8[]", "name": "b"}],
}


def a_function(inputs: list[Any], outputs: list[Any]) -> FunctionAbi:
    entry = {"type": "function", "name": "get", "inputs": inputs, "outputs": outputs}
    return parse_abi([entry], json.dumps).functions["get"]


def a_word(value: int) -> bytes:
    return value.to_bytes(32)


BALANCE_OF = parse_abi(
    [
        {
            "type": "function",
            "name": "balanceOf",
            "inputs": [{"type": "address", "name": "owner"}],
            "outputs": [{"type": "uint256", "name": ""}],
        }
    ],
    json.dumps,
).functions["balanceOf"]


def test_encode__a_call__is_selector_and_arguments() -> None:
    data = Calldata().encode(BALANCE_OF, (POOL,))
    assert data.hex() == "70a08231" + "00" * 12 + POOL[2:]


def test_result__one_output__is_a_tuple_of_one() -> None:
    call = ViewCall(POOL, BALANCE_OF, (POOL,))
    assert Calldata().result(call, a_word(7)) == (7,)


def test_result__a_struct__is_a_tuple_with_a_lower_case_address() -> None:
    function = a_function([], [PAIR])
    words = [a_word(0x20), bytes(12) + bytes.fromhex(POOL[2:]), a_word(0x40), a_word(1), a_word(9)]
    assert Calldata().result(ViewCall(POOL, function), b"".join(words)) == ((POOL, (9,)),)


def test_encode__a_struct__takes_a_tuple() -> None:
    data = Calldata().encode(a_function([PAIR], []), ((POOL, (9,)),))
    assert data[4:] == b"".join(
        [a_word(0x20), bytes(12) + bytes.fromhex(POOL[2:]), a_word(0x40), a_word(1), a_word(9)]
    )


@pytest.mark.parametrize("answer", [b"", b"\x01", a_word(1) * 2])
def test_result__a_string_that_is_none__is_a_failure(answer: bytes) -> None:
    function = a_function([], [{"type": "string", "name": ""}])
    assert isinstance(Calldata().result(ViewCall(POOL, function), answer), ViewFailed)


def test_result__a_string_of_foreign_bytes__is_a_failure() -> None:
    function = a_function([], [{"type": "string", "name": ""}])
    answer = a_word(0x20) + a_word(2) + b"\xff\xfe" + bytes(30)
    assert isinstance(Calldata().result(ViewCall(POOL, function), answer), ViewFailed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ERROR_SELECTOR + a_word(0x20) + a_word(4) + b"nope" + bytes(28), "reverted: nope"),
        (PANIC_SELECTOR + a_word(0x11), "reverted: panic 0x11"),
        (ERROR_SELECTOR + b"\x01", "reverted: 0x08c379a001"),
        (bytes.fromhex("deadbeef"), "reverted: 0xdeadbeef"),
        (b"", "execution reverted"),
    ],
)
def test_result__a_revert__says_why(data: bytes, reason: str) -> None:
    error = RevertError("execution reverted", data)
    assert Calldata().result(ViewCall(POOL, BALANCE_OF), error) == ViewFailed(reason)


KNOWN = {
    "4": ErrorAbi("CALLER_NOT_RISK_OR_POOL_ADMIN"),
    "0xdeadbeef": ErrorAbi("Nope"),
    "0x0badcafe": ErrorAbi("InconsistentAsset", ("bytes32", "uint256")),
}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            ERROR_SELECTOR + a_word(0x20) + a_word(1) + b"4" + bytes(31),
            "reverted: 4 (CALLER_NOT_RISK_OR_POOL_ADMIN)",
        ),
        (ERROR_SELECTOR + a_word(0x20) + a_word(1) + b"5" + bytes(31), "reverted: 5"),
        (bytes.fromhex("deadbeef"), "reverted: Nope()"),
        (
            bytes.fromhex("0badcafe") + a_word(1) + a_word(7),
            f"reverted: InconsistentAsset(0x{1:064x}, 7)",
        ),
        (bytes.fromhex("0badcafe") + a_word(1), f"reverted: 0x0badcafe{1:064x}"),
        (bytes.fromhex("01020304"), "reverted: 0x01020304"),
    ],
)
def test_reason__of_an_error_that_is_known__is_its_name(data: bytes, reason: str) -> None:
    assert Calldata(KNOWN).reason(RevertError("execution reverted", data)) == reason
