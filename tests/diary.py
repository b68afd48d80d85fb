"""One owner's life in money: what he does, as steps, block by block through the flow."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from builders import USDC, WETH, a_hash, an_address

from monitor.core.trails import Side, Trail
from monitor.core.units import AssetId, MarketId
from monitor.leverage.flows import follow
from monitor.leverage.settlement import settle
from monitor.leverage.steps import Act, FlowTerms, Step

DAI = an_address("DAI")
WSTETH = an_address("wstETH")
ME = an_address("me")
TERMS = FlowTerms(window_seconds=3600, tolerance=Fraction(1, 20))
PRICES: Mapping[AssetId, int | None] = {WETH: 2000, USDC: 1, DAI: 1, WSTETH: 2300}
"""USD of one raw unit: units are whole here."""
PRICELESS: Mapping[AssetId, int | None] = {}


def a_side(asset: AssetId, market: str = "aave", account: str = "me") -> Side:
    return Side(MarketId(market), "", an_address(account), asset)


@dataclass
class Diary:
    """Amounts are in thousandths of a unit (raw). `through_wallet`: as an EOA does it; False: an
    adapter holds the money on its way.
    """

    prices: Mapping[AssetId, int | None] = field(default_factory=lambda: PRICES)
    trail: Trail = field(default_factory=Trail)
    owed: dict[Side, int] = field(default_factory=lambda: defaultdict(int))
    pledged: dict[Side, int] = field(default_factory=lambda: defaultdict(int))
    at_unix: int = 1_700_000_000
    transactions: int = 0
    pending: list[Step] = field(default_factory=list)
    _fresh: set[Side] = field(default_factory=set)
    _index: int = 0

    def worth(self, asset: AssetId, raw: int) -> Fraction | None:
        price = self.prices.get(asset)
        return None if price is None else Fraction(price * raw, 1000)

    @property
    def tx_hash(self) -> str:
        return a_hash(f"tx {self.transactions}")

    def borrow(self, side: Side, raw: int, *, through_wallet: bool = True) -> None:
        if not self.owed[side]:
            self._fresh.add(side)
        self.owed[side] += raw
        self._note(Act.BORROWED, side.asset, raw, side)
        if through_wallet:
            self.receive(side.asset, raw)

    def repay(self, side: Side, raw: int, *, through_wallet: bool = True) -> None:
        self.owed[side] -= raw
        if through_wallet:
            self.send(side.asset, raw)
        self._note(Act.REPAID, side.asset, raw, side)

    def pledge(self, side: Side, raw: int, *, through_wallet: bool = True) -> None:
        self.pledged[side] += raw
        if through_wallet:
            self.send(side.asset, raw)
        self._note(Act.PLEDGED, side.asset, raw, side)

    def release(self, side: Side, raw: int, *, through_wallet: bool = True) -> None:
        self.pledged[side] -= raw
        self._note(Act.RELEASED, side.asset, raw, side)
        if through_wallet:
            self.receive(side.asset, raw)

    def swap(self, sold: AssetId, sold_raw: int, bought: AssetId, bought_raw: int) -> None:
        self.send(sold, sold_raw)
        self.receive(bought, bought_raw)

    def send(self, asset: AssetId, raw: int) -> None:
        self._note(Act.SENT, asset, raw, None)

    def receive(self, asset: AssetId, raw: int) -> None:
        self._note(Act.RECEIVED, asset, raw, None)

    def next_transaction(self) -> None:
        self.transactions += 1

    def end_block(self, seconds: int = 12) -> Trail:
        """The block's steps go through the flow; the next block is so much later."""
        fresh = frozenset(side for side in self._fresh if self.owed[side])
        followed = follow(self.trail, self.pending, fresh, self.worth, self.at_unix, TERMS)
        self.trail = settle(
            followed, self.owed.__getitem__, self.pledged.__getitem__, self.at_unix, TERMS
        )
        self.pending, self._fresh, self._index = [], set(), 0
        self.at_unix += seconds
        self.next_transaction()
        return self.trail

    def _note(self, act: Act, asset: AssetId, raw: int, side: Side | None) -> None:
        self.pending.append(Step(self.tx_hash, self._index, act, asset, raw, side))
        self._index += 1
