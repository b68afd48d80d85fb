"""`cascade-monitor audit`: a stored ledger against the contracts, beside a daemon or without it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from eth_utils.address import to_checksum_address

from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.core.delta import apply
from monitor.core.events import Place
from monitor.core.ledger import Ledger
from monitor.core.ports import StoredState
from monitor.core.sources import RiskRules
from monitor.core.units import Address
from monitor.engine.auditor import (
    Candidate,
    Comparison,
    Difference,
    chosen_of,
    compared,
    order_at,
    questions_of,
)
from monitor.engine.paging import block_json
from monitor.errors import BlockUnknown, DeepReorg, QuestionError, StateUnavailable
from monitor.parts import Parts, parts_of
from monitor.rim import genesis_of, node_of
from monitor.settings import Settings
from monitor.storage import identity_of, redis_of
from monitor.store.redis_store import RedisStore

AT_ONCE = 50
"""Positions that are asked together."""
Progress = Callable[[int, int], None]


async def audit(settings: Settings, accounts: int, progress: Progress) -> dict[str, Any]:
    """Compare so many positions, 0 for all, at the newest stored block the node still knows.

    Raises StateUnavailable where the node has not the state of that block, and as `desk` does.
    """
    parts = parts_of(settings)
    async with AsyncExitStack() as stack:
        node = node_of(settings)
        stack.push_async_callback(node.close)
        genesis = await genesis_of(node)
        client, _ = await redis_of(settings, stack, read_only=True)
        store = await RedisStore.open_reader(client, identity_of(settings, genesis))
        state = await store.load()
        ledger, block = await _newest_known(settings, node, store, state)
        places, of = await asyncio.to_thread(_chosen, parts, ledger, block, accounts)
        found = []
        for first in range(0, len(places), AT_ONCE):
            some = places[first : first + AT_ONCE]
            questions = questions_of(parts.markets, ledger, some, block.timestamp)
            found.append(await compared(node.reader, block, questions))
            progress(first + len(some), len(places))
    return _document(block, found, of)


async def _newest_known(
    settings: Settings, node: Node, store: RedisStore, state: StoredState
) -> tuple[Ledger, BlockRef]:
    """The stored ledger, taken back to a block that the node knows.

    A node may lag, and a stopped daemon's newest blocks may be on a branch that is gone.
    """
    if state.cursor is None:
        raise QuestionError("no block has been applied yet: the daemon is starting up", 503)
    ledger = Ledger(state.records)
    for block in reversed(state.tail):
        try:
            await node.reader.has_code(block, Address(settings.markets[0].address))
        except BlockUnknown:
            if block == state.tail[0]:
                break
            try:
                undo = await store.undo_record(block.hash)
            except DeepReorg:
                break
            apply(ledger, undo.delta.inverse())
        else:
            return ledger, block
    raise StateUnavailable(
        f"the node knows none of the stored blocks {state.tail[0].number} to "
        f"{state.cursor.number}: expected one of them. Wait until it has caught up, or, if they "
        "are gone from the chain, run the daemon, which follows it."
    )


def _chosen(
    parts: Parts, ledger: Ledger, block: BlockRef, accounts: int
) -> tuple[tuple[Place, ...], int]:
    """Half nearest to health 1, half as the block's hash has it; and out of how many."""
    candidates = [
        candidate for rules in parts.markets for candidate in _candidates(rules, ledger, block)
    ]
    count = accounts or len(candidates)
    chosen = chosen_of(candidates, count, order_at(block))
    return (*chosen.nearest, *chosen.in_turn), len(candidates)


def _candidates(rules: RiskRules, ledger: Ledger, block: BlockRef) -> Sequence[Candidate]:
    statements = (
        (place, rules.statement(ledger, place, block.timestamp)) for place in rules.places(ledger)
    )
    return [
        Candidate(place, statement.risk.health_factor_wad)
        for place, statement in statements
        if statement is not None
    ]


def _document(block: BlockRef, found: Sequence[Comparison], of: int) -> dict[str, Any]:
    differences = [difference for each in found for difference in each.differences]
    return {
        "block": block_json(block),
        "accounts": sum(len(each.places) for each in found),
        "of": of,
        "comparisons": sum(each.values for each in found),
        "unknown": sum(each.unknown for each in found),
        "mismatches": len(differences),
        "differences": [_row(difference) for difference in differences],
    }


def _row(difference: Difference) -> dict[str, Any]:
    return {
        "market": difference.place.market,
        "sub_market": difference.place.sub_market or None,
        "account": to_checksum_address(difference.place.account),
        "what": difference.what,
        "expected": difference.expected,
        "found": difference.found,
    }
