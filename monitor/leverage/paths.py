"""The path of a loop: its legs, account by account, and how the loop is named."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from monitor.core.alerts import digest
from monitor.core.loops import Leg
from monitor.core.trails import Side
from monitor.core.units import Address, AssetId
from monitor.leverage.arcs import Standings
from monitor.leverage.standings import Seat, Standing, seat_of

Assets = Mapping[Seat, Sequence[AssetId]]


def path_of(seats: Iterable[Seat], standings: Standings, out: Assets, into: Assets) -> list[Leg]:
    """The legs at these accounts, in their order.

    `out`: debts whose money was pledged again; `into`: what it was pledged as. Where such a debt is
    owed all collateral in use belongs to the loop, since it secures the debt: first what the money
    did not bring. Where money only arrives the loop ends: with all that is owed there, if anything.

    A debt that nothing secures (drawn on another's credit) has no leg.
    """
    legs: list[Leg] = []
    for seat in seats:
        standing, arrived = standings[seat], list(into.get(seat, ()))
        if debts := list(out.get(seat, ())):
            arrived = [asset for asset in standing.pledged if asset not in arrived] + arrived
        else:
            debts = [asset for asset, _ in standing.owed]
        legs += legs_at(standing, arrived, debts)
    return legs


def legs_at(
    standing: Standing, pledged: Sequence[AssetId], owed: Sequence[AssetId]
) -> Iterator[Leg]:
    """As few legs as name every one of them; the last goes on where there are fewer of its kind."""
    if not pledged:
        return
    for collateral, debt in zip_longest(pledged, owed):
        last = owed[-1] if owed else None
        yield Leg(*standing.seat, collateral or pledged[-1], debt or last)


def debts_of(path: Iterable[Leg]) -> dict[Side, None]:
    """The debts of a path, each once, in order."""
    return dict.fromkeys(
        Side(leg.market, leg.sub_market, leg.account, leg.debt)
        for leg in path
        if leg.debt is not None
    )


def pledges_of(path: Iterable[Leg]) -> dict[Side, None]:
    """The collateral of a path, each once, in order."""
    return dict.fromkeys(
        Side(leg.market, leg.sub_market, leg.account, leg.collateral) for leg in path
    )


def by_seat(sides: Iterable[Side]) -> dict[Seat, list[AssetId]]:
    """The assets of sides, each once, in the order they came."""
    found: dict[Seat, list[AssetId]] = {}
    for side in dict.fromkeys(sides):
        found.setdefault(seat_of(side), []).append(side.asset)
    return found


def name_of(owner: Address, form: str, debts: Iterable[Side]) -> str:
    """The id of a loop: it hangs on whose debts were pledged again, not on how much of them."""
    return digest("loop", owner, form, *(part for side in sorted(set(debts)) for part in side))
