"""Where things lie."""

from collections import Counter

import pytest
from builders import an_address

from monitor.core.keys import Key, Kind, market_key, pool_key, position_key, reserve_key
from monitor.core.units import MarketId
from monitor.errors import ConfigError
from monitor.store.keys import (
    POSITION_BUCKETS,
    Keys,
    field_of,
    group_in,
    group_of,
    key_of,
    place_of,
)

CORE = MarketId("aave:core")


def test_keys__any_name__starts_with_the_hash_tag() -> None:
    assert Keys("default", 1).of("tail") == "cm:{default:1}:tail"


def test_keys__brace_in_the_namespace__is_refused() -> None:
    with pytest.raises(ConfigError, match="brace"):
        Keys("a}b", 1)


def test_place_of__reserve__is_one_hash_a_market() -> None:
    weth = an_address("WETH")
    assert place_of(reserve_key(CORE, weth)) == ("reserve:aave:core", f"{weth}/".encode())


def test_place_of__positions__are_spread_evenly() -> None:
    keys = [position_key(CORE, an_address(str(n))) for n in range(4 * POSITION_BUCKETS)]
    filled = Counter(place_of(key)[0] for key in keys)
    assert max(filled.values()) < 20
    assert {group_in(name) for name in filled} == {"position:aave:core"}


@pytest.mark.parametrize(
    "key",
    [
        market_key(CORE),
        pool_key(an_address("pool")),
        position_key(CORE, an_address("alice")),
        Key(Kind.POSITION, CORE, "0x12/34", an_address("alice")),
        Key(Kind.POSITION, CORE, "", "20 bytes of plain text"),
        Key(Kind.POSITION, CORE, "", an_address("alice").upper()),
    ],
)
def test_key_of__group_and_field__is_the_key(key: Key) -> None:
    assert key_of(group_of(key), field_of(key)) == key


def test_field_of__slash_in_the_subject__is_refused() -> None:
    with pytest.raises(ValueError, match="slash"):
        field_of(Key(Kind.POOL, CORE, "", "a/b"))


@pytest.mark.parametrize("field", [b"", b"\x01short", b"\x02" + 20 * b"a", b"\x00no slash"])
def test_key_of__field_nobody_made__is_refused(field: bytes) -> None:
    with pytest.raises(ValueError, match=r"packed address|has no slash"):
        key_of("position:core", field)
