"""What a script is told."""

from builders import a_block, an_alert

from monitor.store.keys import SCRIPT_KEYS, Keys
from monitor.store.operation import KeyList, flat, place

FIRST_OWN = len(SCRIPT_KEYS) + 1


def a_list() -> KeyList:
    return KeyList(Keys("default", 1))


def test_hashes__one_named_twice__is_declared_once() -> None:
    keys = a_list()
    assert keys.hashes(["reserve:core", "reserve:core"]) == [FIRST_OWN, FIRST_OWN]
    assert keys.names == ["cm:{default:1}:reserve:core"]


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
