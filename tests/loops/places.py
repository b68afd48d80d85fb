"""Where people pledge and borrow: one side of Aave's markets, one market of Morpho, alike."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from devnet import MAX, WideWorld, World
from devnet.abi import Address
from devnet.transactions import Tx
from devnet.wide_terms import WAD
from devnet.world import NO_REFERRAL, VARIABLE_RATE

CORE, SPARK, MORPHO = "aave-core", "spark", "morpho"
"""What the markets are called in the monitor's configuration."""
BORROW = "borrow(address,uint256,uint256,uint16,address)"


@dataclass(frozen=True, slots=True)
class Aave:
    """A market of Aave. `emode`: the category its people enter."""

    market: str
    view: World
    emode: int = 0

    @property
    def sub_market(self) -> None:
        return None

    @property
    def spender(self) -> Address:
        return self.view.addresses.pool

    def enter(self, who: Address) -> tuple[Tx, ...]:
        """What is done once, before the first pledge."""
        return (self.view.set_emode(who, self.emode),) if self.emode else ()

    def pledge(self, who: Address, asset: str, raw: int, owner: Address | None = None) -> Tx:
        return self.view.supply(who, asset, raw, owner)

    def release(self, who: Address, asset: str, raw: int = MAX) -> Tx:
        return self.view.withdraw(who, asset, raw)

    def taken(self, by: Address, asset: str, raw: int, owner: Address) -> tuple[Tx, ...]:
        """The owner's collateral, which `by` has been allowed to take out."""
        claim = self.view.addresses.atokens[asset]
        signature = "transferFrom(address,address,uint256)"
        return (
            self.view.tx(by, claim, signature, owner, by, raw),
            self.view.withdraw(by, asset, raw),
        )

    def lets_take(self, owner: Address, by: Address, asset: str) -> Tx:
        claim = self.view.addresses.atokens[asset]
        return self.view.tx(owner, claim, "approve(address,uint256)", by, MAX)

    def borrow(self, who: Address, asset: str, raw: int, owner: Address | None = None) -> Tx:
        """To `who`; a debt of `owner`, who has delegated it to them."""
        args = (self.view.token(asset), raw, VARIABLE_RATE, NO_REFERRAL, owner or who)
        return self.view.tx(who, self.view.addresses.pool, BORROW, *args)

    def repay(self, who: Address, asset: str, raw: int = MAX, owner: Address | None = None) -> Tx:
        return self.view.repay(who, asset, raw, owner)

    async def repaid(self, who: Address, asset: str, owner: Address | None = None) -> Tx:
        """All of it; `who` has at least a thousandth more than is owed."""
        if owner is None:
            return self.repay(who, asset, MAX)
        return self.repay(who, asset, await self.owed(owner, asset) * 1_001 // 1_000, owner)

    async def owed(self, who: Address, asset: str) -> int:
        return await self.view.balance_of(self.view.addresses.debt_tokens[asset], who)

    async def pledged(self, who: Address, asset: str) -> int:
        return await self.view.balance_of(self.view.addresses.atokens[asset], who)

    def delegate(self, owner: Address, to: Address, asset: str) -> Tx:
        """Lets another borrow an asset as the owner's debt."""
        token = self.view.addresses.debt_tokens[asset]
        return self.view.tx(owner, token, "approveDelegation(address,uint256)", to, MAX)

    def lets(self, collateral: str, debt: str) -> Fraction:
        """How much may be borrowed on one dollar of collateral."""
        terms = self.view.terms
        if self.emode:
            bps = {1: terms.e_modes[0].ltv_bps, 2: 9700}[self.emode]
            return Fraction(bps, 10_000)
        return Fraction(terms.asset(collateral).ltv_bps, 10_000)


@dataclass(frozen=True, slots=True)
class Blue:
    """A market of Morpho by its name in the book, with the names of its two assets."""

    world: WideWorld
    name: str
    collateral: str
    loan: str

    @property
    def market(self) -> str:
        return MORPHO

    @property
    def sub_market(self) -> str:
        return "0x" + self.world.morpho.params(self.name).id.hex()

    @property
    def spender(self) -> Address:
        return self.world.addresses.morpho.morpho

    def enter(self, who: Address) -> tuple[Tx, ...]:
        return ()

    def pledge(self, who: Address, asset: str, raw: int, owner: Address | None = None) -> Tx:
        assert asset == self.collateral, f"{self.name} takes no {asset}"
        return self.world.morpho.supply_collateral(who, self.name, raw, on_behalf_of=owner)

    def release(self, who: Address, asset: str, raw: int) -> Tx:
        return self.world.morpho.withdraw_collateral(who, self.name, raw)

    def borrow(self, who: Address, asset: str, raw: int, owner: Address | None = None) -> Tx:
        assert asset == self.loan, f"{self.name} lends no {asset}"
        return self.world.morpho.borrow(who, self.name, raw, on_behalf_of=owner)

    def repay(self, who: Address, asset: str, raw: int, owner: Address | None = None) -> Tx:
        return self.world.morpho.repay(who, self.name, raw, on_behalf_of=owner)

    def taken(self, by: Address, asset: str, raw: int, owner: Address) -> tuple[Tx, ...]:
        return (self.world.morpho.withdraw_collateral(by, self.name, raw, on_behalf_of=owner),)

    def lets_take(self, owner: Address, by: Address, asset: str) -> Tx:
        return self.world.morpho.set_authorization(owner, by)

    async def repaid(self, who: Address, asset: str, owner: Address | None = None) -> Tx:
        held = await self.world.morpho.position(self.name, owner or who)
        shares = held.borrow_shares
        return self.world.morpho.repay(who, self.name, shares=shares, on_behalf_of=owner)

    async def owed(self, who: Address, asset: str) -> int:
        accrued = await self.world.morpho.accrued(self.name, [who])
        return accrued.state.owed_raw(accrued.positions[0].borrow_shares)

    async def pledged(self, who: Address, asset: str) -> int:
        return (await self.world.morpho.position(self.name, who)).collateral_raw

    def delegate(self, owner: Address, to: Address, asset: str) -> Tx:
        return self.world.morpho.set_authorization(owner, to)

    def lets(self, collateral: str, debt: str) -> Fraction:
        return Fraction(self.world.morpho.params(self.name).lltv_wad, WAD)


Place: TypeAlias = Aave | Blue
