"""Differential: the envelope of Multicall3 against eth_abi.

An answer is read if, and only if, its bytes are what eth_abi makes of the results read from them,
and they are as many as were asked for.
"""

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.chain.multicall import packed, unpacked
from monitor.core.units import Address

CALLS, RESULTS = "(address,bool,bytes)[]", "(bool,bytes)[]"
SELECTOR = bytes.fromhex("82ad56cb")
EXAMPLES = settings(max_examples=200, deadline=None)
bodies = st.binary(max_size=100)
results = st.lists(st.tuples(st.booleans(), bodies), max_size=6)
targets = st.lists(st.tuples(st.binary(min_size=20, max_size=20), bodies), max_size=6)


def theirs(answer: bytes, count: int) -> list[tuple[bool, bytes]] | None:
    """What eth_abi reads; None where it refuses, or would have written something else."""
    try:
        [found] = decode([RESULTS], answer)
    except (DecodingError, OverflowError):
        return None
    return list(found) if len(found) == count and encode([RESULTS], [found]) == answer else None


def ours(answer: bytes, count: int) -> list[tuple[bool, bytes]] | None:
    try:
        return unpacked(answer, count)
    except ValueError:
        return None


@EXAMPLES
@given(targets)
def test_packed__any_calls__is_what_eth_abi_writes(calls: list[tuple[bytes, bytes]]) -> None:
    mine = packed(SELECTOR, [(Address("0x" + to.hex()), data) for to, data in calls])
    assert mine == SELECTOR + encode([CALLS], [[("0x" + t.hex(), True, d) for t, d in calls]])


@EXAMPLES
@given(results)
def test_unpacked__what_eth_abi_wrote__is_what_it_wrote(found: list[tuple[bool, bytes]]) -> None:
    assert unpacked(encode([RESULTS], [found]), len(found)) == found


@EXAMPLES
@given(results, st.integers(0, 6))
def test_unpacked__another_number_of_results__is_refused(
    found: list[tuple[bool, bytes]], asked: int
) -> None:
    answer = encode([RESULTS], [found])
    assert ours(answer, asked) == (found if asked == len(found) else None)


@EXAMPLES
@given(results, st.data())
def test_unpacked__one_byte_is_another__agrees_with_eth_abi(
    found: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    answer = bytearray(encode([RESULTS], [found]))
    answer[data.draw(st.integers(0, len(answer) - 1))] = data.draw(st.integers(0, 255))
    count = data.draw(st.sampled_from([len(found), len(found) + 1]))
    assert ours(bytes(answer), count) == theirs(bytes(answer), count)


@EXAMPLES
@given(results, st.data())
def test_unpacked__cut_or_longer__is_refused(
    found: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    answer = encode([RESULTS], [found])
    cut = data.draw(st.integers(0, len(answer) - 1))
    assert ours(answer[:cut], len(found)) is None
    assert ours(answer + bytes(data.draw(st.integers(1, 40))), len(found)) is None


@EXAMPLES
@given(st.binary(max_size=300), st.integers(0, 4))
def test_unpacked__any_bytes__agrees_with_eth_abi(answer: bytes, count: int) -> None:
    assert ours(answer, count) == theirs(answer, count)
