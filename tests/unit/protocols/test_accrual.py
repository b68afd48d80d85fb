"""Aave's interest and token arithmetic against the vectors of its own test suite."""

import pytest

from monitor.core.fixed_point import compound_interest_ray, ray_div_down, ray_div_up
from monitor.core.units import RAY, YEAR_SECONDS, Ray
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenMath, TokenMove

_, SUPPLY, DEBT = TOKEN_RULES["3.5"]


def test_compound_interest__one_year_at_100_percent__is_three_terms_of_e() -> None:
    # 1 + 1 + 1/2 + 1/6, rounded as WadRayMath rounds.
    factor = compound_interest_ray(RAY, YEAR_SECONDS)
    assert factor == RAY + RAY + (RAY * (RAY // 2 + (RAY * (RAY // 6) + RAY // 2) // RAY)) // RAY


def test_supply__of_8_at_index_2_and_a_bit__displays_6() -> None:
    # aave-v3-origin tests/protocol/pool/Pool.Rounding.t.sol
    index = 2 * RAY + 1
    scaled = ray_div_down(8, index)
    assert (scaled, SUPPLY.display(scaled, index)) == (3, 6)
    assert SUPPLY.display(scaled, 2 * RAY - 1) == 5


@pytest.mark.parametrize(
    ("math", "value", "expected"),
    [(SUPPLY, 6, 3), (DEBT, 7, 3)],
)
def test_scaled_after__a_first_mint__recovers_what_was_minted(
    math: TokenMath, value: int, expected: int
) -> None:
    move = TokenMove(value, 0, Ray(2 * RAY + 1))
    assert math.after(0, RAY, move) == expected


def test_scaled_after__a_burn_smaller_than_the_interest__is_logged_as_mint() -> None:
    # 100 scaled grew by 50; 20 are withdrawn, which burns 14 scaled and leaves 129 on display.
    index = Ray(3 * RAY // 2)
    after = SUPPLY.after(100, RAY, TokenMove(29, 50, index))
    assert after == 100 - ray_div_up(20, index)


def test_scaled_after__a_log_that_contradicts_the_ledger__raises() -> None:
    with pytest.raises(LedgerCorrupt, match="by the log"):
        SUPPLY.after(100, RAY, TokenMove(30, 49, Ray(3 * RAY // 2)))
