"""Who owes what in a world: books that are spread or concentrated, careful or at their limit."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devnet import Address, PairTerms, WideTerms, account
from devnet.configuration import AAVE_3_0, AAVE_CORE

from fidelity.ground import PEGGED, VOLATILE, ClaimTerms, Ground, between

PARETO_EXPONENT = 1.1
LEAST_USD = 300.0
CORES = (AAVE_CORE, AAVE_3_0)
WHALES = 3


@dataclass(frozen=True, slots=True)
class Debtor:
    """An account in one market, at the first prices.

    A `market` of Morpho is the name of a pair's or claim's terms; a claim is pledged for what is
    under it.
    """

    account: Address
    market: str
    pledges_usd: Mapping[str, float]
    debts_usd: Mapping[str, float]
    e_mode: int = 0


@dataclass(frozen=True, slots=True)
class Style:
    """`margin`: how far below what they may borrow people stay, at most; `lent_per_debt` says how
    much of what is lent is lent out.
    """

    is_concentrated: bool
    people: int
    median_usd: float
    largest_usd: float
    margin: float
    lent_per_debt: float


@dataclass(frozen=True, slots=True)
class Book:
    style: Style
    debtors: Sequence[Debtor]

    @property
    def debt_usd(self) -> float:
        return sum(sum(debtor.debts_usd.values()) for debtor in self.debtors)

    @property
    def largest_share(self) -> float:
        """Of all debt, what the largest few debtors owe."""
        owed = sorted((sum(each.debts_usd.values()) for each in self.debtors), reverse=True)
        return sum(owed[:WHALES]) / self.debt_usd


def draw_book(rng: random.Random, ground: Ground, seed: str) -> Book:
    terms, is_concentrated = ground.terms, rng.random() < 0.5
    style = Style(
        is_concentrated=is_concentrated,
        people=rng.randint(20, 40),
        median_usd=between(rng, 5_000, 60_000),
        largest_usd=between(rng, 1_000_000, 10_000_000),
        margin=rng.choice((0.05, 0.12, 0.3)),
        lent_per_debt=rng.choice((1.02, 1.2, 2.0)),
    )
    drawn = [
        _aave_debtor(rng, terms, style, core, account(f"fidelity {seed} {core} {number}"))
        for core in CORES
        for number in range(style.people)
    ]
    # Every third account of the first market is on Morpho too.
    drawn += [
        _pair_debtor(
            rng,
            style,
            terms.pairs[number % len(terms.pairs)],
            account(f"fidelity {seed} {AAVE_CORE if number % 3 == 0 else 'morpho'} {number}"),
        )
        for number in range(style.people)
    ]
    drawn += [
        _pair_debtor(rng, style, claim, account(f"fidelity {seed} {claim.name} {number}"))
        for claim in ground.claims
        for number in range(style.people // 6)
    ]
    return Book(style, drawn)


def _size_usd(rng: random.Random, style: Style) -> float:
    if style.is_concentrated:
        drawn = style.median_usd / 3 * rng.paretovariate(PARETO_EXPONENT)
    else:
        drawn = style.median_usd * rng.lognormvariate(0, 0.8)
    return max(LEAST_USD, min(drawn, style.largest_usd))


def _used(rng: random.Random, style: Style) -> float:
    """Of what may be borrowed; never all of it, which a second's interest would forbid."""
    return 1 - rng.uniform(0.001, style.margin)


def _aave_debtor(
    rng: random.Random, terms: WideTerms, style: Style, market: str, who: Address
) -> Debtor:
    size_usd, kind = _size_usd(rng, style), rng.random()
    if kind < 0.15:
        debt_usd = size_usd * terms.e_modes[0].ltv_bps / 10_000 * _used(rng, style)
        return Debtor(who, market, {"wstETH": size_usd}, {"WETH": debt_usd}, 1)
    if kind < 0.25:
        pledged, owed = rng.sample(PEGGED, rng.randint(1, 2)), rng.sample(VOLATILE[:2], 1)
    elif kind < 0.45:
        pledged, owed = rng.sample(VOLATILE, 2), rng.sample(PEGGED, 2)
    elif kind < 0.55:
        pledged = rng.sample((*VOLATILE, *PEGGED), 3)
        owed = rng.sample((*VOLATILE[:2], *PEGGED), 2)
    else:
        pledged, owed = rng.sample(VOLATILE, 1), rng.sample(PEGGED, 1)
    pledges_usd = _split(rng, size_usd, pledged)
    allowed_usd = sum(terms.asset(each).ltv_bps * by for each, by in pledges_usd.items()) / 10_000
    return Debtor(who, market, pledges_usd, _split(rng, allowed_usd * _used(rng, style), owed))


def _pair_debtor(
    rng: random.Random, style: Style, pair: PairTerms | ClaimTerms, who: Address
) -> Debtor:
    size_usd = _size_usd(rng, style)
    debt_usd = size_usd * pair.lltv_wad / 10**18 * _used(rng, style)
    return Debtor(who, pair.name, {pair.collateral: size_usd}, {pair.loan: debt_usd})


def _split(rng: random.Random, total_usd: float, assets: Sequence[str]) -> dict[str, float]:
    shares = [rng.uniform(0.1, 1) for _ in assets]
    whole = sum(shares)
    return {each: total_usd * share / whole for each, share in zip(assets, shares, strict=True)}
