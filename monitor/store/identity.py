"""Whose state a store holds, and the refusal of anybody else's."""

from dataclasses import dataclass

from redis.asyncio import Redis

from monitor.core.units import BlockHash
from monitor.errors import SchemaMismatch
from monitor.store.connection import read
from monitor.store.keys import SCHEMA_VERSION, Keys


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose state it is. `configuration` is a digest of whatever decides what fills the ledger.

    `genesis` is None for a reader that has no node to ask.
    """

    namespace: str
    chain_id: int
    genesis: BlockHash | None
    configuration: str

    def keys(self) -> Keys:
        return Keys(self.namespace, self.chain_id)

    def marks(self) -> dict[str, str]:
        """What is kept beside the state, to know it again."""
        marks = {"schema": str(SCHEMA_VERSION), "configuration": self.configuration}
        return marks if self.genesis is None else marks | {"genesis": self.genesis}


async def check_identity(client: "Redis", identity: Identity) -> None:
    """Raise SchemaMismatch for state of another layout, chain or configuration. None is fine.

    Marks without a state are of a first run that failed, and bind nobody; or of a ledger to be
    built anew, whose alerts were kept: those bind the chain.
    """
    keys = identity.keys()
    found, blocks, alerts = await read(
        client,
        ("HGETALL", keys.of("meta")),
        ("LLEN", keys.of("tail")),
        ("LLEN", keys.of("history")),
    )
    binding = set(identity.marks()) if blocks else {"genesis"} if alerts else set()
    differing = {
        name: f"{name}: expected {wanted}, found {found.get(name, 'nothing')}"
        for name, wanted in identity.marks().items()
        if found and name in binding and found.get(name) != wanted
    }
    if differing:
        raise SchemaMismatch(
            f"the state under {keys.of('')} belongs to another layout, chain or configuration. "
            f"{'; '.join(differing.values())}. {_remedy(set(differing), found.get('schema', ''))}"
        )


def _remedy(differing: set[str], schema: str) -> str:
    """What to do, for the gravest of what differs."""
    if "genesis" in differing:
        return (
            "Check chain.endpoints. If the chain is meant, choose another store.namespace, or "
            "forget all there is: cascade-monitor store rebuild --forget-alerts --config F."
        )
    anew = "build the ledger anew, alerts are kept: cascade-monitor store rebuild --config F."
    if "schema" not in differing:
        return (
            "Go back to the configuration, and the version of the program, that it was written "
            f"with, or {anew}"
        )
    if schema.isdigit() and int(schema) < SCHEMA_VERSION:
        return f"Take it over: cascade-monitor store migrate --config F. Or {anew}"
    return f"Use the version of the program that wrote it, or {anew}"
