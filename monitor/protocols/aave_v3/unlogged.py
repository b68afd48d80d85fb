"""What no log of a 3.0 market tells, read every block: the cash of its reserves.

It is what an aToken owns of the asset: verbs move it as they log, but donations do too.
Source: DefaultReserveInterestRateStrategy.sol of `@aave/core-v3` 1.19.3.
"""

from monitor.core.events import CashMoved, DomainEvent
from monitor.core.keys import Kind, market_key
from monitor.core.ledger import LedgerView, Market, each, find
from monitor.core.ports import Readings, ViewCall
from monitor.core.reserves import Reserve
from monitor.core.units import MarketId, RawAmount
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.versions import pool_rules


class Unlogged:
    """Asks, and says what is new."""

    def __init__(self, market: MarketId, abi: AaveAbi) -> None:
        self._market = market
        self._abi = abi

    def calls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return tuple(self._cash_call(reserve) for reserve in self._reserves(view))

    def events(self, view: LedgerView, told: Readings) -> tuple[DomainEvent, ...]:
        """Where the node has forgotten the block, cash stays as the verbs moved it."""
        events = []
        for reserve in self._reserves(view):
            answer = told.get(self._cash_call(reserve))
            if isinstance(answer, tuple) and answer[0] != reserve.cash_raw:
                delta = RawAmount(answer[0] - reserve.cash_raw)
                events.append(CashMoved(self._market, reserve.asset, delta))
        return tuple(events)

    def _reserves(self, view: LedgerView) -> list[Reserve]:
        """Those whose cash the pool does not keep itself."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None or pool_rules(contracts).views.tells_cash:
            return []
        return [reserve for _, reserve in each(view, Kind.RESERVE, self._market, Reserve)]

    def _cash_call(self, reserve: Reserve) -> ViewCall:
        balance = self._abi.token.functions["balanceOf"]
        return ViewCall(reserve.asset, balance, (reserve.supply_token,))
