"""The envelope of Multicall3: many calls as one, and what each came to.

Source: `aggregate3((address,bool,bytes)[])` returns `(bool,bytes)[]`, in the ABI's layout. Written
out because a block's views all travel in it: by a codec for any type, packing four hundred of them
costs more time than all that is done with what they say. The calls inside are web3's to encode.
"""

from collections.abc import Sequence

from monitor.core.units import Address

WORD = 32
MAY_FAIL = bytes(31) + b"\x01"


def packed(selector: bytes, targets: Sequence[tuple[Address, bytes]]) -> bytes:
    """Calldata of one call for all of them, each of which may fail by itself."""
    tails = [_target(to, data) for to, data in targets]
    return b"".join((selector, _word(WORD), _word(len(tails)), *_offsets(tails), *tails))


def unpacked(answer: bytes, count: int) -> list[tuple[bool, bytes]]:
    """Of each call whether it succeeded, and what it returned.

    Raises ValueError for all that is not what a compiler writes for so many results: it is no
    Multicall3 that answers so.
    """
    heads = WORD * (2 + count)
    if answer[: 2 * WORD] != _word(WORD) + _word(count) or len(answer) < heads:
        raise ValueError(f"expected {count} results, found {len(answer)} bytes of another shape")
    found, place = [], heads
    for index in range(count):
        head = WORD * (2 + index)
        if int.from_bytes(answer[head : head + WORD]) != place - 2 * WORD:
            raise ValueError(f"result {index} does not begin behind the one before it")
        ok, data = _result(answer, place)
        found.append((ok, data))
        place += 3 * WORD + len(data) + _padding(data)
    if place != len(answer):
        raise ValueError(f"{count} results take {place} bytes, found {len(answer)}")
    return found


def _result(answer: bytes, place: int) -> tuple[bool, bytes]:
    """The result that begins there. Raises ValueError."""
    start = place + 3 * WORD
    ok = int.from_bytes(answer[place : place + WORD])
    size = int.from_bytes(answer[place + 2 * WORD : start])
    data = answer[start : start + size]
    is_whole = start <= len(answer) and len(data) == size
    if ok > 1 or not is_whole or answer[place + WORD : place + 2 * WORD] != _word(2 * WORD):
        raise ValueError(f"no result of a call at byte {place}")
    if any(answer[start + size : start + size + _padding(data)]):
        raise ValueError(f"dirty padding behind the result at byte {place}")
    return ok == 1, data


def _target(to: Address, data: bytes) -> bytes:
    """One call: address, that it may fail, where its calldata are, their size, they themselves."""
    address = bytes(12) + bytes.fromhex(to[2:])
    head = (address, MAY_FAIL, _word(3 * WORD), _word(len(data)))
    return b"".join((*head, data, bytes(_padding(data))))


def _offsets(tails: Sequence[bytes]) -> list[bytes]:
    """Where each begins, counted from the first offset."""
    offsets, place = [], WORD * len(tails)
    for tail in tails:
        offsets.append(_word(place))
        place += len(tail)
    return offsets


def _padding(data: bytes) -> int:
    """How many bytes are missing to a whole word."""
    return -len(data) % WORD


def _word(value: int) -> bytes:
    return value.to_bytes(WORD)
