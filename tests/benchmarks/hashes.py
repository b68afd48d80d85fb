"""The plain layout that a user would write instead: a hash a position, a field a number."""

from collections.abc import Iterable, Mapping, Sequence

from redis.asyncio import Redis
from redis.typing import EncodableT

from monitor.core.blocks import BlockRef
from monitor.core.keys import Key
from monitor.core.ledger import Holding, Position
from monitor.core.units import Address, AssetId, Ray, ScaledAmount

Fields = dict[EncodableT, EncodableT]
ACCOUNTS, CHECKPOINT = "plain:accounts", "plain:checkpoint"
HASHES_PER_TRIP = 1_000


async def commit(client: Redis, block: BlockRef, positions: Iterable[tuple[Key, Position]]) -> None:
    """One MULTI: a HSET a position, and the block they belong to. No undo, no check of a parent."""
    pipe = client.pipeline(transaction=True)
    for key, position in positions:
        pipe.hset(_name(key.subject), mapping=fields_of(position))
    checkpoint: Fields = {"number": str(block.number), "hash": block.hash}
    pipe.hset(CHECKPOINT, mapping=checkpoint)
    await pipe.execute()


async def fill(client: Redis, positions: Sequence[tuple[Key, Position]]) -> None:
    for first in range(0, len(positions), HASHES_PER_TRIP):
        pipe = client.pipeline(transaction=False)
        for key, position in positions[first : first + HASHES_PER_TRIP]:
            pipe.hset(_name(key.subject), mapping=fields_of(position))
            pipe.sadd(ACCOUNTS, key.subject)
        await pipe.execute()


async def load(client: Redis) -> dict[str, Mapping[str, str]]:
    """Every position as it is stored, by account."""
    accounts = sorted(str(account) for account in await client.smembers(ACCOUNTS))
    loaded: dict[str, Mapping[str, str]] = {}
    for first in range(0, len(accounts), HASHES_PER_TRIP):
        some = accounts[first : first + HASHES_PER_TRIP]
        pipe = client.pipeline(transaction=False)
        for account in some:
            pipe.hgetall(_name(account))
        loaded |= zip(some, await pipe.execute(), strict=True)
    return loaded


def fields_of(position: Position) -> Fields:
    fields: Fields = {"e_mode": str(position.e_mode)}
    for side, holdings in (("supply", position.supplies), ("debt", position.debts)):
        for held in holdings:
            fields[f"{side}:{held.asset}"] = (
                f"{held.scaled} {held.checkpoint_ray} {int(held.used_as_collateral)}"
            )
    return fields


def position_of(fields: Mapping[str, str]) -> Position:
    sides: dict[str, list[Holding]] = {"supply": [], "debt": []}
    for name, text in sorted(fields.items()):
        side, _, asset = name.partition(":")
        if asset:
            scaled, checkpoint, used = text.split()
            sides[side].append(
                Holding(
                    AssetId(Address(asset)),
                    ScaledAmount(int(scaled)),
                    Ray(int(checkpoint)),
                    used == "1",
                )
            )
    return Position(tuple(sides["supply"]), tuple(sides["debt"]), int(fields["e_mode"]))


def _name(account: str) -> str:
    return f"plain:position:{account}"
