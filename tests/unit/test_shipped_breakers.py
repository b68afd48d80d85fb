"""deploy/breakers.toml, from which people copy: a configuration takes it as it is."""

import pytest
from hysteresis.defaults import ETHER, STAKED, defaults


@pytest.mark.parametrize("name", [ETHER, STAKED])
def test_shipped_breaker__in_a_configuration__has_a_band_and_a_hold(name: str) -> None:
    found = defaults()[name]
    (limits,) = found.rule.limits
    assert limits.clear < limits.warn < limits.trip
    assert found.rule.hold_blocks > 1
    assert len(found.plan.shocks) == 1
