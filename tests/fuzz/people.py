"""Who takes part."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeVar

from devnet import Address, account
from eth_utils.crypto import keccak

Item = TypeVar("Item")
ACTORS = 100
STATES_IN_MEMORY = 10_000
"""Of the node: blocks of the longest run, with those that are replaced."""
TREASURY, UMBRELLA = account("treasury"), account("umbrella")
FLASH_OWNER = account("flash owner")
RETURNS_TRUE = bytes.fromhex("600a600c600039600a6000f3" + "600160005260206000f3")
"""Creation code of a contract that answers 1 to everything: a receiver of Aave's flash loans."""


@cache
def actors() -> tuple[Address, ...]:
    return tuple(account(f"fuzz {number}") for number in range(ACTORS))


def in_parts(all_of: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """One part after another: a block holds only so much."""
    for start in range(0, len(all_of), size):
        yield all_of[start : start + size]


def delegate_of(who: Address) -> Address:
    """Who may borrow on somebody's credit."""
    people = actors()
    return people[(people.index(who) + 1) % ACTORS]


def flash_receiver() -> Address:
    """The first contract that its owner created: RLP of (owner, 0), hashed."""
    owner = bytes.fromhex(FLASH_OWNER[2:])
    return "0x" + keccak(b"\xd6\x94" + owner + b"\x80")[-20:].hex()


def manager_of(who: Address) -> Address:
    """Who may change somebody's flags, once approved."""
    people = actors()
    return people[(people.index(who) + 2) % ACTORS] if who in people else people[0]
