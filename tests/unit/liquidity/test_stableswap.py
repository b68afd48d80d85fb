"""Views of StableSwap pools of several ages into one record, and what is refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import StableSwapCurve, UnknownCurve
from monitor.core.keys import Kind, pool_key
from monitor.core.ledger import Ledger, find
from monitor.core.overlay import Overlay
from monitor.core.pools import StablePool
from monitor.core.ports import Readings, ViewCall, ViewFailed, ViewResult
from monitor.core.stable_swap import FEE_UNIT, Swap
from monitor.core.units import Address, AssetId, BlockHash
from monitor.engine.reducer import reduce_all
from monitor.errors import ConfigError
from monitor.library import abi_library
from monitor.liquidity.stableswap import NATIVE, StableSwapAbi, StableSwapPool

POOL = Address("0x" + "1" * 40)
DAI, USDC, USDT, WETH = (AssetId(Address("0x" + digit * 40)) for digit in "abcd")
ABI = StableSwapAbi(
    pool=abi_library("stableswap/Pool"),
    older=abi_library("stableswap/OlderPool"),
    erc20=abi_library("erc20/Token"),
    bytes32_erc20=abi_library("erc20/Bytes32Token"),
)
SOURCE = StableSwapPool(POOL, ABI)
DECIMALS = {DAI: 18, USDC: 6, USDT: 6, WETH: 18}
BLOCK = BlockRef(7, BlockHash("0x07"), BlockHash("0x06"), 1_700_000_000)
REVERTED = ViewFailed("reverted")


@dataclass
class Scripted:
    """A pool that answers these views. `rates` are what it counts with, told or not."""

    coins: tuple[AssetId, ...] = (DAI, USDC)
    balances: tuple[int, ...] = (10**24, 2 * 10**12)
    rates: tuple[int, ...] = (10**18, 10**30)
    index: str = "uint256"
    precise: bool = True
    strength: int = 200
    told: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    decimals: dict[AssetId, int | None] = field(default_factory=lambda: dict(DECIMALS))
    offpeg_e10: int = 0
    asked: list[ViewCall] = field(default_factory=list)

    def __call__(self, call: ViewCall) -> ViewResult:
        self.asked.append(call)
        name, args = call.function.name, call.args
        if call.to != POOL:
            return self._token(call)
        if name in ("coins", "balances"):
            of = self.coins if name == "coins" else self.balances
            is_mine = call.function.signature.endswith(f"({self.index})")
            return (of[args[0]],) if is_mine and args[0] < len(of) else REVERTED
        if name == "get_dy":
            unit = 100 if self.precise else 1
            swap = Swap(self.rates, self.strength * unit, unit, 4 * 10**6, self.offpeg_e10)
            return (swap.given(self.balances, *args),)
        if name == "stored_rates" and name in self.told:
            is_list = '"uint256[]"' in call.function.json.replace(" ", "")
            return self.told[name] if is_list == (len(self.told[name]) == 1) else REVERTED
        told = {"A": (self.strength,), "fee": (4 * 10**6,), "admin_fee": (FEE_UNIT // 2,)}
        if self.precise:
            told["A_precise"] = (self.strength * 100,)
        answer: ViewResult = (told | self.told).get(name, REVERTED)
        return answer

    def _token(self, call: ViewCall) -> ViewResult:
        decimals = self.decimals.get(AssetId(call.to))
        if call.function.name == "decimals":
            return REVERTED if decimals is None else (decimals,)
        return ("T",) if '"string"' in call.function.json else REVERTED


def polled(pool: Scripted, ledger: Ledger | None = None, source: Any = SOURCE) -> Ledger:
    """The ledger after a block in which everything was asked, as the engine does it."""
    overlay = Overlay(ledger or Ledger())
    readings: dict[ViewCall, ViewResult] = {}
    while True:
        wanted = [call for call in source.polls(overlay) if call not in readings]
        if not wanted and readings:
            break
        readings |= {call: pool(call) for call in wanted}
        reduce_all(overlay, source.polled(overlay, readings))
    after = ledger or Ledger()
    for key in list(overlay.keys(Kind.STABLE_POOL, key_market())) + list(
        overlay.keys(Kind.TOKEN, key_market())
    ):
        after.put(key, overlay.get(key))
    return after


def key_market() -> Any:
    return pool_key(POOL).market


def state(ledger: Ledger) -> StablePool:
    found = find(ledger, pool_key(POOL, Kind.STABLE_POOL), StablePool)
    assert found is not None
    return found


def reason(pool: Scripted) -> str:
    curve = SOURCE.curve(polled(pool))
    assert isinstance(curve, UnknownCurve)
    return curve.reason


def test_polled__pool_of_today__is_its_curve() -> None:
    curve = SOURCE.curve(polled(Scripted()))
    swap = Swap((10**18, 10**30), 20_000, 100, 4 * 10**6)
    expected = StableSwapCurve(POOL, (DAI, USDC), (10**24, 2 * 10**12), swap, FEE_UNIT // 2)
    assert curve == expected


def test_polled__old_pool_of_three__counts_in_int128_and_has_no_precise_strength() -> None:
    pool = Scripted(
        (DAI, USDC, USDT), (10**24, 10**12, 3 * 10**12), (10**18, 10**30, 10**30), "int128", False
    )
    found = state(polled(pool))
    assert (found.is_older, found.coins, found.amplification, found.precision) == (
        *(True, (DAI, USDC, USDT)),
        *(200, 1),
    )
    assert found.reason == ""


@pytest.mark.parametrize(
    "told", [((10**18, 12 * 10**17),), (10**18, 12 * 10**17)], ids=["list", "words"]
)
def test_polled__rates_of_its_own__go_before_decimals(told: tuple[Any, ...]) -> None:
    rates = (10**18, 12 * 10**17)
    pool = Scripted((WETH, DAI), (10**24, 10**24), rates, told={"stored_rates": told})
    assert state(polled(pool)).rates == rates


def test_polled__fee_off_the_peg__is_kept() -> None:
    fee = {"offpeg_fee_multiplier": (5 * FEE_UNIT,)}
    found = state(polled(Scripted(told=fee, offpeg_e10=5 * FEE_UNIT)))
    assert (found.offpeg_e10, found.reason) == (5 * FEE_UNIT, "")


def test_polled__second_block__asks_only_what_it_answers() -> None:
    first = Scripted()
    ledger = polled(first)
    second = Scripted(balances=(10**24 + 7, 2 * 10**12 - 5))
    assert state(polled(second, ledger)).balances == second.balances
    names = [call.function.name for call in second.asked]
    assert sorted(set(names)) == ["A", "A_precise", "admin_fee", "balances", "fee", "get_dy"]
    assert len(names) == len(set(second.asked)) == 8


def test_polled__node_without_the_state__is_unknown_until_it_is_told_again() -> None:
    ledger = polled(Scripted())
    readings: Readings = {}
    for event in SOURCE.polled(ledger, readings):
        ledger.put(pool_key(POOL, Kind.STABLE_POOL), event.state)  # type: ignore[union-attr]
    assert isinstance(SOURCE.curve(ledger), UnknownCurve)
    assert isinstance(SOURCE.curve(polled(Scripted(), ledger)), StableSwapCurve)


def test_curve__ether_itself__is_the_token_that_stands_for_it() -> None:
    pool = Scripted((NATIVE, DAI), (10**21, 10**21), (10**18, 10**18))
    ledger = polled(pool)
    assert NATIVE not in {call.to for call in pool.asked}
    bare, wrapped = SOURCE.curve(ledger), replace(SOURCE, native=WETH).curve(ledger)
    assert (bare.tokens, wrapped.tokens) == ((NATIVE, DAI), (WETH, DAI))


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        (Scripted(coins=()), r"does not answer coins\(0\) and coins\(1\): reverted. Expected a St"),
        (Scripted(coins=(DAI,)), r"does not answer coins\(0\) and coins\(1\)"),
        (Scripted(precise=False, strength=0), r"its A is 0 / 1: expected at least 1"),
        (Scripted(told={"fee": (FEE_UNIT,)}), r"its fee is 1\d+ / 1\d+: expected less than all"),
        (Scripted(decimals={DAI: 18, USDC: 77}), rf"its coin {USDC} has 77 decimals: expected at"),
        (Scripted(decimals={DAI: 18}), rf"its coin {USDC} does not tell its decimals"),
        (Scripted(rates=(10**18, 103 * 10**28)), r"get_dy\(0, 1, .*it is a pool of another kind"),
        (Scripted(offpeg_e10=2 * FEE_UNIT), r"it is a pool of another kind"),
        (Scripted(balances=(10**24,)), r"does not answer balances\(1\): reverted"),
    ],
)
def test_polled__what_it_cannot_be__is_unknown_with_the_reason(pool: Scripted, said: str) -> None:
    assert re.search(said, reason(pool))


def test_polled__a_coin_used_up__is_known_and_not_sampled() -> None:
    pool = Scripted(balances=(10**24, 0))
    curve = SOURCE.curve(polled(pool))
    assert isinstance(curve, StableSwapCurve)
    assert curve.mid(0, 1) is None
    assert "get_dy" not in {call.function.name for call in pool.asked}


class ScriptedReader:
    """Reads a scripted pool."""

    def __init__(self, pool: Scripted) -> None:
        self.pool = pool

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        return [self.pool(call) for call in calls]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return True

    async def past_logs(self, *_: object) -> list[RawLog]:
        raise AssertionError("a pool's past is not asked for")


async def test_bootstrap__what_has_no_coins__is_a_config_error() -> None:
    for pool in (Scripted(), Scripted(index="int128", precise=False)):
        assert await SOURCE.bootstrap(ScriptedReader(pool), BLOCK, BLOCK) == ()
    with pytest.raises(ConfigError, match=r"does not answer coins\(0\).*correct `pool`\."):
        await SOURCE.bootstrap(ScriptedReader(Scripted(coins=())), BLOCK, BLOCK)
