"""A chain with the whole market on it, and everything that people do there.

An action is a value, a `Tx`: `await world.supply(…)` runs it in a block of its own,
`await world.block(world.supply(…), world.move_feed(…))` runs several in one. Amounts are raw
(`world.raw("USDC", "12.5")`), prices of feeds have eight decimals (`1_800 * USD`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from devnet.abi import MAX_UINT256, Address
from devnet.addresses import AaveAddresses, Addresses
from devnet.anvil import Anvil
from devnet.chain import BlockRef, Chain, View
from devnet.deployer import ADMIN, DEPLOY_GAS
from devnet.feed_deployment import REPORT
from devnet.terms import PoolTerms, WorldTerms, sqrt_price_x96
from devnet.transactions import Receipt, Tx
from devnet.uniswap_deployment import raw_price

MAX = MAX_UINT256
"""All of it, where Aave has a word for that: withdraw, repay, liquidate."""

Price: TypeAlias = Fraction | int | str
VARIABLE_RATE = 2
NO_REFERRAL = 0
ACCOUNT_DATA = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"
LIQUIDATE = (
    "liquidate(address,address,address,address,uint256,bytes,address)(uint256,uint256,uint256)"
)
VISIT = "visit((address,address,address,address,bytes,address),uint256)"
VISIT_GAS = 200_000_000
BALANCE = "balanceOf(address)(uint256)"


@dataclass(frozen=True, slots=True)
class AccountData:
    """What Pool.getUserAccountData answers."""

    collateral_e8: int
    debt_e8: int
    available_borrows_e8: int
    liquidation_threshold_bps: int
    ltv_bps: int
    health_factor_wad: int


@dataclass(frozen=True, slots=True)
class Sale:
    """What Liquidator.liquidate answers."""

    repaid_raw: int  # of the debt asset
    received_raw: int  # of the collateral asset
    proceeds_raw: int  # of the debt asset, for all that was received


class World(Chain):
    def __init__(self, anvil: Anvil, addresses: Addresses, terms: WorldTerms | None = None) -> None:
        super().__init__(anvil)
        self.addresses = addresses
        self.terms = terms or WorldTerms()

    @asynccontextmanager
    async def fork(self) -> "AsyncIterator[World]":
        """The same world on a second node, which reads through to this one and writes apart."""
        async with Anvil(fork_url=self.anvil.http_url) as anvil:
            yield type(self)(anvil, self.addresses, self.terms)

    def of_market(self, market: AaveAddresses) -> "World":
        """A view of the same chain whose actions and views go to another Aave market."""
        view = copy(self)
        view.addresses = replace(self.addresses, **vars(market))
        return view

    def token(self, asset: str) -> Address:
        return self.addresses.tokens[asset]

    def raw(self, asset: str, amount: Price) -> int:
        """`raw("USDC", "12.5")` is 12_500_000."""
        return int(Fraction(amount) * 10 ** self.terms.asset(asset).decimals)

    # Tokens

    def mint(self, account: Address, asset: str, amount_raw: int) -> Tx:
        return self.tx(account, self.token(asset), "mint(address,uint256)", account, amount_raw)

    def approve(self, account: Address, asset: str, spender: Address, amount_raw: int = MAX) -> Tx:
        return self.tx(account, self.token(asset), "approve(address,uint256)", spender, amount_raw)

    async def fund(self, account: Address, **amounts_raw: int) -> list[Receipt]:
        """Mints, and approves every token to all of `spenders`; one block."""
        return await self.block(
            *(self.mint(account, asset, amount) for asset, amount in amounts_raw.items()),
            *(
                self.approve(account, asset, to)
                for asset in self.addresses.tokens
                for to in self.spenders
            ),
        )

    @property
    def spenders(self) -> tuple[Address, ...]:
        """Whom people let take their tokens."""
        return (self.addresses.pool, self.addresses.router)

    def transfer_atoken(self, account: Address, asset: str, to: Address, amount_raw: int) -> Tx:
        atoken = self.addresses.atokens[asset]
        return self.tx(account, atoken, "transfer(address,uint256)", to, amount_raw)

    # Aave

    def supply(
        self, account: Address, asset: str, amount_raw: int, on_behalf_of: Address | None = None
    ) -> Tx:
        return self._pool_tx(
            account,
            "supply(address,uint256,address,uint16)",
            *(self.token(asset), amount_raw, on_behalf_of or account, NO_REFERRAL),
        )

    def withdraw(
        self, account: Address, asset: str, amount_raw: int = MAX, to: Address | None = None
    ) -> Tx:
        signature = "withdraw(address,uint256,address)"
        return self._pool_tx(account, signature, self.token(asset), amount_raw, to or account)

    def borrow(
        self, account: Address, asset: str, amount_raw: int, on_behalf_of: Address | None = None
    ) -> Tx:
        """On another's behalf the debt is the other's, who has allowed it, the money one's own."""
        return self._pool_tx(
            account,
            "borrow(address,uint256,uint256,uint16,address)",
            *(self.token(asset), amount_raw, VARIABLE_RATE, NO_REFERRAL, on_behalf_of or account),
        )

    def repay(
        self,
        account: Address,
        asset: str,
        amount_raw: int = MAX,
        on_behalf_of: Address | None = None,
    ) -> Tx:
        return self._pool_tx(
            account,
            "repay(address,uint256,uint256,address)",
            *(self.token(asset), amount_raw, VARIABLE_RATE, on_behalf_of or account),
        )

    def repay_with_atokens(self, account: Address, asset: str, amount_raw: int = MAX) -> Tx:
        signature = "repayWithATokens(address,uint256,uint256)"
        return self._pool_tx(account, signature, self.token(asset), amount_raw, VARIABLE_RATE)

    def set_collateral(self, account: Address, asset: str, on: bool) -> Tx:
        signature = "setUserUseReserveAsCollateral(address,bool)"
        return self._pool_tx(account, signature, self.token(asset), on)

    def set_emode(self, account: Address, category: int) -> Tx:
        return self._pool_tx(account, "setUserEMode(uint8)", category)

    def liquidate(
        self,
        liquidator: Address,
        user: Address,
        collateral: str,
        debt: str,
        amount_raw: int = MAX,
        *,
        receive_atoken: bool = False,
    ) -> Tx:
        return self._pool_tx(
            liquidator,
            "liquidationCall(address,address,address,uint256,bool)",
            *(self.token(collateral), self.token(debt), user, amount_raw, receive_atoken),
        )

    def _pool_tx(self, account: Address, signature: str, *args: object) -> Tx:
        return self.tx(account, self.addresses.pool, signature, *args)

    # Our Liquidator: liquidation and sale in one transaction

    def liquidate_and_sell(
        self, operator: Address, user: Address, collateral: str, debt: str, amount_raw: int = MAX
    ) -> Tx:
        args = self._liquidation(user, collateral, debt, amount_raw)
        return self.tx(operator, self.addresses.liquidator, LIQUIDATE, *args)

    async def preview_liquidation(
        self,
        user: Address,
        collateral: str,
        debt: str,
        amount_raw: int = MAX,
        block: BlockRef = None,
    ) -> Sale:
        args = self._liquidation(user, collateral, debt, amount_raw)
        return Sale(*await self.call(self.addresses.liquidator, LIQUIDATE, *args, block=block))

    def visit(
        self, operator: Address, user: Address, collateral: str, debt: str, margin_raw: int
    ) -> Tx:
        """The protocol's maximum, ½, ¼ or ⅛ of it: the first that earns more than the margin.

        Without one the transaction succeeds and does nothing.
        """
        args = self._liquidation(user, collateral, debt, MAX)
        target = (*args[:4], *args[5:])  # all but the amount
        liquidator = self.addresses.liquidator
        return self.tx(operator, liquidator, VISIT, target, margin_raw, gas=VISIT_GAS)

    def _liquidation(
        self, user: Address, collateral: str, debt: str, amount_raw: int
    ) -> tuple[object, ...]:
        path = b"" if collateral == debt else self.path(collateral, debt)
        tokens = (self.token(collateral), self.token(debt))
        return (self.addresses.pool, *tokens, user, amount_raw, path, self.addresses.router)

    # Uniswap

    def path(self, token_in: str, token_out: str) -> bytes:
        """The shortest way through the world's pools, as SwapRouter.exactInput wants it."""
        return b"".join(
            step.fee_ppm.to_bytes(3, "big")
            if isinstance(step, PoolTerms)
            else bytes.fromhex(self.token(step)[2:])
            for step in self.terms.path(token_in, token_out)
        )

    def trade(self, account: Address, token_in: str, token_out: str, amount_in_raw: int) -> Tx:
        return self.tx(
            account,
            self.addresses.router,
            "exactInput((bytes,address,uint256,uint256,uint256))",
            (self.path(token_in, token_out), account, MAX, amount_in_raw, 0),
        )

    def move_pool_to(self, pool: str, price: Price) -> Tx:
        """Arbitrage with unlimited funds, until one `WETH` costs exactly `price` `USDC`."""
        terms = self.terms.pool(pool)
        base_first = int(self.token(terms.base), 16) < int(self.token(terms.quote), 16)
        target = sqrt_price_x96(raw_price(self.terms, terms, Fraction(price), base_first))
        arbitrageur = self.addresses.arbitrageur
        pool_address = self.addresses.pools[pool]
        return self.tx(
            ADMIN, arbitrageur, "moveTo(address,uint160)", pool_address, target, gas=DEPLOY_GAS
        )

    # Feeds

    def move_feed(self, asset: str, price_e8: int) -> Tx:
        """One new round of the real aggregator: NewRound, SubmissionReceived, AnswerUpdated."""
        aggregator = self.addresses.aggregators[asset]
        return self.tx(ADMIN, self.addresses.reporter, REPORT, aggregator, price_e8)

    def replace_source(self, asset: str, source: Address) -> Tx:
        """Makes AaveOracle ask another contract; `addresses.feeds[asset]` undoes it."""
        signature = "setAssetSources(address[],address[])"
        return self.tx(ADMIN, self.addresses.oracle, signature, [self.token(asset)], [source])

    # Views

    async def user_account_data(self, account: Address, block: BlockRef = None) -> AccountData:
        return AccountData(
            *await self.call(self.addresses.pool, ACCOUNT_DATA, account, block=block)
        )

    async def all_account_data(
        self, accounts: Sequence[Address], block: BlockRef = None
    ) -> list[AccountData]:
        pool = self.addresses.pool
        answers = await self.read([View(pool, ACCOUNT_DATA, (who,)) for who in accounts], block)
        return [AccountData(*answer) for answer in answers]

    async def balance_of(self, token: Address, account: Address, block: BlockRef = None) -> int:
        balance: int = await self.call(token, BALANCE, account, block=block)
        return balance

    async def balances_of(
        self, tokens: Sequence[Address], accounts: Sequence[Address], block: BlockRef = None
    ) -> dict[tuple[Address, Address], int]:
        """By (token, account). Tokens are addresses, so that aTokens and debt tokens work too."""
        pairs = [(token, account) for token in tokens for account in accounts]
        views = [View(token, BALANCE, (account,)) for token, account in pairs]
        return dict(zip(pairs, await self.read(views, block), strict=True))
