import json
from pathlib import Path

import pytest
from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3

from monitor.core.abi import ErrorAbi, EventAbi, parse_abi
from monitor.core.blocks import RawLog
from monitor.core.units import Address, BlockHash
from monitor.errors import UndecodableLog
from monitor.library import abi_library

ABIS = Path(__file__).resolve().parents[3] / "contracts_abi"
EVENT = EventAbi(
    "Seen", "0xaa", (("who", "address", True), ("amount", "uint256", False), ("on", "bool", False))
)
WHO = "0x" + "0" * 24 + "ab" * 20


def log(*topics: str, data: str) -> RawLog:
    return RawLog(Address("0x" + "1" * 40), topics, data, BlockHash("0xbb"), 7, "0xcc")


def word(value: int) -> str:
    return f"{value:064x}"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, id=f"{path.stem}.{entry['name']}")
        for path in sorted(ABIS.rglob("*.json"))
        for entry in json.loads(path.read_text())
        if entry["type"] == "event"
    ],
)
def test_topic0__of_every_event__is_the_keccak_of_its_signature(
    entry: dict[str, object],
) -> None:
    assert entry["topic0"] == Web3.to_hex(event_abi_to_log_topic(entry))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, id=f"{path.stem}.{entry['name']}")
        for path in sorted(ABIS.rglob("*.json"))
        for entry in json.loads(path.read_text())
        if entry["type"] == "error" and "code" not in entry
    ],
)
def test_selector__of_every_error__begins_the_keccak_of_its_signature(
    entry: dict[str, object],
) -> None:
    assert entry["selector"] == Web3.to_hex(event_abi_to_log_topic(entry)[:4])  # type: ignore[arg-type]


def test_errors__of_both_kinds__are_known_by_what_reverts_with_them() -> None:
    aave, vault = abi_library("aave_v3/PoolConfigurator"), abi_library("erc4626/MetaMorpho")
    assert aave.errors["4"] == ErrorAbi("CALLER_NOT_RISK_OR_POOL_ADMIN")
    assert aave.errors["0x990c1656"] == ErrorAbi("InvalidFreezeState")
    assert ErrorAbi("InconsistentAsset", ("bytes32",)) in vault.errors.values()


def test_decode__of_a_canonical_log__gives_values_in_signature_order() -> None:
    decoded = EVENT.decode(log("0xaa", WHO, data=word(5) + word(1)))
    assert decoded == ("0x" + "ab" * 20, 5, True)


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        pytest.param(("0xaa",), word(5) + word(1), id="indexed word missing"),
        pytest.param(("0xaa", WHO), word(5), id="data short"),
        pytest.param(("0xaa", WHO), word(5) + word(1) + word(0), id="data long"),
        pytest.param(("0xaa", WHO), word(5) + word(2), id="bool above 1"),
        pytest.param(("0xaa", "0x" + "1" * 64), word(5) + word(1), id="dirty address"),
        pytest.param(("0xaa", WHO), "zz" * 64, id="not hex"),
    ],
)
def test_decode__of_what_is_not_canonical__raises(topics: tuple[str, ...], data: str) -> None:
    with pytest.raises(UndecodableLog, match="Seen"):
        EVENT.decode(log(*topics, data=data))


def test_decode__of_a_string__follows_its_offset() -> None:
    event = abi_library("aave_v3/PoolConfigurator").event("EModeCategoryAdded")
    label = b"ETH correlated".hex().ljust(64, "0")
    body = "".join(map(word, (9300, 9500, 10100, 0, 160, 14))) + label
    decoded = event.decode(log(event.topic0, "0x" + word(1), data=body))
    assert decoded == (1, 9300, 9500, 10100, "0x" + "0" * 40, "ETH correlated")


def test_parse__a_struct_of_words__is_decoded_word_by_word_and_spelt_out() -> None:
    pair = {"name": "pair", "type": "tuple", "components": [{"name": "a", "type": "uint8"}] * 2}
    many = {"name": "many", "type": "tuple[]", "components": pair["components"]}
    abi = parse_abi(
        [
            {"type": "event", "name": "E", "topic0": "0xaa", "inputs": [pair | {"indexed": False}]},
            {"type": "function", "name": "f", "inputs": [pair, many], "outputs": []},
        ],
        json.dumps,
    )
    assert abi.event("E").decode(log("0xaa", data=word(1) + word(2))) == (1, 2)
    assert abi.functions["f"].signature == "f((uint8,uint8),(uint8,uint8)[])"


def test_decode__of_a_string_cut_short__raises() -> None:
    event = abi_library("aave_v3/PoolConfigurator").event("EModeCategoryAdded")
    body = "".join(map(word, (9300, 9500, 10100, 0, 160, 1000)))
    with pytest.raises(UndecodableLog, match="cut short"):
        event.decode(log(event.topic0, "0x" + word(1), data=body))
