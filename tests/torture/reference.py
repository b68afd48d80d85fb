"""The truth: an undisturbed daemon over the final chain, and the contracts' own views."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from daemon_process import DaemonProcess, command, daemon_process
from devnet import World
from stage import Stage

from monitor.core.alerts import BreakerState
from monitor.core.blocks import BlockRef
from monitor.core.keys import OBSERVED
from monitor.core.ports import StoredAlert
from monitor.settings import load
from monitor.storage import identity_of, redis_of
from monitor.store.codec import digest
from monitor.store.redis_store import RedisStore
from torture.arrangement import arranged
from torture.conditions import PREFIX
from torture.letters import Arrival, Owed
from torture.receivers import Terms, receivers
from torture.verdict import GivenUpError

REPLAY_SECONDS = 900.0
EVERY_ALERT = 1_000_000
HISTORY = 1_000
"""As many a store keeps at least; beyond, it forgets the oldest."""
BLIND = r"(?m)^cascade_monitor_blind\{condition=\"[^\"]*\"\} 1.0$"
EVERY_POSITION = "1000"


@dataclass(frozen=True, slots=True)
class Ending:
    """What a stopped daemon's store holds.

    `observed`: the digest of what it saw on its way: owners, trails of borrowed money, loops.
    `final_block`: the newest that nobody can take back. `pending`: deliveries that are due and were
    not made. `events`: oldest first.
    """

    ledger: str
    observed: str
    breakers: Mapping[str, BreakerState]
    applied: BlockRef | None
    evaluated: BlockRef | None
    final_block: int
    pending: int
    events: Mapping[str, Owed]
    is_whole: bool


async def ending_of(config: Path, final_only: frozenset[str] = frozenset()) -> Ending:
    """Of a daemon that has stopped. `final_only`: receivers that get only what is final."""
    async with _store(config) as store:
        state = await store.load()
        final_block = state.tail[0].number
        kept = await store.recent_alerts(EVERY_ALERT)
        alerts = [stored.alert for stored in kept]
        events = (
            Owed(a.id, a.type, a.breaker, a.block.number, a.block.hash, a.body)
            for a in reversed(alerts)
        )
        return Ending(
            ledger=digest(state.records),
            observed=digest(
                {key: record for key, record in state.records.items() if key.kind in OBSERVED},
                with_observed=True,
            ),
            breakers=dict(state.breakers),
            applied=state.cursor,
            evaluated=state.evaluated,
            final_block=final_block,
            pending=sum(
                status == "pending"
                and not (webhook in final_only and _can_be_undone(each, final_block))
                for each in kept
                for webhook, status in each.deliveries.items()
            ),
            events={event.id: event for event in events},
            is_whole=len(kept) < HISTORY,
        )


def _can_be_undone(stored: StoredAlert, final_block: int) -> bool:
    return stored.alert.is_of_chain and stored.alert.block.number > final_block


async def replayed(stage: Stage, first: int = 0) -> Ending:
    """The same namespace elsewhere, by a daemon nothing happens to. `first`: its first block.

    Its events are those it told a receiver to which nothing happens either: a store forgets some.
    """
    name = f"reference-{first}"
    async with receivers((Terms(name),), stage.folder, stage.receiver.secret) as [listener]:
        config, port = arranged(stage, (listener,), name, start_block=first)
        async with daemon_process(config, port) as daemon:
            try:
                await daemon.reached((await stage.world.head()).hash, REPLAY_SECONDS)
                await drained(daemon, REPLAY_SECONDS)
            except (AssertionError, TimeoutError) as fault:
                raise GivenUpError(f"the undisturbed daemon: {str(fault)[-800:]}") from fault
        return replace(await ending_of(config), events=_events(listener.arrivals()))


async def drained(
    daemon: DaemonProcess, seconds: float, final_only: frozenset[str] = frozenset(), final: int = 0
) -> None:
    """Until it sees, and all that is due is said to be delivered. Raises TimeoutError.

    `final`: the final block; `final_only`: the receivers that get nothing above it.
    """
    until = time.monotonic() + seconds
    while waiting := await _waiting(daemon, final_only, final):
        if time.monotonic() > until:
            raise TimeoutError(f"{waiting} deliveries pend {seconds:g} s after all was well")
        await asyncio.sleep(0.2)


async def _waiting(daemon: DaemonProcess, final_only: frozenset[str], final: int) -> int:
    """Deliveries that are due and were not made yet, of the newest alerts; and one for each way in
    which it is blind: there is something to be said yet.
    """
    _, metrics = await daemon.get("/metrics")
    _, answer = await daemon.get("/api/v1/alerts?limit=1000")
    pending = [
        (webhook, told["data"]["block"]["number"] or 0)
        for told in answer["alerts"]
        for webhook, status in told["deliveries"].items()
        if status == "pending"
    ]
    due = [webhook for webhook, block in pending if webhook not in final_only or block <= final]
    return len(re.findall(BLIND, metrics)) + len(due)


def _events(arrivals: Sequence[Arrival]) -> dict[str, Owed]:
    """Oldest first."""
    blocks = {arrival.id: json.loads(arrival.raw)["data"]["block"] for arrival in arrivals}
    return {
        a.id: Owed(a.id, a.type, a.breaker, blocks[a.id]["number"], a.block_hash, a.raw)
        for a in arrivals
        if not a.breaker.startswith(PREFIX)
    }


def unseen(found: Ending, twin: Ending) -> list[str]:
    """What a tortured daemon saw otherwise than one that began where it did."""
    if found.observed == twin.observed:
        return []
    return [f"the digest of what was seen is {found.observed}, undisturbed {twin.observed}"]


def divergence(found: Ending, expected: Ending, head: str) -> list[str]:
    """How a tortured daemon's store differs from the undisturbed one's."""
    faults = []
    if found.ledger != expected.ledger:
        faults.append(f"the ledger digest is {found.ledger}, by a replay {expected.ledger}")
    if found.breakers != expected.breakers:
        faults.append(f"the breakers are {found.breakers}, by a replay {expected.breakers}")
    for name, block in (("applied", found.applied), ("evaluated", found.evaluated)):
        if block is None or block.hash != head:
            faults.append(f"the {name} block is {block}, expected the head {head}")
    return faults


async def contradictions(world: World, config: Path, accounts: Sequence[str]) -> list[str]:
    """Where `positions` says other than the contracts' views, of everybody."""
    listed = await command(
        "positions", "--config", str(config), "--json", "--limit", EVERY_POSITION
    )
    if listed.code:
        return [f"positions ended with {listed.code}: {listed.err[-500:]}"]
    rows = {row["account"].lower(): row for row in listed.document["positions"]}
    everybody = sorted(rows.keys() | {who.lower() for who in accounts})
    block = listed.document["block"]["hash"]
    known = world.addresses
    tokens = [*known.atokens.values(), *known.debt_tokens.values()]
    held = await world.balances_of(tokens, everybody, block)
    expected = {key: amount for key, amount in held.items() if amount}
    told = {}
    for who, row in rows.items():
        for side, of_side in (("collateral", known.atokens), ("debt", known.debt_tokens)):
            of_asset = {known.tokens[symbol].lower(): token for symbol, token in of_side.items()}
            for line in row[side]:
                told[of_asset[line["asset"].lower()], who] = int(line["amount"])
    faults = [
        f"{who} holds {expected.get((token, who), 0)} of {token}, told {told.get((token, who), 0)}"
        for token, who in sorted(expected.keys() | told.keys())
        if expected.get((token, who)) != told.get((token, who))
    ]
    data = await world.all_account_data(everybody, block)
    for who, view in zip(everybody, data, strict=True):
        health = str(view.health_factor_wad) if view.debt_e8 else None
        if who in rows and rows[who]["health_factor"] != health:
            faults.append(f"the health of {who} is {health}, told {rows[who]['health_factor']}")
    return faults


async def canonical_hashes(world: World) -> frozenset[str]:
    """Of every block there is."""
    height = (await world.head()).number
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in range(height + 1)]
    return frozenset(block["hash"] for block in await world.anvil.batch(calls))


@asynccontextmanager
async def _store(config: Path) -> AsyncIterator[RedisStore]:
    settings = load(config)
    async with AsyncExitStack() as stack:
        client, _ = await redis_of(settings, stack, read_only=True)
        yield await RedisStore.open_reader(client, identity_of(settings, None))
