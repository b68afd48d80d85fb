"""Which money of a transaction paid for what: equal assets first, then exchanges by their worth.

No venue is known by name. What is left of one asset, and what is missing of another, was exchanged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from monitor.leverage.money import DUST_RAW, Sink, Source, is_little
from monitor.leverage.steps import Act, Worth

ONE = Fraction(1)
ORDER = (Act.PLEDGED, Act.REPAID, Act.RECEIVED)
"""In which sinks are paid."""


@dataclass(frozen=True, slots=True)
class Matching:
    """The money of one transaction. Borrows and sinks: in log order.

    What was there before pays first, since a loop begins with own money. A borrow pays for what
    comes after it, the nearest first; for an earlier pledge only if nothing else can have: then
    the money was lent for the time between (a flash loan).
    """

    standing: Sequence[Source]
    borrows: Sequence[Source]
    sinks: Sequence[Sink]
    worth: Worth
    tolerance: Fraction

    def match(self) -> None:
        """Funds the sinks from the sources, as far as they go."""
        for source, sink in self._stepwise():
            _pay(source, sink)
        for source, sink in self._stepwise():
            self._exchange(source, sink)
        for sink in self._sinks(Act.PLEDGED, Act.REPAID):
            self._convert(sink)
        received = [sink for sink in self._sinks(Act.RECEIVED) if self._is_open(sink)]
        for done, sink in enumerate(received):
            self._convert(sink, len(received) - done)
        for source, sink in self._flash():
            _pay(source, sink)
        for source, sink in self._flash():
            self._exchange(source, sink)

    def _sinks(self, *acts: Act) -> list[Sink]:
        return [sink for act in acts for sink in self.sinks if sink.act is act]

    def _stepwise(self) -> Iterator[tuple[Source, Sink]]:
        """What came back to a wallet is rather what was borrowed than change."""
        pledges, debts, wallets = (self._sinks(act) for act in ORDER)
        nearest_first = self.borrows[::-1]
        for sink in pledges:
            yield from ((source, sink) for source in self.standing)
        for sink in reversed(pledges):
            yield from ((b, sink) for b in nearest_first if b.position < sink.position)
        for sink in debts:
            yield from ((source, sink) for source in (*self.standing, *nearest_first))
        for sink in wallets:
            yield from ((source, sink) for source in (*nearest_first, *self.standing))

    def _flash(self) -> Iterator[tuple[Source, Sink]]:
        """What is missing most likely came unseen (native coins) and first: the last are paid."""
        for sink in reversed(self._sinks(Act.PLEDGED)):
            for borrow in self.borrows:
                if borrow.position > sink.position and not borrow.is_exchanged:
                    yield borrow, sink

    def _exchange(self, source: Source, sink: Sink) -> None:
        """By worth. What comes near enough to all of it is all of it: an exchange has a cost."""
        if source.asset == sink.asset or min(source.left_raw, sink.open_raw) <= DUST_RAW:
            return
        offered = self.worth(source.asset, source.left_raw)
        wanted = self.worth(sink.asset, sink.open_raw)
        if not offered or not wanted:
            return
        near = 1 - self.tolerance
        share = ONE if wanted >= near * offered else Fraction(wanted, offered)
        funded = ONE if offered >= near * wanted else Fraction(offered, wanted)
        parts = source.take_share(share)
        if parts:
            sink.fund(parts, int(sink.open_raw * funded))

    def _convert(self, sink: Sink, rivals: int = 1) -> None:
        """Without a worth: all borrowed money at hand went into what follows, by proportion.

        `rivals`: how many assets it may have bought. Any token writes that it came to a wallet, so
        none takes all.
        """
        if not self._is_open(sink):
            return
        sources = [source for source in self._at_hand(sink) if self._is_doubtful(source, sink)]
        if not sources:
            return
        is_received = sink.act is Act.RECEIVED  # that is one sink an asset
        twins = [sink] if is_received else self._twins(sink)
        share = Fraction(sink.open_raw, sum(twin.open_raw for twin in twins) * rivals)
        is_one_asset = len({source.asset for source in sources}) == 1
        weights = [source.left_raw if is_one_asset else 1 for source in sources]
        raw = sink.open_raw
        for source, weight in zip(sources, weights, strict=True):
            parts = source.take_share(share)
            if parts:
                sink.fund(parts, raw * weight // sum(weights))

    def _is_open(self, sink: Sink) -> bool:
        return not is_little(sink.open_raw, sink.raw, self.tolerance)

    def _at_hand(self, sink: Sink) -> list[Source]:
        """Borrowed money that may have paid for it. A small rest is what an exchange cost."""
        return [
            source
            for source in (*self.standing, *self.borrows)
            if source.is_tainted
            and source.asset != sink.asset
            and not is_little(source.left_raw, source.size_raw, self.tolerance)
            and (source.position < sink.position or sink.act is not Act.PLEDGED)
        ]

    def _is_doubtful(self, source: Source, sink: Sink) -> bool:
        worths = self.worth(source.asset, source.left_raw), self.worth(sink.asset, sink.open_raw)
        return not all(worths)

    def _twins(self, sink: Sink) -> Iterator[Sink]:
        """The sink, and those of its asset that are paid from the same money."""
        nexts = (b.position for b in self.borrows if b.position > sink.position)
        end = min(nexts, default=None)
        following = self._sinks(*ORDER)
        for twin in following[following.index(sink) :]:
            if twin.asset == sink.asset and (end is None or twin.position < end):
                yield twin


def _pay(source: Source, sink: Sink) -> None:
    if source.asset == sink.asset:
        raw = min(source.left_raw, sink.open_raw)
        if raw:
            first = sink.side if sink.act is Act.REPAID else None
            sink.fund(list(source.take(raw, first)), raw)
