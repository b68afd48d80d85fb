"""Who is behind which account, kept as accounts come and change.

An account that obeys one other is that one's, and so on up. One that obeys several together (a
Safe) is an owner of its own: sharing a signer makes nobody one. Only accounts that obey exactly
the same people, by the same count, are one owner, named by the smallest of their addresses. What
was not resolved, or comes back to itself, or goes up too far, is its own owner.
"""

from monitor.core.owners import Ownership
from monitor.core.units import Address

MOST_HOPS = 16
"""Whoever hides behind more accounts than that is not followed."""


class Owners:
    """Accounts by owner. A change costs what it touches, not what is known."""

    def __init__(self) -> None:
        self._told: dict[Address, Ownership] = {}

    def put(self, account: Address, told: Ownership | None) -> frozenset[Address]:
        """What is known of an account now; None forgets it.

        The accounts whose owner became another by it; with the account itself where it is new.
        """
        raise NotImplementedError

    def owner(self, account: Address) -> Address:
        """Itself when unknown."""
        return account

    def accounts(self, owner: Address) -> frozenset[Address]:
        """Every account put that resolves to it, and the owner itself."""
        return frozenset({owner})
