"""Differential: what the local chain decodes by itself, against eth_abi."""

import pytest
from devnet import abi
from devnet.abi import PLAIN
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = settings(max_examples=200, deadline=None)
RESULTS = "(bool,bytes)[]"
results = st.lists(st.tuples(st.booleans(), st.binary(max_size=100)), max_size=6)
EDGES = st.sampled_from([0, 1, 2, 2**160 - 1, 2**160, 2**255 - 1, 2**255, 2**256 - 1])
words = st.one_of(EDGES, st.integers(0, 2**256 - 1))


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from(sorted(PLAIN)), words), min_size=1, max_size=5))
def test_decode__words_of_plain_types__is_what_eth_abi_reads(given: list[tuple[str, int]]) -> None:
    types = tuple(kind for kind, _ in given)
    data = b"".join(word.to_bytes(32) for _, word in given)
    function = abi.Function("get", (), types)
    try:
        theirs = decode(types, data)
    except DecodingError:
        with pytest.raises(DecodingError):
            function.decode(data)
        return
    mine = function.decode(data)
    assert (mine if len(types) > 1 else (mine,)) == theirs
    assert [type(value) for value in (mine if len(types) > 1 else (mine,))] == list(
        map(type, theirs)
    )


@EXAMPLES
@given(results)
def test_results__of_many_calls__are_what_eth_abi_reads(found: list[tuple[bool, bytes]]) -> None:
    assert abi.results(encode([RESULTS], [found])) == found


@EXAMPLES
@given(results, st.data())
def test_results__cut_short__are_refused(
    found: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    answer = encode([RESULTS], [found])
    last = len(found[-1][1]) if found else 0
    whole = len(answer) - (-last % 32)  # what a cut takes of the last padding says nothing
    with pytest.raises(ValueError, match=r"no word at|malformed"):
        abi.results(answer[: data.draw(st.integers(0, whole - 1))])
