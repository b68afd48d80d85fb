"""Uniswap V3 pools: their events into `PoolMoved`, their state into a `TickCurve`.

Source: v3-core 1.0.1 UniswapV3Pool.sol. Collect, Flash and SetFeeProtocol change neither price nor
depth: the protocol's share comes out of the fee that a trader pays anyway.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import TickCurve
from monitor.core.events import DomainEvent, PoolMoved
from monitor.core.keys import pool_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pools import TickPool
from monitor.core.ports import ContractReader, ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address, AssetId
from monitor.errors import ConfigError, LedgerCorrupt

MAX_TICK = 887_272
"""TickMath.MAX_TICK; the lowest is its negative."""
WORD_BITS = 256
"""Ticks per word of the bitmap."""

Ticks = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class UniswapV3Pool:
    """One configured pool."""

    address: Address
    abi: Abi

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        """Whose logs matter."""
        return frozenset({self.address})

    def decode(self, log: RawLog, view: LedgerView) -> tuple[DomainEvent, ...]:
        """The pool after a log; empty for topics that change nothing. Raises UndecodableLog."""
        event = self.abi.events.get(log.topics[0]) if log.topics else None
        if event is None:
            return ()
        pool = find(view, pool_key(self.address), TickPool)
        if pool is None:
            raise LedgerCorrupt(
                f"pool {self.address} emitted {event.name} in block {log.block_hash}, but the "
                "ledger does not hold it: expected its bootstrap first. Run "
                "cascade-monitor store rebuild --config F."
            )
        return (PoolMoved(self.address, _MOVES[event.name](pool, event.decode(log))),)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef | None = None
    ) -> tuple[DomainEvent, ...]:
        """The pool at the end of `at`. Raises ConfigError when the address is no pool.

        Where the pool does not exist yet at `at`, what never changes is read at `head` and the
        rest (price 0 until Initialize) will come by events.
        """
        deployed = await reader.has_code(at, self.address)
        blank = await self._blank(reader, at if deployed or head is None else head)
        if not deployed:
            return (PoolMoved(self.address, blank),)
        slot0, liquidity = await self._read(reader, at, [("slot0", ()), ("liquidity", ())])
        ticks = await self._ticks(reader, at, blank.tick_spacing)
        sqrt_price_x96, tick = slot0[0], slot0[1]
        state = replace(
            blank,
            sqrt_price_x96=sqrt_price_x96,
            tick=tick,
            liquidity=liquidity[0],
            ticks=ticks,
        )
        return (PoolMoved(self.address, state),)

    def curve(self, view: LedgerView) -> TickCurve | None:
        """None where it is announced, but not initialised yet."""
        state = find(view, pool_key(self.address), TickPool)
        if state is None or not state.sqrt_price_x96:
            return None
        return curve_of(self.address, state)

    async def _blank(self, reader: ContractReader, at: BlockRef) -> TickPool:
        names = ("token0", "token1", "fee", "tickSpacing")
        facts = await self._read(reader, at, [(name, ()) for name in names])
        token0, token1, fee_ppm, tick_spacing = (fact[0] for fact in facts)
        return TickPool(AssetId(token0), AssetId(token1), fee_ppm, tick_spacing, 0, 0, 0, ())

    async def _ticks(self, reader: ContractReader, at: BlockRef, spacing: int) -> Ticks:
        """Every initialized tick whose net liquidity is not zero, found through the bitmap."""
        highest = MAX_TICK // spacing
        words = range(-highest // WORD_BITS, highest // WORD_BITS + 1)
        bitmaps = await self._read(reader, at, [("tickBitmap", (word,)) for word in words])
        found = [
            (word * WORD_BITS + bit) * spacing
            for word, (bitmap,) in zip(words, bitmaps, strict=True)
            for bit in _set_bits(bitmap)
        ]
        states = await self._read(reader, at, [("ticks", (tick,)) for tick in found])
        nets = [(tick, state[1]) for tick, state in zip(found, states, strict=True)]
        return tuple((tick, net) for tick, net in nets if net)

    async def _read(
        self, reader: ContractReader, at: BlockRef, views: Sequence[tuple[str, tuple[Any, ...]]]
    ) -> list[tuple[Any, ...]]:
        calls = [ViewCall(self.address, self.abi.functions[name], args) for name, args in views]
        return [
            self._answer(call, result)
            for call, result in zip(calls, await reader.read(at, calls), strict=True)
        ]

    def _answer(self, call: ViewCall, result: ViewResult) -> tuple[Any, ...]:
        if isinstance(result, ViewFailed):
            raise ConfigError(
                f"liquidity pool {self.address} does not answer {call.function.name}"
                f"{call.args}: {result.reason}. Expected a Uniswap V3 pool: correct `pool`."
            )
        return result


def curve_of(pool: Address, state: TickPool) -> TickCurve:
    """A pool as the simulation wants it."""
    return TickCurve(
        pool=pool,
        token0=state.token0,
        token1=state.token1,
        fee_ppm=state.fee_ppm,
        sqrt_price_x96=state.sqrt_price_x96,
        tick=state.tick,
        liquidity=state.liquidity,
        ticks=state.ticks,
    )


def _initialized(pool: TickPool, values: tuple[Any, ...]) -> TickPool:
    sqrt_price_x96, tick = values
    return replace(pool, sqrt_price_x96=sqrt_price_x96, tick=tick)


def _swapped(pool: TickPool, values: tuple[Any, ...]) -> TickPool:
    _, _, _, _, sqrt_price_x96, liquidity, tick = values
    return replace(pool, sqrt_price_x96=sqrt_price_x96, liquidity=liquidity, tick=tick)


def _minted(pool: TickPool, values: tuple[Any, ...]) -> TickPool:
    _, _, lower, upper, amount, _, _ = values
    return _with_range(pool, lower, upper, amount)


def _burnt(pool: TickPool, values: tuple[Any, ...]) -> TickPool:
    _, lower, upper, amount, _, _ = values
    return _with_range(pool, lower, upper, -amount)


def _with_range(pool: TickPool, lower: int, upper: int, delta: int) -> TickPool:
    """Pool._modifyPosition: net liquidity at both ends, active liquidity if in range."""
    in_range = lower <= pool.tick < upper
    return replace(
        pool,
        liquidity=pool.liquidity + (delta if in_range else 0),
        ticks=_with_tick(_with_tick(pool.ticks, lower, delta), upper, -delta),
    )


def _with_tick(ticks: Ticks, tick: int, delta: int) -> Ticks:
    at = bisect_left(ticks, tick, key=lambda entry: entry[0])
    held = at < len(ticks) and ticks[at][0] == tick
    net = delta + (ticks[at][1] if held else 0)
    return ticks[:at] + (((tick, net),) if net else ()) + ticks[at + held :]


def _set_bits(word: int) -> list[int]:
    return [bit for bit in range(WORD_BITS) if word >> bit & 1] if word else []


_MOVES: Mapping[str, Callable[[TickPool, tuple[Any, ...]], TickPool]] = {
    "Initialize": _initialized,
    "Swap": _swapped,
    "Mint": _minted,
    "Burn": _burnt,
}
