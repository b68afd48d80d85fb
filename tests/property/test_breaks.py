"""Where health is 1: just beyond the move it is less, and nowhere on the way there."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.leverage.breaks import LARGEST_FACTOR, Term, nearest_break

VALUES = st.fractions(Fraction(1, 100), 1000, max_denominator=100)
STEPS = 64


def terms(power: int) -> st.SearchStrategy[list[Term]]:
    """Of what goes with the factor some, of what stands still some, capped or not."""
    caps = st.one_of(st.none(), VALUES)
    moving = st.builds(Term, VALUES, st.sampled_from([0, power]), caps)
    return st.lists(moving, min_size=1, max_size=4)


def worth(values: Sequence[Term], factor: Fraction) -> Fraction:
    total = Fraction(0)
    for term in values:
        moved = term.value * factor**term.power
        total += moved if term.cap is None else min(moved, term.cap)
    return total


@given(st.data(), st.sampled_from([1, -1]))
def test_break__of_any_terms__is_the_first(data: st.DataObject, power: int) -> None:
    secured, owed = data.draw(terms(power)), data.draw(terms(power))
    assume(worth(secured, Fraction(1)) >= worth(owed, Fraction(1)))
    move = nearest_break(secured, owed)
    reach = Fraction(1) if move is None else abs(move)
    for step in range(STEPS):
        for sign in (1, -1):
            factor = 1 + sign * reach * Fraction(step, STEPS)
            if factor > 0:
                assert worth(secured, factor) >= worth(owed, factor)
    if move is not None:
        beyond = 1 + move + (1 if move > 0 else -1) * Fraction(1, 10**12)
        either = [beyond] if move else [beyond, 2 - beyond]
        assert any(worth(secured, f) < worth(owed, f) for f in either if f > 0)


@given(st.data(), st.sampled_from([1, -1]))
def test_break__that_never_comes__comes_at_no_factor(data: st.DataObject, power: int) -> None:
    secured, owed = data.draw(terms(power)), data.draw(terms(power))
    if nearest_break(secured, owed) is None:
        for exponent in range(-12, 9):
            factor = Fraction(10) ** exponent
            assert factor > LARGEST_FACTOR or worth(secured, factor) >= worth(owed, factor)
