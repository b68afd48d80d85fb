"""`cascade-monitor check`: look at everything a configuration names, and say all that is wrong."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal

from eth_utils.address import to_checksum_address

from monitor.chain.agreement import disagreement
from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.core.curves import UnknownCurve
from monitor.core.keys import market_key, price_key, token_key
from monitor.core.ledger import Ledger, Market, find
from monitor.core.overlay import Overlay
from monitor.core.pairs import Token
from monitor.core.prices import Price
from monitor.core.units import Address, AssetId, BlockHash
from monitor.core.words import curved, shocked
from monitor.display import price_words
from monitor.engine.folding import Folder
from monitor.engine.price_book import PriceBook
from monitor.engine.receipts import receipts_in, whole_rate
from monitor.engine.reducer import reduce_all
from monitor.engine.valuation import list_all, symbols
from monitor.errors import ConfigError, MonitorError, QuestionError
from monitor.finding import Finding
from monitor.guardians import guards_of, told_of
from monitor.host_check import listening
from monitor.liquidity.source import Venue
from monitor.liquidity.terms import pool_words
from monitor.oracles.valuation_feed import VALUATION
from monitor.parts import Parts, parts_of
from monitor.protocols.registry import ProtocolMarket
from monitor.receiver_check import receivers
from monitor.rim import genesis_of, node_of
from monitor.settings import Settings
from monitor.storage import identity_of, redis_of
from monitor.store.connection import check_server
from monitor.store.damage import has_data
from monitor.store.durability import durability_warning
from monitor.store.identity import check_identity
from monitor.store.server_binary import find_server
from monitor.store.snapshot_folder import fault_of
from monitor.watch_check import watches

SETTLED_BLOCKS = 16
"""How far below the lowest head endpoints are compared: above, they may still race."""


async def findings(settings: Settings, *, send_test: bool) -> AsyncIterator[Finding]:
    """Everything there is to say, as it is found. Nothing is written, and sent only if asked."""
    parts = parts_of(settings)
    async with AsyncExitStack() as stack:
        heads: dict[int, tuple[Node, BlockRef]] = {}
        for number, url in enumerate(settings.chain.endpoints):
            alone = settings.chain.model_copy(update={"endpoints": (url,)})
            node = node_of(settings.model_copy(update={"chain": alone}))
            stack.push_async_callback(node.close)
            yield await _endpoint(number, node, heads, settings.chain.chain_id)
        if len(heads) > 1:
            yield await _agreement(heads)
        if heads:
            node, head = next(iter(heads.values()))
            async for finding in _contracts(settings, parts, node, head):
                yield finding
        genesis = await genesis_of(node) if heads else None
        yield await _store(settings, genesis)
        yield _snapshots(settings)
        yield listening(settings.http)
        async for finding in receivers(settings, send_test=send_test):
            yield finding


async def _agreement(heads: Mapping[int, tuple[Node, BlockRef]]) -> Finding:
    """One block, as every endpoint has it, old enough to be settled."""
    subject = "endpoints agree"
    lowest = min(head.number for _, head in heads.values())
    number = max(0, lowest - SETTLED_BLOCKS)
    hashes: list[BlockHash | None] = [None] * (max(heads) + 1)
    for endpoint, (node, _) in heads.items():
        try:
            hashes[endpoint] = (await node.block_by(number)).hash
        except MonitorError as error:
            said = str(error).replace("endpoint 0", f"endpoint {endpoint}", 1)
            return Finding(subject, fault=f"block {number} was not told: {said}")
    differ = disagreement(number, hashes)
    if differ is not None:
        return Finding(subject, fault=str(differ))
    return Finding(subject, f"block {number} is {hashes[max(heads)]}")


async def _endpoint(
    number: int, node: Node, heads: dict[int, tuple[Node, BlockRef]], chain_id: int
) -> Finding:
    subject = f"endpoint {number}"
    try:
        head = await node.block_by("latest")
    except MonitorError as error:
        # Each is looked at alone, so each calls itself the first.
        return Finding(subject, fault=str(error).replace("endpoint 0", "it", 1))
    heads[number] = (node, head)
    age_seconds = max(0, int(time.time()) - head.timestamp)
    return Finding(subject, f"head {head.number}, {age_seconds} s old, of chain {chain_id}")


async def _contracts(
    settings: Settings, parts: Parts, node: Node, head: BlockRef
) -> AsyncIterator[Finding]:
    overlay = Overlay(Ledger())
    well = []
    for market in parts.markets:
        finding = await _market(market, node, head, overlay)
        if not finding.fault:
            well.append(market)
        yield finding
    names = symbols(overlay, list_all(overlay, well))
    faults = {pool.name: await _pool_fault(pool, node, head, overlay) for pool in parts.pools}
    try:
        await Folder(parts.sources, node.follower, node.reader).poll(head, overlay)
    except MonitorError as error:
        yield Finding("prices", fault=str(error))
    else:
        book = PriceBook(overlay, head, well, parts.pools)
        for finding in (*_prices(book), *_receipts(overlay)):
            yield finding
    for pool in parts.pools:
        yield _pool(pool, overlay, names, faults[pool.name])
    async for finding in _assets(settings, node, head, overlay):
        yield finding
    is_whole = len(well) == len(parts.markets)
    scenarios = _scenarios(parts, head, overlay if is_whole else None)
    guardians = [each async for each in _guardians(settings, parts, node, head, overlay)]
    for finding in (*scenarios, *guardians):
        yield finding
    async for finding in watches(settings, well, node, head, overlay):
        yield finding


async def _guardians(
    settings: Settings, parts: Parts, node: Node, head: BlockRef, overlay: Overlay
) -> AsyncIterator[Finding]:
    """Whether each guardian's calls would go through."""
    try:
        guards = guards_of(settings, parts, node)
    except ConfigError as error:
        yield Finding("guardians", fault=str(error))
        return
    async for words in told_of(guards, overlay, head):
        yield Finding(*words)


