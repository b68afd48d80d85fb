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

    Marks without a state are of a first run that failed: they bind nobody.
    """
    keys = identity.keys()
    found, blocks = await read(client, ("HGETALL", keys.of("meta")), ("LLEN", keys.of("tail")))
    if not blocks:
        return
    faults = [
        f"{name}: expected {wanted}, found {found.get(name, 'nothing')}"
        for name, wanted in identity.marks().items()
        if found and found.get(name) != wanted
    ]
    if faults:
        raise SchemaMismatch(
            f"the state under {keys.of('')} belongs to another layout, chain or configuration. "
            f"{'; '.join(faults)}. Go back to the configuration it was written with, or start "
            "again with an empty store (another store.namespace or state_dir)."
        )
