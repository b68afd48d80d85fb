"""Desks: where one asset is pledged and another borrowed, alike on every protocol.

Assets go by symbol; what is pledged on Morpho may be the share of a vault, by the vault's name.
"""

from dataclasses import dataclass
from typing import Protocol

from devnet.abi import Address
from devnet.chain import View
from devnet.loops import PRICE
from devnet.metamorpho import Vault
from devnet.morpho import Morpho
from devnet.transactions import Tx
from devnet.wide_world import WideWorld
from devnet.world import World

MORPHO_PRICE_SCALE = 10**36


class Desk(Protocol):
    """`by` pays or gets the money; the position is the `owner`'s, by default its own."""

    @property
    def collateral(self) -> str: ...

    @property
    def debt(self) -> str: ...

    @property
    def token(self) -> Address:
        """What is pledged."""
        ...

    @property
    def spender(self) -> Address:
        """Who takes it."""
        ...

    def pledge(self, by: Address, raw: int, owner: Address | None = None) -> Tx: ...

    def borrow(self, by: Address, raw: int, owner: Address | None = None) -> Tx: ...

    def joins(self, account: Address) -> tuple[Tx, ...]:
        """What must be done before borrowing on these terms."""
        ...

    async def worth(self, raw: int) -> int:
        """What so much of the collateral is worth in the debt asset, raw, by its own oracle."""
        ...

    def obtain(self, account: Address, paid_in: str, raw: int) -> tuple[Tx, ...]:
        """Turns money into the collateral: by a swap, by a deposit, or not at all."""
        ...

    def allows(self, account: Address, paid_in: str) -> tuple[Tx, ...]:
        """The approvals of `pledge` and of `obtain`."""
        ...

    async def grants(self, account: Address, raw: int) -> tuple[Tx, ...]:
        """Gives the account so much of the collateral, out of nothing."""
        ...


@dataclass(frozen=True)
class AaveDesk:
    """On the market that `world` is a view of. `e_mode` 0 is none."""

    world: World
    collateral: str
    debt: str
    e_mode: int = 0

    @property
    def token(self) -> Address:
        return self.world.token(self.collateral)

    @property
    def spender(self) -> Address:
        return self.world.addresses.pool

    def pledge(self, by: Address, raw: int, owner: Address | None = None) -> Tx:
        return self.world.supply(by, self.collateral, raw, owner)

    def borrow(self, by: Address, raw: int, owner: Address | None = None) -> Tx:
        return self.world.borrow(by, self.debt, raw, owner)

    def joins(self, account: Address) -> tuple[Tx, ...]:
        return (self.world.set_emode(account, self.e_mode),) if self.e_mode else ()

    async def worth(self, raw: int) -> int:
        oracle, terms = self.world.addresses.oracle, self.world.terms
        assets = [terms.asset(symbol) for symbol in (self.collateral, self.debt)]
        views = [View(oracle, PRICE, (self.world.token(asset.symbol),)) for asset in assets]
        pledged_e8, owed_e8 = await self.world.read(views)
        pledged_unit, owed_unit = (10**asset.decimals for asset in assets)
        return int(raw * pledged_e8 * owed_unit // (owed_e8 * pledged_unit))

    def obtain(self, account: Address, paid_in: str, raw: int) -> tuple[Tx, ...]:
        if paid_in == self.collateral:
            return ()
        return (self.world.trade(account, paid_in, self.collateral, raw),)

    def allows(self, account: Address, paid_in: str) -> tuple[Tx, ...]:
        return _allowed(self.world, account, self.collateral, self.spender, paid_in)

    async def grants(self, account: Address, raw: int) -> tuple[Tx, ...]:
        return (self.world.mint(account, self.collateral, raw),)


@dataclass(frozen=True)
class MorphoDesk:
    """A market of the book, "wstETH/WETH" or "Devnet USDC/USDC"."""

    world: WideWorld
    market: str

    @property
    def morpho(self) -> Morpho:
        return self.world.morpho

    @property
    def collateral(self) -> str:
        return self.market.split("/")[0]

    @property
    def debt(self) -> str:
        return self.market.split("/")[1]

    @property
    def vault(self) -> Vault | None:
        """Whose shares are pledged."""
        known = self.collateral in self.world.addresses.morpho.vaults
        return Vault(self.morpho, self.collateral) if known else None

    @property
    def token(self) -> Address:
        return self.morpho.params(self.market).collateral

    @property
    def spender(self) -> Address:
        return self.morpho.addresses.morpho

    def pledge(self, by: Address, raw: int, owner: Address | None = None) -> Tx:
        return self.morpho.supply_collateral(by, self.market, raw, on_behalf_of=owner)

    def borrow(self, by: Address, raw: int, owner: Address | None = None) -> Tx:
        return self.morpho.borrow(by, self.market, raw, on_behalf_of=owner)

    def joins(self, account: Address) -> tuple[Tx, ...]:
        return ()

    async def worth(self, raw: int) -> int:
        return raw * await self.morpho.price_e36(self.market) // MORPHO_PRICE_SCALE

    def obtain(self, account: Address, paid_in: str, raw: int) -> tuple[Tx, ...]:
        if self.vault is not None:
            return (self.vault.deposit(account, raw),)
        if paid_in == self.collateral:
            return ()
        return (self.world.trade(account, paid_in, self.collateral, raw),)

    def allows(self, account: Address, paid_in: str) -> tuple[Tx, ...]:
        vault = self.vault
        if vault is None:
            return _allowed(self.world, account, self.collateral, self.spender, paid_in)
        return (
            self.world.approve(account, paid_in, vault.address),
            self.world.tx(account, self.token, "approve(address,uint256)", self.spender, 2**255),
        )

    async def grants(self, account: Address, raw: int) -> tuple[Tx, ...]:
        vault = self.vault
        if vault is None:
            return (self.world.mint(account, self.collateral, raw),)
        # The shares cost a little more by the time they are minted.
        cost = await vault.assets_of(raw) * 1_001 // 1_000 + 1
        return (
            self.world.mint(account, self.debt, cost),
            self.world.approve(account, self.debt, vault.address),
            vault.mint(account, raw),
        )


def _allowed(
    world: World, account: Address, collateral: str, spender: Address, paid_in: str
) -> tuple[Tx, ...]:
    return (
        world.approve(account, collateral, spender),
        world.approve(account, paid_in, world.addresses.router),
    )
