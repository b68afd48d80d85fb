"""What anybody may do to Morpho: strange tokens, sick oracles, unknown rate models, last units."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from devnet import ZERO_ADDRESS, Deployer, MarketParams, RevertError, WideWorld, account
from devnet.morpho import callback
from devnet.morpho_deployment import MORPHO_FEE_RECIPIENT
from devnet.odd_tokens import deploy_odd_token
from devnet.oracle_deployment import BEHAVE, Mode
from morpho_following import MARKET, Life, compare, id_of, market_of, new_life

from monitor.core.keys import pair_key, price_key, token_key
from monitor.core.ledger import find
from monitor.core.pairs import Pair, Token
from monitor.core.prices import Price
from monitor.core.units import Address

ALICE, BOB, LENDER = (account(name) for name in ("alice", "bob", "lender"))
WETH_USDC, WBTC_USDC, WETH_DAI = "WETH/USDC", "WBTC/USDC", "WETH/DAI"
PAR = 10**36
WAD = 10**18
LLTV_WAD = 860_000_000_000_000_000
LENT, PLEDGED, OWED = 10**12, 10**12, 5 * 10**11
YEAR_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Bazaar:
    """The wide world, a life that follows it, and what opens markets in it."""

    wide: WideWorld
    life: Life
    deployer: Deployer

    async def open(
        self,
        name: str,
        *,
        loan: str | None = None,
        collateral: str | None = None,
        oracle: str | None = None,
        rate_model: str | None = None,
        lltv_wad: int = LLTV_WAD,
    ) -> str:
        """A new market, at par unless told otherwise; its id."""
        if oracle is None:
            oracle = await self.deployer.deploy("OracleMock")
            await self.deployer.send(oracle, "setPrice(uint256)", PAR)
        params = MarketParams(
            loan or self.wide.token("DAI"),
            collateral or self.wide.token("WETH"),
            oracle,
            self.wide.addresses.morpho.rate_model if rate_model is None else rate_model,
            lltv_wad,
        )
        self.wide.addresses.morpho.markets[name] = params
        await self.wide.morpho.create_market(BOB, params)
        return id_of(self.wide.morpho, name)

    async def lend_and_borrow(self, name: str) -> None:
        morpho, params = self.wide.morpho, self.wide.morpho.params(name)
        for who, token, amount in (
            (LENDER, params.loan, 2 * LENT),
            (ALICE, params.collateral, PLEDGED),
            (ALICE, params.loan, LENT),
        ):
            await self.wide.block(
                self.wide.tx(who, token, "mint(address,uint256)", who, amount),
                self.wide.tx(
                    who, token, "approve(address,uint256)", morpho.addresses.morpho, LENT * LENT
                ),
            )
        await self.wide.block(
            morpho.supply(LENDER, name, LENT),
            morpho.supply_collateral(ALICE, name, PLEDGED),
            morpho.borrow(ALICE, name, OWED),
        )

    async def compare(self) -> None:
        await compare(self.life, self.wide.morpho, [ALICE, BOB, LENDER, MORPHO_FEE_RECIPIENT])

    async def told(self, name: str) -> tuple[bool | None, tuple[str, ...]]:
        """Whether Alice can be liquidated, and what is unknown of her."""
        said = await self.life.statement(id_of(self.wide.morpho, name), ALICE)
        assert said is not None
        return said.risk.liquidatable, said.risk.unknown


@pytest.fixture
async def bazaar(wide: WideWorld) -> AsyncIterator[Bazaar]:
    async with new_life(wide, market_of(wide.addresses.morpho.morpho)) as life:
        await life.begin()
        yield Bazaar(wide, life, Deployer(wide))


@pytest.mark.parametrize(
    ("oddity", "symbol", "decimals"),
    [
        ("0 decimals", "WHOLE", 0),
        ("77 decimals", "TINY", 77),
        ("symbol of WETH", "WETH", 18),
        ("symbol not UTF-8", None, 18),
        ("symbol reverting", None, 18),
        ("symbol of 10 kB", None, 18),
        ("decimals missing", None, None),
        ("fee on transfer", "FEE", 18),
        ("rebasing", "stETH", 18),
    ],
)
@pytest.mark.parametrize("side", ["loan", "collateral"])
async def test_odd_token__in_a_market_made_on_the_way__costs_no_wei(
    bazaar: Bazaar, oddity: str, symbol: str | None, decimals: int | None, side: str
) -> None:
    token = await deploy_odd_token(bazaar.deployer, oddity)
    market_id = await bazaar.open("odd", **{side: token})  # type: ignore[arg-type]
    await bazaar.lend_and_borrow("odd")
    await bazaar.wide.jump(YEAR_SECONDS)
    await bazaar.compare()
    await bazaar.life.records()
    ledger = await bazaar.life.ledger()
    known = find(ledger, token_key(Address(token)), Token)
    assert known is not None
    assert known.decimals == decimals
    assert known.symbol == (symbol or known.symbol)
    listed = {
        li.asset: li for li in bazaar.life.market.listings(ledger) if li.sub_market == market_id
    }
    assert listed[Address(token)].decimals == decimals
    at_unix = bazaar.life.tail[-1].timestamp
    (sheet,) = [s for s in bazaar.life.market.sheets(ledger, at_unix) if s.sub_market == market_id]
    assert len(sheet.exposures) == 1
    assert sheet.assets[Address(token)].decimals == decimals


@pytest.mark.parametrize("side", ["loan", "collateral"])
async def test_balance__that_rebases__moves_no_claim_on_morpho(bazaar: Bazaar, side: str) -> None:
    """Morpho books what it was told; whether it is there shows when somebody wants it back."""
    wide, morpho = bazaar.wide, bazaar.wide.morpho
    token = await deploy_odd_token(bazaar.deployer, "rebasing")
    market_id = await bazaar.open("rebasing", **{side: token})  # type: ignore[arg-type]
    await bazaar.lend_and_borrow("rebasing")
    for rate_wad in (3 * WAD, WAD // 4):
        await bazaar.deployer.send(token, "setRate(uint256,uint256)", rate_wad, 0)
        await wide.jump(YEAR_SECONDS)
        await bazaar.compare()
        await morpho.accrue_interest(BOB, "rebasing")
        await bazaar.compare()
    said = await bazaar.life.statement(market_id, ALICE)
    assert said is not None
    there = await wide.balance_of(token, morpho.addresses.morpho)
    if side == "collateral":
        assert said.collateral[0].amount_raw == PLEDGED > there
        return
    state = (await morpho.accrued("rebasing")).state
    assert state.supply_raw - state.borrow_raw > there
    with pytest.raises(RevertError):
        await morpho.withdraw(LENDER, "rebasing", there + 1)
    await bazaar.compare()


async def test_token__deployed_after_its_market__is_known_from_then_on(bazaar: Bazaar) -> None:
    token = await deploy_odd_token(bazaar.deployer, "0 decimals")
    code = await bazaar.wide.anvil.rpc("eth_getCode", token, "latest")
    address = account("a token to come")
    await bazaar.open("early", collateral=address)
    ledger = await bazaar.life.ledger()
    assert find(ledger, token_key(Address(address)), Token) == Token(address, None)
    await bazaar.wide.anvil.rpc("anvil_setCode", address, code)
    await bazaar.wide.mine()
    await bazaar.life.records()
    known = find(await bazaar.life.ledger(), token_key(Address(address)), Token)
    assert known is not None
    assert known.decimals == 0


async def test_loan_pledged_for_itself__is_two_holdings(bazaar: Bazaar) -> None:
    market_id = await bazaar.open("self", collateral=bazaar.wide.token("DAI"))
    await bazaar.lend_and_borrow("self")
    await bazaar.wide.morpho.supply(ALICE, "self", 10**9)
    await bazaar.wide.jump(YEAR_SECONDS)
    await bazaar.compare()
    said = await bazaar.life.statement(market_id, ALICE)
    assert said is not None
    assert [len(side) for side in (said.collateral, said.debt, said.lent)] == [1, 1, 1]
    ledger, at_unix = await bazaar.life.ledger(), bazaar.life.tail[-1].timestamp
    sheets = {s.sub_market: s for s in bazaar.life.market.sheets(ledger, at_unix)}
    assert sheets[market_id].unknown == ()
    oracle = bazaar.wide.morpho.params("self").oracle
    await bazaar.deployer.send(oracle, "setPrice(uint256)", 2 * PAR)
    await bazaar.compare()
    sheets = {s.sub_market: s for s in bazaar.life.market.sheets(ledger, at_unix)}
    assert sheets[market_id].unknown == ()
    assert "not at par" in sheets[market_id].left_out[0]


async def test_market__with_nothing_in_its_roles__is_followed(bazaar: Bazaar) -> None:
    await bazaar.wide.morpho.enable_lltv(0)
    market_id = await bazaar.open("bare", oracle=ZERO_ADDRESS, rate_model=ZERO_ADDRESS, lltv_wad=0)
    morpho = bazaar.wide.morpho
    with pytest.raises(RevertError):
        await bazaar.lend_and_borrow("bare")  # nobody may borrow: there is no price
    await bazaar.compare()
    await bazaar.wide.jump(YEAR_SECONDS)
    await bazaar.wide.block(
        morpho.accrue_interest(BOB, "bare"), morpho.withdraw(LENDER, "bare", LENT // 3)
    )
    await bazaar.compare()
    await bazaar.life.records()
    ledger = await bazaar.life.ledger()
    price = find(ledger, price_key(MARKET, Address(bazaar.wide.token("WETH")), market_id), Price)
    assert price is not None
    assert price.value is None
    assert "no oracle" in price.reason
    # No price is unknown where nobody can owe: else a market for idle cash would be at fault.
    listed = [one for one in bazaar.life.market.listings(ledger) if one.sub_market == market_id]
    assert [one.price for one in listed] == [None, None]


@pytest.mark.parametrize(
    ("mode", "answer", "liquidatable", "why"),
    [
        (Mode.ANSWERS, PAR, False, ""),
        (Mode.ANSWERS, 0, True, ""),
        (Mode.ANSWERS, 2**256 - 1, None, "overflows"),
        (Mode.BURNS_GAS, PAR, None, "oracle reverts"),
        (Mode.ANSWERS_SHORT, PAR, None, "price"),
        (Mode.ANSWERS_LONG, PAR, False, ""),
        (Mode.REVERTS_LONG, PAR, None, "oracle reverts"),
    ],
)
async def test_oracle__whatever_it_does__is_told_or_unknown(
    bazaar: Bazaar, mode: Mode, answer: int, liquidatable: bool | None, why: str
) -> None:
    source = await bazaar.deployer.deploy("HostileSource", PAR)
    await bazaar.open("hostile", oracle=source)
    await bazaar.lend_and_borrow("hostile")
    assert await bazaar.told("hostile") == (False, ())
    await bazaar.deployer.send(source, BEHAVE, int(mode), answer)
    told, unknown = await bazaar.told("hostile")
    assert told is liquidatable
    assert why in " ".join(unknown)
    assert bool(unknown) == bool(why)
    await bazaar.deployer.send(source, BEHAVE, int(Mode.ANSWERS), PAR)
    assert await bazaar.told("hostile") == (False, ())
    await bazaar.compare()


async def test_rate_model__of_another_make__is_asked_every_block(
    bazaar: Bazaar, caplog: pytest.LogCaptureFixture
) -> None:
    model = await bazaar.deployer.deploy("HostileSource", 3 * 10**9)
    await bazaar.deployer.send(bazaar.wide.addresses.morpho.morpho, "enableIrm(address)", model)
    market_id = await bazaar.open("strange", rate_model=model)
    await bazaar.lend_and_borrow("strange")
    for rate in (3 * 10**9, 5 * 10**9, 0):
        await bazaar.deployer.send(model, BEHAVE, int(Mode.ANSWERS), rate)
        await bazaar.wide.jump(YEAR_SECONDS // 9)
        await bazaar.compare()
        await bazaar.wide.morpho.accrue_interest(BOB, "strange")
        await bazaar.compare()
    await bazaar.life.records()
    pair = find(await bazaar.life.ledger(), pair_key(MARKET, market_id), Pair)
    assert pair is not None
    assert (pair.rate_at_target_wad, pair.borrow_rate_wad) == (None, 0)
    assert caplog.text.count("a rate model we do not know") == 1

    await bazaar.wide.mine()
    await bazaar.deployer.send(model, BEHAVE, int(Mode.REVERTS_LONG), 0)
    liquidatable, unknown = await bazaar.told("strange")
    assert liquidatable is None
    assert "rate model does not answer" in unknown[0]
    lender = await bazaar.life.statement(market_id, LENDER)
    assert lender is not None
    assert (lender.risk.liquidatable, lender.risk.unknown) == (False, unknown)
    ledger, at_unix = await bazaar.life.ledger(), bazaar.life.tail[-1].timestamp
    shares = bazaar.life.market.utilisation(ledger, at_unix)
    assert Address(bazaar.wide.token("DAI")) not in shares
    assert Address(bazaar.wide.token("USDC")) in shares


async def test_collateral__seized_but_for_one_unit__leaves_the_debt_until_it_goes(
    bazaar: Bazaar,
) -> None:
    await bazaar.open("crash")
    await bazaar.lend_and_borrow("crash")
    morpho = bazaar.wide.morpho
    await bazaar.deployer.send(morpho.params("crash").oracle, "setPrice(uint256)", PAR // 4)
    await bazaar.wide.jump(86_400)
    assert await bazaar.told("crash") == (True, ())
    before = await morpho.market("crash")
    await morpho.liquidate(LENDER, "crash", ALICE, seized_raw=PLEDGED - 1)
    await bazaar.compare()
    left = await morpho.market("crash")
    assert left.supply_raw >= before.supply_raw
    assert left.borrow_raw > 0
    await morpho.liquidate(LENDER, "crash", ALICE, seized_raw=1)
    await bazaar.compare()
    after = await morpho.market("crash")
    assert after.borrow_shares == after.borrow_raw == 0
    assert after.supply_raw < before.supply_raw  # the suppliers' loss, at once
    await bazaar.life.records()


async def test_repayment__of_one_unit_more_than_is_owed__ends_at_nothing(bazaar: Bazaar) -> None:
    await bazaar.open("dust", rate_model=ZERO_ADDRESS)
    await bazaar.lend_and_borrow("dust")
    morpho = bazaar.wide.morpho
    shares = (await morpho.position("dust", ALICE)).borrow_shares
    await morpho.repay(ALICE, "dust", shares=shares)
    await morpho.borrow(ALICE, "dust", shares=1)  # is worth nothing, rounded down
    state = await morpho.market("dust")
    assert (state.borrow_raw, state.borrow_shares) == (0, 1)
    await bazaar.compare()
    await morpho.repay(ALICE, "dust", shares=1)  # costs one, rounded up
    state = await morpho.market("dust")
    assert (state.borrow_raw, state.borrow_shares) == (0, 0)
    await bazaar.compare()


async def test_fee__accrued_before_its_recipient_changed__is_the_new_ones(bazaar: Bazaar) -> None:
    wide, morpho = bazaar.wide, bazaar.wide.morpho
    await bazaar.open("fee")
    await bazaar.lend_and_borrow("fee")
    await morpho.set_fee("fee", WAD // 4)
    await wide.jump(YEAR_SECONDS)
    await morpho.set_fee_recipient(BOB)
    await bazaar.compare()
    said = await bazaar.life.statement(id_of(morpho, "fee"), BOB)
    assert said is not None
    assert said.lent[0].amount_raw > 0
    await morpho.accrue_interest(ALICE, "fee")
    await bazaar.compare()
    shares = [p.supply_shares for p in await morpho.positions("fee", [BOB, MORPHO_FEE_RECIPIENT])]
    assert shares[0] > 0
    assert shares[1] == 0
    await bazaar.life.records()


async def test_callbacks__one_in_another__are_followed(bazaar: Bazaar) -> None:
    wide, morpho = bazaar.wide, bazaar.wide.morpho
    at, actor = morpho.addresses.morpho, morpho.actor
    collateral, loan = wide.raw("WETH", 10), wide.raw("USDC", 10_000)
    await morpho.bundle(
        BOB,
        wide.approve(actor, "WETH", at),
        wide.approve(actor, "USDC", at),
        morpho.supply_collateral(
            *(actor, WETH_USDC, collateral),
            data=callback(
                morpho.borrow(actor, WETH_USDC, loan),
                wide.mint(actor, "WETH", collateral),
                morpho.supply(
                    *(actor, WETH_USDC, loan),
                    data=callback(morpho.withdraw(actor, WETH_USDC, loan // 2)),
                ),
            ),
        ),
        morpho.repay(actor, WETH_USDC, loan // 2),
        morpho.flash_loan(wide.token("USDC"), 1, morpho.accrue_interest(actor, WBTC_USDC)),
    )
    await compare(bazaar.life, morpho, [actor, ALICE])
    await bazaar.life.records()
