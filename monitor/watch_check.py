"""`check` of your own positions: what each watched account has, by its contracts' own word."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.core.events import Place
from monitor.core.inspection import Entry, Told
from monitor.core.ledger import LedgerView
from monitor.core.ports import ViewCall, ViewResult
from monitor.core.units import Address, Wad
from monitor.engine.watching import shown
from monitor.errors import MonitorError
from monitor.finding import Finding
from monitor.protocols.registry import ProtocolMarket
from monitor.settings import Settings

HEALTH = "health factor"
Answers = Mapping[ViewCall, ViewResult]


async def watches(
    settings: Settings,
    markets: Sequence[ProtocolMarket],
    node: Node,
    head: BlockRef,
    view: LedgerView,
) -> AsyncIterator[Finding]:
    """One of each watched account, in the configuration's order. `view`: without any account."""
    for watch in settings.watch:
        followed = [market for market in markets if {"*", market.market} & set(watch.markets)]
        for account in watch.accounts:
            subject = f"watch {watch.name} {to_checksum_address(account)}"
            places = _places(followed, view, Address(account))
            entries = {
                place: market.inspection.entries(view, place, head.timestamp)
                for market, place in places
            }
            try:
                answers = await _asked(node, head, entries)
            except MonitorError as error:
                yield Finding(subject, fault=str(error))
                continue
            held = [words for place in entries if (words := _words(place, entries[place], answers))]
            if held:
                yield Finding(subject, f"has a position in {', '.join(held)}")
            else:
                names = ", ".join(market.market for market in followed) or "no market"
                yield Finding(
                    subject, f"looked for in {names}", warning="it has no position: is it the one?"
                )


def _places(
    markets: Sequence[ProtocolMarket], view: LedgerView, account: Address
) -> Iterator[tuple[ProtocolMarket, Place]]:
    for market in markets:
        subs = sorted({listing.sub_market for listing in market.listings(view)})
        yield from ((market, Place(market.market, account, sub)) for sub in subs)


async def _asked(node: Node, head: BlockRef, entries: Mapping[Place, Sequence[Entry]]) -> Answers:
    asked = [call for of_place in entries.values() for entry in of_place for call in entry.calls]
    calls = list(dict.fromkeys(asked))
    return dict(zip(calls, await node.reader.read(head, calls), strict=True))


def _words(place: Place, entries: Sequence[Entry], answers: Answers) -> str:
    """Where it is, and how well; empty where its contracts say what an empty ledger says."""
    told = dict(_told(entries, answers))
    if all(told.get(entry.what, entry.ours) == entry.ours for entry in entries):
        return ""
    where = f"{place.market}/{place.sub_market}" if place.sub_market else place.market
    health = told.get(HEALTH)
    return f"{where} (health {shown(Wad(health))})" if isinstance(health, int) else where


def _told(entries: Sequence[Entry], answers: Answers) -> Iterator[tuple[str, Told]]:
    """What is known: a contract that does not answer says nothing."""
    for entry in entries:
        found: list[Any] = [answers[call] for call in entry.calls]
        if found and all(isinstance(answer, tuple) for answer in found):
            yield entry.what, entry.read(found)
