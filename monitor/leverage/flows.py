"""Where borrowed money goes, block by block: from a debt over wallets and swaps to a pledge."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from monitor.core.trails import Hop, Lot, Side, Trail
from monitor.core.units import AssetId, RawAmount
from monitor.leverage.acts import fewer, netted
from monitor.leverage.matching import Matching
from monitor.leverage.money import DUST_RAW, Part, Sink, Source, is_little
from monitor.leverage.settlement import tidied
from monitor.leverage.steps import Act, FlowTerms, Step, Worth

MOST_TRANSACTIONS = 16
"""Of a way that was longer, the first and the newest are kept."""
Group = tuple[Side, int]
"""What becomes one hop: a debt, and which of its earlier hops it was (0: none)."""


def follow(
    trail: Trail,
    steps: Sequence[Step],
    fresh: frozenset[Side],
    worth: Worth,
    at_unix: int,
    terms: FlowTerms,
) -> Trail:
    """The trail after all steps of its owner in one block, in log order.

    `fresh`: debts that were zero before the block. `settle` comes after it.
    """
    lots = [lot for lot in trail.lots if at_unix - lot.since_unix <= terms.window_seconds]
    borrowed = {step.side for step in steps if step.act is Act.BORROWED and step.side is not None}
    walk = _Walk(lots, list(trail.hops), {*trail.seen, *(borrowed & fresh)}, at_unix, terms)
    for tx_hash, group in groupby(steps, key=lambda step: step.tx_hash):
        walk.transaction(tx_hash, list(group), worth)
    return tidied(Trail(tuple(walk.lots), tuple(walk.hops), tuple(sorted(walk.seen))))


def merged(trails: Iterable[Trail]) -> Trail:
    """One trail for owners that turned out to be one."""
    known = list(trails)
    lots = sorted((lot for trail in known for lot in trail.lots), key=lambda lot: lot.since_unix)
    hops = tuple(hop for trail in known for hop in trail.hops)
    seen = {side for trail in known for side in trail.seen}
    return tidied(Trail(tuple(lots), hops, tuple(sorted(seen))))


@dataclass(slots=True)
class _Walk:
    """A trail while a block is gone through, transaction by transaction."""

    lots: list[Lot]
    hops: list[Hop]
    seen: set[Side]
    at_unix: int
    terms: FlowTerms
    moved: int = 0

    def transaction(self, tx_hash: str, steps: Sequence[Step], worth: Worth) -> None:
        """Own money of no known worth bought nothing: anybody can write such transfers."""
        steps = fewer(netted(steps))
        wallet, received = self._wallet(steps)
        released = [self._released(step) for step in steps if step.act is Act.RELEASED]
        borrows = [self._borrowed(step) for step in steps if step.act is Act.BORROWED]
        spent = [step for step in steps if step.act in (Act.PLEDGED, Act.REPAID)]
        sinks = [Sink(s.act, s.asset, s.side, s.raw, s.log_index) for s in spent] + received
        bought = {step.asset for step in spent}
        sources = [
            source
            for source in (*wallet, *released)
            if source.is_tainted or source.asset in bought or worth(source.asset, source.left_raw)
        ]
        if not borrows and not any(source.is_tainted for source in sources):
            return
        Matching(sources, borrows, sinks, worth, self.terms.tolerance).match()
        for sink in sinks:
            if sink.act is Act.PLEDGED:
                self._pledge(sink, tx_hash)
            elif sink.act is Act.RECEIVED:
                self._keep(sink, tx_hash)
        for sink in sinks:
            if sink.act is Act.REPAID:
                self._refinance(sink, tx_hash)

    def _wallet(self, steps: Sequence[Step]) -> tuple[list[Source], list[Sink]]:
        """What the wallets gave of their own, and what they were left with.

        They gave the most that they were ever short of: what they sent after they had received it
        in the same transaction was not theirs, only on its way.
        """
        short: defaultdict[AssetId, int] = defaultdict(int)
        given: defaultdict[AssetId, int] = defaultdict(int)
        last: dict[AssetId, int] = {}
        for step in steps:
            if step.act in (Act.SENT, Act.RECEIVED):
                short[step.asset] += step.raw if step.act is Act.SENT else -step.raw
                given[step.asset] = max(given[step.asset], short[step.asset])
                last[step.asset] = step.log_index
        repaid = {step.side for step in steps if step.act is Act.REPAID and step.side is not None}
        sources = [
            Source(asset, self._spent(asset, raw, repaid)) for asset, raw in given.items() if raw
        ]
        sinks = [
            Sink(Act.RECEIVED, asset, None, given[asset] - raw, last[asset])
            for asset, raw in short.items()
            if given[asset] > raw
        ]
        return sources, sinks

    def _spent(self, asset: AssetId, raw: int, repaid: set[Side]) -> list[Part]:
        """Takes so much out of the wallets: the newest borrowed money first, then own.

        What pays a debt back is rather what that debt lent.
        """
        mine = [n for n, lot in enumerate(self.lots) if lot.asset == asset]
        mine.sort(key=lambda n: (self.lots[n].origin not in repaid, -n))
        parts: list[Part] = []
        gone: set[int] = set()
        for n in mine:
            if raw <= 0:
                break
            lot = self.lots[n]
            owed = lot.borrowed_raw
            part = Part(lot.raw, lot.origin, owed, owed, lot.since_unix, lot.transactions)
            taken, rest = part.split(min(raw, lot.raw))
            raw -= taken.raw
            parts.append(taken._replace(lent_raw=taken.borrowed_raw))
            if is_little(rest.raw, lot.raw, self.terms.tolerance):
                gone.add(n)
            else:
                left, borrowed = RawAmount(rest.raw), RawAmount(rest.borrowed_raw)
                self.lots[n] = replace(lot, raw=left, borrowed_raw=borrowed)
        self.lots = [lot for n, lot in enumerate(self.lots) if n not in gone]
        return [*parts, Part(raw)] if raw > 0 else parts

    def _released(self, step: Step) -> Source:
        """Takes a pledge back: what was pledged again last comes first, then own money."""
        raw = step.raw
        parts: list[Part] = []
        for n in range(len(self.hops) - 1, -1, -1):
            hop = self.hops[n]
            if hop.pledge != step.side or raw <= 0:
                continue
            self.moved += 1
            owed = hop.borrowed_raw
            part = Part(hop.pledged_raw, hop.origin, owed, owed, self.at_unix)._replace(
                transactions=hop.transactions, group=self.moved, is_flash=hop.is_flash
            )
            taken, rest = part.split(min(raw, hop.pledged_raw))
            raw -= taken.raw
            parts.append(taken)
            if is_little(rest.raw, hop.pledged_raw, self.terms.tolerance):
                rest = Part(0)
            left, borrowed = RawAmount(rest.raw), RawAmount(rest.borrowed_raw)
            self.hops[n] = replace(hop, pledged_raw=left, borrowed_raw=borrowed)
        self.hops = [hop for hop in self.hops if hop.pledged_raw]
        return Source(step.asset, [*parts, Part(raw)] if raw > 0 else parts)

    def _borrowed(self, step: Step) -> Source:
        raw, position = step.raw, step.log_index
        part = Part(raw, step.side, raw, raw, self.at_unix, position=position)
        return Source(step.asset, [part], position)

    def _pledge(self, sink: Sink, tx_hash: str) -> None:
        if sink.side is None:
            return
        for (origin, _), parts in _grouped(sink.parts).items():
            raw, borrowed = _sums(parts)
            is_rest = self._is_rest(parts) and is_little(raw, sink.raw, self.terms.tolerance)
            if is_rest or not raw or borrowed <= DUST_RAW:
                continue
            is_flash = any(part.is_flash or part.position > sink.position for part in parts)
            way = _way(parts, tx_hash)
            self.hops.append(Hop(origin, borrowed, sink.side, raw, way, is_flash))

    def _keep(self, sink: Sink, tx_hash: str) -> None:
        """Borrowed money that came into a wallet."""
        of_origin: defaultdict[Side, list[Part]] = defaultdict(list)
        for (origin, _), parts in _grouped(sink.parts).items():
            of_origin[origin] += parts
        for origin, parts in of_origin.items():
            raw, borrowed = _sums(parts)
            if raw and not self._is_rest(parts):
                since_unix = min(part.since_unix for part in parts)
                way = _way(parts, tx_hash)
                self.lots.append(Lot(sink.asset, raw, origin, borrowed, since_unix, way))

    def _is_rest(self, parts: Iterable[Part]) -> bool:
        """Whether it is little of every debt that it was borrowed in."""
        tolerance = self.terms.tolerance
        return all(is_little(part.borrowed_raw, part.lent_raw, tolerance) for part in parts)

    def _refinance(self, sink: Sink, tx_hash: str) -> None:
        """A debt that was paid with another: what its money became is owed there from now on.

        Of a part of it a part is.
        """
        old = sink.side
        for (origin, _), parts in _grouped(sink.parts).items():
            if old is None or origin == old:
                continue
            if old not in self.seen and not self._is_rest(parts):
                self.seen.discard(origin)
            raw, borrowed = _sums(parts)
            for n in range(len(self.hops) - 1, -1, -1):
                hop = self.hops[n]
                used = min(raw, hop.borrowed_raw)
                if hop.origin != old or not used:
                    continue
                share = RawAmount(borrowed * used // raw)
                if not share:
                    continue
                raw, borrowed = RawAmount(raw - used), RawAmount(borrowed - share)
                self._move(n, used, replace(hop, origin=origin, borrowed_raw=share), tx_hash)

    def _move(self, n: int, used_raw: int, moved: Hop, tx_hash: str) -> None:
        """So much of the borrowed money of a hop is now owed as `moved` tells. What of one hop is
        moved piece by piece stays one: the pieces stand in front of what is left.
        """
        hop = self.hops[n]
        way = _bounded((*hop.transactions[:-1], tx_hash, *hop.transactions[-1:]))
        pledged = RawAmount(hop.pledged_raw * used_raw // hop.borrowed_raw)
        rest = replace(
            hop,
            borrowed_raw=RawAmount(hop.borrowed_raw - used_raw),
            pledged_raw=RawAmount(hop.pledged_raw - pledged),
        )
        kept = [rest]
        if is_little(rest.borrowed_raw, hop.borrowed_raw, self.terms.tolerance):
            pledged, kept = hop.pledged_raw, []
        piece = replace(moved, pledged_raw=pledged, transactions=way)
        before = self.hops[n - 1] if n else None
        if before is not None and _is_piece(before, piece, hop):
            piece = replace(
                before,
                borrowed_raw=RawAmount(before.borrowed_raw + piece.borrowed_raw),
                pledged_raw=RawAmount(before.pledged_raw + piece.pledged_raw),
            )
            self.hops[n - 1 : n + 1] = [piece, *kept]
        else:
            self.hops[n : n + 1] = [piece, *kept]


def _is_piece(known: Hop, piece: Hop, hop: Hop) -> bool:
    """Whether an earlier piece of the same hop is known, which is owed at the same place."""
    is_alike = known.origin == piece.origin and known.pledge == piece.pledge
    return is_alike and set(hop.transactions) < set(known.transactions)


def _grouped(parts: Iterable[Part]) -> dict[Group, list[Part]]:
    """The borrowed parts, by what becomes one hop."""
    groups: defaultdict[Group, list[Part]] = defaultdict(list)
    for part in parts:
        if part.origin is not None and part.raw:
            groups[part.origin, part.group].append(part)
    return groups


def _sums(parts: Iterable[Part]) -> tuple[RawAmount, RawAmount]:
    pairs = [(part.raw, part.borrowed_raw) for part in parts]
    return RawAmount(sum(raw for raw, _ in pairs)), RawAmount(sum(owed for _, owed in pairs))


def _way(parts: Iterable[Part], tx_hash: str) -> tuple[str, ...]:
    return _bounded((*(tx for part in parts for tx in part.transactions), tx_hash))


def _bounded(transactions: Iterable[str]) -> tuple[str, ...]:
    way = tuple(dict.fromkeys(transactions))
    return way if len(way) <= MOST_TRANSACTIONS else (way[0], *way[1 - MOST_TRANSACTIONS :])
