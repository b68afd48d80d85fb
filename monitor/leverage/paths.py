"""The path of a loop: its legs, account by account, and how the loop is named."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest

from monitor.core.alerts import digest
from monitor.core.loops import Leg
from monitor.core.trails import Hop, Side
from monitor.core.units import Address, AssetId
from monitor.leverage.arcs import Standings
from monitor.leverage.standings import Seat, Standing, seat_of

Assets = Mapping[Seat, Sequence[AssetId]]
Timed = tuple[int, int, Leg]
"""A leg, and what puts it in its place: when the money came, and what it is at its account."""


def path_seen(hops: Sequence[Hop], standings: Standings) -> tuple[Leg, ...]:
    """The legs of a chain of hops (oldest first), in the order in which the money went.

    Where a debt of the chain is owed all collateral in use belongs to it, since it secures the
    debt: what the money did not bring stands before the first debt, what it brought where it came.
    Where money only arrives the chain ends: with what is owed there, if nothing else secures that.

    A debt that nothing secures (drawn on another's credit) has no leg.
    """
    left: dict[Seat, list[tuple[int, AssetId]]] = {}
    came: dict[Seat, dict[AssetId, int]] = {}
    brought: Counter[Side] = Counter()
    for at, hop in enumerate(hops):
        brought[hop.pledge] += hop.pledged_raw
        left.setdefault(seat_of(hop.origin), []).append((2 * at, hop.origin.asset))
        came.setdefault(seat_of(hop.pledge), {}).setdefault(hop.pledge.asset, 2 * at + 1)
    legs: list[Timed] = []
    for seat in dict.fromkeys([*left, *came]):
        standing, arrived = standings[seat], came.get(seat, {})
        if seat in left:
            legs += _passed(standing, left[seat], arrived)
        else:
            debts = _on(standing, arrived) if _is_most(standing, brought) else []
            ends = legs_at(standing, sorted(arrived, key=arrived.__getitem__), debts)
            legs += [(arrived[leg.collateral], order, leg) for order, leg in enumerate(ends)]
    return tuple(leg for _, _, leg in sorted(legs, key=lambda one: one[:2]))


def _on(standing: Standing, arrived: Collection[AssetId]) -> list[AssetId]:
    """What is owed on what arrived alone: nobody can tell whose debt it is beside other collateral,
    which may be a fortune.
    """
    if any(asset not in arrived for asset in standing.pledged):
        return []
    return [asset for asset, _ in standing.owed]


def _is_most(standing: Standing, brought: Mapping[Side, int]) -> bool:
    """Whether at least half of each collateral there was brought, as far as that is known: else its
    debts are rather owed on what was there before.
    """
    sides = [(standing.seat.side(asset), standing.raw(asset)) for asset in standing.pledged]
    return all(raw is None or 2 * brought.get(side, 0) >= raw for side, raw in sides)


def _passed(
    standing: Standing, left: Sequence[tuple[int, AssetId]], arrived: Mapping[AssetId, int]
) -> Iterator[Timed]:
    """The legs at an account that borrowed money left: `left`, ascending by time.

    Each collateral with the debt that money left by next; the last closes a ring.
    """
    began = left[0][0]
    own = dict.fromkeys((asset for asset in standing.pledged if asset not in arrived), began)
    if not own and arrived and min(arrived.values()) > began:
        own = {min(arrived, key=arrived.__getitem__): began}
    times = sorted({**arrived, **own}.items(), key=lambda one: one[1])
    moments = [at for at, _ in left]
    missing = dict.fromkeys(asset for _, asset in left)
    for order, (collateral, at) in enumerate(times):
        following = min(bisect_left(moments, at), len(left) - 1)
        debt = left[following][1]
        missing.pop(debt, None)
        yield at, order, Leg(*standing.seat, collateral, debt)
    for order, debt in enumerate(missing if times else ()):
        at = next(moment for moment, asset in left if asset == debt)
        collateral = [asset for asset, moment in times if moment <= at or asset == times[0][0]][-1]
        yield at, len(times) + order, Leg(*standing.seat, collateral, debt)


def path_unseen(
    seats: Iterable[Seat], standings: Standings, out: Assets, into: Assets
) -> tuple[Leg, ...]:
    """The same where nobody saw the money go: account by account, in their order.

    `out`: what is owed there and pledged elsewhere; `into`: what is pledged and owed elsewhere.
    """
    legs: list[Leg] = []
    for seat in seats:
        standing, arrived = standings[seat], list(into.get(seat, ()))
        if debts := list(out.get(seat, ())):
            arrived = [asset for asset in standing.pledged if asset not in arrived] + arrived
        else:
            debts = _on(standing, arrived)
        legs += legs_at(standing, arrived, debts)
    return tuple(legs)


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
