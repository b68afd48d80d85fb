"""Markets of Morpho for claims, and those who pledge them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from devnet import Address, Tx, View, WideWorld, account
from devnet.share_market import open_atoken_market, open_share_market

from fidelity.amounts import raw_of, view_of
from fidelity.ground import VAULT, ClaimTerms, Ground
from fidelity.people import Book, Debtor

LENDER = account("fidelity lender of claims")
BALANCE = "balanceOf(address)(uint256)"
APPROVE = "approve(address,uint256)"


@dataclass(frozen=True, slots=True)
class Claim:
    """One on the chain: its token, who takes the asset for it, its market in Morpho's book."""

    terms: ClaimTerms
    token: Address
    taker: Address
    market: str


async def open_claims(world: WideWorld, ground: Ground, book: Book) -> None:
    """After the pairs and the Aave markets are lent and open."""
    for terms in ground.claims:
        debtors = [each for each in book.debtors if each.market == terms.name]
        claim = await _open(world, terms, debtors, book.style.lent_per_debt)
        await world.block(*(tx for each in debtors for tx in _obtain(world, claim, each)))
        views = [View(claim.token, BALANCE, (each.account,)) for each in debtors]
        held = dict(zip([each.account for each in debtors], await world.read(views), strict=True))
        await world.block(*(tx for each in debtors for tx in _owe(world, claim, each, held)))


async def _open(
    world: WideWorld, terms: ClaimTerms, debtors: list[Debtor], lent_per_debt: float
) -> Claim:
    owed_usd = sum(each.debts_usd[terms.loan] for each in debtors)
    lent = {LENDER: raw_of(world, terms.loan, owed_usd * lent_per_debt)}
    if terms.issuer == VAULT:
        vault = world.vaults[VAULT].address
        market = await open_share_market(world, VAULT, terms.loan, terms.lltv_wad, lent)
        return Claim(terms, vault, vault, market)
    issuer, pair = view_of(world, terms.issuer), (terms.collateral, terms.loan)
    market = await open_atoken_market(world, issuer, pair, terms.lltv_wad, lent)
    atoken = issuer.addresses.atokens[terms.collateral]
    return Claim(terms, atoken, issuer.addresses.pool, market)


def _obtain(world: WideWorld, claim: Claim, debtor: Debtor) -> Iterator[Tx]:
    symbol, who = claim.terms.collateral, debtor.account
    raw = raw_of(world, symbol, debtor.pledges_usd[symbol])
    yield world.mint(who, symbol, raw)
    yield world.approve(who, symbol, claim.taker)
    if claim.terms.issuer == VAULT:
        yield world.vaults[VAULT].deposit(who, raw)
    else:
        yield view_of(world, claim.terms.issuer).supply(who, symbol, raw)
    yield world.tx(who, claim.token, APPROVE, world.addresses.morpho.morpho, 2**255)


def _owe(
    world: WideWorld, claim: Claim, debtor: Debtor, held: Mapping[Address, int]
) -> Iterator[Tx]:
    who, loan = debtor.account, claim.terms.loan
    # An aToken's balance is rounded, and what was minted rounds down.
    yield world.morpho.supply_collateral(who, claim.market, held[who] - 2)
    yield world.morpho.borrow(who, claim.market, raw_of(world, loan, debtor.debts_usd[loan]))
