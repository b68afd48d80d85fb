"""One replay from beginning to end: a node asked or a recording played, as a document."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor import __version__
from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.errors import QuestionError, StateUnavailable
from monitor.incidents.document import Provenance, document_of
from monitor.incidents.kept import digest_of, kept_of, settings_of
from monitor.incidents.past import NodePast, Past, PastError
from monitor.incidents.recording import FORMAT, SCHEMA, Answers, Header, read, write
from monitor.incidents.replaying import Progress, Replayed, replayed
from monitor.incidents.tape import Playback, Recorder
from monitor.rim import genesis_of, node_of
from monitor.settings import Settings
from monitor.store.placing import check_new, ordered

DAY_SECONDS = 86_400
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a replay of a node's blocks was asked for: by number, or `span`, by Unix seconds.
    `record`: where its answers go, if anywhere. `reproduce`: the command that asks for the same.
    """

    blocks: tuple[int, int] | None
    horizon_seconds: int
    record: Path | None
    force: bool
    reproduce: str
    span: tuple[int, int] = (0, 0)


async def from_node(settings: Settings, wanted: Wanted, progress: Progress) -> Document:
    """Raises StateUnavailable where the node has forgotten the blocks, and as `replayed` does."""
    if wanted.record is not None:
        check_new(wanted.record, force=wanted.force)
    node = node_of(settings)
    try:
        await genesis_of(node)  # says what is wrong with the endpoints before anything is read
        blocks = await _range(node, wanted)
        past: Past = NodePast(node, proves_logs=settings.chain.prove_logs)
        if wanted.record is None:
            found = await replayed(settings, past, blocks, progress)
            return _document(settings, found, wanted, None)
        answers = Answers(kept_of(settings), wanted.horizon_seconds)
        found = await replayed(settings, Recorder(past, answers), blocks, progress)
    except PastError as error:
        raise StateUnavailable(str(error)) from error
    finally:
        await node.close()
    header = Header(
        FORMAT,
        SCHEMA,
        __version__,
        settings.chain.chain_id,
        found.genesis,
        settings.store.namespace,
        found.first.number,
        found.last.number,
    )
    with ordered(wanted.record, force=wanted.force) as file:
        identity = write(file, header, answers)
    return _document(settings, found, wanted, identity)


async def _range(node: Node, wanted: Wanted) -> tuple[int, int]:
    """The numbers of the blocks. Raises QuestionError where the chain has not got so far."""
    head = await node.block_by("latest")
    if wanted.blocks is not None:
        if wanted.blocks[1] > head.number:
            raise QuestionError(
                f"--to-block {wanted.blocks[1]}: expected a block that is there: the newest is "
                f"{head.number}"
            )
        return wanted.blocks
    begins, ends = wanted.span
    if head.timestamp < ends:
        raise QuestionError(
            f"the newest block of this chain is of {head.timestamp}, the incident ends at {ends} "
            "(Unix seconds): expected a node of the chain that it happened on"
        )
    first = await _first_since(node, begins, head)
    return max(first, 1), max(first, await _first_since(node, ends + 1, head) - 1, 1)


async def _first_since(node: Node, unix: int, head: BlockRef) -> int:
    """The first block at or after a time, or the one after the head: times of blocks only rise."""
    low, high = 0, head.number + 1
    while low < high:
        middle = (low + high) // 2
        if (await node.block_by(middle)).timestamp < unix:
            low = middle + 1
        else:
            high = middle
    return low


async def from_recording(
    path: Path, settings: Settings | None, horizon_seconds: int | None, progress: Progress
) -> Document:
    """`settings`: another configuration than the recorded one. Raises QuestionError for what the
    recording cannot answer.
    """
    recording = read(path)
    header, answers = recording.header, recording.answers
    blocks = header.first + 1, header.last
    with tempfile.TemporaryDirectory(prefix="cascade-replay-") as folder:
        own = settings or settings_of(answers.configuration, Path(folder))
        if own.chain.chain_id != header.chain_id:
            raise QuestionError(
                f"{path} was recorded of chain {header.chain_id}, the configuration follows chain "
                f"{own.chain.chain_id}: expected one of the same chain, or no --config."
            )
        try:
            found = await replayed(own, Playback(header, answers), blocks, progress)
        except PastError as error:
            raise QuestionError(f"{error} It is of version {header.version}.") from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise QuestionError(
                f"{path} does not hold together: {error!r}. Expected a file that cascade-monitor "
                "replay --record wrote: take another copy, or record it again."
            ) from error
    horizon = horizon_seconds or answers.horizon_seconds
    wanted = Wanted(blocks, horizon, None, force=False, reproduce="")
    return _document(own, found, wanted, recording.id)


def _document(
    settings: Settings, found: Replayed, wanted: Wanted, recording: str | None
) -> Document:
    again = wanted.reproduce if recording is None else "cascade-monitor replay --recording FILE"
    return document_of(
        found.course,
        Provenance(
            chain_id=settings.chain.chain_id,
            genesis=found.genesis,
            namespace=settings.store.namespace,
            configuration=digest_of(kept_of(settings)),
            recording=recording,
            reproduce=again,
            horizon_seconds=wanted.horizon_seconds,
            scenarios=settings.scenarios,
        ),
    )
