"""The census of a market: who ever held something, read in windows and never twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from builders import a_block, a_market, a_reserve, an_address

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.ports import ViewCall, ViewResult
from monitor.core.units import RAY, Address, BlockHash, MarketId
from monitor.errors import ConfigError, StateUnavailable
from monitor.library import abi_library
from monitor.protocols.aave_v3 import accounts
from monitor.protocols.aave_v3.accounts import AccountSnapshot, Census
from monitor.protocols.aave_v3.contracts import AaveAbi

RESERVE = a_reserve()
ALICE, BOB = an_address("alice"), an_address("bob")
ABI = AaveAbi.of(abi_library)


@dataclass
class Node:
    """Mints by block; everybody minted to holds one ray's worth. `forgets`: reads that fail."""

    mints: dict[int, Address]
    forgets: int = 0
    listed_in: int = 5
    ranges: list[tuple[int, int]] = field(default_factory=list)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        if self.forgets:
            self.forgets -= 1
            raise StateUnavailable("pruned")
        return [self._answer(call) for call in calls]

    def _answer(self, call: ViewCall) -> ViewResult:
        holders = set(self.mints.values())
        is_supply = call.to == RESERVE.supply_token
        match call.function.name:
            case "scaledTotalSupply":
                return (len(holders) * is_supply,)
            case "scaledBalanceOf":
                return (int(is_supply and call.args[0] in holders),)
            case "getPreviousIndex":
                return (RAY,)
        return (0,)

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return True

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        self.ranges.append((from_block, to_block))
        mints = [
            a_mint(who)
            for number, who in sorted(self.mints.items())
            if from_block <= number <= to_block
        ]
        return [a_listing(), *mints] if from_block <= self.listed_in <= to_block else mints


def a_mint(who: Address) -> RawLog:
    topic0 = ABI.token.event("Mint").topic0
    padded = "0x" + "0" * 24 + who[2:]
    words = f"{1:064x}{0:064x}{RAY:064x}"
    return RawLog(RESERVE.supply_token, (topic0, padded, padded), words, BlockHash("0x"), 0, "0x")


def a_listing() -> RawLog:
    topic0 = ABI.configurator.event("ReserveInitialized").topic0
    words = [address[2:].rjust(64, "0") for address in (RESERVE.asset, RESERVE.supply_token)]
    topics = (topic0, *(f"0x{word}" for word in words))
    configurator = a_market().configurator
    return RawLog(configurator, topics, "0" * 192, BlockHash("0x"), 0, "0x")


def a_snapshot(census: Census) -> AccountSnapshot:
    return AccountSnapshot(MarketId("m"), a_market(), ABI, census)


async def test_census__over_several_windows__finds_everybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "WINDOW_BLOCKS", 40)
    node = Node({10: ALICE, 95: BOB})
    events = await a_snapshot(Census()).read(node, a_block(), 5, [RESERVE])
    assert node.ranges == [(5, 44), (45, 84), (85, 100)]
    assert {event.place.account for event in events} == {ALICE, BOB}  # type: ignore[union-attr]


async def test_census__state_forgotten_meanwhile__reads_only_what_came_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accounts, "OVERLAP_BLOCKS", 10)
    node, census = Node({10: ALICE, 104: BOB}, forgets=1), Census()
    with pytest.raises(StateUnavailable):
        await a_snapshot(census).read(node, a_block(), 0, [RESERVE])
    events = await a_snapshot(census).read(node, a_block(number=110), 0, [RESERVE])
    assert node.ranges == [(0, 100), (91, 110)]
    assert {event.place.account for event in events} == {ALICE, BOB}  # type: ignore[union-attr]


async def test_census__that_began_too_late__is_refused_with_what_to_do() -> None:
    node = Node({10: ALICE, 95: BOB}, listed_in=50)
    with pytest.raises(ConfigError, match="from_block are missing"):
        await a_snapshot(Census()).read(node, a_block(), 50, [RESERVE])


async def test_census__that_began_after_the_listing__is_refused_though_balances_add_up() -> None:
    node = Node({95: BOB}, listed_in=49)
    with pytest.raises(ConfigError, match=r"was listed before from_block \(50\)"):
        await a_snapshot(Census()).read(node, a_block(), 50, [RESERVE])


async def test_census__token_of_a_reserve_dropped_since__is_left_out() -> None:
    census = Census(pairs={(an_address("old token"), ALICE)})
    events = await a_snapshot(census).read(Node({10: BOB}), a_block(), 5, [RESERVE])
    assert {event.place.account for event in events} == {BOB}  # type: ignore[union-attr]
