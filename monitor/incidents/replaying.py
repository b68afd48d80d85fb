"""The daemon's own pipeline over blocks of the past: same folding, same judge, nothing sent."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from eth_utils.address import to_checksum_address

from monitor.beginning import verify_scenarios
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.units import BlockHash
from monitor.engine.books import Books
from monitor.engine.breaker import Origin
from monitor.engine.folding import Folder, bootstrap
from monitor.engine.judge import Judge
from monitor.engine.pipeline import Pipeline
from monitor.engine.recursion import Recursion
from monitor.errors import QuestionError
from monitor.incidents.course import Course
from monitor.incidents.memory import NoStore
from monitor.incidents.overhearing import Listener, Overheard
from monitor.incidents.past import Past, PastFeed
from monitor.incidents.witness import Scene, Witness
from monitor.parts import Parts, parts_of, wards_of, watchers_of
from monitor.recursion_rules import loop_terms
from monitor.settings import Settings

log = structlog.stdlib.get_logger(__name__)
Progress = Callable[[int, int], None]
"""Told (blocks done, of how many)."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that reached its end."""

    course: Course
    genesis: BlockHash
    first: BlockRef
    last: BlockRef


async def replayed(
    settings: Settings, past: Past, blocks: tuple[int, int], progress: Progress
) -> Replayed:
    """Blocks `blocks[0]` to `blocks[1]`, judged one by one; the ledger is read before the first.

    Breakers are armed there, as a new daemon's. Raises QuestionError for a range that is none,
    PastError, TransientError, and what the pipeline stops at.
    """
    first, last = blocks
    if first < 1 or last < first:
        raise QuestionError(
            f"blocks {first} to {last}: expected --from-block of at least 1, and --to-block not "
            "before it"
        )
    genesis = await past.genesis()
    end = await past.block(last)
    base = await past.block(first - 1)
    parts = parts_of(settings)
    overheard = Overheard()
    feed = PastFeed(past, end)
    recursion = Recursion(parts.recursion, past, feed)
    sources = [Listener(source, overheard) for source in parts.sources]
    folder = Folder(sources, feed, past, recursion, parts.prices)
    log.info("replay_reads_the_state", block=base.number, hash=base.hash)
    ledger = await bootstrap(sources, folder, past, base, end)
    verify_scenarios(parts, ledger, base)
    judge = _judge(settings, parts, genesis)
    books = Books(
        parts.markets,
        to_checksum_address,
        parts.pools,
        parts.named,
        recursion.owner,
        loop_terms(settings, parts.recursion),
    )
    witness = Witness(
        Scene(
            parts,
            judge,
            books,
            overheard,
            lambda: pipeline.ledger,
            lambda done: progress(done, last - first + 1),
        )
    )
    pipeline = Pipeline(folder, feed, NoStore(), judge, witness)
    await pipeline.run(Ledger(dict(ledger.records())), [base], base)
    return Replayed(witness.course(), genesis, base, end)


def _judge(settings: Settings, parts: Parts, genesis: BlockHash) -> Judge:
    """As the daemon's, with nobody to tell and nothing to propose: ids are by chain and block."""
    return Judge(
        parts.runner,
        watchers_of(settings, genesis),
        (),
        to_checksum_address,
        wards=wards_of(settings, genesis, parts.markets) if settings.watch else None,
        origin=Origin(settings.store.namespace, genesis),
    )
