"""The header bloom: which addresses cannot have logged anything in a block."""

from collections.abc import Iterable
from functools import lru_cache

from eth_utils.crypto import keccak

from monitor.core.units import Address


def excludes(logs_bloom: int, addresses: Iterable[Address]) -> bool:
    """Whether none of the addresses logged in the block. False means "perhaps"."""
    return all(logs_bloom & (bits := bits_of(address)) != bits for address in addresses)


@lru_cache(maxsize=2**16)
def bits_of(address: Address) -> int:
    """The three bits of an address (yellow paper, equation 26 ff.)."""
    digest = keccak(hexstr=address)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2]) & 2047)
    return bits
