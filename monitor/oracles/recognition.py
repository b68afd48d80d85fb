"""Which kind of contract stands on the way of a price: found out by asking, and kept.

A contract that is not known yet is asked the first mark of every kind; where one answers, the next
round asks the rest. Marks never revert and never change, so that whoever asks, and whenever, comes
to the same: a ledger that is read at a block equals one that followed from the start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.core.ports import NO_CODE, Readings, ViewCall, ViewFailed
from monitor.core.prices import Feed
from monitor.core.units import Address
from monitor.oracles.families import BY_NAME, FAMILIES, IMPOSTOR
from monitor.oracles.family import Facts, Family, Views, input_of

DEEPEST = 8
"""Contracts on one way behind which nothing is followed any more."""
MOST_CONTRACTS = 64
"""Behind one root: where anybody may name an oracle, it could name contracts without end."""
LONGEST_TEXT = 80
"""Of a description: it is whatever its contract says."""
UNRECOGNISED = Feed("")

Feeds = Mapping[Address, Feed]
"""What is known of contracts."""


def family_of(feed: Feed | None) -> Family | None:
    return BY_NAME.get(feed.family) if feed is not None and feed.family else None


def facts_of(feed: Feed | None) -> Facts:
    return {} if feed is None else dict(feed.facts)


def reachable(feeds: Feeds, roots: Iterable[Address]) -> list[Address]:
    """The roots, and every contract behind them that has to be known."""
    return list(dict.fromkeys(contract for root in roots for contract in _below(feeds, root)))


def _below(feeds: Feeds, root: Address) -> list[Address]:
    """A root and what is behind it, the nearest first: those do not hang on what is farther."""
    found = {root: None}
    level = [root]
    for _ in range(DEEPEST - 1):
        level = [c for c in dict.fromkeys(_behind(feeds, level)) if c not in found]
        found |= dict.fromkeys(level)
    return list(found)[:MOST_CONTRACTS]


def _behind(feeds: Feeds, contracts: Iterable[Address]) -> Iterable[Address]:
    for contract in contracts:
        feed = feeds.get(contract)
        family = family_of(feed)
        for slot in () if family is None else family.slots:
            named = input_of(slot, facts_of(feed))
            if named is not None:
                yield named


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the contracts behind these roots, given what is known of contracts.

    `within`: the contracts that the way of each root may lead over. `behind`: what it is read by.
    `is_settled`: all are known, and no others.
    """

    roots: tuple[Address, ...]
    feeds: Feeds
    calls: tuple[ViewCall, ...]
    within: Mapping[Address, frozenset[Address]]
    behind: Mapping[Address, tuple[ViewCall, ...]]
    is_settled: bool


class Recognition:
    """Asks contracts what they are."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._first = tuple(dict.fromkeys((IMPOSTOR, *(f.marks[0] for f in FAMILIES))))

    def plan(self, roots: tuple[Address, ...], feeds: Feeds) -> Plan:
        within = {root: reachable(feeds, [root]) for root in roots}
        contracts = dict.fromkeys(contract for below in within.values() for contract in below)
        asked = {contract: self._asked(contract, feeds.get(contract)) for contract in contracts}
        known = {contract for contract, feed in feeds.items() if feed.family is not None}
        return Plan(
            roots=roots,
            feeds=feeds,
            calls=tuple(dict.fromkeys(call for calls in asked.values() for call in calls)),
            within={root: frozenset(below) for root, below in within.items()},
            behind={
                root: tuple(call for contract in below for call in asked[contract])
                for root, below in within.items()
            },
            is_settled=known == asked.keys(),
        )

    def settled(self, plan: Plan, readings: Readings) -> dict[Address, Feed]:
        """What is known of every contract behind the roots; all others are forgotten.

        As far as these answers go: nobody asks again what has been read for something else.
        """
        feeds = dict(plan.feeds)
        is_settled = False
        while not is_settled:
            is_settled = True
            for contract in reachable(feeds, plan.roots):
                known = self.known(contract, feeds.get(contract), readings)
                if known is not None and known != feeds.get(contract):
                    feeds[contract] = known
                    is_settled = False
        return {c: feeds[c] for c in reachable(feeds, plan.roots) if c in feeds}

    def _asked(self, contract: Address, feed: Feed | None) -> list[ViewCall]:
        family = family_of(feed)
        if family is None:
            return self.calls(contract, feed)
        return self._views.calls(contract, family, facts_of(feed))

    def calls(self, contract: Address, feed: Feed | None) -> list[ViewCall]:
        """What has to be asked of a contract to know it; nothing where it is known."""
        if feed is None:
            return [self._views.call(contract, name) for name in self._first]
        if feed.family is None:
            return [self._views.call(contract, name) for name in _rest(_candidates(feed))]
        return []

    def known(self, contract: Address, feed: Feed | None, readings: Readings) -> Feed | None:
        """What is known now, with these answers; as before where they are not there.

        Of a contract without code nothing is known: it may get some, and is asked again.
        """
        if feed is not None and feed.family is not None:
            return feed
        calls = self.calls(contract, feed)
        if not all(call in readings for call in calls):
            return feed
        answers = {c.function.name: readings[c] for c in calls}
        if any(isinstance(a, ViewFailed) and a.reason == NO_CODE for a in answers.values()):
            return feed
        said = {name: _fact(a[0]) for name, a in answers.items() if isinstance(a, tuple)}
        if feed is not None:
            return _told({**facts_of(feed), **said})
        if IMPOSTOR in said:
            return UNRECOGNISED
        begun = Feed(None, tuple(sorted(said.items())))
        candidates = _candidates(begun)
        return begun if _rest(candidates) else _told(said)


def _candidates(feed: Feed) -> list[Family]:
    said = facts_of(feed)
    return [family for family in FAMILIES if family.marks[0] in said]


def _rest(candidates: Iterable[Family]) -> list[str]:
    """What is still to be asked of contracts of these kinds."""
    names = [name for family in candidates for name in (*family.marks[1:], *family.kept)]
    return list(dict.fromkeys(names))


def _told(said: Facts) -> Feed:
    for family in FAMILIES:
        if all(mark in said for mark in family.marks):
            kept = {name: said[name] for name in family.kept if name in said}
            return Feed(family.name, tuple(sorted(kept.items())))
    return UNRECOGNISED


def _fact(value: object) -> int | str:
    return value if isinstance(value, int) else shown(str(value))


def shown(text: str) -> str:
    """Text of a contract that can be shown: without control characters, and not endless."""
    return "".join(c for c in text[:LONGEST_TEXT] if c.isprintable())
