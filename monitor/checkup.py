"""`cascade-monitor check`: look at everything a configuration names, and say all that is wrong."""

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal

from monitor.alerts.webhook import WebhookSender, WebhookTarget
from monitor.chain.node import Node
from monitor.core.alerts import Delivery, digest
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Kind, Ledger, Overlay, Price, Reserve, each
from monitor.core.risk import DepthCurve
from monitor.core.units import Address, AssetId
from monitor.engine.folding import Folder
from monitor.engine.reducer import reduce_all
from monitor.engine.valuation import symbols
from monitor.errors import DeliveryFailed, MonitorError, QuestionError
from monitor.parts import Parts, parts_of
from monitor.protocols.registry import ProtocolMarket
from monitor.rim import node_of, redis_of, target_of
from monitor.settings import Settings
from monitor.store.connection import check_server

USD_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fault` is empty when it is well."""

    subject: str
    detail: str = ""
    fault: str = ""


async def findings(settings: Settings, *, send_test: bool) -> AsyncIterator[Finding]:
    """Everything there is to say, as it is found. Nothing is written, and sent only if asked."""
    parts = parts_of(settings)
    async with AsyncExitStack() as stack:
        heads: list[tuple[Node, BlockRef]] = []
        for number, url in enumerate(settings.chain.endpoints):
            alone = settings.chain.model_copy(update={"endpoints": (url,)})
            node = node_of(settings.model_copy(update={"chain": alone}))
            stack.push_async_callback(node.close)
            yield await _endpoint(number, node, heads)
        if heads:
            node, head = heads[0]
            async for finding in _contracts(parts, node, head):
                yield finding
        yield await _store(settings)
        for hook in settings.webhooks if send_test else ():
            yield await _webhook(target_of(hook))


async def _endpoint(number: int, node: Node, heads: list[tuple[Node, BlockRef]]) -> Finding:
    subject = f"endpoint {number}"
    try:
        head = await node.block_by("latest")
    except MonitorError as error:
        return Finding(subject, fault=str(error))
    heads.append((node, head))
    age_seconds = max(0, int(time.time()) - head.timestamp)
    return Finding(subject, f"head {head.number}, {age_seconds} s old")


async def _contracts(parts: Parts, node: Node, head: BlockRef) -> AsyncIterator[Finding]:
    overlay = Overlay(Ledger())
    for market in parts.markets:
        yield await _market(market, node, head, overlay)
    names = symbols(overlay, [market.market for market in parts.markets])
    for pool in parts.pools:
        try:
            reduce_all(overlay, await pool.bootstrap(node.reader, head, head))
        except MonitorError as error:
            yield Finding(f"pool {pool.name}", fault=str(error))
        else:
            yield Finding(f"pool {pool.name}", _pair(pool.curve(overlay), names))
    try:
        await Folder(parts.sources, node.follower, node.reader).poll(head, overlay)
    except MonitorError as error:
        yield Finding("prices", fault=str(error))
        return
    for market in parts.markets:
        for finding in _prices(market, head, overlay):
            yield finding
    for finding in _scenarios(parts, head, overlay):
        yield finding


def _pair(depth: DepthCurve | None, names: Mapping[AssetId, str]) -> str:
    if depth is None:
        return "not initialised: nothing can be sold there yet"
    pair = "/".join(names.get(token, token) for token in (depth.token0, depth.token1))
    return f"{pair}, fee {Decimal(depth.fee_ppm).scaleb(-4).normalize():f} %"


async def _market(market: ProtocolMarket, node: Node, head: BlockRef, overlay: Overlay) -> Finding:
    subject = f"market {market.market}"
    try:
        reduce_all(overlay, await market.survey(node.reader, head))
    except MonitorError as error:
        return Finding(subject, fault=str(error))
    reserves = list(each(overlay, Kind.RESERVE, market.market, Reserve))
    symbols = ", ".join(sorted(reserve.symbol for _, reserve in reserves))
    return Finding(subject, f"{market.protocol}, {len(reserves)} reserves: {symbols}")


def _prices(market: ProtocolMarket, head: BlockRef, overlay: Overlay) -> Sequence[Finding]:
    symbols = {r.asset: r.symbol for _, r in each(overlay, Kind.RESERVE, market.market, Reserve)}
    found = []
    for key, price in each(overlay, Kind.PRICE, market.market, Price):
        subject = f"price {market.market}/{symbols.get(Address(key.subject), key.subject)}"
        if price.value is None:
            found.append(Finding(subject, fault=price.reason))
            continue
        whole, part = divmod(price.value, 10**USD_DECIMALS)
        path = f"{whole}.{part:0{USD_DECIMALS}d} USD by source {price.source or 'fallback oracle'}"
        if price.emitter is not None:
            path += f" -> aggregator {price.emitter}"
        if price.answered_unix is not None:
            path += f", {head.timestamp - price.answered_unix} s old"
        found.append(Finding(subject, path))
    return sorted(found, key=lambda finding: finding.subject)


def _scenarios(parts: Parts, head: BlockRef, overlay: Overlay) -> Sequence[Finding]:
    found = []
    for plan in parts.runner.plans:
        try:
            parts.runner.verify(overlay, head, plan)
        except QuestionError as error:
            found.append(Finding(f"scenario {plan.name}", fault=str(error)))
        else:
            found.append(Finding(f"scenario {plan.name}"))
    return found


async def _store(settings: Settings) -> Finding:
    is_embedded = settings.store.url.get_secret_value() == "embedded"
    if is_embedded:
        return Finding("store", f"embedded, under {settings.store.state_dir}")
    try:
        async with AsyncExitStack() as stack:
            client, _ = await redis_of(settings, stack, read_only=True)
            await check_server(client)
    except MonitorError as error:
        return Finding("store", fault=str(error))
    return Finding("store", "reachable, evicts nothing")


async def _webhook(target: WebhookTarget) -> Finding:
    subject = f"webhook {target.name}"
    now = time.time()
    body = {"type": "monitor.test", "timestamp": int(now), "data": {"by": "cascade-monitor check"}}
    delivery = Delivery(digest("test", str(now)), target.name, json.dumps(body), 0, now, now)
    try:
        async with WebhookSender(target) as sender:
            await sender.send(delivery)
    except DeliveryFailed as failure:
        return Finding(subject, fault=str(failure))
    return Finding(subject, "took the test message")
