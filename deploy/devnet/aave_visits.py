"""An Aave market as liquidators see it: V3.6 or V3.0.2, whose events and views are the same."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from devnet import abi
from devnet.aave_deployment import TREASURY
from devnet.abi import Address, event_topic
from devnet.chain import View
from devnet.executed import Liquidation, Remainder, Use
from devnet.loops import PRICE
from devnet.terms import USD
from devnet.transactions import Receipt, RevertError
from devnet.visits import HEALTHY_WAD, OPERATOR, Usd, Visit, address_in, amount_in, margin_raw
from devnet.world import ACCOUNT_DATA, BALANCE, AccountData, World

RESERVE_DATA = (
    "getUserReserveData(address,address)"
    "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint40,bool)"
)
RESERVE = (
    "getReserveData(address)(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,"
    "uint256,uint256,uint256,uint40)"
)
CASH = "getVirtualUnderlyingBalance(address)(uint128)"
RAY = 10**27
BORROW = event_topic("Borrow(address,address,address,uint256,uint8,uint256,uint16)")
LIQUIDATION_CALL = event_topic(
    "LiquidationCall(address,address,address,uint256,uint256,address,bool)"
)
LIQUIDATION_CALL_DATA = "data()(uint256,uint256,address,bool)"
DEFICIT_CREATED = event_topic("DeficitCreated(address,address,uint256)")
TRANSFER = event_topic("Transfer(address,address,uint256)")


async def borrowers(world: World) -> list[Address]:
    """Everybody who ever borrowed: debt cannot be transferred."""
    query = {
        "address": world.addresses.pool,
        "fromBlock": "0x0",
        "toBlock": "latest",
        "topics": [BORROW],
    }
    logs = await world.anvil.rpc("eth_getLogs", query)
    return sorted({address_in(log["topics"][2]) for log in logs})


@dataclass(frozen=True, slots=True)
class AaveMarket:
    """`world` is the view of this market; `accounts` have ever borrowed there."""

    name: str
    world: World
    accounts: Sequence[Address]

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.name,)

    async def visits(self, gas_usd: Fraction) -> list[Visit]:
        usd = await usd_of_raw(self.world)
        pool = self.world.addresses.pool
        data = await self.world.attempt([View(pool, ACCOUNT_DATA, (a,)) for a in self.accounts])
        # Whose oracle does not answer nobody can liquidate.
        known = [
            (AccountData(*each), account)
            for account, each in zip(self.accounts, data, strict=True)
            if not isinstance(each, RevertError)
        ]
        unsafe = sorted(
            (each.health_factor_wad, account)
            for each, account in known
            if each.health_factor_wad < HEALTHY_WAD
        )
        pledged_raw, owed_raw = await self._holdings([account for _, account in unsafe])
        return [
            self._visit(account, pledged_raw[account], owed_raw[account], usd, gas_usd)
            for _, account in unsafe
            # Without any collateral left there is nothing to take.
            if pledged_raw[account]
        ]

    def _visit(
        self,
        account: Address,
        pledged_raw: Mapping[str, int],
        owed_raw: Mapping[str, int],
        usd: Usd,
        gas_usd: Fraction,
    ) -> Visit:
        debt, collateral = self._largest(owed_raw, usd), self._largest(pledged_raw, usd)
        margin = margin_raw(gas_usd, usd[debt])
        tx = self.world.visit(OPERATOR, account, collateral, debt, margin)
        return Visit(self.name, account, debt, collateral, usd, tx)

    def _largest(self, amounts_raw: Mapping[str, int], usd: Usd) -> str:
        """By value; the lower address where equal."""
        return max(
            amounts_raw,
            key=lambda symbol: (
                amounts_raw[symbol] * usd[symbol],
                -int(self.world.token(symbol), 16),
            ),
        )

    async def _holdings(
        self, accounts: Sequence[Address]
    ) -> tuple[Mapping[Address, dict[str, int]], Mapping[Address, dict[str, int]]]:
        """Used collateral and debts of each account, raw, by symbol."""
        symbols = list(self.world.addresses.tokens)
        pairs = [(account, symbol) for account in accounts for symbol in symbols]
        at = self.world.addresses.data_provider
        reserves = await self.world.read(
            [View(at, RESERVE_DATA, (self.world.token(symbol), who)) for who, symbol in pairs]
        )
        pledged_raw: defaultdict[Address, dict[str, int]] = defaultdict(dict)
        owed_raw: defaultdict[Address, dict[str, int]] = defaultdict(dict)
        for (account, symbol), reserve in zip(pairs, reserves, strict=True):
            supplied, _, owed, *_, is_collateral = reserve
            if supplied and is_collateral:
                pledged_raw[account][symbol] = supplied
            if owed:
                owed_raw[account][symbol] = owed
        return pledged_raw, owed_raw

    def liquidation(self, visit: Visit, receipt: Receipt) -> Liquidation | None:
        at = self.world.addresses
        calls = receipt.logs_of(at.pool, LIQUIDATION_CALL)
        if not calls:
            return None
        (call,) = calls
        repaid_raw, received_raw = abi.function(LIQUIDATION_CALL_DATA).decode(call.data)[:2]
        fee_raw = sum(
            amount_in(log)
            for log in receipt.logs_of(at.atokens[visit.collateral], TRANSFER)
            if (address_in(log.topics[1]), address_in(log.topics[2])) == (visit.account, TREASURY)
        )
        symbols = {token: symbol for symbol, token in at.tokens.items()}
        lost_raw = {
            symbols[address_in(log.topics[2])]: amount_in(log)
            for log in receipt.logs_of(at.pool, DEFICIT_CREATED)
        }
        return visit.liquidation(repaid_raw, received_raw, fee_raw, lost_raw)

    async def left(self) -> list[Remainder]:
        data = await self.world.all_account_data(self.accounts)
        return [
            Remainder(
                self.name,
                account,
                collateral_usd=Fraction(each.collateral_e8, USD),
                debt_usd=Fraction(each.debt_e8, USD),
            )
            for account, each in zip(self.accounts, data, strict=True)
            if each.health_factor_wad < HEALTHY_WAD
        ]

    async def uses(self) -> list[Use]:
        at = self.world.addresses
        held = [
            View(at.tokens[symbol], BALANCE, (atoken,)) for symbol, atoken in at.atokens.items()
        ]
        reserves, booked, balances = (
            await self.world.read(
                [View(at.data_provider, RESERVE, (at.tokens[each],)) for each in at.atokens]
            ),
            await self.world.attempt(
                [View(at.pool, CASH, (at.tokens[each],)) for each in at.atokens]
            ),
            await self.world.read(held),
        )

        def uses() -> Iterator[Use]:
            answers = zip(at.atokens, reserves, booked, balances, strict=True)
            for symbol, reserve, cash, balance in answers:
                stable_raw, variable_raw, rate_ray = reserve[3], reserve[4], reserve[6]
                owed_raw = stable_raw + variable_raw
                # Before 3.1 a reserve's cash is what lies in its aToken.
                cash_raw = balance if isinstance(cash, RevertError) else cash
                utilisation = Fraction(owed_raw, owed_raw + cash_raw or 1)
                yield Use(self.name, symbol, utilisation, Fraction(rate_ray, RAY))

        return list(uses())


async def usd_of_raw(world: World) -> dict[str, Fraction]:
    """One raw unit in USD, of each asset for which the market's oracle has an answer."""
    tokens = world.addresses.tokens
    views = [View(world.addresses.oracle, PRICE, (token,)) for token in tokens.values()]
    return {
        symbol: Fraction(price_e8, USD * 10 ** world.terms.asset(symbol).decimals)
        for symbol, price_e8 in zip(tokens, await world.attempt(views), strict=True)
        if not isinstance(price_e8, RevertError)
    }
