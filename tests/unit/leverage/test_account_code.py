"""The table of code that is believed."""

import re

from monitor.leverage.account_code import HASHES, KINDS, known_code

ALL = [code_hash for hashes in HASHES.values() for code_hash in hashes]


def test_hashes__of_the_table__are_whole_and_stand_there_once() -> None:
    assert all(re.fullmatch(r"0x[0-9a-f]{64}", code_hash) for code_hash in ALL)
    assert len(set(ALL)) == len(ALL)
    assert set(HASHES) == set(KINDS)


def test_known_code__with_what_an_operator_vouches_for__goes_before_the_table() -> None:
    own = "0x" + "ab" * 32
    known = known_code({own: "safe_proxy", ALL[0]: "smart_account"})
    assert set(known) == {*ALL, own}
    assert (known[own], known[ALL[0]]) == (KINDS["safe_proxy"], KINDS["smart_account"])
    assert known[ALL[1]] == KINDS["safe"]
