"""What the codec says of text that is not its own."""

import pytest
from builders import a_price, an_address

from monitor.core.ledger import position_key
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt
from monitor.store import codec

KEY = position_key(MarketId("core"), an_address("alice"))


@pytest.mark.parametrize("text", ["", "{", '{"supplies": 1}', "[]"])
def test_decode_record__damaged__is_corrupt(text: str) -> None:
    with pytest.raises(LedgerCorrupt, match=KEY.subject):
        codec.decode_record(KEY, text)


def test_decode_record__field_it_gained_since__takes_its_default() -> None:
    assert codec.decode_record(KEY, '{"supplies":[],"debts":[]}') == codec.decode_record(KEY, "{}")


def test_encode_text__price__can_be_read_by_people() -> None:
    text = codec.encode_text(a_price(None, reason="never answered"))
    assert '"value":null' in text
    assert '"reason":"never answered"' in text
