"""Token decoding is exact: whatever the contract did, its log gives the scaled balance back."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.fixed_point import ray_div_down, ray_div_up, ray_mul_down, ray_mul_up
from monitor.core.units import RAY, Ray
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenMove

_, SUPPLY, DEBT = TOKEN_RULES["3.5"]
indices = st.integers(RAY, 1000 * RAY)
amounts = st.integers(0, 2**112)


@given(amounts, indices, indices, amounts)
def test_supply_mint__any_history__recovers_the_scaled_balance(
    scaled: int, one: int, other: int, amount: int
) -> None:
    before, now = sorted((one, other))
    minted = ray_div_down(amount, now)
    displayed = ray_mul_down(scaled, before)
    increase = ray_mul_down(scaled, now) - displayed
    value = ray_mul_down(scaled + minted, now) - displayed
    move = TokenMove(value, increase, Ray(now))
    assert SUPPLY.after(scaled, before, move) == scaled + minted


@given(amounts, indices, indices, st.data())
def test_supply_burn__any_history__recovers_the_scaled_balance(
    scaled: int, one: int, other: int, data: st.DataObject
) -> None:
    before, now = sorted((one, other))
    amount = data.draw(st.integers(0, ray_mul_down(scaled, now)))
    burnt = min(ray_div_up(amount, now), scaled)
    displayed = ray_mul_down(scaled, before)
    increase = ray_mul_down(scaled, now) - displayed
    value = ray_mul_down(scaled - burnt, now) - displayed
    move = TokenMove(value, increase, Ray(now))
    assert SUPPLY.after(scaled, before, move) == scaled - burnt


@given(amounts, indices, indices, amounts)
def test_debt_mint__any_history__recovers_the_scaled_balance(
    scaled: int, one: int, other: int, amount: int
) -> None:
    before, now = sorted((one, other))
    minted = ray_div_up(amount, now)
    displayed = ray_mul_up(scaled, before)
    increase = ray_mul_up(scaled, now) - displayed
    value = ray_mul_up(scaled + minted, now) - displayed
    move = TokenMove(value, increase, Ray(now))
    assert DEBT.after(scaled, before, move) == scaled + minted


@given(amounts, indices, indices, st.data())
def test_debt_burn__any_history__recovers_the_scaled_balance(
    scaled: int, one: int, other: int, data: st.DataObject
) -> None:
    before, now = sorted((one, other))
    amount = data.draw(st.integers(0, ray_mul_up(scaled, now)))
    burnt = min(ray_div_down(amount, now), scaled)
    displayed = ray_mul_up(scaled, before)
    increase = ray_mul_up(scaled, now) - displayed
    value = ray_mul_up(scaled - burnt, now) - displayed
    move = TokenMove(value, increase, Ray(now))
    assert DEBT.after(scaled, before, move) == scaled - burnt
