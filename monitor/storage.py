"""Opens the configured store: all that those need who talk to no node.

Apart from `rim`, because they start in a third of the time: web3 alone takes a second.
"""

from contextlib import AsyncExitStack

from redis.asyncio import Redis

from monitor.core.units import BlockHash
from monitor.parts import configuration_digest
from monitor.settings import Settings
from monitor.store.connection import connect
from monitor.store.embedded import EmbeddedRedis
from monitor.store.identity import Identity

RELEASE_SECONDS = 2.0
"""A store that does not answer at the end lets the lease run out instead."""


def identity_of(settings: Settings, genesis: BlockHash | None) -> Identity:
    """Whose state the store must hold. `genesis` None: whichever it holds (to look only)."""
    return Identity(
        settings.store.namespace,
        settings.chain.chain_id,
        genesis,
        configuration_digest(settings),
    )


async def redis_of(
    settings: Settings, stack: AsyncExitStack, *, read_only: bool
) -> tuple[Redis, EmbeddedRedis | None]:
    """A client of the configured store; and the embedded server where that is it, now running."""
    url, server = settings.store.url.get_secret_value(), None
    if url == "embedded":
        server = EmbeddedRedis(settings.store.state_dir, read_only=read_only)
        url = (await stack.enter_async_context(server)).url
    client = connect(url)
    stack.push_async_callback(client.aclose)
    return client, server
