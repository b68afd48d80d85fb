"""Morpho Blue as liquidators see it: all of its markets together, each with its own prices."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from devnet import abi
from devnet.aave_visits import usd_of_raw
from devnet.abi import ZERO_ADDRESS, Address, event_topic
from devnet.addresses import PARAMS
from devnet.chain import View
from devnet.claims import REDEMPTION, Claim, claims_in, redemption
from devnet.executed import Liquidation, Remainder, Use
from devnet.morpho import MARKET
from devnet.transactions import Receipt, RevertError, Tx
from devnet.visits import HEALTHY_WAD, OPERATOR, Usd, Visit, address_in, margin_raw
from devnet.wide_terms import MORPHO_PRICE_DECIMALS, WAD
from devnet.wide_world import WideWorld
from devnet.world import VISIT_GAS

BORROW = event_topic("Borrow(bytes32,address,address,address,uint256,uint256)")
LIQUIDATE = event_topic(
    "Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)"
)
LIQUIDATE_DATA = "data()(uint256,uint256,uint256,uint256,uint256)"
VISIT = f"visitMorpho((address,{PARAMS},address,bytes,address,{REDEMPTION}),uint256)"
BORROW_RATE = f"borrowRateView({PARAMS},(uint128,uint128,uint128,uint128,uint128,uint128))(uint256)"
SECONDS_PER_YEAR = 365 * 86_400
PRICE = "price()(uint256)"
PRICE_SCALE = 10**MORPHO_PRICE_DECIMALS


@dataclass(frozen=True, slots=True)
class Standing:
    """An account in one market, with interest to the block's second."""

    market: str
    account: Address
    collateral_raw: int
    debt_raw: int
    health_wad: int


async def pair_borrowers(world: WideWorld) -> dict[str, list[Address]]:
    """Everybody who ever borrowed in each market of the book, by its name.

    But where what is pledged or lent is neither a token of the world nor redeemed for one.
    """
    query = {
        "address": world.addresses.morpho.morpho,
        "fromBlock": "0x0",
        "toBlock": "latest",
        "topics": [BORROW],
    }
    found: defaultdict[str, set[Address]] = defaultdict(set)
    for log in await world.anvil.rpc("eth_getLogs", query):
        found[log["topics"][1]].add(address_in(log["topics"][2]))
    tokens = set(world.addresses.tokens.values())
    pledgeable = tokens | set(await claims_in(world))
    markets = world.addresses.morpho.markets
    return {
        name: sorted(found[_hex(params.id)])
        for name, params in markets.items()
        if params.collateral in pledgeable and params.loan in tokens
    }


