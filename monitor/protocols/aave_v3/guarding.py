"""Stopping reserves of Aave: freezing and pausing through the PoolConfigurator.

Source: PoolConfigurator.sol of aave-v3-origin 3.6 and of `@aave/core-v3` 1.19.3. Who may freeze:
risk and pool admins, since 3.1 emergency admins too; who may pause: emergency and pool admins.
Version 3.6 reverts where a reserve is frozen already, so that such a call is not proposed.
"""

from collections.abc import Iterator, Mapping

from monitor.core.abi import ErrorAbi
from monitor.core.blocks import BlockRef
from monitor.core.guarding import Order, Proposal, Proposals
from monitor.core.keys import Kind, market_key
from monitor.core.ledger import LedgerView, Market, each, find
from monitor.core.ports import ContractReader, ViewCall
from monitor.core.reserves import Category, Reserve
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, MarketId
from monitor.errors import DataError, QuestionError
from monitor.protocols.aave_v3.contracts import AaveAbi

FREEZE, PAUSE = "freeze", "pause"
SETTERS = {FREEZE: "setReserveFreeze", PAUSE: "setReservePause"}
EFFECTS = {
    FREEZE: "no new supply or debt; withdrawals, repayments and liquidations go on",
    PAUSE: "nothing goes on, not even withdrawals, repayments and liquidations",
}


class AaveGuarding:
    """Of one market. The ledger holds its configurator and the state of its reserves."""

    def __init__(self, market: MarketId, abi: AaveAbi) -> None:
        self._market = market
        self._abi = abi

    @property
    def actions(self) -> frozenset[str]:
        return frozenset(SETTERS)

    @property
    def errors(self) -> Mapping[str, ErrorAbi]:
        return self._abi.configurator.errors

    async def proposals(
        self, order: Order, view: LedgerView, reader: ContractReader, at: BlockRef
    ) -> Proposals:
        """Reserves by address or symbol, else all collateral that can be used, as listed."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            raise DataError(f"{self._market} is not on the chain yet")
        configurator = contracts.configurator
        if configurator == ZERO_ADDRESS:
            raise DataError(f"{self._market} has no configurator: nobody can {order.action} it")
        reserves = self._named(view, order) if order.targets else self._collateral(view)
        return Proposals(
            tuple(
                self._proposal(order.action, configurator, reserve)
                for reserve in reserves
                if not _is_done(reserve, order.action)
            ),
            tuple(reserve.symbol for reserve in reserves if _is_done(reserve, order.action)),
        )

    def _proposal(self, action: str, configurator: Address, reserve: Reserve) -> Proposal:
        setter = self._abi.configurator.functions[SETTERS[action]]
        return Proposal(
            reserve.symbol,
            f"{action} {reserve.symbol} on {self._market}: {EFFECTS[action]}",
            ViewCall(configurator, setter, (reserve.asset, True)),
        )

    def _listed(self, view: LedgerView) -> list[Reserve]:
        reserves = (reserve for _, reserve in each(view, Kind.RESERVE, self._market, Reserve))
        return sorted(reserves, key=lambda reserve: reserve.ordinal)

    def _collateral(self, view: LedgerView) -> list[Reserve]:
        """What secures debt, be it in an e-mode alone."""
        in_e_mode = set(self._e_mode_collateral(view))
        return [
            reserve
            for reserve in self._listed(view)
            if reserve.terms.is_active
            and (reserve.terms.liquidation_threshold_bps or reserve.asset in in_e_mode)
        ]

    def _e_mode_collateral(self, view: LedgerView) -> Iterator[AssetId]:
        for _, category in each(view, Kind.CATEGORY, self._market, Category):
            yield from category.collateral

    def _named(self, view: LedgerView, order: Order) -> list[Reserve]:
        """In the order asked. Raises QuestionError for a name of none, or of several."""
        listed = self._listed(view)
        found: dict[AssetId, Reserve] = {}
        for name in order.targets:
            meant = [r for r in listed if name in (r.asset, r.symbol)]
            if len(meant) > 1:
                places = ", ".join(reserve.asset for reserve in meant)
                raise QuestionError(
                    f"{len(meant)} reserves of {self._market} are called {name!r}: expected one of "
                    f"their addresses, {places}"
                )
            if not meant:
                symbols = ", ".join(sorted(reserve.symbol for reserve in listed))
                raise QuestionError(
                    f"{self._market} has no reserve {name!r}: expected an address, an [assets] "
                    f"name or one of {symbols}"
                )
            found[meant[0].asset] = meant[0]
        return list(found.values())


def _is_done(reserve: Reserve, action: str) -> bool:
    return reserve.terms.is_frozen if action == FREEZE else reserve.terms.is_paused
