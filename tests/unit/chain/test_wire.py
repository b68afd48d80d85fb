import json
from typing import Any

import msgspec
import pytest
from builders import a_block, a_hash, an_address

from monitor.chain.wire import read_bytes, read_header, read_logs, read_quantity
from monitor.errors import RpcInconsistent, RpcUnavailable

BLOCK = a_block()
HEADER = {
    "number": hex(BLOCK.number),
    "hash": BLOCK.hash,
    "parentHash": BLOCK.parent_hash,
    "timestamp": hex(BLOCK.timestamp),
    "logsBloom": "0x" + "0" * 511 + "1",
    "gasUsed": "0x5208",
    "miner": "0x" + "00" * 20,
}
LOG = {
    "address": an_address("pool").upper().replace("0X", "0x"),
    "topics": ["0x" + "AB" * 32],
    "data": "0xFF",
    "blockHash": BLOCK.hash,
    "blockNumber": hex(BLOCK.number),
    "transactionHash": a_hash("tx"),
    "logIndex": "0x2",
}


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_read_header__a_header__is_a_block_and_its_bloom() -> None:
    header = read_header(raw(HEADER))
    assert header is not None
    assert header.block == BLOCK
    assert header.logs_bloom == 1


def test_read_header__null__is_none() -> None:
    assert read_header(raw(None)) is None


@pytest.mark.parametrize(("gas_used", "bloom"), [("0x0", 0), ("0x5208", None)])
def test_read_header__an_empty_bloom__counts_only_for_an_empty_block(
    gas_used: str, bloom: int | None
) -> None:
    header = read_header(raw(HEADER | {"logsBloom": "0x" + "0" * 512, "gasUsed": gas_used}))
    assert header is not None
    assert header.logs_bloom == bloom


@pytest.mark.parametrize(
    "wrong",
    [
        {"hash": None},
        {"hash": "0x12"},
        {"hash": "0x" + "zz" * 32},
        {"number": "100"},
        {"number": 100},
        {"logsBloom": ""},
        {"timestamp": None},
    ],
)
def test_read_header__anything_else__is_unavailable(wrong: dict[str, Any]) -> None:
    with pytest.raises(RpcUnavailable):
        read_header(raw(HEADER | wrong))


def test_read_logs__a_log__is_lower_case() -> None:
    [(number, log)] = read_logs(raw([LOG]))
    assert number == BLOCK.number
    assert log.address == an_address("pool")
    assert log.topics == ("0x" + "ab" * 32,)
    assert log.data == "ff"
    assert log.log_index == 2


@pytest.mark.parametrize("index", ["0x2", "0x1"])
def test_read_logs__an_index_that_does_not_rise__is_inconsistent(index: str) -> None:
    with pytest.raises(RpcInconsistent):
        read_logs(raw([LOG, LOG | {"logIndex": index}]))


def test_read_logs__of_the_next_block__begin_anew() -> None:
    later = LOG | {"logIndex": "0x0", "blockNumber": hex(BLOCK.number + 1)}
    assert len(read_logs(raw([LOG, later]))) == 2


def test_read_logs__a_removed_one__is_inconsistent() -> None:
    with pytest.raises(RpcInconsistent):
        read_logs(raw([LOG | {"removed": True}]))


@pytest.mark.parametrize("wrong", [{"data": "ff"}, {"data": None}, {"blockHash": None}])
def test_read_logs__anything_else__is_unavailable(wrong: dict[str, Any]) -> None:
    with pytest.raises(RpcUnavailable):
        read_logs(raw([LOG | wrong]))


@pytest.mark.parametrize("wrong", [None, 5, "5", "0x", "0xg"])
def test_read_quantity__no_hex_number__is_unavailable(wrong: object) -> None:
    with pytest.raises(RpcUnavailable):
        read_quantity(raw(wrong))


@pytest.mark.parametrize("wrong", [None, 5, "12", "0x1", "0xgg"])
def test_read_bytes__no_hex_bytes__is_unavailable(wrong: object) -> None:
    with pytest.raises(RpcUnavailable):
        read_bytes(raw(wrong))


@pytest.mark.parametrize("number", [BLOCK.number, BLOCK.number - 1])
def test_read_logs__of_an_earlier_block_or_one_spelt_twice__is_inconsistent(number: int) -> None:
    later = LOG | {"logIndex": "0x3", "blockNumber": f"0x0{number:x}"}
    with pytest.raises(RpcInconsistent, match="comes after"):
        read_logs(raw([LOG, later]))


@pytest.mark.parametrize("wrong", [{"logIndex": "2"}, {"blockHash": BLOCK.hash + "00"}])
def test_read_logs__an_odd_index_or_hash__is_unavailable(wrong: dict[str, Any]) -> None:
    with pytest.raises(RpcUnavailable):
        read_logs(raw([LOG | wrong]))


@pytest.mark.parametrize("bloom", ["0x1", "0x" + "f" * 64, "0x" + "f" * 600])
def test_read_header__a_bloom_of_another_length__is_unavailable(bloom: str) -> None:
    with pytest.raises(RpcUnavailable, match="a bloom of"):
        read_header(raw(HEADER | {"logsBloom": bloom}))