@dataclass(frozen=True, slots=True)
class MorphoMarket:
    """`accounts` have ever borrowed in the market of that name in the book; `claims` by token."""

    name: str
    world: WideWorld
    accounts: Mapping[str, Sequence[Address]]
    claims: Mapping[Address, Claim] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self._label(market) for market in self.accounts)

    def _label(self, market: str) -> str:
        return label_of(self.name, self.world, market)

    async def visits(self, gas_usd: Fraction) -> list[Visit]:
        prices = {market: await self._usd(market) for market in await self._answered()}
        unsafe = sorted(
            await self._unsafe(prices),
            key=lambda each: (each.health_wad, each.account, self._label(each.market)),
        )
        return [self._visit(each, prices[each.market], gas_usd) for each in unsafe]

    def _visit(self, each: Standing, usd: Usd, gas_usd: Fraction) -> Visit:
        loan, collateral = self._symbols(each.market)
        tx = self._tx(each.account, each.market, margin_raw(gas_usd, usd[loan]))
        return Visit(self._label(each.market), each.account, loan, collateral, usd, tx)

    def _tx(self, account: Address, market: str, margin_raw: int) -> Tx:
        at = self.world.addresses
        params = at.morpho.markets[market]
        claim = self.claims.get(params.collateral)
        loan, collateral = self._symbols(market)
        sold = collateral if claim is None else claim.underlying
        path = b"" if sold == loan else self.world.path(sold, loan)
        redeemed = redemption(self.world, claim)
        target = (at.morpho.morpho, params.encoded, account, path, at.router, redeemed)
        return self.world.tx(OPERATOR, at.liquidator, VISIT, target, margin_raw, gas=VISIT_GAS)

    async def _usd(self, market: str) -> Usd:
        """The loan as the first Aave market has it, the collateral in units of that.

        A loan is worth nothing where that market has no answer, since a feed says 0.
        """
        loan, collateral = self._symbols(market)
        loan_usd = (await usd_of_raw(self.world)).get(loan, Fraction())
        price_e36 = await self.world.morpho.price_e36(market)
        return {loan: loan_usd, collateral: loan_usd * Fraction(price_e36, PRICE_SCALE)}

    def _symbols(self, market: str) -> tuple[str, str]:
        """Loan and collateral; a claim goes by what the market's name calls it."""
        symbols = {token: symbol for symbol, token in self.world.addresses.tokens.items()}
        params = self.world.addresses.morpho.markets[market]
        named = market.rpartition("/")[0]
        return symbols[params.loan], symbols.get(params.collateral, named)

    async def _answered(self) -> list[str]:
        """Markets whose oracle says anything: one that would divide by 0 does not."""
        markets = self.world.addresses.morpho.markets
        asked = [View(markets[market].oracle, PRICE) for market in self.accounts]
        answers = zip(self.accounts, await self.world.attempt(asked), strict=True)
        return [market for market, answer in answers if not isinstance(answer, RevertError)]

    async def _unsafe(self, markets: Iterable[str]) -> list[Standing]:
        return [
            each
            for market in markets
            for each in await self._standings(market)
            if each.health_wad < HEALTHY_WAD
        ]

    async def _standings(self, market: str) -> list[Standing]:
        """Of those who owe anything; health by the formula of Morpho's own check."""
        accounts = self.accounts[market]
        accrued = await self.world.morpho.accrued(market, accounts)
        price_e36 = await self.world.morpho.price_e36(market)
        lltv_wad = self.world.addresses.morpho.markets[market].lltv_wad

        def standings() -> Iterator[Standing]:
            for account, position in zip(accounts, accrued.positions, strict=True):
                if not position.borrow_shares:
                    continue
                pledged_raw = position.collateral_raw
                owed_raw = accrued.state.owed_raw(position.borrow_shares)
                allowed_raw = pledged_raw * price_e36 // PRICE_SCALE * lltv_wad // WAD
                health_wad = allowed_raw * WAD // owed_raw
                yield Standing(market, account, pledged_raw, owed_raw, health_wad)

        return list(standings())

    def liquidation(self, visit: Visit, receipt: Receipt) -> Liquidation | None:
        calls = receipt.logs_of(self.world.addresses.morpho.morpho, LIQUIDATE)
        if not calls:
            return None
        (call,) = calls
        repaid_raw, _, seized_raw, lost_raw, _ = abi.function(LIQUIDATE_DATA).decode(call.data)
        lost = {visit.debt: lost_raw} if lost_raw else {}
        return visit.liquidation(repaid_raw, seized_raw, 0, lost)

    async def left(self) -> list[Remainder]:
        prices = {market: await self._usd(market) for market in self.accounts}
        unsafe = await self._unsafe(prices)
        return [self._remainder(each, prices[each.market]) for each in unsafe]

    def _remainder(self, each: Standing, usd: Usd) -> Remainder:
        loan, collateral = self._symbols(each.market)
        return Remainder(
            self._label(each.market),
            each.account,
            collateral_usd=each.collateral_raw * usd[collateral],
            debt_usd=each.debt_raw * usd[loan],
        )

    async def uses(self) -> list[Use]:
        markets = [self.world.addresses.morpho.markets[market] for market in self.accounts]
        morpho = self.world.addresses.morpho.morpho
        states = await self.world.read([View(morpho, MARKET, (each.id,)) for each in markets])
        asked = [
            # A market without a rate model: its debts never grow.
            View(each.rate_model, BORROW_RATE, (each.encoded, state))
            for each, state in zip(markets, states, strict=True)
            if each.rate_model != ZERO_ADDRESS
        ]
        answers = iter(await self.world.read(asked))
        rates_wad = [0 if each.rate_model == ZERO_ADDRESS else next(answers) for each in markets]
        return [
            Use(
                self._label(market),
                self._symbols(market)[0],
                Fraction(owed_raw, supplied_raw or 1),
                Fraction(rate_wad * SECONDS_PER_YEAR, WAD),
            )
            for market, (supplied_raw, _, owed_raw, *_), rate_wad in zip(
                self.accounts, states, rates_wad, strict=True
            )
        ]


def label_of(name: str, world: WideWorld, market: str) -> str:
    """A market of the book in results: the configured name, and its id."""
    return f"{name}/{_hex(world.addresses.morpho.markets[market].id)}"


def _hex(market_id: bytes) -> str:
    return "0x" + market_id.hex()
