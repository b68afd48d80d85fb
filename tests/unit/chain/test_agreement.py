from builders import a_hash

from monitor.chain.agreement import disagreement
from monitor.core.units import BlockHash

A, B = BlockHash(a_hash("a")), BlockHash(a_hash("b"))


def test_disagreement__two_against_one__names_all_three_and_takes_no_side() -> None:
    found = disagreement(9, [A, B, A])
    assert found is not None
    said = str(found)
    assert f"block 9: endpoint 0 has {A}, endpoint 1 has {B}, endpoint 2 has {A}" in said


def test_disagreement__of_who_says_nothing__is_none() -> None:
    assert disagreement(9, [A, None, A]) is None
    assert disagreement(9, [None, None]) is None
    assert disagreement(9, []) is None
