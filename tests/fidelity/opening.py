"""Puts a book on the chain: lenders first, then everybody in it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from devnet import USD, Tx, WideWorld, account

from fidelity.amounts import raw_of, view_of
from fidelity.claims import open_claims
from fidelity.ground import Ground
from fidelity.people import CORES, Book, Debtor

HOARDED_PER_PLEDGE = 0.3


async def open_book(world: WideWorld, ground: Ground, book: Book) -> None:
    """At the first prices. Raises RevertError where a contract refuses somebody."""
    claimed = {claim.name for claim in ground.claims}
    plain = [each for each in book.debtors if each.market not in claimed]
    await world.block(*_lend(world, plain, book.style.lent_per_debt))
    await world.block(*(tx for each in plain for tx in _bring(world, each)))
    await world.block(*(tx for each in plain for tx in _pledge(world, each)))
    await world.block(*(tx for each in plain for tx in _borrow(world, each)))
    await open_claims(world, ground, book)
    for (market, symbol), left in ground.cash_left.items():
        await _hoard(world, market, symbol, left)


async def _hoard(world: WideWorld, market: str, symbol: str, left: float) -> None:
    """Somebody safe borrows all the cash of a reserve but this part."""
    view, who = view_of(world, market), account(f"fidelity hoarder of {symbol}")
    asset, pledged = world.terms.asset(symbol), "DAI" if symbol == "USDC" else "USDC"
    cash = await world.balance_of(world.token(symbol), view.addresses.atokens[symbol])
    hoarded = int(cash * (1 - left))
    worth_usd = hoarded * asset.price_e8 / 10**asset.decimals / USD
    raw = raw_of(world, pledged, worth_usd / HOARDED_PER_PLEDGE)
    await world.block(
        world.mint(who, pledged, raw),
        view.approve(who, pledged, view.addresses.pool),
        view.supply(who, pledged, raw),
        view.borrow(who, symbol, hoarded),
    )


def _lend(world: WideWorld, debtors: Sequence[Debtor], lent_per_debt: float) -> Iterator[Tx]:
    owed_usd: defaultdict[tuple[str, str], float] = defaultdict(float)
    for debtor in debtors:
        for symbol, value_usd in debtor.debts_usd.items():
            owed_usd[debtor.market, symbol] += value_usd
    lender, morpho = account("fidelity lender"), world.addresses.morpho.morpho
    for (market, symbol), value_usd in owed_usd.items():
        lent_raw = raw_of(world, symbol, value_usd * lent_per_debt)
        yield world.mint(lender, symbol, lent_raw)
        if market in CORES:
            view = view_of(world, market)
            yield view.approve(lender, symbol, view.addresses.pool)
            yield view.supply(lender, symbol, lent_raw)
        else:
            yield world.approve(lender, symbol, morpho)
            yield world.morpho.supply(lender, market, lent_raw)


def _bring(world: WideWorld, debtor: Debtor) -> Iterator[Tx]:
    spender = world.addresses.morpho.morpho
    if debtor.market in CORES:
        spender = view_of(world, debtor.market).addresses.pool
    for symbol, value_usd in debtor.pledges_usd.items():
        yield world.mint(debtor.account, symbol, raw_of(world, symbol, value_usd))
        yield world.approve(debtor.account, symbol, spender)


def _pledge(world: WideWorld, debtor: Debtor) -> Iterator[Tx]:
    for symbol, value_usd in debtor.pledges_usd.items():
        raw = raw_of(world, symbol, value_usd)
        if debtor.market in CORES:
            yield view_of(world, debtor.market).supply(debtor.account, symbol, raw)
        else:
            yield world.morpho.supply_collateral(debtor.account, debtor.market, raw)
    if debtor.e_mode:
        yield view_of(world, debtor.market).set_emode(debtor.account, debtor.e_mode)


def _borrow(world: WideWorld, debtor: Debtor) -> Iterator[Tx]:
    for symbol, value_usd in debtor.debts_usd.items():
        raw = raw_of(world, symbol, value_usd)
        if debtor.market in CORES:
            yield view_of(world, debtor.market).borrow(debtor.account, symbol, raw)
        else:
            yield world.morpho.borrow(debtor.account, debtor.market, raw)