async def _pool_fault(pool: Venue, node: Node, head: BlockRef, overlay: Overlay) -> str:
    """Why a configured pool is none; empty where it is one."""
    try:
        reduce_all(overlay, await pool.bootstrap(node.reader, head, head))
    except MonitorError as error:
        return str(error)
    return ""


def _pool(pool: Venue, overlay: Overlay, names: Mapping[AssetId, str], fault: str) -> Finding:
    """`fault`: why it is no pool, where that is known already."""
    subject, curve = f"pool {pool.name}", None if fault else pool.curve(overlay)
    if fault or isinstance(curve, UnknownCurve):
        return Finding(subject, fault=fault or pool_words(curve, names))
    return Finding(subject, pool_words(curve, names))


async def _assets(
    settings: Settings, node: Node, head: BlockRef, overlay: Overlay
) -> AsyncIterator[Finding]:
    """What the user named: a contract at each address, an answer from each feed."""
    for name, asset in settings.assets.items():
        subject = f"asset {name}"
        try:
            is_there = await node.reader.has_code(head, Address(asset.address))
        except MonitorError as error:
            yield Finding(subject, fault=str(error))
            continue
        price = find(overlay, price_key(VALUATION, Address(asset.address)), Price)
        if not is_there:
            yield Finding(subject, fault=f"there is no contract at {asset.address}")
        elif price is not None and price.value is None:
            yield Finding(subject, fault=price.reason)
        else:
            yield Finding(subject, to_checksum_address(asset.address))


async def _market(market: ProtocolMarket, node: Node, head: BlockRef, overlay: Overlay) -> Finding:
    subject = f"market {market.market}"
    try:
        reduce_all(overlay, await market.survey(node.reader, head))
    except MonitorError as error:
        return Finding(subject, fault=str(error))
    listed = list(market.listings(overlay))
    places = {listing.sub_market for listing in listed} - {""}
    among = f"{len(places)} markets of " if places else ""
    names = sorted({(listing.asset, listing.symbol) for listing in listed}, key=lambda a: a[1])
    symbols = ", ".join(symbol for _, symbol in names)
    record = find(overlay, market_key(market.market), Market)
    code = f"{market.protocol} {record.pool_version if record else ''}".rstrip()
    return Finding(subject, f"{code}, {among}{len(names)} assets: {symbols}")


