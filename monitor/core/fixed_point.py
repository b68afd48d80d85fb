"""Fixed-point arithmetic on non-negative ints: twins of the Solidity libraries.

The direction is in the name: `_down` floors, `_up` ceils, `_half_up` rounds at one half.
Source: aave-v3-origin 3.6 WadRayMath.sol, PercentageMath.sol, MathUtils.sol.
"""

from monitor.core.units import BPS, RAY, WAD, YEAR_SECONDS, Ray


def mul_div_up(a: int, b: int, divisor: int) -> int:
    return -(-a * b // divisor)


def ray_mul_half_up(a: int, b: int) -> int:
    return (a * b + RAY // 2) // RAY


def ray_mul_down(a: int, b: int) -> int:
    return a * b // RAY


def ray_mul_up(a: int, b: int) -> int:
    return -(-a * b // RAY)


def ray_div_half_up(a: int, b: int) -> int:
    return (a * RAY + b // 2) // b


def ray_div_down(a: int, b: int) -> int:
    return a * RAY // b


def ray_div_up(a: int, b: int) -> int:
    return -(-a * RAY // b)


def wad_div_half_up(a: int, b: int) -> int:
    return (a * WAD + b // 2) // b


def bps_mul_half_up(value: int, bps: int) -> int:
    return (value * bps + BPS // 2) // BPS


def linear_interest_ray(rate_ray: int, elapsed_seconds: int) -> Ray:
    """MathUtils.calculateLinearInterest: the factor of the supply index."""
    return Ray(RAY + rate_ray * elapsed_seconds // YEAR_SECONDS)


def compound_interest_ray(rate_ray: int, elapsed_seconds: int) -> Ray:
    """MathUtils.calculateCompoundedInterest since 3.4: e^x to the third term."""
    x = rate_ray * elapsed_seconds // YEAR_SECONDS
    return Ray(RAY + x + ray_mul_half_up(x, x // 2 + ray_mul_half_up(x, x // 6)))


def binomial_interest_ray(rate_ray: int, elapsed_seconds: int) -> Ray:
    """MathUtils.calculateCompoundedInterest up to 3.3: (1 + rate)^n to the third term.

    Source: `@aave/core-v3` 1.19.3 (Aave 3.0.2) MathUtils.sol.
    """
    if elapsed_seconds == 0:
        return Ray(RAY)
    square = ray_mul_half_up(rate_ray, rate_ray) // YEAR_SECONDS**2
    cube = ray_mul_half_up(square, rate_ray) // YEAR_SECONDS
    pairs = elapsed_seconds * (elapsed_seconds - 1)
    second = pairs * square // 2
    third = pairs * max(elapsed_seconds - 2, 0) * cube // 6
    return Ray(RAY + rate_ray * elapsed_seconds // YEAR_SECONDS + second + third)
