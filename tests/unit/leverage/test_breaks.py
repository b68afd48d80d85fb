from fractions import Fraction

import pytest

from monitor.leverage.breaks import Growth, Term, days_to_break, nearest_break


def worth(value: int, power: int = 0, cap: int | None = None) -> Term:
    return Term(Fraction(value), power, None if cap is None else Fraction(cap))


def test_break__of_collateral_that_moves__is_where_it_is_worth_the_debt() -> None:
    assert nearest_break([worth(120, 1)], [worth(90)]) == Fraction(-1, 4)


def test_break__of_debt_that_moves__is_a_rise() -> None:
    assert nearest_break([worth(120)], [worth(90, 1)]) == Fraction(1, 3)


def test_break__where_both_sides_move_alike__never_comes() -> None:
    assert nearest_break([worth(120, 1)], [worth(90, 1)]) is None


def test_break__where_a_part_stands_still__is_by_the_rest() -> None:
    assert nearest_break([worth(60, 1), worth(60)], [worth(90)]) == Fraction(-1, 2)
    assert nearest_break([worth(20, 1), worth(100)], [worth(90)]) is None


def test_break__where_the_oracle_divides__is_the_rise_of_what_it_divides_by() -> None:
    assert nearest_break([worth(120, -1)], [worth(90)]) == Fraction(1, 3)


def test_break__of_what_is_broken_already__is_no_move() -> None:
    assert nearest_break([worth(80, 1)], [worth(90)]) == 0


def test_break__above_a_cap__needs_the_way_down_to_it_first() -> None:
    # It would be 150 without its cap of 120: it counts for 120 until the market fell by a fifth.
    assert nearest_break([worth(150, 1, cap=120)], [worth(100)]) == Fraction(-1, 3)


def test_break__of_a_capped_debt__ends_at_the_cap() -> None:
    assert nearest_break([worth(120)], [worth(100, 1, cap=110)]) is None
    assert nearest_break([worth(120)], [worth(100, 1, cap=130)]) == Fraction(1, 5)


def test_break__up_or_down__is_the_nearer() -> None:
    # Above its cap of 100 the collateral stands still, and the debt goes on.
    both = [worth(100, 1, cap=100), worth(8)]
    assert nearest_break(both, [worth(90, 1)]) == Fraction(1, 5)


def test_break__with_and_against_one_factor__is_refused() -> None:
    with pytest.raises(ValueError, match="powers"):
        nearest_break([worth(120, 1)], [worth(90, -1)])


def test_days__until_interest_eats_what_is_over__are_whole() -> None:
    # ln(1.1) / 0.1 years are 347.9 days.
    secured, owed = [Growth(Fraction(110), Fraction(0))], [Growth(Fraction(100), Fraction(1, 10))]
    assert days_to_break(secured, owed) == 348


def test_days__where_the_yield_pays_the_interest__never_come() -> None:
    rate = Fraction(1, 10)
    assert days_to_break([Growth(Fraction(110), rate)], [Growth(Fraction(100), rate)]) is None


def test_days__of_what_is_broken_already__are_none_to_wait() -> None:
    assert (
        days_to_break([Growth(Fraction(99), Fraction(0))], [Growth(Fraction(100), Fraction(0))])
        == 0
    )
