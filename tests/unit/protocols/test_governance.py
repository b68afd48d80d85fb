"""What no 3.6 market can be made to show: flags left from before V3.4, answers that are missing."""

import pytest
from builders import a_block, a_market, a_reserve, an_address

from monitor.core.blocks import RawLog
from monitor.core.events import CollateralUseChanged, ReserveDropped
from monitor.core.keys import market_key, position_key, reserve_key
from monitor.core.ledger import Holding, Ledger, Position
from monitor.core.overlay import Overlay
from monitor.core.ports import Readings
from monitor.core.units import RAY, BlockHash, MarketId, Ray, ScaledAmount
from monitor.engine.reducer import reduce_all
from monitor.errors import LedgerCorrupt, UndecodableLog
from monitor.library import abi_library
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.governance import Events, GovernanceDecoder
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenMove

MARKET = MarketId("m")
ALICE = an_address("alice")
RESERVE = a_reserve()
ABI = AaveAbi.of(abi_library)

SUPPLY = TOKEN_RULES["3.5"].supply


def decode(view: Overlay, name: str, log: RawLog, facts: Readings | None = None) -> Events:
    event = ABI.configurator.event(name)
    return GovernanceDecoder(MARKET, ABI, a_block(), view, facts or {}).decode(event, log)


def a_log(name: str, *addresses: str, words: int = 0) -> RawLog:
    topics = (f"0x{address[2:]:0>64}" for address in addresses)
    topic0 = ABI.configurator.event(name).topic0
    emitter = a_market().configurator
    return RawLog(emitter, (topic0, *topics), "0" * 64 * words, BlockHash("0x"), 0, "0x")


def test_drop__account_has_a_flag_with_nothing_behind_it__is_rid_of_it() -> None:
    flag = Holding(RESERVE.asset, ScaledAmount(0), Ray(RAY), used_as_collateral=True)
    key = position_key(MARKET, ALICE)
    ledger = Ledger(
        {
            market_key(MARKET): a_market(),
            reserve_key(MARKET, RESERVE.asset): RESERVE,
            key: Position(supplies=(flag,)),
        }
    )
    overlay = Overlay(ledger)
    events = decode(overlay, "ReserveDropped", a_log("ReserveDropped", RESERVE.asset))
    assert [type(event) for event in events] == [CollateralUseChanged, ReserveDropped]
    reduce_all(overlay, events)
    assert overlay.get(key) is None
    assert overlay.get(reserve_key(MARKET, RESERVE.asset)) is None


def test_listing__decimals_cannot_be_read__is_said() -> None:
    view = Overlay(Ledger({market_key(MARKET): a_market()}))
    log = a_log("ReserveInitialized", RESERVE.asset, RESERVE.supply_token, words=3)
    with pytest.raises(UndecodableLog, match="its decimals cannot be read"):
        decode(view, "ReserveInitialized", log)


def test_scaled_after__log_takes_more_than_there_is__is_corrupt() -> None:
    move = TokenMove(-5, 0, Ray(RAY))
    with pytest.raises(LedgerCorrupt, match="the log takes away 5, the ledger knows of 4"):
        SUPPLY.after(4, RAY, move)
    assert SUPPLY.after(5, RAY, move) == 0
