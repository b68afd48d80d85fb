"""From [[guardians]] to what alerts propose to do."""

from collections.abc import AsyncIterator, Mapping

import structlog
from eth_utils.address import to_checksum_address

from monitor.alert_schema import Guardian as GuardianTable
from monitor.chain.node import Node
from monitor.chain.simulation import NodeSimulator
from monitor.core.blocks import BlockRef
from monitor.core.guarding import Order
from monitor.core.keys import market_key
from monitor.core.ledger import Ledger, LedgerView, Market, find
from monitor.core.units import Address, AssetId, MarketId
from monitor.engine.guarding import Guardian, Guards, Outlook
from monitor.errors import ConfigError, StateUnavailable, TransientError
from monitor.parts import Parts
from monitor.settings import Settings

log = structlog.stdlib.get_logger(__name__)
OK = "ok"
"""The outcome of a call that would go through."""


def guards_of(settings: Settings, parts: Parts, node: Node) -> Guards | None:
    """None where nobody is named. Raises ConfigError for actions that a protocol has not."""
    guardians = _guardians(settings, parts)
    if not guardians:
        return None
    errors = {sign: e for each in guardians for sign, e in each.guarding.errors.items()}
    simulator = NodeSimulator(node.endpoints, errors)
    chain_id = settings.chain.chain_id
    return Guards(guardians, node.reader, simulator, chain_id, to_checksum_address)


def _guardians(settings: Settings, parts: Parts) -> tuple[Guardian, ...]:
    """In the configuration's order."""
    markets = {market.market: market for market in parts.markets}
    guardians, faults = [], []
    for number, table in enumerate(settings.guardians):
        market = markets[MarketId(table.market)]
        if table.action not in market.guarding.actions:
            known = " or ".join(sorted(market.guarding.actions))
            faults.append(
                f"guardians[{number}].action = {table.action!r}: {market.market} is a market of "
                f"{market.protocol}: expected {known}"
            )
            continue
        order, account = _order(table, parts.named), Address(table.guardian)
        guardians.append(Guardian(account, market.market, order, market.guarding, table.breakers))
    if faults:
        raise ConfigError(*faults)
    return tuple(guardians)


def _order(table: GuardianTable, named: Mapping[str, AssetId]) -> Order:
    """An [assets] name stands for its address, before any symbol does."""
    if table.vault is not None:
        ids = table.market_ids if isinstance(table.market_ids, tuple) else ()
        return Order(table.action, ids, Address(table.vault))
    targets = () if "*" in table.assets else tuple(map(_target, table.assets))
    return Order(table.action, tuple(named.get(name, name) for name in targets))


def _target(name: str) -> str:
    """Addresses are known in lower case."""
    return name.lower() if name[:2] in ("0x", "0X") else name


async def verify(
    guards: Guards | None, node: Node, ledger: Ledger, applied: BlockRef, window: int
) -> None:
    """Raises ConfigError for guardians of what is not there, as far as that can be told now.

    `applied`: the ledger's block. More than `window` blocks behind, it may not list yet what is
    named; then alerts say so, and `check` does.
    """
    if guards is None:
        return
    try:
        head = await node.block_by("latest")
    except (TransientError, StateUnavailable) as error:
        log.warning("guardians_not_verified", because=str(error))
        return
    behind = head.number - applied.number
    if behind > window:
        log.warning("guardians_not_verified", because=f"the state is {behind} blocks behind")
    elif faults := await guards.faults(ledger, head):
        raise ConfigError(*faults)


async def told_of(
    guards: Guards | None, view: LedgerView, head: BlockRef
) -> AsyncIterator[tuple[str, str, str, str]]:
    """For `check`, of each guardian: subject, detail, fault, warning; empty where there is none."""
    if guards is None:
        return
    for guardian in guards.guardians:
        subject = f"guardian {to_checksum_address(guardian.account)}, {guardian.subject}"
        if find(view, market_key(guardian.market), Market) is None:
            yield subject, "", "not checked: its market above is at fault", ""
            continue
        [outlook] = await guards.outlooks([guardian], view, head)
        yield subject, *_words(outlook)


def _words(outlook: Outlook) -> tuple[str, str, str]:
    """Detail, fault and warning."""
    if outlook.is_misnamed:
        return "", outlook.fault, ""
    doubts = [f"its calls are not known: {outlook.fault}"] if outlook.fault else []
    well = []
    for proposal, result in zip(outlook.calls, outlook.tried, strict=True):
        if result.outcome == OK:
            well.append(proposal.target)
        else:
            doubts.append(f"{proposal.target}: {result.outcome}")
    if outlook.omitted:
        doubts.append(f"{outlook.omitted} more calls than an alert lists")
    detail = f"would go through for {', '.join(well)}" if well else "no call would go through"
    if outlook.done:
        detail += f"; nothing is left to do for {', '.join(outlook.done)}"
    return detail, "", "; ".join(doubts)
