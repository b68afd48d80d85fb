"""A backup: the whole state of one daemon in one file, for any Redis or Valkey.

Gzip over lines of JSON. The first line is the `Manifest`; then one line a key, `[name, kind,
[value, ...]]`; the last line is the SHA-256 of all lines before it. Names come without the prefix,
a hash is its fields and values in turn, and bytes stand as the characters of the same numbers
(Latin-1), so that text can be read with zcat. The values are what the daemon wrote, not Redis's
own dumps, which only servers of the same kind and age can read.
"""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec import MsgspecError, json

from monitor.core.blocks import BlockRef
from monitor.core.keys import Key, Kind
from monitor.errors import LedgerCorrupt, QuestionError
from monitor.store.codec import decode_block, decode_writes
from monitor.store.contents import Entry
from monitor.store.keys import place_of
from monitor.store.placing import ordered

FORMAT, FORMAT_VERSION = "cascade-monitor backup", 1
KINDS = frozenset({"string", "hash", "list", "set"})
_POSITIONS = f"{Kind.POSITION}:"

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Whose state a backup is, and how much of it."""

    format: str
    version: int
    saved_unix: int
    namespace: str
    chain_id: int
    schema: str
    genesis: str
    configuration: str
    block: BlockRef | None
    positions: int
    alerts: int
    pending: int
    keys: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file, as `sha256sum` and `ls -l` would have it."""

    size_bytes: int
    sha256: str


def manifest_of(
    entries: Sequence[Entry], namespace: str, chain_id: int, saved_unix: int
) -> Manifest:
    """What there is to say about the contents of a store."""
    named = {entry.name: entry for entry in entries}
    meta = named["meta"].as_dict() if "meta" in named else {}
    tail = named["tail"].values if "tail" in named else ()
    return Manifest(
        format=FORMAT,
        version=FORMAT_VERSION,
        saved_unix=saved_unix,
        namespace=namespace,
        chain_id=chain_id,
        schema=meta.get(b"schema", b"").decode(errors="replace"),
        genesis=meta.get(b"genesis", b"").decode(errors="replace"),
        configuration=meta.get(b"configuration", b"").decode(errors="replace"),
        block=_block(tail[-1]) if tail else None,
        positions=_positions(named),
        alerts=len(named["history"].values) if "history" in named else 0,
        pending=sum(len(entry.values) for entry in entries if entry.name.startswith("queue:")),
        keys=len(entries),
    )


def write_backup(
    path: Path, manifest: Manifest, entries: Sequence[Entry], progress: Progress, *, force: bool
) -> Written:
    """Write beside `path`, and rename when all of it is on disk. Raises QuestionError."""
    with (
        ordered(path, force=force) as file,
        gzip.GzipFile("", "wb", 6, file, mtime=manifest.saved_unix) as packed,
    ):
        for line in _lines(manifest, entries, progress):
            packed.write(line)
    return _written(path)


def read_backup(path: Path) -> tuple[Manifest, tuple[Entry, ...]]:
    """A backup, its checksum compared. Raises QuestionError, LedgerCorrupt for a damaged one."""
    try:
        with gzip.open(path, "rb") as packed:
            lines = packed.read().splitlines(keepends=True)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(path, f"it does not unpack: {error}") from error
    except OSError as error:
        raise QuestionError(
            f"{path} cannot be read: {error.strerror}. Expected a file that store backup wrote."
        ) from error
    found = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    if not lines or lines[-1].strip().decode("latin-1") != found:
        raise _damaged(path, "its checksum does not fit")
    try:
        manifest = json.decode(lines[0], type=Manifest)
        rows = [json.decode(line, type=tuple[str, str, list[str]]) for line in lines[1:-1]]
        entries = tuple(_entry(*row) for row in rows)
    except (MsgspecError, ValueError, RecursionError) as error:
        said = str(error)[:300]
        raise _damaged(path, f"it is another program's, or a newer one's: {said}") from error
    if (manifest.format, manifest.version) != (FORMAT, FORMAT_VERSION):
        raise _damaged(path, f"it is a {manifest.format[:100]} of version {manifest.version}")
    return manifest, entries


def _entry(name: str, kind: str, values: Sequence[str]) -> Entry:
    """Raises ValueError for what no store holds."""
    if kind not in KINDS or not values or (kind == "hash" and len(values) % 2):
        raise ValueError(f"{len(values)} values of {name[:100]!r} are no {kind[:20]!r}")
    return Entry(name, kind, tuple(value.encode("latin-1") for value in values))


def _lines(manifest: Manifest, entries: Sequence[Entry], progress: Progress) -> Iterator[bytes]:
    hasher = hashlib.sha256()

    def counted(line: bytes) -> bytes:
        hasher.update(line)
        return line

    yield counted(json.encode(manifest) + b"\n")
    for number, entry in enumerate(entries, 1):
        values = [value.decode("latin-1") for value in entry.values]
        yield counted(json.encode((entry.name, entry.kind, values)) + b"\n")
        progress(number, len(entries))
    yield hasher.hexdigest().encode() + b"\n"


def _positions(named: Mapping[str, Entry]) -> int:
    """Positions at the newest block: those at the base, and what the blocks above it changed."""
    count = sum(len(e.values) // 2 for name, e in named.items() if name.startswith(_POSITIONS))
    is_there: dict[tuple[str, bytes], bool] = {}
    with suppress(LedgerCorrupt):  # layout 1: all is in the records
        for writes in _journal(named):
            for key, record in writes.items():
                if key.kind is Kind.POSITION:
                    is_there[place_of(key)] = record is not None
    fields: dict[str, set[bytes]] = {}
    for (name, field), stays in is_there.items():
        if name not in fields:
            fields[name] = set(named[name].values[::2]) if name in named else set()
        count += stays - (field in fields[name])
    return count


def _journal(named: Mapping[str, Entry]) -> Iterator[Mapping[Key, object]]:
    """What the blocks above the base wrote, oldest first."""
    if "tail" not in named or "undo" not in named:
        return
    undo = named["undo"].as_dict()
    for block in named["tail"].values[1:]:
        yield decode_writes(undo.get(decode_block(block).hash.encode(), b""))


def _block(text: bytes) -> BlockRef | None:
    """The newest block. A damaged store can be saved, and rebuilt, as well."""
    try:
        return decode_block(text.decode("latin-1"))
    except LedgerCorrupt:
        return None


def _written(path: Path) -> Written:
    with path.open("rb") as file:
        return Written(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _damaged(path: Path, why: str) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"{path} cannot be restored: {why}. Expected a whole file that store backup wrote: compare "
        "its sha256 with the one that was printed, and take another copy. Nothing was changed."
    )
