"""Small things to test with: defaults, and only what matters in the arguments."""

import hashlib

from monitor.core.alerts import Alert, AlertType, BreakerPhase, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.keys import Key
from monitor.core.ledger import Holding, Market, Position, Record
from monitor.core.prices import Price
from monitor.core.reserves import Reserve, ReserveTerms
from monitor.core.units import (
    RAY,
    Address,
    AssetId,
    BaseValue,
    BlockHash,
    Bps,
    Ray,
    ScaledAmount,
)


def an_address(name: str) -> Address:
    """The same address for the same name."""
    return Address("0x" + hashlib.sha256(name.encode()).hexdigest()[:40])


def a_hash(name: str) -> BlockHash:
    return BlockHash("0x" + hashlib.sha256(name.encode()).hexdigest())


WETH = an_address("WETH")
USDC = an_address("USDC")


def a_block(parent: BlockRef | None = None, *, number: int = 100, fork: str = "") -> BlockRef:
    """The child of a block; without one, block `number`. Another `fork` is a sibling."""
    if parent is None:
        return BlockRef(number, a_hash(f"{number}{fork}"), a_hash(f"{number - 1}"), 12 * number)
    name = f"{parent.hash}{fork}"
    return BlockRef(parent.number + 1, a_hash(name), parent.hash, parent.timestamp + 12)


def a_holding(asset: AssetId = WETH, scaled: int = 10**18, *, used: bool = False) -> Holding:
    return Holding(asset, ScaledAmount(scaled), Ray(RAY), used)


def a_position(supplied_scaled: int = 10**18, owed_scaled: int = 0) -> Position:
    """WETH pledged, USDC owed."""
    supplies = (a_holding(WETH, supplied_scaled, used=True),) if supplied_scaled else ()
    debts = (a_holding(USDC, owed_scaled),) if owed_scaled else ()
    return Position(supplies, debts)


def a_reserve(asset: AssetId = WETH, *, symbol: str = "WETH", debt_index_ray: int = RAY) -> Reserve:
    return Reserve(
        asset=asset,
        ordinal=0,
        symbol=symbol,
        decimals=18,
        supply_token=an_address(f"a{symbol}"),
        debt_token=an_address(f"debt{symbol}"),
        supply_index_ray=Ray(RAY),
        debt_index_ray=Ray(debt_index_ray),
        supply_rate_ray=Ray(0),
        debt_rate_ray=Ray(0),
        updated_unix=0,
        terms=ReserveTerms(
            ltv_bps=Bps(8000),
            liquidation_threshold_bps=Bps(8250),
            liquidation_bonus_bps=Bps(10500),
        ),
    )


def a_price(value: int | None = 2000 * 10**8, *, reason: str = "") -> Price:
    return Price(BaseValue(value) if value is not None else None, reason=reason)


def a_market() -> Market:
    return Market(
        protocol="aave_v3",
        entry=an_address("provider"),
        pool=an_address("pool"),
        configurator=an_address("configurator"),
        oracle=an_address("oracle"),
        base_unit=10**8,
    )


def a_delta(block: BlockRef, *changes: tuple[Key, Record | None, Record | None]) -> BlockDelta:
    """(key, before, after) each."""
    return BlockDelta(
        block, tuple(Change(*change) for change in sorted(changes, key=lambda c: c[0]))
    )


def an_alert(
    block: BlockRef, name: str = "eth-cascade", type: AlertType = AlertType.TRIPPED
) -> Alert:
    """Its id follows from its type, its breaker and its block."""
    alert_id = hashlib.sha256(f"{type}{name}{block.hash}".encode()).hexdigest()[:32]
    body = f'{{"type": "{type}", "breaker": "{name}", "block": "{block.hash}"}}'
    return Alert(alert_id, name, f"episode-{name}", name, type, block, body)


def a_judgement(
    block: BlockRef, *alerts: Alert, phase: BreakerPhase = BreakerPhase.ARMED
) -> Judgement:
    """Breaker eth-cascade in a phase after the block."""
    return Judgement(block, (("eth-cascade", BreakerState(phase)),), alerts)
