"""A recording is whole or refused, and answers what was asked: nothing else."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from builders import a_block, a_hash, an_address

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.ports import Code, ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address, BlockHash
from monitor.errors import QuestionError, SchemaMismatch
from monitor.incidents import recording, tape
from monitor.incidents.past import PastError
from monitor.incidents.recording import FORMAT, SCHEMA, Answers, Header, read, write
from monitor.incidents.tape import Playback, Recorder
from monitor.library import abi_library

TOKEN, WALLET = an_address("token"), an_address("wallet")
DECIMALS = ViewCall(TOKEN, abi_library("erc20/Token").functions["decimals"])
SYMBOL = ViewCall(TOKEN, abi_library("erc20/Token").functions["symbol"])
LARGE = 2**255 + 1
TOPIC = "0x" + "11" * 32


def a_log(at: BlockRef, address: Address, index: int) -> RawLog:
    return RawLog(address, (TOPIC,), "ff" * 32, at.hash, index, a_hash("tx"))


class Node:
    """Answers by the number of the block, so that runs begin and end."""

    async def block(self, number: int) -> BlockRef:
        return a_block(number=number)

    async def genesis(self) -> BlockHash:
        return a_hash("genesis")

    async def logs(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        return tuple(a_log(block, each, 7 + (each == TOKEN)) for each in sorted(addresses))

    async def transfers(self, block: BlockRef, accounts: frozenset[Address]) -> tuple[RawLog, ...]:
        return ()

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        values: dict[ViewCall, ViewResult] = {
            DECIMALS: (LARGE if at.number >= 103 else 18, b"\x00\xff", ("a", (True, None))),
            SYMBOL: ViewFailed("reverted"),
        }
        return [values[call] for call in calls]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return contract == TOKEN

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        return [
            Code(a_hash("code"), bytes(range(64 if each == TOKEN else 23))) for each in accounts
        ]

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        return [LARGE for _ in slots]

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        return [a_log(a_block(number=from_block), each, 0) for each in addresses]


async def recorded() -> tuple[Header, Answers]:
    answers = Answers({"chain": {"chain_id": 1}, "store": {"namespace": "default"}}, 60)
    recorder = Recorder(Node(), answers)
    for number in range(100, 106):
        at = await recorder.block(number)
        await recorder.read(at, [DECIMALS, SYMBOL])
        await recorder.logs(at, frozenset({TOKEN}))
    at = await recorder.block(106)
    await recorder.logs(at, frozenset({TOKEN}))
    await recorder.logs(at, frozenset({WALLET}))
    await recorder.codes(at, [TOKEN, WALLET])
    await recorder.storage(at, [(WALLET, 0)])
    await recorder.has_code(at, WALLET)
    await recorder.past_logs([TOKEN, WALLET], [TOPIC], 5, 9)
    header = Header(FORMAT, SCHEMA, "0", 1, await recorder.genesis(), "default", 100, 106)
    return header, answers


async def stored(path: Path) -> Path:
    with path.open("wb") as file:
        write(file, *await recorded())
    return path


async def test_recording__read_again__gives_every_answer(tmp_path: Path) -> None:
    found = read(await stored(tmp_path / "r.gz"))
    node, played = Node(), Playback(found.header, found.answers)
    assert await played.genesis() == a_hash("genesis")
    for number in (100, 102, 103, 105):
        at = await played.block(number)
        assert at == a_block(number=number)
        assert await played.read(at, [SYMBOL, DECIMALS]) == await node.read(at, [SYMBOL, DECIMALS])
    at = a_block(number=106)
    both = frozenset({TOKEN, WALLET})
    assert {log.address for log in await played.logs(at, both)} <= both
    assert await played.logs(at, frozenset({TOKEN})) == await node.logs(at, frozenset({TOKEN}))
    assert await played.storage(at, [(WALLET, 0)]) == [LARGE]
    assert await played.has_code(at, WALLET) is False
    asked = ([WALLET, TOKEN], [TOPIC], 5, 9)
    assert len(await played.past_logs(*asked)) == 2


async def test_recording__of_code__copies_nobodys_contract(tmp_path: Path) -> None:
    found = read(await stored(tmp_path / "r.gz"))
    at = a_block(number=106)
    long, short = await Playback(found.header, found.answers).codes(at, [TOKEN, WALLET])
    assert len(long.head) == tape.KEPT_BYTES
    assert short.head == bytes(range(23))
    assert long.hash == short.hash == a_hash("code")


async def test_recording__of_the_same_answers__has_the_same_bytes(tmp_path: Path) -> None:
    one, other = await stored(tmp_path / "one"), await stored(tmp_path / "other")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda p: p.block(107), "block 107; it has blocks 100 to 106"),
        (lambda p: p.read(a_block(number=106), [DECIMALS]), r"decimals\(\) of 0x.* at block 106"),
        (lambda p: p.read(a_block(number=99), [DECIMALS]), "at block 99"),
        (lambda p: p.logs(a_block(number=100), frozenset({WALLET})), "logs of block 100 for 1 ad"),
        (lambda p: p.transfers(a_block(number=100), frozenset({WALLET})), "transfers of block 100"),
        (lambda p: p.codes(a_block(number=100), [WALLET]), "the code of 0x"),
        (lambda p: p.storage(a_block(number=106), [(WALLET, 1)]), "the storage of 0x.* 0x1"),
        (lambda p: p.has_code(a_block(number=106), TOKEN), "whether there is code at 0x"),
        (lambda p: p.past_logs([TOKEN], [TOPIC], 5, 9), "logs of 1 contracts .* 5 to 9"),
    ],
)
async def test_playback__asked_for_more__names_what_is_missing(ask: object, said: str) -> None:
    played = Playback(*await recorded())
    with pytest.raises(PastError, match=said):
        await ask(played)  # type: ignore[operator]


async def test_recording__cut_off_or_changed__is_refused(tmp_path: Path) -> None:
    path = await stored(tmp_path / "r.gz")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(QuestionError, match=r"no recording .*does not unpack"):
        read(path)
    lines = gzip.decompress(whole).splitlines(keepends=True)
    for name, damaged in (
        ("no checksum", lines[:2]),
        ("a digit", [lines[0], lines[1].replace(b"100", b"200", 1), lines[2]]),
    ):
        path.write_bytes(gzip.compress(b"".join(damaged)))
        with pytest.raises(QuestionError, match="checksum does not fit"):
            read(path)
        assert name


def test_recording__that_is_none__is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "r.gz"
    with pytest.raises(QuestionError, match=r"cannot be read: No such file"):
        read(path)
    path.write_bytes(b"not packed")
    with pytest.raises(QuestionError, match="does not unpack"):
        read(path)
    for head in (b"[]\n", b'{"format": "another"}\n', b"\xff\n", b'"' + b"x" * 5000):
        path.write_bytes(gzip.compress(head))
        with pytest.raises(QuestionError, match="does not begin as one"):
            read(path)


async def test_recording__of_another_schema__names_both(tmp_path: Path) -> None:
    path = tmp_path / "r.gz"
    head = {"format": FORMAT, "schema": SCHEMA + 1, "version": "9.9"}
    path.write_bytes(gzip.compress(json.dumps(head).encode() + b"\n{}\n"))
    with pytest.raises(
        SchemaMismatch, match=rf"9\.9 in the schema {SCHEMA + 1}: expected {SCHEMA}"
    ):
        read(path)


HOSTILE: dict[str, tuple[tuple[Any, ...], object]] = {
    "a number as a text": (("first",), "100"),
    "a number as a list": (("last",), [105]),
    "a chain that is true": (("chain_id",), True),
    "a genesis that is a number": (("genesis",), 5),
    "no configuration": (("configuration",), "none"),
    "a chain that is none": (("configuration", "chain"), None),
    "no store": (("configuration", "store"), "x"),
    "a horizon in words": (("horizon_seconds",), "<b>long</b>"),
    "a horizon before now": (("horizon_seconds",), -1),
    "no blocks": (("blocks",), []),
    "a block that is a text": (("blocks", "100"), "abc"),
    "a block without a time": (("blocks", "100"), ["0x", "0x"]),
    "a time in words": (("blocks", "100", 2), "<script>"),
    "a time beyond the calendar": (("blocks", "100", 2), 10**18),
    "a time before all": (("blocks", "100", 2), -(10**15)),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_recording__with_a_checksum_of_its_own_over_nonsense__is_refused(
    name: str, tmp_path: Path
) -> None:
    header, answers = await recorded()
    whole: tuple[Any, Any] = (asdict(header), asdict(answers))
    path, value = HOSTILE[name]
    at = whole[0] if path[0] in whole[0] else whole[1]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    lines = [json.dumps(each).encode() + b"\n" for each in whole]
    lines.append(hashlib.sha256(b"".join(lines)).hexdigest().encode())
    target = tmp_path / "r.gz"
    target.write_bytes(gzip.compress(b"".join(lines)))
    with pytest.raises(QuestionError, match=r"no recording that can be replayed: .*expected"):
        read(target)


async def test_recorder__beyond_what_is_written__stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "MOST_BYTES", 100)
    monkeypatch.setattr(recording, "MOST_BYTES", 100)
    with pytest.raises(QuestionError, match="at most 100 are written"):
        await recorded()


async def test_recording__of_more_values_than_memory_is_for__is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await stored(tmp_path / "r.gz")
    read(path)
    monkeypatch.setattr(recording, "MOST_VALUES", 10)
    with pytest.raises(QuestionError, match="more than 10 values"):
        read(path)
