"""A snapshot as a file: the same bytes for the same world and configuration, wherever it is made.

Gzip, without a time, over three lines of JSON. The first is the `Header`, which no version of the
format changes; the second the snapshot, in the forms of `shapes`; the last the SHA-256 of the two
before it: the snapshot's id. So `zcat` shows it, and no program can take a part for the whole.
"""

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from msgspec import MsgspecError, json

from monitor.core.blocks import BlockRef
from monitor.core.risk import WorldSheet
from monitor.core.snapshot import Snapshot
from monitor.errors import QuestionError, SchemaMismatch
from monitor.store.shapes import Shape, shape_of

FORMAT = "cascade-monitor snapshot"
MEANING = 1
"""To be raised where a field comes to mean something else; its form is in the schema anyway."""
LEVEL = 1
"""Of compression: the highest takes four times as long for a fifth of the size less."""
MOST_BYTES = 4 * 10**9
"""Unpacked. A world of a million accounts is a tenth of it; a bomb is more."""
MOST_HEADER_BYTES = 4096
MOST_DECIMALS = 255
"""What a token or a feed can say: they are a uint8. 10 to the power of more may never be done."""
_PIECE = 2**20
_LONG_NUMBER = re.compile(rb"[0-9]{300}")
"""No ledger has such amounts, and no float can hold them."""


@dataclass(frozen=True, slots=True)
class Header:
    """What can be said of any snapshot. `schema`: the form of its second line."""

    format: str
    schema: str
    version: str
    chain_id: int
    block: BlockRef


@dataclass(frozen=True, slots=True)
class Frozen:
    """A snapshot as text, and its id: 64 hex digits."""

    id: str
    lines: tuple[bytes, bytes, bytes]

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.lines))


@cache
def schema() -> str:
    """Which snapshots this program reads: a number, and a digest of the form of every record."""
    form = hashlib.sha256(_shape().text.encode()).hexdigest()[:12]
    return f"{MEANING}-{form}"


def freeze(snapshot: Snapshot) -> Frozen:
    """A snapshot as text."""
    block = snapshot.world.block
    header = Header(FORMAT, schema(), snapshot.version, snapshot.chain_id, block)
    head = json.encode(header) + b"\n"
    body = json.encode(_shape().written(snapshot)) + b"\n"
    hasher = hashlib.sha256(head)
    hasher.update(body)
    identity = hasher.hexdigest()
    return Frozen(identity, (head, body, identity.encode() + b"\n"))


def pack(frozen: Frozen, file: BinaryIO) -> None:
    """Write it, packed. Raises OSError."""
    with gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as packed:
        for line in frozen.lines:
            packed.write(line)


def thaw(path: Path) -> tuple[str, Snapshot]:
    """The id and the snapshot in a file.

    Raises QuestionError for what is not a whole snapshot, SchemaMismatch for another version's.
    """
    try:
        with path.open("rb") as file, gzip.GzipFile(fileobj=file) as packed:
            head = packed.readline(MOST_HEADER_BYTES)
            header = _header(path, head)
            rest = _rest(path, packed)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _unusable(path, f"it does not unpack: {error}") from error
    except OSError as error:
        raise QuestionError(
            f"{path} cannot be read: {error.strerror}. Expected a file that cascade-monitor "
            "snapshot, or a daemon's alert, left behind."
        ) from error
    body, newline, last = rest.rstrip(b"\n").rpartition(b"\n")
    hasher = hashlib.sha256(head)
    hasher.update(body + newline)
    identity = hasher.hexdigest()
    if last.decode("latin-1") != identity:
        raise _unusable(path, "its checksum does not fit")
    if header.schema != schema():
        raise SchemaMismatch(
            f"{path} was written by cascade-monitor {header.version} in the schema "
            f"{header.schema}: expected {schema()}. Project it with the build that wrote it: "
            "another could not repeat what was projected then."
        )
    try:
        if _LONG_NUMBER.search(body):
            raise ValueError("a number has 300 digits or more")
        snapshot: Snapshot = _shape().read(json.decode(body))
        _check_decimals(snapshot.world)
    except (MsgspecError, ValueError, RecursionError) as error:
        raise _unusable(path, f"it is no world that this program wrote: {error}") from error
    return identity, snapshot


def _check_decimals(world: WorldSheet) -> None:
    """Raises ValueError for what would hang a projection."""
    for market in world.markets:
        for asset in market.assets.values():
            edges = () if asset.price is None else asset.price.path
            for told in (asset.decimals, *(edge.decimals for edge in edges)):
                if told is not None and not 0 <= told <= MOST_DECIMALS:
                    raise ValueError(f"{asset.symbol[:40]!r} has {str(told)[:40]} decimals")


@cache
def _shape() -> Shape:
    return shape_of(Snapshot)


def _header(path: Path, line: bytes) -> Header:
    try:
        header = json.decode(line, type=Header)
    except (MsgspecError, ValueError) as error:
        raise _unusable(path, f"it is no snapshot: {error}") from error
    if header.format != FORMAT:
        raise _unusable(path, f"it is a {header.format[:40]!r}")
    return header


def _rest(path: Path, packed: gzip.GzipFile) -> bytes:
    pieces, size = [], 0
    while piece := packed.read(_PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise _unusable(path, f"it unpacks to more than {MOST_BYTES} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _unusable(path: Path, why: str) -> QuestionError:
    return QuestionError(
        f"{path} cannot be projected: {why}. Expected a whole file that cascade-monitor snapshot, "
        "or a daemon's alert, left behind: take another copy."
    )
