"""What decoding leaves behind."""

import gc
import weakref
from dataclasses import replace
from typing import Any

import pytest
from builders import WETH, a_block, a_market, a_reserve, an_address
from eth_abi.abi import encode

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import IndexMoved
from monitor.core.keys import market_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.units import RAY, Bps, MarketId, Ray, ScaledAmount
from monitor.library import abi_library
from monitor.protocols.aave_v3 import accrual
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.events import AaveDecoder

MARKET = MarketId("m")
RESERVE = a_reserve()
ABI = AaveAbi.of(abi_library)


def test_decoder__block_is_done__is_gone_without_the_collector() -> None:
    ledger = Ledger({market_key(MARKET): a_market(), reserve_key(MARKET, RESERVE.asset): RESERVE})
    gc.disable()
    try:
        decoder = AaveDecoder(MARKET, ABI, a_block(), Overlay(ledger), {})
        left = weakref.ref(decoder)
        del decoder
        assert left() is None
    finally:
        gc.enable()


def a_log(block: BlockRef, name: str, *values: Any) -> RawLog:
    """Of the pool, all in one transaction."""
    event = next(event for event in ABI.pool.events.values() if event.name == name)
    words = [
        encode([kind], [value]) for (_, kind, _), value in zip(event.params, values, strict=True)
    ]
    indexed = ["0x" + word.hex() for word, p in zip(words, event.params, strict=True) if p[2]]
    data = b"".join(word for word, p in zip(words, event.params, strict=True) if not p[2])
    topics = (event.topic0, *indexed)
    return RawLog(a_market().pool, topics, data.hex(), block.hash, 0, "0x" + "c" * 64)


@pytest.mark.parametrize(("version", "times"), [("3.6", 2), ("3.7", 1)])
def test_liquidation__of_an_asset_for_itself__credits_the_treasury(
    version: str, times: int
) -> None:
    reserve = replace(
        a_reserve(),
        debt_rate_ray=Ray(RAY // 10),
        debt_scaled_at_accrual=ScaledAmount(10**24),
        terms=replace(a_reserve().terms, reserve_factor_bps=Bps(1_000)),
    )
    market = replace(a_market(), pool_version=version)
    ledger = Ledger({market_key(MARKET): market, reserve_key(MARKET, WETH): reserve})
    overlay, block = Overlay(ledger), a_block()
    decoder = AaveDecoder(MARKET, ABI, block, overlay, {})
    now = accrual.DIRECTED.accrue(reserve, block.timestamp)
    indices = (now.supply_index_ray, now.debt_index_ray)
    told = decoder.decode(a_log(block, "ReserveDataUpdated", WETH, 0, 0, RAY // 10, *indices))
    [first] = [event for event in told if isinstance(event, IndexMoved)]
    assert now.treasury_minted_scaled > 0
    assert first.treasury_scaled == now.treasury_minted_scaled
    after = replace(reserve, treasury_scaled=first.treasury_scaled, updated_unix=block.timestamp)
    overlay.put(reserve_key(MARKET, WETH), after)
    who = (an_address("borrower"), 5, 6, an_address("liquidator"), False)
    told = decoder.decode(a_log(block, "LiquidationCall", WETH, WETH, *who))
    credited = [event.treasury_scaled for event in told if isinstance(event, IndexMoved)]
    assert credited == [2 * now.treasury_minted_scaled] * (times - 1)
