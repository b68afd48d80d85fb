"""Puts a book on the chain: lenders first, then everybody in it."""

from collections import defaultdict
from collections.abc import Iterator

from devnet import USD, Tx, WideWorld, World, account
from devnet.configuration import AAVE_3_0

from fidelity.people import CORES, Book, Debtor


async def open_book(world: WideWorld, book: Book) -> None:
    """At the first prices. Raises RevertError where a contract refuses somebody."""
    await world.block(*_lend(world, book))
    await world.block(*(tx for each in book.debtors for tx in _bring(world, each)))
    await world.block(*(tx for each in book.debtors for tx in _pledge(world, each)))
    await world.block(*(tx for each in book.debtors for tx in _borrow(world, each)))


def raw_of(world: World, symbol: str, value_usd: float) -> int:
    asset = world.terms.asset(symbol)
    amount: int = int(value_usd * USD) * 10**asset.decimals // asset.price_e8
    return amount


def view_of(world: WideWorld, market: str) -> World:
    """Of an Aave market."""
    return world.aave_3_0 if market == AAVE_3_0 else world


def _lend(world: WideWorld, book: Book) -> Iterator[Tx]:
    owed_usd: defaultdict[tuple[str, str], float] = defaultdict(float)
    for debtor in book.debtors:
        for symbol, value_usd in debtor.debts_usd.items():
            owed_usd[debtor.market, symbol] += value_usd
    lender, morpho = account("fidelity lender"), world.addresses.morpho.morpho
    for (market, symbol), value_usd in owed_usd.items():
        lent_raw = raw_of(world, symbol, value_usd * book.style.lent_per_debt)
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
