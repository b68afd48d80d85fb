"""A past that is written down while it is asked, and one that answers from what was written down.

Questions are kept one by one, as the pipeline asks them of its ports, not as they travel: how many
go into one request changes nothing. An answer that stays the same over blocks is kept once.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from monitor.chain.calldata import Calldata
from monitor.chain.transfer_logs import transfers_among
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.ports import Code, ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address, BlockHash
from monitor.incidents.past import Past, PastError
from monitor.incidents.recording import MOST_BYTES, Answers, Header, Run, Runs, too_long

HEAD_BYTES, KEPT_BYTES = 64, 10
"""Of code that is longer than a small proxy only so much is kept: it tells that it is none, which
is all that its first bytes are looked at for. Nobody's contract is copied.
"""
RUN_BYTES = 40
"""About what a run takes beside its question and its answer."""


class Recorder:
    """Passes questions on, and keeps the answers."""

    def __init__(self, past: Past, answers: Answers) -> None:
        self._past = past
        self._answers = answers
        self._calldata = Calldata()
        self._places: dict[tuple[str, ...], int] = {}
        self._bytes = 0

    async def block(self, number: int) -> BlockRef:
        found = await self._past.block(number)
        self._answers.blocks[str(number)] = [found.hash, found.parent_hash, found.timestamp]
        return found

    async def genesis(self) -> BlockHash:
        return await self._past.genesis()

    async def logs(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        found = await self._past.logs(block, addresses)
        self._join(self._answers.logs, block, addresses, found)
        return found

    async def transfers(self, block: BlockRef, accounts: frozenset[Address]) -> tuple[RawLog, ...]:
        found = await self._past.transfers(block, accounts)
        self._join(self._answers.transfers, block, accounts, found)
        return found

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        found = await self._past.read(at, calls)
        for call, answer in zip(calls, found, strict=True):
            self._note(self._answers.views, view_key(self._calldata, call), at, _packed(answer))
        return found

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        found = await self._past.has_code(at, contract)
        self._note(self._answers.presence, contract, at, found)
        return found

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        found = await self._past.codes(at, accounts)
        for account, code in zip(accounts, found, strict=True):
            kept = code.head if len(code.head) < HEAD_BYTES else code.head[:KEPT_BYTES]
            self._note(self._answers.codes, account, at, [code.hash, kept.hex()])
        return found

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        found = await self._past.storage(at, slots)
        for (account, slot), word in zip(slots, found, strict=True):
            self._note(self._answers.storage, f"{account} {slot:#x}", at, word)
        return found

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        found = await self._past.past_logs(addresses, topics, from_block, to_block)
        place = self._place(frozenset(addresses))
        kept = self._kept(found)
        self._answers.past.append([place, sorted(topics), from_block, to_block, kept])
        return found

    def _note(self, runs: Runs, key: str, at: BlockRef, answer: Any) -> None:
        known = runs.setdefault(key, [])
        if known and known[-1][1] >= at.number - 1 and known[-1][2] == answer:
            known[-1][1] = max(known[-1][1], at.number)
            return
        known.append([at.number, at.number, answer])
        self._grow(len(key) + RUN_BYTES + len(str(answer)))

    def _join(
        self,
        known: dict[str, list[Any]],
        block: BlockRef,
        asked: frozenset[Address],
        found: Sequence[RawLog],
    ) -> None:
        """A block may be asked for more addresses a second time."""
        place, before = known.get(str(block.number), (None, []))
        if place is not None:
            asked |= frozenset(map(Address, self._answers.sets[place]))
        logs = {log.log_index: log for log in (*map(_log, before), *found)}
        kept = self._kept([logs[index] for index in sorted(logs)])
        known[str(block.number)] = [self._place(asked), kept]

    def _kept(self, logs: Sequence[RawLog]) -> list[list[Any]]:
        kept = [list(log) for log in logs]
        self._grow(sum(200 + len(log.data) for log in logs))
        return kept

    def _place(self, addresses: frozenset[Address]) -> int:
        """Where these stand among the sets."""
        named = tuple(sorted(addresses))
        if named not in self._places:
            self._places[named] = len(self._answers.sets)
            self._answers.sets.append(list(named))
            self._grow(45 * len(named))
        return self._places[named]

    def _grow(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise too_long(self._bytes)


class Playback:
    """Answers what was recorded, and nothing else."""

    def __init__(self, header: Header, answers: Answers) -> None:
        self._header = header
        self._answers = answers
        self._calldata = Calldata()
        self._sets = [frozenset(map(Address, each)) for each in answers.sets]

    async def block(self, number: int) -> BlockRef:
        found = self._answers.block(number)
        if found is None:
            raise _missing(f"block {number}", f"blocks {self._header.first} to {self._header.last}")
        return found

    async def genesis(self) -> BlockHash:
        return BlockHash(self._header.genesis)

    async def logs(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        logs = self._of_block("logs", self._answers.logs, block, addresses)
        return tuple(log for log in logs if log.address in addresses)

    async def transfers(self, block: BlockRef, accounts: frozenset[Address]) -> tuple[RawLog, ...]:
        logs = self._of_block("transfers", self._answers.transfers, block, accounts)
        return transfers_among(logs, accounts)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        runs = self._answers.views
        keys = [view_key(self._calldata, call) for call in calls]
        return [_unpacked(_at(runs, key, at, call)) for key, call in zip(keys, calls, strict=True)]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        runs = self._answers.presence
        return bool(_at(runs, contract, at, f"whether there is code at {contract}"))

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        runs = self._answers.codes
        found = [_at(runs, who, at, f"the code of {who}") for who in accounts]
        return [Code(hash, bytes.fromhex(head)) for hash, head in found]

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        runs, keys = self._answers.storage, [f"{who} {slot:#x}" for who, slot in slots]
        return [_at(runs, key, at, f"the storage of {key}") for key in keys]

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        wanted = frozenset(addresses), sorted(topics), from_block, to_block
        for place, asked, first, last, logs in self._answers.past:
            if (self._sets[place], asked, first, last) == wanted:
                return [_log(log) for log in logs]
        raise _missing(
            f"the logs of {len(wanted[0])} contracts ({', '.join(sorted(wanted[0])[:3])}) in "
            f"blocks {from_block} to {to_block}"
        )

    def _of_block(
        self,
        what: str,
        known: dict[str, list[Any]],
        block: BlockRef,
        asked: frozenset[Address],
    ) -> tuple[RawLog, ...]:
        if not asked:
            return ()
        place, logs = known.get(str(block.number), (None, ()))
        strangers = asked if place is None else asked - self._sets[place]
        if strangers:
            raise _missing(
                f"the {what} of block {block.number} for {len(strangers)} addresses "
                f"({', '.join(sorted(strangers)[:3])})"
            )
        return tuple(_log(log) for log in logs)


def view_key(calldata: Calldata, call: ViewCall) -> str:
    return f"{call.to}{calldata.encode(call.function, call.args).hex()}"


def _at(runs: Runs, key: str, at: BlockRef, what: str | ViewCall) -> Any:
    known: list[Run] = runs.get(key, [])
    place = bisect_right(known, at.number, key=itemgetter(0)) - 1
    if place < 0 or known[place][1] < at.number:
        said = what if isinstance(what, str) else _shown(what)
        raise _missing(f"{said} at block {at.number}")
    return known[place][2]


def _shown(call: ViewCall) -> str:
    return f"{call.function.signature} of {call.to}, asked with {call.args},"


def _missing(what: str, there_is: str = "") -> PastError:
    hint = f"; it has {there_is}" if there_is else ""
    return PastError(
        f"the recording has no answer to {what}{hint}. It answers what its own configuration asks: "
        "replay it without --config, or with one that follows the same contracts, or record again."
    )


def _packed(answer: ViewResult) -> Any:
    return {"failed": answer.reason} if isinstance(answer, ViewFailed) else _plain(answer)


def _plain(value: Any) -> Any:
    """As JSON has it. Integers may be of any size there."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value


def _unpacked(value: Any) -> ViewResult:
    if isinstance(value, dict):
        return ViewFailed(value["failed"])
    return tuple(_whole(each) for each in value)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["bytes"])
    return tuple(_whole(each) for each in value) if isinstance(value, list) else value


def _log(kept: Sequence[Any]) -> RawLog:
    address, topics, *rest = kept
    return RawLog(address, tuple(topics), *rest)
