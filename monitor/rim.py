"""Opens what talks to the outside: the node, the store, the metrics. Nothing is decided here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from monitor import __version__
from monitor.alert_schema import Webhook
from monitor.alerts.post import MaySend
from monitor.alerts.senders import Sender, sender_of
from monitor.alerts.target import Format, Target
from monitor.chain.node import Node, NodeSettings
from monitor.core.units import BlockHash
from monitor.errors import ConfigError, RpcInconsistent, TransientError, WriterFenced
from monitor.library import abi_library
from monitor.metrics import Labels, Metrics
from monitor.settings import Settings
from monitor.storage import RELEASE_SECONDS, identity_of, redis_of
from monitor.store.durability import Pulse, durability_warning
from monitor.store.embedded import EmbeddedRedis
from monitor.store.redis_store import RedisStore

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rim:
    """What talks to the outside, open."""

    node: Node
    store: RedisStore
    server: EmbeddedRedis | None
    metrics: Metrics
    genesis: BlockHash
    pulse: Pulse


@asynccontextmanager
async def open_rim(settings: Settings, *, standby: bool = False) -> AsyncIterator[Rim]:
    """Node and store, the store as its only writer or, as a `standby`, beside it.

    Raises ConfigError and TransientError.
    """
    if standby:
        _check_shared(settings)
    async with AsyncExitStack() as stack:
        metrics = Metrics(CollectorRegistry(), _labels(settings), __version__)
        node = node_of(settings, metrics)
        stack.push_async_callback(node.close)
        genesis = await genesis_of(node)
        client, server = await redis_of(settings, stack, read_only=False)
        await _warn(client)
        identity = identity_of(settings, genesis)
        seconds = float(settings.store.lease_seconds)
        if standby:
            store = await RedisStore.open_beside(client, identity, lease_seconds=seconds)
        else:
            store = await RedisStore.open(
                client, identity, take_over=server is not None, lease_seconds=seconds
            )
        stack.push_async_callback(_release, store)
        yield Rim(node, store, server, metrics, genesis, Pulse(client))


def node_of(settings: Settings, metrics: Metrics | None = None) -> Node:
    """The chain side, requests counted in `metrics`."""

    def observe(endpoint: int, method: str, outcome: str) -> None:
        if metrics is not None:
            metrics.rpc_requests_total.labels(str(endpoint), method, outcome).inc()

    chain = settings.chain
    node = NodeSettings(
        urls=[url.get_secret_value() for url in chain.endpoints],
        chain_id=chain.chain_id,
        poll_seconds=chain.poll_seconds,
        reorg_window=chain.reorg_window,
        timeout_seconds=chain.timeout_seconds,
        prove_logs=chain.prove_logs,
        prove_headers=chain.prove_headers,
        requests_per_second=chain.requests_per_second,
    )
    return Node(node, abi_library("multicall3/Multicall3").functions["aggregate3"], observe)


async def genesis_of(node: Node) -> BlockHash:
    """The chain's first block. Raises ConfigError when the endpoints serve another chain."""
    try:
        return await node.endpoints.genesis_hash()
    except RpcInconsistent as error:
        raise ConfigError(str(error)) from error


def target_of(hook: Webhook, chain_id: int, breakers: frozenset[str] | None = None) -> Target:
    """A configured receiver. `breakers`: those that are configured, and watches."""
    if breakers is not None and "*" not in hook.breakers:
        breakers &= set(hook.breakers)
    return Target(
        hook.name,
        hook.url.get_secret_value(),
        Format(hook.format),
        tuple(secret.get_secret_value() for secret in hook.secret),
        None if hook.routing_key is None else hook.routing_key.get_secret_value(),
        None if hook.bearer is None else hook.bearer.get_secret_value(),
        chain_id,
        hook.page_url,
        hook.resend_seconds,
        hook.allow_private,
        hook.ca_file,
        breakers,
    )


def _check_shared(settings: Settings) -> None:
    """Raises ConfigError where nobody could stand by."""
    if settings.store.url.get_secret_value() == "embedded":
        raise ConfigError(
            "store.url is embedded: expected a Redis that both daemons reach, for a standby "
            "(--standby) waits in it for the leader's place. The embedded server has one user and "
            "ends with it: set store.url to redis://, rediss:// or unix://, for both daemons."
        )


async def senders_of(
    settings: Settings, stack: AsyncExitStack, may_send: MaySend
) -> dict[str, Sender]:
    """The configured receivers by name, open until the stack closes. Raises ConfigError."""
    senders = {}
    names = frozenset(rule.name for rule in settings.breakers)
    names |= {watch.name for watch in settings.watch}
    for hook in settings.webhooks:
        sender = sender_of(target_of(hook, settings.chain.chain_id, names), may_send)
        senders[hook.name] = await stack.enter_async_context(sender)
    return senders


async def _warn(client: Redis) -> None:
    warning = await durability_warning(client)
    if warning:
        log.warning("store_not_durable", because=warning)


async def _release(store: RedisStore) -> None:
    # Fenced: who took the lease has said so already, or will tell whom it concerns.
    with suppress(TransientError, TimeoutError, WriterFenced):
        async with asyncio.timeout(RELEASE_SECONDS):
            await store.lease.release()


def _labels(settings: Settings) -> Labels:
    scenarios = settings.scenarios
    return Labels(
        markets=[market.name for market in settings.markets],
        scenarios=[name for name, scenario in scenarios.items() if scenario.curve is None],
        curve_assets=[s.curve.asset for s in scenarios.values() if s.curve is not None],
        breakers=[breaker.name for breaker in settings.breakers],
        watches=[watch.name for watch in settings.watch],
        chain_id=settings.chain.chain_id,
        namespace=settings.store.namespace,
        webhooks=[hook.name for hook in settings.webhooks],
        endpoints=len(settings.chain.endpoints),
    )
