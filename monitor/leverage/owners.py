"""Who is behind which account, kept as accounts come and change.

An account that obeys one other is that one's, and so on up. One that obeys several together (a
Safe) is an owner of its own: sharing a signer makes nobody one. Only accounts that obey exactly
the same people, by the same count, are one owner, named by the smallest of their addresses. What
was not resolved, comes back to itself or goes up too far is its own owner.
"""

from collections.abc import Iterator
from heapq import heappop, heappush

from monitor.core.owners import Ownership
from monitor.core.units import Address

MOST_HOPS = 16
"""Who hides behind more accounts than that is not followed."""
Council = tuple[tuple[Address, ...], int]
"""The several that are obeyed, and how many of them it takes."""


class Owners:
    """Accounts by owner. A change costs what it touches, not what is known."""

    def __init__(self) -> None:
        self._told: dict[Address, Ownership] = {}
        self._master: dict[Address, Address] = {}
        self._servants: dict[Address, set[Address]] = {}
        self._council: dict[Address, Council] = {}
        self._benches: dict[Council, _Bench] = {}
        self._owner: dict[Address, Address] = {}
        self._accounts: dict[Address, set[Address]] = {}

    def put(self, account: Address, told: Ownership | None) -> frozenset[Address]:
        """What is known of an account now; None forgets it.

        The accounts whose owner became another by it; with the account itself where it is new.
        """
        is_new = told is not None and account not in self._told
        moved = self._link(account, *_obeyed(told))
        if told is None:
            self._told.pop(account, None)
        else:
            self._told[account] = told
        changed = {each for each in self._below(moved) if self._settle(each)}
        if self._settle(account) or is_new:
            changed.add(account)
        return frozenset(changed)

    def owner(self, account: Address) -> Address:
        """Itself when unknown."""
        return self._owner.get(account, account)

    def accounts(self, owner: Address) -> frozenset[Address]:
        """Every account put that resolves to it, and the owner itself."""
        return frozenset(self._accounts.get(owner, ())) | {owner}

    def _link(
        self, account: Address, master: Address | None, council: Council | None
    ) -> set[Address]:
        """Whom an account obeys from now on. Whose owner may be another for it, but for those
        that obey them in turn; nobody where it obeys whom it obeyed."""
        moved: set[Address] = set()
        before = self._master.get(account)
        if master != before:
            moved.add(account)
            if before is not None:
                _drop(self._servants, before, account)
                del self._master[account]
            if master is not None:
                self._servants.setdefault(master, set()).add(account)
                self._master[account] = master
        sat = self._council.get(account)
        if council != sat:
            moved.add(account)
            if sat is not None:
                moved |= self._leave(account, sat)
            if council is not None:
                moved |= self._sit(account, council)
        return moved

    def _sit(self, account: Address, council: Council) -> set[Address]:
        """Takes an account into its bench: all of it is moved where that renames it."""
        self._council[account] = council
        bench = self._benches.setdefault(council, _Bench())
        return bench.members if bench.add(account) else set()

    def _leave(self, account: Address, council: Council) -> set[Address]:
        del self._council[account]
        bench = self._benches[council]
        is_renamed = bench.remove(account)
        if not bench.members:
            del self._benches[council]
        return bench.members if is_renamed else set()

    def _below(self, roots: set[Address]) -> Iterator[Address]:
        """These, and all that obey them, as far as anybody is followed."""
        seen, level = set(roots), roots
        for _ in range(MOST_HOPS + 1):
            yield from level
            level = {
                servant
                for account in level
                for servant in self._servants.get(account, ())
                if servant not in seen
            }
            if not level:
                return
            seen |= level

    def _settle(self, account: Address) -> bool:
        """Enters who is behind an account now; whether that is another than before."""
        before, after = self.owner(account), self._resolved(account)
        if account not in self._told:
            self._owner.pop(account, None)
            _drop(self._accounts, before, account)
        elif self._owner.get(account) != after:
            _drop(self._accounts, before, account)
            self._owner[account] = after
            self._accounts.setdefault(after, set()).add(account)
        return after != before

    def _resolved(self, account: Address) -> Address:
        passed, at = {account}, account
        while (master := self._master.get(at)) is not None:
            if master in passed or len(passed) > MOST_HOPS:
                return account
            passed.add(master)
            at = master
        council = self._council.get(at)
        return at if council is None else self._benches[council].name


class _Bench:
    """Accounts that obey the same people. The smallest is found without looking at all."""

    def __init__(self) -> None:
        self.members: set[Address] = set()
        self._smallest: list[Address] = []

    @property
    def name(self) -> Address:
        return self._smallest[0]

    def add(self, account: Address) -> bool:
        """Whether that gives those who sit here another name."""
        self.members.add(account)
        heappush(self._smallest, account)
        return self.name == account

    def remove(self, account: Address) -> bool:
        self.members.remove(account)
        is_renamed = self.name == account
        while self._smallest and self._smallest[0] not in self.members:
            heappop(self._smallest)
        if len(self._smallest) > 2 * len(self.members):
            self._smallest = sorted(self.members)
        return is_renamed


def _obeyed(told: Ownership | None) -> tuple[Address | None, Council | None]:
    if told is None or told.reason or not told.controllers:
        return None, None
    if len(told.controllers) == 1:
        return told.controllers[0], None
    return None, (told.controllers, told.threshold)


def _drop(groups: dict[Address, set[Address]], key: Address, account: Address) -> None:
    members = groups.get(key)
    if members is not None:
        members.discard(account)
        if not members:
            del groups[key]
