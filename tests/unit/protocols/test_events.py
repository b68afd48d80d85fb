"""What decoding leaves behind."""

import gc
import weakref

from builders import a_block, a_market, a_reserve

from monitor.core.keys import market_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.overlay import Overlay
from monitor.core.units import MarketId
from monitor.library import abi_library
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
