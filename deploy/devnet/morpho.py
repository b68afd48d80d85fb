"""Morpho Blue: what people do there, and what it says of itself.

`Morpho(world, addresses)`; markets go by their names in the book, `addresses.markets`, which may
be added to after `create_market`. Actions are values like World's. Where Morpho takes assets or
shares, one of the two is given and the other stays zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi import abi

from devnet.abi import Address
from devnet.addresses import PARAMS, MarketParams, MorphoAddresses
from devnet.chain import BlockRef, Chain, View
from devnet.deployer import ADMIN
from devnet.transactions import RevertError, Tx

VIRTUAL_ASSETS, VIRTUAL_SHARES = 1, 10**6
AMOUNTS = f"{PARAMS},uint256,uint256,address"
POSITION = "position(bytes32,address)(uint256,uint128,uint128)"
MARKET = "market(bytes32)(uint128,uint128,uint128,uint128,uint128,uint128)"
ACCRUE = f"accrueInterest({PARAMS})"
LIQUIDATE = f"liquidate({PARAMS},address,uint256,uint256,bytes)"
CALLS = "(address,bytes)[]"
BUNDLE_GAS = 10_000_000
HEALTHY = "position is healthy"
# What stops a liquidation of one share by somebody without a token, once the position was found
# unhealthy: no money to pay with, no collateral to seize, a price of zero to divide by.
UNHEALTHY = ("transferFrom reverted", "Panic(17)", "Panic(18)")


@dataclass(frozen=True, slots=True)
class Position:
    """What Morpho.position answers."""

    supply_shares: int
    borrow_shares: int
    collateral_raw: int


@dataclass(frozen=True, slots=True)
class MarketState:
    """What Morpho.market answers."""

    supply_raw: int
    supply_shares: int
    borrow_raw: int
    borrow_shares: int
    updated_unix: int
    fee_wad: int

    def supplied_raw(self, shares: int) -> int:
        """What supply shares claim, rounded down as a withdrawal does."""
        total = self.supply_raw + VIRTUAL_ASSETS
        return shares * total // (self.supply_shares + VIRTUAL_SHARES)

    def owed_raw(self, shares: int) -> int:
        """What borrow shares owe, rounded up as the health check does."""
        total = self.borrow_raw + VIRTUAL_ASSETS
        return -(-shares * total // (self.borrow_shares + VIRTUAL_SHARES))


@dataclass(frozen=True, slots=True)
class Accrued:
    """A market and some positions in it, had interest been accrued in that block."""

    state: MarketState
    positions: tuple[Position, ...]


def callback(*actions: Tx) -> bytes:
    """Actions of our actor, as the `data` of an action of its own."""
    return abi.encode([CALLS], [_calls(actions)])


def _calls(actions: Sequence[Tx]) -> list[tuple[Address | None, bytes]]:
    return [(action.to, action.data) for action in actions]


class Morpho:
    def __init__(self, chain: Chain, addresses: MorphoAddresses) -> None:
        self.chain = chain
        self.addresses = addresses

    def params(self, market: str) -> MarketParams:
        return self.addresses.markets[market]

    # Lending

    def supply(
        self,
        account: Address,
        market: str,
        assets_raw: int = 0,
        *,
        shares: int = 0,
        on_behalf_of: Address | None = None,
        data: bytes = b"",
    ) -> Tx:
        """`data`: what the actor does in the callback, by `callback`; here and below."""
        owner = on_behalf_of or account
        signature = f"supply({AMOUNTS},bytes)"
        return self._tx(account, signature, market, assets_raw, shares, owner, data)

    def withdraw(
        self,
        account: Address,
        market: str,
        assets_raw: int = 0,
        *,
        shares: int = 0,
        on_behalf_of: Address | None = None,
    ) -> Tx:
        """To the account itself, also on another's behalf."""
        owner = on_behalf_of or account
        return self._tx(
            account, f"withdraw({AMOUNTS},address)", market, assets_raw, shares, owner, account
        )

    # Borrowing

    def supply_collateral(
        self,
        account: Address,
        market: str,
        amount_raw: int,
        *,
        on_behalf_of: Address | None = None,
        data: bytes = b"",
    ) -> Tx:
        signature = f"supplyCollateral({PARAMS},uint256,address,bytes)"
        return self._tx(account, signature, market, amount_raw, on_behalf_of or account, data)

    def withdraw_collateral(
        self,
        account: Address,
        market: str,
        amount_raw: int,
        *,
        on_behalf_of: Address | None = None,
    ) -> Tx:
        signature = f"withdrawCollateral({PARAMS},uint256,address,address)"
        return self._tx(account, signature, market, amount_raw, on_behalf_of or account, account)

    def borrow(
        self,
        account: Address,
        market: str,
        assets_raw: int = 0,
        *,
        shares: int = 0,
        on_behalf_of: Address | None = None,
    ) -> Tx:
        owner = on_behalf_of or account
        return self._tx(
            account, f"borrow({AMOUNTS},address)", market, assets_raw, shares, owner, account
        )

    def repay(
        self,
        account: Address,
        market: str,
        assets_raw: int = 0,
        *,
        shares: int = 0,
        on_behalf_of: Address | None = None,
        data: bytes = b"",
    ) -> Tx:
        owner = on_behalf_of or account
        signature = f"repay({AMOUNTS},bytes)"
        return self._tx(account, signature, market, assets_raw, shares, owner, data)

    def liquidate(
        self,
        liquidator: Address,
        market: str,
        borrower: Address,
        *,
        seized_raw: int = 0,
        repaid_shares: int = 0,
        data: bytes = b"",
    ) -> Tx:
        amounts = (seized_raw, repaid_shares)
        return self._tx(liquidator, LIQUIDATE, market, borrower, *amounts, data)

    # Several at once: our actor's transactions

    @property
    def actor(self) -> Address:
        """The account that bundled actions are built for."""
        return self.addresses.actor

    def bundle(self, account: Address, *actions: Tx) -> Tx:
        """Actions of the actor, one after the other in one transaction that anyone sends."""
        return self.chain.tx(account, self.actor, f"run({CALLS})", _calls(actions), gas=BUNDLE_GAS)

    def flash_loan(self, token: Address, amount_raw: int, *inner: Tx) -> Tx:
        """An action of the actor; `inner` are its actions while the loan is out.

        It pays back from what it then has and has approved to Morpho.
        """
        signature, morpho = "flashLoan(address,uint256,bytes)", self.addresses.morpho
        return self.chain.tx(self.actor, morpho, signature, token, amount_raw, callback(*inner))

    def set_authorization(self, account: Address, authorized: Address, on: bool = True) -> Tx:
        """Lets another withdraw, borrow and withdraw collateral of the account."""
        morpho = self.addresses.morpho
        return self.chain.tx(account, morpho, "setAuthorization(address,bool)", authorized, on)

    # Markets

    def create_market(self, account: Address, params: MarketParams) -> Tx:
        """Rate model and LLTV must be enabled; the book is not told."""
        signature = f"createMarket({PARAMS})"
        return self.chain.tx(account, self.addresses.morpho, signature, params.encoded)

    def accrue_interest(self, account: Address, market: str) -> Tx:
        return self._tx(account, ACCRUE, market)

    def set_fee(self, market: str, fee_wad: int) -> Tx:
        return self._tx(ADMIN, f"setFee({PARAMS},uint256)", market, fee_wad)

    def set_fee_recipient(self, recipient: Address) -> Tx:
        morpho = self.addresses.morpho
        return self.chain.tx(ADMIN, morpho, "setFeeRecipient(address)", recipient)

    def enable_lltv(self, lltv_wad: int) -> Tx:
        return self.chain.tx(ADMIN, self.addresses.morpho, "enableLltv(uint256)", lltv_wad)

    def enable_rate_model(self, rate_model: Address) -> Tx:
        return self.chain.tx(ADMIN, self.addresses.morpho, "enableIrm(address)", rate_model)

    def set_price(self, market: str, price_e36: int) -> Tx:
        """Only where the market's oracle is an OracleMock."""
        return self.chain.tx(ADMIN, self.params(market).oracle, "setPrice(uint256)", price_e36)

    def _tx(self, account: Address, signature: str, market: str, *args: object) -> Tx:
        params = self.params(market).encoded
        return self.chain.tx(account, self.addresses.morpho, signature, params, *args)

    # Views

    async def position(self, market: str, account: Address, block: BlockRef = None) -> Position:
        return (await self.positions(market, [account], block))[0]

    async def positions(
        self, market: str, accounts: Sequence[Address], block: BlockRef = None
    ) -> list[Position]:
        answers = await self.chain.read(self._position_views(market, accounts), block)
        return [Position(*answer) for answer in answers]

    async def market(self, market: str, block: BlockRef = None) -> MarketState:
        """As stored: interest counts up to `updated_unix`."""
        morpho, key = self.addresses.morpho, self.params(market).id
        return MarketState(*await self.chain.call(morpho, MARKET, key, block=block))

    async def accrued(
        self, market: str, accounts: Sequence[Address] = (), block: BlockRef = None
    ) -> Accrued:
        """By the contract's own accrueInterest, in the same call, at the block's time."""
        morpho, params = self.addresses.morpho, self.params(market)
        _, state, *positions = await self.chain.read(
            [
                View(morpho, ACCRUE, (params.encoded,)),
                View(morpho, MARKET, (params.id,)),
                *self._position_views(market, accounts),
            ],
            block,
        )
        return Accrued(MarketState(*state), tuple(Position(*each) for each in positions))

    async def price_e36(self, market: str, block: BlockRef = None) -> int:
        oracle = View(self.params(market).oracle, "price()(uint256)")
        return int((await self.chain.read([oracle], block))[0])

    async def healthy(
        self, market: str, accounts: Sequence[Address], block: BlockRef = None
    ) -> list[bool]:
        """By the contract's own word: it refuses to liquidate whom it takes to be healthy.

        Raises RevertError where it cannot tell: its oracle or its rate model reverts.
        """
        params, morpho = self.params(market), self.addresses.morpho
        views = [View(morpho, LIQUIDATE, (params.encoded, who, 0, 1, b"")) for who in accounts]
        answers = await self.chain.attempt(views, block)
        for answer in answers:
            if isinstance(answer, RevertError) and answer.reason not in (HEALTHY, *UNHEALTHY):
                raise answer
        return [isinstance(each, RevertError) and each.reason == HEALTHY for each in answers]

    def _position_views(self, market: str, accounts: Sequence[Address]) -> list[View]:
        morpho, key = self.addresses.morpho, self.params(market).id
        return [View(morpho, POSITION, (key, account)) for account in accounts]
