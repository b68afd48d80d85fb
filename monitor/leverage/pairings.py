"""By state: pledges and debts that look like a loop, where their history was not seen.

Whether they are concentrated enough to count is asked when they are read (`concentration`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from monitor.core.trails import Side
from monitor.core.units import AssetId
from monitor.leverage.claims import Claims
from monitor.leverage.groups import Groups
from monitor.leverage.kinds import Judge, Link, rests
from monitor.leverage.standings import Seat, Standing, seat_of


def within(standing: Standing, unseen: Collection[Side], judge: Judge) -> Iterator[list[Link]]:
    """At one account, in one market: debts with the collateral that is pegged to them."""
    debts = [asset for asset, _ in standing.owed if standing.seat.side(asset) in unseen]
    names = {asset: judge.ties.root(asset) for asset in (*standing.pledged, *debts)}
    families: Groups[str] = Groups()
    families.join_all(_one_by_terms(standing, debts, judge, names))
    owed: dict[str, list[Side]] = defaultdict(list)
    pledged: dict[str, list[Side]] = defaultdict(list)
    for sides, assets in ((owed, debts), (pledged, standing.pledged)):
        for asset in assets:
            sides[families.top(names[asset])].append(standing.seat.side(asset))
    for family in owed:
        if family in pledged:
            yield _links(owed[family], pledged[family])


def _one_by_terms(
    standing: Standing, debts: Sequence[AssetId], judge: Judge, names: Mapping[AssetId, str]
) -> list[str]:
    """What its market takes for one: all of a pair with such an oracle, or of its e-mode."""
    if standing.seat.spot in judge.ties.pairs:
        return list(names.values())
    chosen = standing.category
    if chosen is None:
        return []
    secured = [names[asset] for asset in standing.pledged if asset in chosen.collateral]
    paired = [names[asset] for asset in debts if asset in chosen.borrowable]
    return [*secured, *paired] if secured and paired else []


def across(
    standings: Sequence[Standing], unseen: Collection[Side], judge: Judge
) -> Iterator[list[Link]]:
    """Over markets: what is owed in one is pledged in another, or a claim on it is.

    All that hangs together over accounts or assets is one. Takes time in proportion to the
    standings, however many owe and pledge the same.
    """
    owing: dict[AssetId, list[Side]] = defaultdict(list)
    for standing in standings:
        for side, _ in standing.debts() if standing.pledged else ():
            if side in unseen:
                owing[side.asset].append(side)
    holding = _holding(standings, owing.keys(), judge.claims)
    groups: Groups[Seat] = Groups()
    found: list[Link] = []
    for asset, debts in owing.items():
        links = _links(_elsewhere(debts, holding[asset]), _elsewhere(holding[asset], debts))
        for link in links:
            groups.join(seat_of(link.debt), seat_of(link.pledge))
        found += links
    pairings: dict[Seat, list[Link]] = defaultdict(list)
    for link in found:
        pairings[groups.top(seat_of(link.debt))].append(link)
    yield from pairings.values()


def _holding(
    standings: Sequence[Standing], assets: Collection[AssetId], claims: Claims
) -> dict[AssetId, list[Side]]:
    """Pledges of these assets, or of claims on them."""
    found: dict[AssetId, list[Side]] = {asset: [] for asset in assets}
    for standing in standings:
        for side in standing.pledges():
            for asset in rests(claims, side.asset):
                if asset in found:
                    found[asset].append(side)
    return found


def _elsewhere(sides: Sequence[Side], others: Sequence[Side]) -> list[Side]:
    """Those that have one of the others in another market than their own."""
    spots = {seat_of(side).spot for side in others}
    return [side for side in sides if spots - {seat_of(side).spot}]


def _links(debts: Sequence[Side], pledges: Sequence[Side]) -> list[Link]:
    """Enough of all pairs to hold every side: what is true of any pair, or all, is of these."""
    if not debts or not pledges:
        return []
    first = [Link(debts[0], pledge) for pledge in pledges]
    return first + [Link(debt, pledges[0]) for debt in debts[1:]]
