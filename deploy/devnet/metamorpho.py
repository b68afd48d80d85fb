"""A MetaMorpho vault: who puts money in and takes it out, and who steers it.

`Vault(morpho, "Devnet USDC")`. Markets go by their names in Morpho's book. The admin is owner,
curator and allocator in one.
"""

from dataclasses import dataclass

from devnet.abi import Address
from devnet.addresses import PARAMS
from devnet.chain import BlockRef, View
from devnet.deployer import ADMIN
from devnet.morpho import Morpho
from devnet.transactions import Tx


@dataclass(frozen=True, slots=True)
class VaultTotals:
    assets_raw: int  # with interest to the block's second
    shares: int
    last_assets_raw: int  # what the fee was last taken up to
    fee_wad: int


class Vault:
    def __init__(self, morpho: Morpho, name: str) -> None:
        self.morpho = morpho
        self.chain = morpho.chain
        self.address = morpho.addresses.vaults[name]

    # Depositors

    def deposit(self, account: Address, assets_raw: int, to: Address | None = None) -> Tx:
        return self._tx(account, "deposit(uint256,address)", assets_raw, to or account)

    def mint(self, account: Address, shares: int, to: Address | None = None) -> Tx:
        return self._tx(account, "mint(uint256,address)", shares, to or account)

    def withdraw(self, account: Address, assets_raw: int, to: Address | None = None) -> Tx:
        signature = "withdraw(uint256,address,address)"
        return self._tx(account, signature, assets_raw, to or account, account)

    def redeem(self, account: Address, shares: int, to: Address | None = None) -> Tx:
        return self._tx(account, "redeem(uint256,address,address)", shares, to or account, account)

    def transfer(self, account: Address, to: Address, shares: int) -> Tx:
        return self._tx(account, "transfer(address,uint256)", to, shares)

    # Its curator

    def reallocate(self, *targets: tuple[str, int]) -> Tx:
        """What each market shall hold, raw; first those that give. MAX takes what they gave."""
        allocations = [(self.morpho.params(name).encoded, raw) for name, raw in targets]
        return self._tx(ADMIN, f"reallocate(({PARAMS},uint256)[])", allocations)

    def submit_cap(self, market: str, cap_raw: int) -> Tx:
        """A lower cap holds at once, a higher one from `accept_cap`, a timelock later."""
        params = self.morpho.params(market).encoded
        return self._tx(ADMIN, f"submitCap({PARAMS},uint256)", params, cap_raw)

    def accept_cap(self, market: str) -> Tx:
        return self._tx(ADMIN, f"acceptCap({PARAMS})", self.morpho.params(market).encoded)

    def set_supply_queue(self, *markets: str) -> Tx:
        keys = [self.morpho.params(market).id for market in markets]
        return self._tx(ADMIN, "setSupplyQueue(bytes32[])", keys)

    def update_withdraw_queue(self, *places: int) -> Tx:
        """The new order, as places in the old one; empty markets without a cap may be left out."""
        return self._tx(ADMIN, "updateWithdrawQueue(uint256[])", places)

    def set_fee(self, fee_wad: int) -> Tx:
        return self._tx(ADMIN, "setFee(uint256)", fee_wad)

    def set_fee_recipient(self, recipient: Address) -> Tx:
        return self._tx(ADMIN, "setFeeRecipient(address)", recipient)

    def _tx(self, account: Address, signature: str, *args: object) -> Tx:
        return self.chain.tx(account, self.address, signature, *args)

    # Views

    async def totals(self, block: BlockRef = None) -> VaultTotals:
        views = ("totalAssets", "totalSupply", "lastTotalAssets", "fee")
        read = [View(self.address, f"{name}()(uint256)") for name in views]
        return VaultTotals(*await self.chain.read(read, block))

    async def assets_of(self, shares: int, block: BlockRef = None) -> int:
        """What the shares would fetch by `convertToAssets`, liquidity aside."""
        return await self._number("convertToAssets(uint256)(uint256)", shares, block)

    async def shares_of(self, account: Address, block: BlockRef = None) -> int:
        return await self._number("balanceOf(address)(uint256)", account, block)

    async def max_withdraw(self, account: Address, block: BlockRef = None) -> int:
        """What the account could take out in that block: its own, or what is not lent out."""
        return await self._number("maxWithdraw(address)(uint256)", account, block)

    async def withdraw_queue(self, block: BlockRef = None) -> list[bytes]:
        """Market ids, in the order in which they are emptied."""
        (length,) = await self.chain.read(
            [View(self.address, "withdrawQueueLength()(uint256)")], block
        )
        queue = [View(self.address, "withdrawQueue(uint256)(bytes32)", (n,)) for n in range(length)]
        return await self.chain.read(queue, block)

    async def _number(self, signature: str, argument: object, block: BlockRef) -> int:
        # By the head's hash where no block is named: the node may date a call of "latest" later.
        (number,) = await self.chain.read([View(self.address, signature, (argument,))], block)
        return int(number)
