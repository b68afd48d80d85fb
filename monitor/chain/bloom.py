"""The header bloom: which addresses cannot have logged anything in a block, and what has."""

from collections.abc import Collection, Iterable
from functools import lru_cache

from eth_utils.crypto import keccak

from monitor.core.blocks import RawLog
from monitor.core.units import Address


def excludes(logs_bloom: int, addresses: Iterable[Address]) -> bool:
    """Whether none of the addresses logged in the block. False means "perhaps"."""
    return all(logs_bloom & (bits := bits_of(address)) != bits for address in addresses)


def of(logs: Collection[RawLog]) -> int:
    """The bloom of a block with these logs."""
    bloom = 0
    for address in {log.address for log in logs}:
        bloom |= bits_of(address)
    for topic in {topic for log in logs for topic in log.topics}:
        bloom |= _bits(topic)
    return bloom


@lru_cache(maxsize=2**16)
def bits_of(address: Address) -> int:
    """The three bits of an address."""
    return _bits(address)


def _bits(entry: str) -> int:
    """The three bits of an address or a topic, in hex (yellow paper, equation 26 ff.)."""
    digest = keccak(hexstr=entry)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2]) & 2047)
    return bits
