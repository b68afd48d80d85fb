"""Morpho Blue, its adaptive rate model and MetaMorpho in plain integers, for tests to expect by.

Written from the contracts' published formulas (`SharesMathLib`, `MathLib`, `AdaptiveCurveIrm`,
`MetaMorpho`) and shares nothing with the monitor's own arithmetic. Quotients of signed numbers
truncate towards zero, as Solidity's do.
"""

from dataclasses import replace

from devnet import MarketState, VaultTotals

WAD = 10**18
YEAR_SECONDS = 365 * 86_400
PRICE_SCALE = 10**36

TARGET_UTILISATION = 9 * WAD // 10
STEEPNESS = 4 * WAD
SPEED_PER_SECOND = 50 * WAD // YEAR_SECONDS
FIRST_RATE = 4 * WAD // 100 // YEAR_SECONDS
LOWEST_RATE, HIGHEST_RATE = WAD // 1000 // YEAR_SECONDS, 2 * WAD // YEAR_SECONDS
LN_2 = 693_147_180_559_945_309
LN_OF_LEAST = -41_446_531_673_892_822_312
HIGHEST_EXPONENT = 93_859_467_695_000_404_319
HIGHEST_EXP = 57716089161558943949701069502944508345128422502756744429568


def truncated(dividend: int, divisor: int) -> int:
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


# Shares


def shares_down(assets: int, total_assets: int, total_shares: int) -> int:
    return assets * (total_shares + 10**6) // (total_assets + 1)


def shares_up(assets: int, total_assets: int, total_shares: int) -> int:
    return up(assets * (total_shares + 10**6), total_assets + 1)


def assets_down(shares: int, total_assets: int, total_shares: int) -> int:
    return shares * (total_assets + 1) // (total_shares + 10**6)


def assets_up(shares: int, total_assets: int, total_shares: int) -> int:
    return up(shares * (total_assets + 1), total_shares + 10**6)


# Interest


def compounded(rate: int, seconds: int) -> int:
    """e to the rate times seconds, less one, by the first three terms of its series."""
    first = rate * seconds
    second = first * first // (2 * WAD)
    return first + second + second * first // (3 * WAD)


def exponential(x: int) -> int:
    if x < LN_OF_LEAST:
        return 0
    if x >= HIGHEST_EXPONENT:
        return HIGHEST_EXP
    half = LN_2 // 2 if x >= 0 else -(LN_2 // 2)
    doublings = truncated(x + half, LN_2)
    rest = x - doublings * LN_2
    near_one = WAD + rest + truncated(truncated(rest * rest, WAD), 2)
    return near_one << doublings if doublings >= 0 else near_one >> -doublings


def adapted(start: int, exponent: int) -> int:
    return min(max(start * exponential(exponent) // WAD, LOWEST_RATE), HIGHEST_RATE)


def borrow_rate(state: MarketState, rate_at_target: int, seconds: int) -> tuple[int, int]:
    """The average rate per second over `seconds`, and the rate at target at their end."""
    used = state.borrow_raw * WAD // state.supply_raw if state.supply_raw else 0
    span = WAD - TARGET_UTILISATION if used > TARGET_UTILISATION else TARGET_UTILISATION
    error = truncated((used - TARGET_UTILISATION) * WAD, span)
    if rate_at_target == 0:
        average = end = FIRST_RATE
    else:
        exponent = truncated(SPEED_PER_SECOND * error, WAD) * seconds
        end = adapted(rate_at_target, exponent)
        middle = adapted(rate_at_target, truncated(exponent, 2))
        average = (rate_at_target + end + 2 * middle) // 4 if exponent else rate_at_target
        end = end if exponent else rate_at_target
    slope = WAD - WAD * WAD // STEEPNESS if error < 0 else STEEPNESS - WAD
    return truncated((truncated(slope * error, WAD) + WAD) * average, WAD), end


def accrued(state: MarketState, rate: int, now_unix: int) -> tuple[MarketState, int]:
    """The market at `now_unix` at this rate since it was last touched, and the fee's shares."""
    interest = state.borrow_raw * compounded(rate, now_unix - state.updated_unix) // WAD
    supply = state.supply_raw + interest
    fee = interest * state.fee_wad // WAD
    fee_shares = shares_down(fee, supply - fee, state.supply_shares)
    grown = replace(
        state,
        supply_raw=supply,
        supply_shares=state.supply_shares + fee_shares,
        borrow_raw=state.borrow_raw + interest,
        updated_unix=now_unix,
    )
    return grown, fee_shares


# Liquidation


def incentive(lltv_wad: int) -> int:
    return min(115 * WAD // 100, WAD * WAD // (WAD - 3 * WAD // 10 * (WAD - lltv_wad) // WAD))


def repaid_for(seized: int, price_e36: int, lltv_wad: int, state: MarketState) -> tuple[int, int]:
    """What seizing that much collateral costs: assets and borrow shares."""
    quoted = up(seized * price_e36, PRICE_SCALE)
    owed = up(quoted * WAD, incentive(lltv_wad))
    shares = shares_up(owed, state.borrow_raw, state.borrow_shares)
    return assets_up(shares, state.borrow_raw, state.borrow_shares), shares


def seized_for(shares: int, price_e36: int, lltv_wad: int, state: MarketState) -> int:
    repaid = assets_down(shares, state.borrow_raw, state.borrow_shares)
    return repaid * incentive(lltv_wad) // WAD * PRICE_SCALE // price_e36


# MetaMorpho


def vault_fee_shares(totals: VaultTotals, virtual_shares: int) -> int:
    """What the vault mints for its fee when it next touches its total assets."""
    fee = max(totals.assets_raw - totals.last_assets_raw, 0) * totals.fee_wad // WAD
    return fee * (totals.shares + virtual_shares) // (totals.assets_raw - fee + 1)
