"""From [[guardians]] to what alerts propose to do."""

from collections.abc import Mapping

from eth_utils.address import to_checksum_address

from monitor.alert_schema import Guardian as GuardianTable
from monitor.chain.node import Node
from monitor.chain.simulation import NodeSimulator
from monitor.core.guarding import Order
from monitor.core.units import Address, AssetId, MarketId
from monitor.engine.guarding import Guardian, Guards
from monitor.errors import ConfigError
from monitor.parts import Parts
from monitor.settings import Settings


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
