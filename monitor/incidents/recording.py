"""What was recorded of a node, as a file: the same bytes for the same answers, wherever it is made.

Gzip, without a time, over three lines of JSON, as a snapshot is: a header that no version of the
format changes, the answers, and the SHA-256 of the two before it, which is the recording's id.
Nothing secret is in it: no endpoint, no receiver. It does name the accounts of `[[watch]]`.
"""

import gzip
import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.errors import QuestionError, SchemaMismatch

FORMAT = "cascade-monitor recording"
SCHEMA = 1
"""To be raised with every change of what the second line means."""
LEVEL = 9
MOST_BYTES = 512 * 2**20
"""Unpacked: what takes more is not read, and not written."""
MOST_VALUES = 2**25
"""Each takes some sixty bytes of memory, however short it is written. A recording of `MOST_BYTES`
has about as many.
"""
MOST_HEADER_BYTES = 4096
LAST_TIME = 253_402_300_799
"""The last second that a calendar of four digits has, Unix."""
UNORDERED = ("blocks", "logs", "transfers", "views", "presence", "codes", "storage")
"""What is asked for by name: the order in which it was asked says nothing. A configuration's does.
"""

Run = list[Any]
"""[first block, last block, answer]: what one question was answered in a row of blocks."""
Runs = dict[str, list[Run]]


@dataclass(frozen=True, slots=True)
class Header:
    """What can be said of any recording. `first`: the block the ledger was read at."""

    format: str
    schema: int
    version: str
    chain_id: int
    genesis: str
    namespace: str
    first: int
    last: int


@dataclass(slots=True)
class Answers:
    """All that a node was asked, by what was asked.

    `configuration`: the tables that decide what is asked. `blocks`: [hash, parent, time] by number.
    `sets`: lists of addresses, which `logs` and `transfers` name by place: by block number [whose
    logs were asked for, the logs]. `past`: [set, topics, from, to, logs]. The rest: `Runs`.
    """

    configuration: dict[str, Any]
    horizon_seconds: int
    blocks: dict[str, list[Any]] = field(default_factory=dict)
    sets: list[list[str]] = field(default_factory=list)
    logs: dict[str, list[Any]] = field(default_factory=dict)
    transfers: dict[str, list[Any]] = field(default_factory=dict)
    past: list[list[Any]] = field(default_factory=list)
    views: Runs = field(default_factory=dict)
    presence: Runs = field(default_factory=dict)
    codes: Runs = field(default_factory=dict)
    storage: Runs = field(default_factory=dict)

    def block(self, number: int) -> BlockRef | None:
        found = self.blocks.get(str(number))
        if found is None:
            return None
        hash, parent, timestamp = found
        return BlockRef(number, BlockHash(hash), BlockHash(parent), timestamp)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording, and its id: 64 hex digits."""

    id: str
    header: Header
    answers: Answers


def write(file: BinaryIO, header: Header, answers: Answers) -> str:
    """Pack it into a file; its id. Raises OSError, and QuestionError for what is too much."""
    head, body = _line(asdict(header)), _line(_sorted(asdict(answers)))
    if len(body) > MOST_BYTES:
        raise too_long(len(body))
    identity = _id(head, body)
    with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
        for line in (head, body, identity.encode() + b"\n"):
            packed.write(line)
    return identity


def read(path: Path) -> Recording:
    """Raises QuestionError for what is no whole recording, SchemaMismatch for another version's."""
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as packed:
            head = packed.readline(MOST_HEADER_BYTES)
            header = _header(path, head)
            rest = packed.read(MOST_BYTES + 256)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _unusable(path, f"it does not unpack: {error}") from error
    except OSError as error:
        raise QuestionError(
            f"{path} cannot be read: {error.strerror}. Expected a file that cascade-monitor "
            "replay --record wrote."
        ) from error
    if len(rest) > MOST_BYTES + 128:
        raise _unusable(path, f"it unpacks to more than {MOST_BYTES} bytes")
    body, newline, last = rest.rstrip(b"\n").rpartition(b"\n")
    identity = _id(head, body + newline)
    if last.decode("latin-1") != identity:
        raise _unusable(path, "its checksum does not fit: it is damaged, or cut off")
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise _unusable(path, f"it has more than {MOST_VALUES} values")
    try:
        answers = Answers(**json.loads(body))
    except (TypeError, ValueError, RecursionError) as error:
        raise _unusable(path, str(error)) from error
    if fault := _fault(header, answers):
        raise _unusable(path, fault)
    return Recording(identity, header, answers)


def _fault(header: Header, answers: Answers) -> str:
    """A checksum that fits says nothing of who wrote it. Empty where all is what it must be."""
    configuration, blocks = answers.configuration, answers.blocks
    if not (isinstance(configuration, dict) and isinstance(blocks, dict)):
        return "configuration and blocks: expected objects"
    if not all(isinstance(configuration.get(name), dict) for name in ("chain", "store")):
        return "configuration: expected chain and store, objects both"
    numbers = (header.chain_id, header.first, header.last, answers.horizon_seconds)
    if not all(type(each) is int and each >= 0 for each in numbers):
        return "chain_id, first, last and horizon_seconds: expected whole numbers"
    texts = (header.version, header.genesis, header.namespace)
    if not all(isinstance(each, str) for each in texts):
        return "version, genesis and namespace: expected texts"
    for number, row in blocks.items():
        if not (isinstance(row, list) and [type(each) for each in row] == [str, str, int]):
            return f"block {number}: expected two hashes and a time"
        if not 0 <= row[2] <= LAST_TIME:
            return f"block {number}: expected a time before the year 10000"
    return ""


def too_long(size: int) -> QuestionError:
    return QuestionError(
        f"the recording would take more than {size} bytes: at most {MOST_BYTES} are written. "
        "Record fewer blocks, or fewer markets."
    )


def _header(path: Path, line: bytes) -> Header:
    try:
        told = json.loads(line)
        is_ours = told.get("format") == FORMAT
    except (ValueError, AttributeError, RecursionError):
        is_ours = False
    if not is_ours:
        raise _unusable(path, "it does not begin as one")
    if told.get("schema") != SCHEMA:
        raise SchemaMismatch(
            f"{path} was recorded by cascade-monitor {told.get('version')} in the schema "
            f"{told.get('schema')}: expected {SCHEMA}. Replay it with that version, or record it "
            "again."
        )
    try:
        return Header(**told)
    except TypeError as error:
        raise _unusable(path, str(error)) from error


def _sorted(told: dict[str, Any]) -> dict[str, Any]:
    return told | {name: dict(sorted(told[name].items())) for name in UNORDERED}


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _id(*lines: bytes) -> str:
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line)
    return hasher.hexdigest()


def _unusable(path: Path, why: str) -> QuestionError:
    return QuestionError(
        f"{path} is no recording that can be replayed: {why}. Expected a file that cascade-monitor "
        "replay --record wrote: take another copy."
    )
