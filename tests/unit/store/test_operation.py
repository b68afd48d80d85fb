"""What a script is told."""

from builders import a_block, a_position, an_address, an_alert

from monitor.core.ledger import market_key, position_key
from monitor.core.units import MarketId
from monitor.store.codec import encode_text
from monitor.store.keys import SCRIPT_KEYS, Keys
from monitor.store.operation import KeyList, flat, place

CORE = MarketId("core")
FIRST_OWN = len(SCRIPT_KEYS) + 1


def a_list() -> KeyList:
    return KeyList(Keys("default", 1))


def test_records__written_and_deleted_in_one_hash__share_its_key() -> None:
    keys = a_list()
    alice = an_address("alice")
    written = position_key(CORE, alice), a_position()
    [part] = keys.records([written])
    [again] = keys.records([(position_key(CORE, alice), None)])
    assert part["set"] == [f"{alice}/", encode_text(a_position())]
    assert (again["del"], again["key"]) == ([f"{alice}/"], part["key"])
    assert len(keys.names) == 1


def test_records__market__lies_in_the_hash_of_its_kind() -> None:
    keys = a_list()
    keys.records([(market_key(CORE), None)])
    assert keys.names == ["cm:{default:1}:market:0:core"]


def test_posting__two_webhooks__name_their_queues() -> None:
    keys = a_list()
    posting = keys.posting(an_alert(a_block()), ["ops", "dao"])
    assert posting["receivers"] == [
        {"webhook": "ops", "queue": FIRST_OWN},
        {"webhook": "dao", "queue": FIRST_OWN + 1},
    ]
    assert keys.names == ["cm:{default:1}:queue:ops", "cm:{default:1}:queue:dao"]


def test_place__block__can_be_compared_without_decoding_it() -> None:
    block = a_block()
    part = place(block)
    assert (part["hash"], part["parent"], part["number"]) == (block.hash, block.parent_hash, 100)


def test_flat__pairs__stand_in_a_row() -> None:
    assert flat({"a": "1", "b": "2"}) == ["a", "1", "b", "2"]
