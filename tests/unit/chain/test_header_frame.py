"""What a header's hash proves, against the reference encoder of RLP."""

import json
from typing import Any

import msgspec
import pytest
from builders import a_block
from fake_node import USUAL, FakeBlock, sealed

from monitor.chain.wire import read_header
from monitor.errors import RpcUnavailable

HEADER = FakeBlock(a_block()).header()
BASE = list(USUAL)[:15]
LATER = list(USUAL)[15:]


def is_proven(header: dict[str, Any]) -> bool:
    read = read_header(msgspec.Raw(json.dumps(header).encode()))
    assert read is not None
    return read.is_proven


def with_other_digit(text: str) -> str:
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def test_is_proven__a_header_as_it_is__is() -> None:
    assert is_proven(HEADER)


@pytest.mark.parametrize("name", [*USUAL, "hash"])
def test_is_proven__one_digit_of_one_field_changed__is_not(name: str) -> None:
    assert not is_proven(HEADER | {name: with_other_digit(HEADER[name])})


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize(
    "wrong", [None, "", "0x", "0x0", "0xzz", "latest", 0, 7, 1.5, True, [], ["0x1"], {}], ids=repr
)
def test_is_proven__a_field_of_another_shape__is_not(name: str, wrong: Any) -> None:
    try:
        assert is_proven(HEADER | {name: wrong}) == is_same_number(HEADER[name], wrong)
    except RpcUnavailable:
        assert name in ("parentHash", "number", "timestamp", "logsBloom", "gasUsed")


def is_same_number(right: str, told: Any) -> bool:
    """Whether a quantity is the same, perhaps written in another way."""
    return told == right or (right == "0x0" and told == "0x")


@pytest.mark.parametrize("name", USUAL)
def test_is_proven__a_field_left_out__is_not(name: str) -> None:
    part = {key: value for key, value in HEADER.items() if key != name}
    try:
        assert not is_proven(part)
    except RpcUnavailable:
        assert name in ("parentHash", "number", "timestamp", "logsBloom", "gasUsed")


@pytest.mark.parametrize("forks", range(len(LATER) + 1))
@pytest.mark.parametrize("absent", ["left out", "null"])
def test_is_proven__a_header_of_an_earlier_fork__is(forks: int, absent: str) -> None:
    early = sealed({name: HEADER[name] for name in [*BASE, *LATER[:forks]]})
    nulls = dict.fromkeys(LATER[forks:]) if absent == "null" else {}
    assert is_proven(early | nulls)


@pytest.mark.parametrize("length", [0, 1, 2, 54, 55, 56, 255, 256, 5_000, 70_000])
@pytest.mark.parametrize("byte", ["00", "7f", "80", "ff"])
def test_is_proven__a_field_of_any_length__is(length: int, byte: str) -> None:
    assert is_proven(sealed(HEADER | {"extraData": "0x" + byte * length}))


@pytest.mark.parametrize("number", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 2**62])
def test_is_proven__a_number_of_any_length__is(number: int) -> None:
    assert is_proven(sealed(HEADER | {"number": hex(number), "difficulty": hex(number**4)}))


def test_is_proven__capitals_and_what_nodes_add__is() -> None:
    added = {"totalDifficulty": "0xc70d815d562d3cfa955", "l1BlockNumber": "0x5", "author": None}
    loud = {name: value.upper().replace("0X", "0x") for name, value in HEADER.items() if value}
    assert is_proven(HEADER | added | {name: loud[name] for name in [*USUAL, "hash"]})


def test_is_proven__ethereum_s_first_block__is() -> None:
    """Block 0 of Ethereum's main network, as any explorer shows it."""
    empty_root = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    genesis = {
        "parentHash": "0x" + "00" * 32,
        "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        "miner": "0x" + "00" * 20,
        "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
        "transactionsRoot": empty_root,
        "receiptsRoot": empty_root,
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x400000000",
        "number": "0x0",
        "gasLimit": "0x1388",
        "gasUsed": "0x0",
        "timestamp": "0x0",
        "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
        "mixHash": "0x" + "00" * 32,
        "nonce": "0x0000000000000042",
        "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    }
    assert is_proven(genesis)
