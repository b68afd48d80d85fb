"""What a block teaches about owners, while it is folded: it is not part of the ledger yet."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from monitor.core.blocks import RawLog
from monitor.core.keys import owner_key
from monitor.core.ledger import LedgerView, find
from monitor.core.owners import Ownership
from monitor.core.transfers import parties
from monitor.core.units import Address, AssetId
from monitor.leverage.owners import Owners


class Lessons:
    """Told to `owners`, and taken back at the end. `turned`: all owners it matters to."""

    def __init__(self, owners: Owners, ledger: LedgerView) -> None:
        self._owners = owners
        self._ledger = ledger
        self._before: dict[Address, Ownership | None] = {}
        self.turned: set[Address] = set()

    def has(self, account: Address) -> bool:
        """Whether the block taught something about it."""
        return account in self._before

    def learn(self, told: Mapping[Address, Ownership]) -> None:
        self.turned |= {self._owners.owner(account) for account in told}
        for account, ownership in told.items():
            before = find(self._ledger, owner_key(account), Ownership)
            self._before.setdefault(account, before)
            self.turned |= self._owners.put(account, ownership)
        self.turned |= {self._owners.owner(account) for account in self.turned}

    def forget(self, accounts: Iterable[Address]) -> None:
        """As it was before the block."""
        for account in accounts:
            self._owners.put(account, self._before.pop(account))

    def forget_all(self) -> None:
        self.forget(list(self._before))


@contextmanager
def lessons(owners: Owners, ledger: LedgerView) -> Iterator[Lessons]:
    """Whatever is learned is forgotten at the end, however that comes."""
    taught = Lessons(owners, ledger)
    try:
        yield taught
    finally:
        taught.forget_all()


def payees(
    logs: Iterable[RawLog], wallets: Mapping[Address, Address], assets: frozenset[AssetId]
) -> list[Address]:
    """Who got some of these assets from a wallet and is none himself; in log order, once each."""
    paid = (parties(log) for log in logs if log.address in assets)
    return list(
        dict.fromkeys(
            pair[1]
            for pair in paid
            if pair is not None and pair[0] in wallets and pair[1] not in wallets
        )
    )
