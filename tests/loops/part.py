"""Who acts in a world, and what the one who wrote their part says of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from devnet.abi import Address, account
from devnet.transactions import Tx
from devnet.wallets import Safe, Wallet, Wallets

from loops.scene import Scene
from loops.truth import Truth

Acts: TypeAlias = AsyncIterator[Sequence[Tx]]
"""What is done block by block; nothing, where somebody waits."""
Play: TypeAlias = "Callable[[Scene, Part], Acts]"
"""How a part is played: it writes down the truth before it ends, where it is a loop."""
EOA, SAFE, DS_PROXY, CLONE, SMART = "eoa", "safe", "ds_proxy", "clone", "smart_account"


@dataclass(frozen=True)
class Home:
    """What a person's account is, and by whose names it is governed."""

    kind: str = EOA
    owners: tuple[str, ...] = ("a",)
    threshold: int = 1


@dataclass
class Part:
    """Loops or a decoy, whose `truths` stay empty. `people`: an account for every home."""

    title: str
    play: Play
    people: tuple[Address, ...]
    truths: list[Truth] = field(default_factory=list)
    script: list[str] = field(default_factory=list)
    homes: tuple[Home, ...] = (Home(),)
    wallets: dict[Address, Wallet] = field(default_factory=dict)

    @property
    def who(self) -> Address:
        return self.people[0]

    @property
    def has_council(self) -> bool:
        """Whether what one of them does is agreed on before, and so has to be one transaction."""
        return any(home.threshold > 1 for home in self.homes)

    async def move_in(self, wallets: Wallets, number: int) -> None:
        """Opens every account, for owners of its own."""
        people = [await self._opened(home, wallets, number) for home in self.homes]
        self.people = tuple(people)

    def owner(self, who: Address) -> Address:
        """Who is behind an account: its one owner; of several, the Safes of just these owners,
        called by the smallest.
        """
        wallet = self.wallets.get(who)
        if wallet is None:
            return who
        if len(wallet.owners) == 1:
            return wallet.owners[0]
        alike = [each for each in self.wallets.values() if _rule(each) == _rule(wallet)]
        return min(each.address for each in alike)

    async def _opened(self, home: Home, wallets: Wallets, number: int) -> Address:
        owners = tuple(account(f"loops {number}-{name}") for name in home.owners)
        if home.kind == EOA:
            return owners[0]
        wallet: Wallet
        if home.kind == SAFE:
            wallet = await wallets.safe(*owners, threshold=home.threshold)
        else:
            wallet = await getattr(wallets, home.kind)(owners[0])
        self.wallets[wallet.address] = wallet
        return wallet.address

    async def signed(self, txs: Sequence[Tx], *, grouped: bool) -> list[Tx]:
        """As its owners send it; `grouped`: what a wallet does in a row is one transaction."""
        sent: list[Tx] = []
        for run in _runs(txs, grouped=grouped):
            wallet = self.wallets.get(run[0].sender)
            if wallet is None:
                sent += run
                continue
            if isinstance(wallet, Safe) and wallet.threshold > 1:
                sent += await wallet.agree(*run)
            sent.append(wallet.act(*run))
        return sent


def _rule(wallet: Wallet) -> tuple[tuple[Address, ...], int]:
    return wallet.owners, wallet.threshold if isinstance(wallet, Safe) else 1


def _runs(txs: Sequence[Tx], *, grouped: bool) -> list[list[Tx]]:
    runs: list[list[Tx]] = []
    for tx in txs:
        if grouped and runs and runs[-1][0].sender == tx.sender:
            runs[-1].append(tx)
        else:
            runs.append([tx])
    return runs
