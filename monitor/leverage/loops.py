"""Loops: pledges and debts of one owner in which borrowed value was pledged again, and still is.

By flow, where the trail shows it: hops between the owner's accounts, as far as they hang together,
are one loop. A debt whose whole life was seen is judged by that alone. Of the others a part may
have been pledged again before anybody looked: they are judged by state too, by what they are and
what they are pledged against. Prices and amounts decide nothing here, but that dust is no loop.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from monitor.core.loops import Leg, Loop, Loops
from monitor.core.trails import Hop, Side, Trail
from monitor.core.units import Address
from monitor.leverage.arcs import Standings, built, chains, count, evidence, held
from monitor.leverage.claims import Claims
from monitor.leverage.kinds import Judge, Link
from monitor.leverage.pairings import across, within
from monitor.leverage.paths import by_seat, debts_of, legs_at, name_of, path_seen, path_unseen
from monitor.leverage.standings import Standing
from monitor.leverage.ties import Ties


def loops_of(
    owner: Address,
    standings: Sequence[Standing],
    trail: Trail | None,
    ties: Ties,
    claims: Claims,
) -> Loops | None:
    """All loops of an owner, by id; None where there are none.

    `standings`: every account of the owner in every market where it has collateral in use or debt.
    A debt may be in two loops by state, of which `concentration.counted` takes one.
    """
    by_account = {one.seat: one for one in sorted(standings, key=lambda one: one.seat)}
    search = _Search(owner, by_account, Judge(by_account, ties, claims))
    known = trail or Trail()
    seen = frozenset(known.seen)
    flows = [search.by_flow(hops, seen) for hops in chains(held(known.hops, by_account))]
    found = [loop for loop in flows if loop is not None]
    judged = {*seen, *(side for loop in found for side in debts_of(loop.path))}
    owed = (side for one in by_account.values() for side, _ in one.debts())
    found += search.by_state({side for side in owed if side not in judged})
    return Loops(tuple(sorted(found, key=lambda loop: loop.id))) if found else None


@dataclass(frozen=True, slots=True)
class _Search:
    """The search through one owner's standings."""

    owner: Address
    standings: Standings
    judge: Judge

    def by_flow(self, hops: Sequence[Hop], seen: frozenset[Side]) -> Loop | None:
        """None where no debt of the chain is secured by anything."""
        path = path_seen(hops, self.standings)
        debts = debts_of(path)
        if not debts:
            return None
        is_seen = debts.keys() <= seen
        links = {Link(hop.origin, hop.pledge) for hop in hops}
        return Loop(
            id=name_of(self.owner, "", (hop.origin for hop in hops)),
            kind=self.judge.kind(path, links, {hop.pledge.asset for hop in hops}),
            path=path,
            hops=count(hops) if is_seen else None,
            built=built(hops, is_seen=is_seen),
            evidence=evidence(hops),
        )

    def by_state(self, unseen: Collection[Side]) -> Iterator[Loop]:
        for standing in self.standings.values():
            for links in within(standing, unseen, self.judge):
                pledged = by_seat(link.pledge for link in links)[standing.seat]
                owed = by_seat(link.debt for link in links)[standing.seat]
                yield self._unseen("", links, tuple(legs_at(standing, pledged, owed)))
        for links in across(tuple(self.standings.values()), unseen, self.judge):
            out = by_seat(link.debt for link in links)
            into = by_seat(link.pledge for link in links)
            order = sorted({*out, *into}, key=lambda seat: (seat in into, seat not in out, seat))
            path = path_unseen(order, self.standings, out, into)
            yield self._unseen("across", links, path)

    def _unseen(self, form: str, links: Sequence[Link], path: tuple[Leg, ...]) -> Loop:
        return Loop(
            id=name_of(self.owner, form, (link.debt for link in links)),
            kind=self.judge.kind(path, links, frozenset()),
            path=path,
        )
