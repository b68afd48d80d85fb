"""Uniswap V3's own integer arithmetic, as a reference that shares no code with the monitor.

Written from v3-core 1.0.1 TickMath.sol, SqrtPriceMath.sol, SwapMath.sol, UniswapV3Pool.swap; proven
against worked cases of its test suite and, in tests/chain, against the deployed contract.
"""

from dataclasses import dataclass

Q96 = 2**96
MIN_SQRT = 4295128739
MAX_SQRT = 1461446703485210103287273052203988822378723970342
RATIOS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


def sqrt_at(tick: int) -> int:
    """TickMath.getSqrtRatioAtTick."""
    size = abs(tick)
    ratio = RATIOS[0] if size & 1 else 1 << 128
    for bit, factor in enumerate(RATIOS[1:], start=1):
        if size >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return (ratio >> 32) + (ratio % (1 << 32) > 0)


def up(a: int, b: int, c: int) -> int:
    return -(-a * b // c)


def amount0(low: int, high: int, liquidity: int, *, round_up: bool) -> int:
    numerator = liquidity << 96
    if round_up:
        return -(-up(numerator, high - low, high) // low)
    return numerator * (high - low) // high // low


def amount1(low: int, high: int, liquidity: int, *, round_up: bool) -> int:
    return up(liquidity, high - low, Q96) if round_up else liquidity * (high - low) // Q96


def next_sqrt(sqrt: int, liquidity: int, amount: int, *, zero_for_one: bool) -> int:
    """SqrtPriceMath.getNextSqrtPriceFromInput."""
    if zero_for_one:
        return up(liquidity << 96, sqrt, (liquidity << 96) + amount * sqrt)
    return sqrt + amount * Q96 // liquidity


def step(
    sqrt: int, target: int, liquidity: int, rest: int, fee_ppm: int
) -> tuple[int, int, int, int]:
    """SwapMath.computeSwapStep, exact input: (new sqrt, amount in, amount out, fee)."""
    zero_for_one = sqrt >= target
    less_fee = rest * (10**6 - fee_ppm) // 10**6
    low, high = sorted((sqrt, target))
    inward, outward = (amount0, amount1) if zero_for_one else (amount1, amount0)
    amount_in = inward(low, high, liquidity, round_up=True)
    if less_fee >= amount_in:
        after = target
    else:
        after = next_sqrt(sqrt, liquidity, less_fee, zero_for_one=zero_for_one)
    low, high = sorted((sqrt, after))
    amount_in = inward(low, high, liquidity, round_up=True)
    amount_out = outward(low, high, liquidity, round_up=False)
    fee = up(amount_in, fee_ppm, 10**6 - fee_ppm) if after == target else rest - amount_in
    return after, amount_in, amount_out, fee


@dataclass
class ExactPool:
    """A pool that swaps as the contract does. `ticks`: net liquidity by tick."""

    sqrt: int
    tick: int
    liquidity: int
    ticks: dict[int, int]
    fee_ppm: int

    def swap(self, amount: int, *, zero_for_one: bool, limit: int | None = None) -> tuple[int, int]:
        """(amount taken, amount given) of an exact input; the pool moves."""
        if limit is None:
            limit = MIN_SQRT + 1 if zero_for_one else MAX_SQRT - 1
        rest, given = amount, 0
        while rest and self.sqrt != limit:
            bound_tick = self._next_tick(zero_for_one=zero_for_one)
            bound = sqrt_at(bound_tick)
            beyond = bound < limit if zero_for_one else bound > limit
            target = limit if beyond else bound
            after, taken, out, fee = step(self.sqrt, target, self.liquidity, rest, self.fee_ppm)
            rest -= taken + fee
            given += out
            if after == bound:
                net = self.ticks.get(bound_tick, 0)
                self.liquidity += -net if zero_for_one else net
                self.tick = bound_tick - 1 if zero_for_one else bound_tick
            self.sqrt = after
        return amount - rest, given

    def _next_tick(self, *, zero_for_one: bool) -> int:
        if zero_for_one:
            return max((t for t in self.ticks if t <= self.tick), default=-887_272)
        return min((t for t in self.ticks if t > self.tick), default=887_272)
