"""What a script is told."""

from builders import a_block, an_address, an_alert

from monitor.core.ledger import position_key
from monitor.core.units import MarketId
from monitor.store.keys import SCRIPT_KEYS, Keys, field_of, group_of
from monitor.store.operation import KeyList, flat, place

CORE = MarketId("core")
FIRST_OWN = len(SCRIPT_KEYS) + 1


def a_list() -> KeyList:
    return KeyList(Keys("default", 1))


def test_records__written_and_deleted_in_one_hash__share_its_key() -> None:
    keys = a_list()
    written = "reserve:core", b"0x1/", b"{}"
    deleted = "reserve:core", b"0x2/", b""
    assert keys.records([written, deleted]) == [
        *(FIRST_OWN, b"0x1/", b"{}"),
        *(FIRST_OWN, b"0x2/", b""),
    ]
    assert keys.names == ["cm:{default:1}:reserve:core"]


def test_records__position__lies_in_one_of_its_groups_hashes() -> None:
    keys = a_list()
    key = position_key(CORE, an_address("alice"))
    keys.records([(group_of(key), field_of(key), b"packed")])
    [name] = keys.names
    assert name.startswith("cm:{default:1}:position:core/")
    assert keys.hashes([name.removeprefix("cm:{default:1}:")]) == [FIRST_OWN]


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
