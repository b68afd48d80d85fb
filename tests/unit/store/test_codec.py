"""What the codec says of text that is not its own."""

from dataclasses import replace

import pytest
from builders import USDC, WETH, a_block, a_delta, a_position, a_price, an_address, an_alert
from msgspec import json

from monitor.core.keys import (
    Key,
    category_key,
    fault_key,
    market_key,
    pool_key,
    position_key,
    price_key,
    reserve_key,
)
from monitor.core.prices import Edge, PriceKind
from monitor.core.units import BlockHash, MarketId
from monitor.errors import LedgerCorrupt
from monitor.store import codec

CORE = MarketId("core")
KEY = position_key(CORE, an_address("alice"))


PACKED = codec.encode_record(a_position(10**18, 5 * 10**9))
OTHER_KINDS = [
    market_key(CORE),
    reserve_key(CORE, USDC),
    category_key(CORE, 1),
    price_key(CORE, USDC),
    pool_key(USDC),
    fault_key(BlockHash("0x1")),
]


@pytest.mark.parametrize("key", OTHER_KINDS, ids=lambda key: key.kind)
@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"symbol": 1, "number": ""}', PACKED]
)
def test_decode_record__damaged_text__is_corrupt(key: Key, data: bytes) -> None:
    with pytest.raises(LedgerCorrupt, match="in the store does not decode"):
        codec.decode_record(key, data)


@pytest.mark.parametrize("length", range(len(PACKED)))
def test_decode_record__truncated_position__is_corrupt(length: int) -> None:
    with pytest.raises(LedgerCorrupt, match=KEY.subject):
        codec.decode_record(KEY, PACKED[:length])


@pytest.mark.parametrize("data", [PACKED + b"\x00", b"\x02" + PACKED[1:], b"{}", b"\x01\x93"])
def test_decode_record__other_bytes_than_a_position__is_corrupt(data: bytes) -> None:
    with pytest.raises(LedgerCorrupt, match=KEY.subject):
        codec.decode_record(KEY, data)


def test_decode_record__asset_of_another_length__is_corrupt() -> None:
    short = PACKED.replace(bytes.fromhex(USDC[2:]), bytes.fromhex(USDC[2:-2]) + b"")
    with pytest.raises(LedgerCorrupt, match=KEY.subject):
        codec.decode_record(KEY, short)


WRITES = codec.encode_writes(a_delta(a_block(), (KEY, a_position(1), a_position(2))))


@pytest.mark.parametrize("data", [*(WRITES[:size] for size in range(len(WRITES))), WRITES + b"}"])
def test_decode_writes__damaged__is_corrupt(data: bytes) -> None:
    with pytest.raises(LedgerCorrupt, match="in the store does not decode"):
        codec.decode_writes(data)


def priced_by_one_feed(feed: Edge) -> bytes:
    """What a block wrote in which two assets got a price by it."""
    price = replace(a_price(), path=(Edge(USDC, None, "above it"), feed))
    keys = [price_key(CORE, asset) for asset in (USDC, WETH)]
    return codec.encode_writes(a_delta(a_block(), *((key, None, price) for key in keys)))


def test_encode_writes__prices_that_meet_in_a_feed__tell_of_it_once() -> None:
    writes = priced_by_one_feed(Edge(WETH, PriceKind.MARKET, "the feed of both"))
    assert writes.count(b"the feed of both") == 1
    paths = {price.path for price in codec.decode_writes(writes).values()}  # type: ignore[union-attr]
    assert [[edge.what for edge in path] for path in paths] == [["above it", "the feed of both"]]


def test_decode_writes__before_edges_were_told_apart__has_paths_all_the_same() -> None:
    price = replace(a_price(), path=(Edge(USDC, None, "itself"),))
    key = price_key(CORE, USDC)
    old = json.encode({"block": a_block(), "writes": [(key, price)]})
    assert codec.decode_writes(old) == {key: price}


def test_decode_writes__edge_that_is_not_there__is_corrupt() -> None:
    writes = json.decode(priced_by_one_feed(Edge(WETH, PriceKind.MARKET, "lost")))
    with pytest.raises(LedgerCorrupt, match="lost edges"):
        codec.decode_writes(json.encode(writes | {"edges": writes["edges"][:1]}))


def test_decode_record__field_it_gained_since__takes_its_default() -> None:
    assert codec.decode_record(price_key(CORE, USDC), b'{"value": 5}') == a_price(5)


def test_encode_text__price__can_be_read_by_people() -> None:
    text = codec.encode_text(a_price(None, reason="never answered"))
    assert '"value":null' in text
    assert '"reason":"never answered"' in text


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"tripped"'])
def test_decode_posted__body_is_no_object__is_damage(body: str) -> None:
    """It would end whatever reads the alerts in a traceback."""
    posted = codec.PostedAlert(replace(an_alert(a_block()), body=body), ("on-call",))
    with pytest.raises(LedgerCorrupt, match="the body of alert"):
        codec.decode_posted(codec.encode_text(posted))
