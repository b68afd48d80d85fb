"""Claims as floats: tokens that can be given back for what stands behind them.

Where a claim has lent its money are quotes of the markets there: their cash pays it out, and their
losses are its own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitor.core.risk import ClaimSheet, WorldSheet
from monitor.core.units import AssetId
from monitor.simulation.accounts import label_of
from monitor.simulation.quotes import QuoteBook


@dataclass(frozen=True, slots=True)
class Backing:
    """What no round changes of a claim.

    A raw unit was worth `rate` raw units of the underlying. `lent_at`: the quotes of what it has
    lent, in the order it is paid out of. `leaf` tells how much it is worth now, per what it was;
    None where no price rests on it; `priced` are the quotes that do.
    """

    underlying: AssetId
    rate: float
    lent_at: tuple[int, ...]
    bears_losses: bool
    rebases: bool
    is_redeemable: bool
    leaf: int | None
    priced: tuple[int, ...]


class Held(NamedTuple):
    """What stands behind all of one claim now, in raw units of its underlying.

    `lent` is by `lent_at`. `total`: what all of them are worth. `worth`: one, per what it was.
    """

    idle: float
    lent: tuple[float, ...]
    total: float
    worth: float = 1.0


@dataclass(frozen=True, slots=True)
class ClaimColumns:
    """The claims that some market lists or prices by, by token.

    `lenders`: which of them lose where a debt is written off, by quote; in a fixed order.
    """

    backings: Mapping[AssetId, Backing]
    held: Mapping[AssetId, Held]
    lenders: Mapping[int, tuple[AssetId, ...]]


NO_CLAIMS = ClaimColumns({}, {}, {})


def claims_of(
    world: WorldSheet, book: QuoteBook, quoted: Sequence[Mapping[AssetId, int]]
) -> ClaimColumns:
    """`quoted`: of each market, where the quotes of its assets are."""
    listed = {quote.asset for quote in book.quotes}
    wanted = sorted(token for token in world.claims if token in listed or token in book.shares)
    if not wanted:
        return NO_CLAIMS
    places = {label_of(sheet): at for sheet, at in zip(world.markets, quoted, strict=True)}
    resting = _resting(book)
    backings: dict[AssetId, Backing] = {}
    held: dict[AssetId, Held] = {}
    lenders: dict[int, tuple[AssetId, ...]] = {}
    for token in wanted:
        sheet = world.claims[token]
        known = [
            (places[lent.place][sheet.underlying], float(lent.amount_raw))
            for lent in sheet.lent
            if sheet.underlying in places.get(lent.place, {})
        ]
        leaf = book.shares.get(token)
        backings[token] = Backing(
            underlying=sheet.underlying,
            rate=float(sheet.rate),
            lent_at=tuple(at for at, _ in known),
            bears_losses=sheet.bears_losses,
            rebases=sheet.rebases,
            is_redeemable=not sheet.reason and len(known) == len(sheet.lent),
            leaf=leaf,
            priced=() if leaf is None else tuple(resting.get(leaf, ())),
        )
        lent = tuple(amount for _, amount in known)
        held[token] = Held(float(sheet.idle_raw), lent, float(sheet.total_raw))
        for at, _ in known:
            if _is_socialised(world, book, at):
                lenders[at] = (*lenders.get(at, ()), token)
    return ClaimColumns(backings, held, lenders)


def grown(claims: ClaimColumns, lent: Mapping[int, float]) -> ClaimColumns:
    """After what is lent at some quotes became so many times as much, and the claims with it."""

    def after(token: AssetId, held: Held) -> Held:
        backing = claims.backings[token]
        if not held.total or not any(at in lent for at in backing.lent_at):
            return held
        places = zip(backing.lent_at, held.lent, strict=True)
        amounts = tuple(raw * lent.get(at, 1.0) for at, raw in places)
        total = held.total + sum(amounts) - sum(held.lent)
        per_unit = 1.0 if backing.rebases else total / held.total
        return Held(held.idle, amounts, total, held.worth * per_unit)

    return replace(claims, held={token: after(token, held) for token, held in claims.held.items()})


def unredeemable(
    world: WorldSheet, claims: ClaimColumns, sold: Collection[AssetId]
) -> Iterator[str]:
    """What is said of claims that are pledged, and can neither be given back nor sold."""
    stuck = {token for token, backing in claims.backings.items() if not backing.is_redeemable}
    stuck.difference_update(sold)
    pledged: dict[AssetId, str] = {}
    for sheet in world.markets:
        if stuck.isdisjoint(sheet.assets):
            continue
        for exposure in sheet.exposures:
            for leg in exposure.collateral:
                if leg.asset in stuck:
                    pledged.setdefault(leg.asset, sheet.assets[leg.asset].symbol)
    for token, symbol in sorted(pledged.items()):
        reason = _reason(world.claims[token])
        yield f"{symbol} ({token}) cannot be redeemed: {reason}; and no pool sells it"


def _reason(sheet: ClaimSheet) -> str:
    return sheet.reason or "it has lent where no market is followed"


def _is_socialised(world: WorldSheet, book: QuoteBook, at: int) -> bool:
    quote = book.quotes[at]
    lending = world.markets[quote.market].assets[quote.asset].lending
    return lending is not None and lending.socialises


def _resting(book: QuoteBook) -> dict[int, list[int]]:
    """The quotes that rest on the worth of a claim, by its leaf."""
    shares = set(book.shares.values())
    found: dict[int, list[int]] = {}
    for at, quote in enumerate(book.quotes):
        for leaf, _ in quote.rests_on:
            if leaf in shares:
                found.setdefault(leaf, []).append(at)
    return found
