"""The truth: an undisturbed daemon over the final chain, and the contracts' own views."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon_process import command
from devnet import World
from stage import Stage

from monitor.core.alerts import BreakerState
from monitor.core.blocks import BlockRef
from monitor.core.ledger import OBSERVED
from monitor.settings import load
from monitor.storage import identity_of, redis_of
from monitor.store.codec import digest
from monitor.store.redis_store import RedisStore
from torture.verdict import GivenUpError, Owed

REPLAY_SECONDS = 900.0
EVERY_ALERT = 1_000_000
EVERY_POSITION = "1000"


@dataclass(frozen=True, slots=True)
class Ending:
    """What a stopped daemon's store holds.

    `observed`: the digest of what it saw on its way: owners, trails of borrowed money, loops.
    """

    ledger: str
    observed: str
    breakers: Mapping[str, BreakerState]
    applied: BlockRef | None
    evaluated: BlockRef | None
    pending: int
    events: Mapping[str, Owed]


async def ending_of(config: Path) -> Ending:
    """Of a daemon that has stopped."""
    async with _store(config) as store:
        state = await store.load()
        alerts = [stored.alert for stored in await store.recent_alerts(EVERY_ALERT)]
        events = (
            Owed(alert.id, alert.type, alert.block.number, alert.block.hash, alert.body)
            for alert in alerts
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
            pending=await store.deliveries.pending(),
            events={event.id: event for event in events},
        )


async def replayed(stage: Stage, first: int = 0) -> Ending:
    """The same namespace elsewhere, by a daemon nothing happens to. `first`: its first block."""
    name = f"reference-{first}"
    config, _ = stage.config(name, start_block=first, webhook_url="", hold_blocks=2)
    done = await command("run", "--config", str(config), "--once", seconds=REPLAY_SECONDS)
    if done.code:
        raise GivenUpError(f"the undisturbed daemon ended with {done.code}: {done.err[-800:]}")
    return await ending_of(config)


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
