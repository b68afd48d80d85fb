"""By flow: the borrowed money that was seen to be pledged again, where it still holds."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from monitor.core.loops import Built
from monitor.core.trails import Hop, Side
from monitor.core.units import Address
from monitor.leverage.groups import Groups
from monitor.leverage.standings import Seat, Standing, seat_of

DUST = 20
"""What is less than the 20th part does not matter: neither of a debt, nor of where it went."""
MOST_EVIDENCE = 32
"""Transactions kept with a loop: the oldest."""

Standings = Mapping[Seat, Standing]


def held(hops: Iterable[Hop], standings: Standings) -> list[Hop]:
    """The hops that make a loop, oldest first.

    The debt must still be owed and the pledge still be there, and a 20th of what is owed must have
    been pledged again: a whale's position is no loop for the sake of a few coins. Where a debt went
    several ways, those that took less than a 20th of the widest are left out.

    What arrives in another account must be a 20th of what is pledged there: anybody may pledge for
    anybody, and give an account away that did.
    """
    by_origin: dict[Side, list[Hop]] = defaultdict(list)
    owed = {side: raw for one in standings.values() for side, raw in one.debts()}
    pledged = {side for one in standings.values() for side in one.pledges()}
    hops = _arriving(hops, standings)
    for hop in hops:
        if hop.origin in owed and hop.pledge in pledged:
            by_origin[hop.origin].append(hop)
    kept = {
        (origin, pledge)
        for origin, group in by_origin.items()
        for pledge in _ways(group, owed[origin])
    }
    return [hop for hop in hops if (hop.origin, hop.pledge) in kept]


def _arriving(hops: Iterable[Hop], standings: Standings) -> list[Hop]:
    """Without those that are dust where they went, to another account."""
    known = list(hops)
    arrived: Counter[tuple[Address, Side]] = Counter()
    for hop in known:
        arrived[hop.origin.account, hop.pledge] += hop.pledged_raw
    dust = set()
    for way, raw in arrived.items():
        account, pledge = way
        standing = standings.get(seat_of(pledge))
        whole = None if standing is None else standing.raw(pledge.asset)
        if account != pledge.account and whole is not None and raw * DUST < whole:
            dust.add(way)
    return [hop for hop in known if (hop.origin.account, hop.pledge) not in dust]


def _ways(hops: Sequence[Hop], owed_raw: int) -> Iterator[Side]:
    """Where money of one debt went, in amounts that matter."""
    ways: Counter[Side] = Counter()
    for hop in hops:
        ways[hop.pledge] += hop.borrowed_raw
    if ways.total() * DUST < owed_raw:
        return
    widest = max(ways.values())
    yield from (pledge for pledge, raw in ways.items() if raw * DUST >= widest)


def chains(hops: Sequence[Hop]) -> list[list[Hop]]:
    """Hops that hang together over the accounts they lead through, oldest first."""
    groups: Groups[Seat] = Groups()
    for hop in hops:
        groups.join(seat_of(hop.origin), seat_of(hop.pledge))
    found: dict[Seat, list[Hop]] = defaultdict(list)
    for hop in hops:
        found[groups.top(seat_of(hop.origin))].append(hop)
    return list(found.values())


def count(hops: Iterable[Hop]) -> int:
    """How many times borrowed value was pledged again.

    A pledge fed by several debts is one; what is built by a flash loan is one a transaction.
    """
    flashes = {hop.transactions[-1:] for hop in hops if hop.is_flash}
    steps: Counter[tuple[Side, tuple[str, ...], Side]] = Counter(
        (hop.pledge, hop.transactions[-1:], hop.origin) for hop in hops if not hop.is_flash
    )
    pledges: dict[tuple[Side, tuple[str, ...]], int] = defaultdict(int)
    for (pledge, transaction, _), times in steps.items():
        pledges[pledge, transaction] = max(times, pledges[pledge, transaction])
    return len(flashes) + sum(pledges.values())


def built(hops: Iterable[Hop], *, is_seen: bool) -> Built:
    if any(hop.is_flash for hop in hops):
        return Built.FLASH
    return Built.STEPWISE if is_seen else Built.UNKNOWN


def evidence(hops: Iterable[Hop]) -> tuple[str, ...]:
    """Their transactions, oldest first."""
    known = dict.fromkeys(transaction for hop in hops for transaction in hop.transactions)
    return tuple(known)[:MOST_EVIDENCE]