def _prices(book: PriceBook) -> Sequence[Finding]:
    """Every price with its way: unknown is a fault, what is doubtful of it a warning.

    What anybody may list is never at fault: whoever wants to would fail every check.
    """
    found = []
    for row in book.rows:
        shown, price = book.row_json(row, to_checksum_address), row.price
        place = "/".join(filter(None, (row.market, row.listing.sub_market, row.listing.symbol)))
        is_fault = price.value is None and not row.listing.is_permissionless
        doubts = [] if is_fault else list(shown["unknown"])
        if shown["stale"]:
            doubts.append("a feed on the way is overdue")
        finding = Finding(
            f"price {place}",
            f"{price_words(shown)}, {price.kind or 'of unknown kind'}",
            price.reason if is_fault else "",
            "; ".join(doubts),
            tuple(shown["path"]),
        )
        found.append(finding)
    return sorted(found, key=lambda finding: finding.subject)


def _receipts(overlay: Overlay) -> Sequence[Finding]:
    """Each claim with what one of it is worth."""
    found = []
    for token, receipt in receipts_in(overlay).items():
        own, other = (
            find(overlay, token_key(asset), Token) if asset else None
            for asset in (token, receipt.underlying)
        )
        name = own.symbol if own else token
        if receipt.reason or own is None or other is None:
            reason = receipt.reason or "its underlying does not say what it is"
            expected = f"expected a token of kind {receipt.kind}: check its [[receipts]] entry"
            found.append(Finding(f"receipt {name}", fault=f"{reason}; {expected}"))
            continue
        rate = whole_rate(receipt, own, other)
        told = None if rate is None else Decimal(rate.numerator) / rate.denominator
        worth = "an unknown amount of" if told is None else f"{told:.6f}"
        words = f"{receipt.kind}, one is worth {worth} {other.symbol}"
        found.append(Finding(f"receipt {name}", words))
    return found


def _scenarios(parts: Parts, head: BlockRef, overlay: Overlay | None) -> Sequence[Finding]:
    """`overlay` is None where a market is at fault: names cannot be looked up then."""
    found = []
    for plan in parts.runner.plans:
        fault = "not checked: a market above is at fault"
        if overlay is not None:
            try:
                parts.runner.verify(overlay, head, plan)
                fault = ""
            except QuestionError as error:
                fault = str(error)
        curve = None if plan.curve is None else {"asset": plan.curve.asset, "to": plan.curve.to}
        words = curved(curve) or shocked(plan.shocks)
        found.append(Finding(f"scenario {plan.name}", words, fault))
    return found


async def _store(settings: Settings, genesis: BlockHash | None) -> Finding:
    """The server, and whether the state in it is this configuration's. Creates nothing."""
    is_embedded = settings.store.url.get_secret_value() == "embedded"
    try:
        folder = settings.store.state_dir
        if is_embedded and (fault := fault_of(folder)):
            return Finding("store", fault=f"{fault}: correct store.state_dir")
        if is_embedded and not has_data(folder):
            server = find_server(0).path
            return Finding("store", f"{server}, to begin under {folder}")
        async with AsyncExitStack() as stack:
            client, _ = await redis_of(settings, stack, read_only=True)
            await check_server(client)
            await check_identity(client, identity_of(settings, genesis))
            warning = await durability_warning(client)
    except MonitorError as error:
        return Finding("store", fault=str(error))
    return Finding("store", "answers, evicts nothing, and holds no other's state", "", warning)


def _snapshots(settings: Settings) -> Finding:
    """Where the evidence of alerts is to go."""
    wanted = settings.snapshots
    if not wanted.keep:
        return Finding("snapshots", "none is written: snapshots.keep is 0")
    if fault := fault_of(wanted.dir):
        return Finding("snapshots", fault=f"{fault}: correct snapshots.dir, or set keep to 0")
    return Finding("snapshots", f"at most {wanted.keep} in {wanted.dir}")
