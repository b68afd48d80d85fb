"""The user's own positions: an alert when one's health falls below a bound, and when it is back.

A position's health is its contract's own number, so nothing is projected here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.alerts import (
    Alert,
    AlertType,
    BreakerPhase,
    BreakerState,
    Severity,
    alert_id,
    digest,
)
from monitor.core.blocks import BlockRef
from monitor.core.events import Place
from monitor.core.ledger import LedgerView
from monitor.core.sources import RiskRules, Statement
from monitor.core.units import WAD, Address, BlockHash, MarketId, Wad
from monitor.engine.announcement import alert_json, rfc3339, silenced_for, written
from monitor.engine.breaker import Origin
from monitor.engine.paging import block_json

STATES = "watch/"
"""Begins the names under which states of watched positions are kept beside the breakers'."""
SAFE = BreakerState()


@dataclass(frozen=True, slots=True)
class Watch:
    """One `[[watch]]` entry. Healths are wads; `recover_wad` is above `below_wad`."""

    name: str
    accounts: frozenset[Address]
    markets: tuple[str, ...]
    below_wad: Wad
    recover_wad: Wad
    hold_blocks: int

    def covers(self, market: MarketId) -> bool:
        return "*" in self.markets or market in self.markets


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a position. `wad` None and no reasons: it owes nothing, and is safe."""

    wad: Wad | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wardings:
    """States after a block, of positions that have one, and what is to be said."""

    states: tuple[tuple[str, BreakerState], ...]
    alerts: tuple[Alert, ...]


class Wards:
    """All watched positions; holds no state of its own."""

    def __init__(
        self,
        origin: Origin,
        rules: Sequence[RiskRules],
        watches: Sequence[Watch],
        checksum: Callable[[str], str],
    ) -> None:
        self._origin = origin
        self._rules = tuple(rules)
        self.watches = tuple(watches)
        self._checksum = checksum

    def knows(self, name: str) -> bool:
        """Whether the state of this name is of a position that is watched: not of a watch, an
        account or a market that was taken out of the configuration."""
        _, watch_name, market, _, account = name.split("/")
        return any(
            watch.name == watch_name and watch.covers(rule.market) and account in watch.accounts
            for watch in self.watches
            for rule in self._rules
            if rule.market == market
        )

    def judge(
        self,
        view: LedgerView,
        block: BlockRef,
        states: Mapping[str, BreakerState],
        silenced: Mapping[str, str] | None = None,
    ) -> Wardings:
        """`states`: those kept so far, by name; others than `watch/...` are left alone.

        `silenced`: which watches nobody wants to hear of, and why.
        """
        after: list[tuple[str, BreakerState]] = []
        alerts: list[Alert] = []
        for watch in self.watches:
            why = (silenced or {}).get(watch.name)
            for place, held in self.held(view, block, watch, states):
                name = state_name(watch, place)
                before, health = states.get(name, SAFE), health_of(held)
                event_of = _Event(self._origin, watch, place, name, self._checksum)
                state, said = step(watch, before, health, block, is_silenced=why is not None)
                state = event_of.named(state)
                if state == before:
                    continue
                for one in said:
                    alert = event_of.alert(one.type, before, state, health, block)
                    alerts.append(silenced_for(alert, why) if one.is_silenced else alert)
                after.append((name, state))
        return Wardings(tuple(after), tuple(alerts))

    def held(
        self,
        view: LedgerView,
        block: BlockRef,
        watch: Watch,
        states: Mapping[str, BreakerState],
    ) -> Iterator[tuple[Place, Statement | None]]:
        """The watched positions there are, and those that alerted and are no more; in order."""
        for rule in self._rules:
            if not watch.covers(rule.market):
                continue
            there = {place for place in rule.places(view) if place.account in watch.accounts}
            there |= set(_places_in(states, watch, rule.market))
            for place in sorted(there):
                yield place, rule.statement(view, place, block.timestamp)


class Said(NamedTuple):
    """What is to be said of a position; `is_silenced`: to nobody."""

    type: AlertType
    is_silenced: bool


def step(
    watch: Watch,
    state: BreakerState,
    health: Health,
    block: BlockRef,
    *,
    is_silenced: bool = False,
) -> tuple[BreakerState, tuple[Said, ...]]:
    """One position after one block, and what to say of it.

    While its health is unknown it keeps what it was, and says once that it cannot be seen. What
    holds after a silence in which it was not heard of is said again; see `breaker.step`.
    """
    sighted, sight = _sighted(state, health, block, is_silenced)
    moved, said = (sighted, ()) if health.reasons else _moved(watch, sighted, health, block)
    if not said and moved.is_unheard and not is_silenced:
        said = (AlertType.WATCH_BELOW,)
    is_over = AlertType.WATCH_RECOVERED in said
    spoken = tuple(Said(one, state.is_unheard if is_over else is_silenced) for one in said)
    if AlertType.WATCH_BELOW in said:
        moved = replace(moved, is_unheard=is_silenced)
    return moved, (*sight, *spoken)


def _sighted(
    state: BreakerState, health: Health, block: BlockRef, is_silenced: bool
) -> tuple[BreakerState, tuple[Said, ...]]:
    """Blindness begins, ends, or is said again after a silence."""
    if not health.reasons:
        seen = replace(
            state, blind=False, blind_block_hash=None, blind_unix=None, is_blindness_unheard=False
        )
        unheard = state.is_blindness_unheard
        return seen, (Said(AlertType.RECOVERED, unheard),) if state.blind else ()
    if state.blind and (is_silenced or not state.is_blindness_unheard):
        return state, ()
    begun = state
    if not state.blind:
        begun = replace(state, blind=True, blind_block_hash=block.hash, blind_unix=block.timestamp)
    blind = replace(begun, is_blindness_unheard=is_silenced)
    return blind, (Said(AlertType.BLIND, is_silenced),)


def _moved(
    watch: Watch, state: BreakerState, health: Health, block: BlockRef
) -> tuple[BreakerState, tuple[AlertType, ...]]:
    """The phase after a block whose health is known."""
    if state.phase is BreakerPhase.WARNED:
        if health.wad is not None and health.wad < watch.recover_wad:
            return state, ()
        return SAFE, (AlertType.WATCH_RECOVERED,)
    if health.wad is None or health.wad >= watch.below_wad:
        # A safe position keeps no state: it would be written anew in every block.
        return SAFE, ()
    held = replace(state, held_blocks=state.held_blocks + 1)
    if held.held_blocks < watch.hold_blocks:
        return held, ()
    below = replace(
        held,
        phase=BreakerPhase.WARNED,
        episode_block_hash=block.hash,
        started_unix=block.timestamp,
    )
    return below, (AlertType.WATCH_BELOW,)


def state_name(watch: Watch, place: Place) -> str:
    return f"{STATES}{watch.name}/{place.market}/{place.sub_market}/{place.account}"


def shown(wad: Wad) -> str:
    """Health as people write it, cut off after four digits: never better than it is."""
    return f"{wad // WAD}.{wad % WAD * 10_000 // WAD:04d}"


def _places_in(
    states: Mapping[str, BreakerState], watch: Watch, market: MarketId
) -> Iterator[Place]:
    prefix = f"{STATES}{watch.name}/{market}/"
    for name in states:
        if name.startswith(prefix):
            sub_market, _, account = name.removeprefix(prefix).partition("/")
            yield Place(market, Address(account), sub_market)


def health_of(held: Statement | None) -> Health:
    if held is None or not held.debt:
        return Health()
    return Health(held.risk.health_factor_wad, held.risk.unknown)


@dataclass(frozen=True, slots=True)
class _Event:
    """Words an event of one position."""

    origin: Origin
    watch: Watch
    place: Place
    name: str
    checksum: Callable[[str], str]

    def named(self, state: BreakerState) -> BreakerState:
        """With the name of the episode under way, by which the store keeps its alerts."""
        first = state.episode_block_hash
        return state if first is None else replace(state, episode=self._episode("health", first))

    def _episode(self, kind: str, first: BlockHash) -> str:
        return digest(self.origin.namespace, self.origin.genesis, self.name, kind, first)

    def alert(
        self,
        type: AlertType,
        before: BreakerState,
        after: BreakerState,
        health: Health,
        block: BlockRef,
    ) -> Alert:
        is_over = type in (AlertType.RECOVERED, AlertType.WATCH_RECOVERED)
        is_sight = type in (AlertType.BLIND, AlertType.RECOVERED)
        first, since_unix = self._began(before if is_over else after, is_sight=is_sight)
        origin = self.origin
        identity = alert_id(
            namespace=origin.namespace,
            genesis=origin.genesis,
            breaker=self.name,
            type=type,
            episode_block_hash=first,
            block_hash=block.hash,
        )
        episode = self._episode("blind" if is_sight else "health", first)
        fingerprint = digest(origin.namespace, origin.genesis, self.name)
        alert = alert_json(
            id=identity,
            fingerprint=fingerprint,
            episode=episode,
            breaker=self.watch.name,
            severity=Severity.CRITICAL,
            started_unix=since_unix,
            ended_unix=block.timestamp if is_over else None,
        )
        body = {"type": type, "timestamp": rfc3339(block.timestamp)}
        data = {"alert": alert, "block": block_json(block)} | self._data(type, health)
        return Alert(
            id=identity,
            fingerprint=fingerprint,
            episode=episode,
            breaker=self.watch.name,
            type=type,
            block=block,
            body=written(body | {"data": data}),
        )

    def _began(self, state: BreakerState, *, is_sight: bool) -> tuple[BlockHash, int]:
        """The first block of the episode under way, and its time."""
        if is_sight:
            first, since_unix = state.blind_block_hash, state.blind_unix
        else:
            first, since_unix = state.episode_block_hash, state.started_unix
        if first is None or since_unix is None:
            raise ValueError(f"an episode of {self.name} began at no block: {state}")
        return first, since_unix

    def _data(self, type: AlertType, health: Health) -> dict[str, Any]:
        is_below = type is AlertType.WATCH_BELOW
        threshold = self.watch.below_wad if is_below else self.watch.recover_wad
        is_sight = type in (AlertType.BLIND, AlertType.RECOVERED)
        account = self.checksum(self.place.account)
        return {
            "measure": "health_factor",
            "value": None if health.wad is None else shown(health.wad),
            "threshold": None if is_sight else shown(threshold),
            "position": {
                "market": self.place.market,
                "sub_market": self.place.sub_market or None,
                "account": account,
                "health_factor": None if health.wad is None else str(health.wad),
                "unknown": list(health.reasons),
            },
            "projection": {},
            "loops": [],
            "actions": [],
            "reproduce": f"cascade-monitor positions --account {account}",
        }


def wad_of(ratio: Fraction) -> Wad:
    """A health as the user wrote it, rounded up: at less than it he wants to hear."""
    return Wad(-(-ratio.numerator * WAD // ratio.denominator))
