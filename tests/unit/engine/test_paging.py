"""What a filter's number may be: exactly what was written, and nothing that cannot be reckoned."""

from fractions import Fraction

import pytest

from monitor.engine.paging import asked_number
from monitor.errors import QuestionError


def test_number__as_written__is_exact() -> None:
    assert asked_number("n", "0.1", "a number") == Fraction(1, 10)
    assert asked_number("n", "1e5", "a number") == 100_000


@pytest.mark.parametrize("text", ["lots", "nan", "inf", "1e999999999", "1e-999999999", "2,5", ""])
def test_number__that_is_none_or_beyond_reckoning__is_refused(text: str) -> None:
    with pytest.raises(QuestionError, match="expected a number"):
        asked_number("n", text, "a number")
