"""Native coins on a market: WETH9 as a reserve, Aave's gateway in front of it, and a staking pool.

`native = await open_native(wide)` lists WETH9 beside the market's own WETH, which anybody mints.
"""

from dataclasses import dataclass, replace

from devnet import abi
from devnet.abi import MAX_UINT256, Address
from devnet.deployer import ADMIN, Deployer
from devnet.listing import list_reserve
from devnet.transactions import DEFAULT_GAS, Tx
from devnet.wide_world import WideWorld
from devnet.world import NO_REFERRAL

WRAPPED = "WETH9"


@dataclass(frozen=True)
class Native:
    """`staking` is a double of ours, which mints the double of wstETH."""

    world: WideWorld
    gateway: Address
    staking: Address

    @property
    def wrapped(self) -> Address:
        return self.world.token(WRAPPED)

    def pay(self, by: Address, to: Address, wei: int) -> Tx:
        return Tx(self.world, by, to, b"", "pay", DEFAULT_GAS, wei)

    def wrap(self, by: Address, wei: int) -> Tx:
        return self._with(by, self.wrapped, wei, "deposit()")

    def unwrap(self, by: Address, wei: int) -> Tx:
        return self.world.tx(by, self.wrapped, "withdraw(uint256)", wei)

    def stake(self, by: Address, wei: int) -> Tx:
        """Native coins become wstETH of the sender's."""
        return self.pay(by, self.staking, wei)

    def lets_borrow(self, by: Address) -> Tx:
        """Without it the gateway may not borrow for the account."""
        debt = self.world.addresses.debt_tokens[WRAPPED]
        return self.world.tx(by, debt, "approveDelegation(address,uint256)", self.gateway, 2**255)

    def lets_withdraw(self, by: Address) -> Tx:
        atoken = self.world.addresses.atokens[WRAPPED]
        return self.world.tx(by, atoken, "approve(address,uint256)", self.gateway, MAX_UINT256)

    def borrow(self, by: Address, wei: int) -> Tx:
        """Owed in WETH9, paid out in native coins."""
        signature = "borrowETH(address,uint256,uint16)"
        return self.world.tx(by, self.gateway, signature, self.wrapped, wei, NO_REFERRAL)

    def pledge(self, by: Address, wei: int) -> Tx:
        signature = "depositETH(address,address,uint16)"
        return self._with(by, self.gateway, wei, signature, self.wrapped, by, NO_REFERRAL)

    def withdraw(self, by: Address, wei: int) -> Tx:
        signature = "withdrawETH(address,uint256,address)"
        return self.world.tx(by, self.gateway, signature, self.wrapped, wei, by)

    def _with(self, by: Address, to: Address, wei: int, signature: str, *args: object) -> Tx:
        function = abi.function(signature)
        call = function.encode(*args)
        return Tx(self.world, by, to, call, function.name, DEFAULT_GAS, wei)


async def open_native(world: WideWorld) -> Native:
    deployer = Deployer(world)
    await list_reserve(world, replace(world.terms.asset("WETH"), symbol=WRAPPED), WRAPPED)
    pool = world.addresses.pool
    gateway = await deployer.deploy("NativeGateway", world.token(WRAPPED), ADMIN, pool)
    staking = await deployer.deploy("NativeStaking", world.token("wstETH"))
    return Native(world, gateway, staking)
