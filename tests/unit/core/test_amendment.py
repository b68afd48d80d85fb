from dataclasses import FrozenInstanceError, replace

import pytest
from builders import a_reserve

from monitor.core.amendment import amender
from monitor.core.ledger import Reserve
from monitor.core.units import RawAmount

amended = amender(Reserve)


def test_amended__some_fields__is_what_replace_makes() -> None:
    reserve = a_reserve()
    changes = {"cash_raw": RawAmount(7), "symbol": "X"}
    assert amended(reserve, **changes) == replace(reserve, **changes)  # type: ignore[arg-type]
    assert reserve == a_reserve()


def test_amended__result__is_as_frozen_as_any() -> None:
    with pytest.raises(FrozenInstanceError):
        amended(a_reserve(), cash_raw=7).symbol = "Y"  # type: ignore[misc]


def test_amended__a_field_that_is_none__raises() -> None:
    with pytest.raises(KeyError, match="cash"):
        amended(a_reserve(), cash=7)
