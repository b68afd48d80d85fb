"""What logs of Aave 3.0.1 and 3.0.2 (and SparkLend, which is 3.0.2) mean otherwise than 3.6's.

Suppliers get a part of flash loan premiums and bridge fees: the supply index jumps by it in a
ReserveDataUpdated before the log that tells the amount. Liquidations accrue nothing in silence.
Source: FlashLoanLogic.sol, BridgeLogic.sol, ReserveLogic.sol of `@aave/core-v3` 1.19.3.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.fixed_point import (
    bps_mul_half_up,
    ray_div_half_up,
    ray_mul_half_up,
)
from monitor.core.ledger import LedgerView
from monitor.core.ports import Readings
from monitor.core.reserves import Reserve
from monitor.core.units import RAY, AssetId, Bps, MarketId, Ray, ScaledAmount
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.accrual import Accrual
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.events import AaveDecoder, Meaning
from monitor.protocols.aave_v3.governance import GovernanceDecoder
from monitor.protocols.aave_v3.governance_3_0 import FormerGovernance
from monitor.protocols.aave_v3.token_events import Events
from monitor.protocols.aave_v3.versions import token_rules

RAYS_PER_WAD = 10**9


class FormerDecoder(AaveDecoder):
    """Decodes one block of a 3.0 market."""

    def __init__(
        self, market: MarketId, abi: AaveAbi, block: BlockRef, view: LedgerView, facts: Readings
    ) -> None:
        super().__init__(market, abi, block, view, facts)
        self._jumps: dict[AssetId, Ray] = {}
        """Supply indices before a jump that the log to come must explain."""

    def _on_other_indices(
        self, reserve: Reserve, accrual: Accrual, supply_index: Ray, debt_index: Ray
    ) -> None:
        if debt_index != accrual.debt_index_ray or supply_index < accrual.supply_index_ray:
            super()._on_other_indices(reserve, accrual, supply_index, debt_index)
        self._jumps[reserve.asset] = accrual.supply_index_ray

    def _ends(self, changed: Events) -> Events:
        for asset, before in self._jumps.items():
            reserve = self._reserve(asset)
            raise LedgerCorrupt(
                f"the supply index of {reserve.symbol} is {before} by the ledger but "
                f"{reserve.supply_index_ray} by the log, and no premium or fee explains it"
            )
        return super()._ends(changed)

    def _flash_loan(self, values: tuple[Any, ...]) -> Events:
        asset, mode, premium = values[2], values[4], values[5]
        if mode:  # became a debt: Borrow and the debt token say the rest
            return ()
        share = self._contracts.flash_fee_to_treasury_bps
        return (*self._cash(asset, premium), *self._shared(asset, premium, share))

    def _backed(self, values: tuple[Any, ...]) -> Events:
        asset, _, amount, fee = values
        share = self._contracts.bridge_fee_to_treasury_bps
        return (*self._cash(asset, amount + fee), *self._shared(asset, fee, share))

    def _shared(self, asset: AssetId, fee_raw: int, treasury_bps: Bps) -> Events:
        """A fee between treasury and suppliers; theirs is in the index already, which is checked.

        Raises LedgerCorrupt where the index moved by something else.
        """
        reserve = self._reserve(asset)
        before = self._jumps.pop(asset, reserve.supply_index_ray)
        to_treasury = bps_mul_half_up(fee_raw, treasury_bps)
        # What Spark's totals round to is not known for sure: both may be the divisor.
        roundings = (ray_mul_half_up, token_rules(self._contracts).supply.display)
        expected = {
            _jumped(
                before,
                rounding(reserve.supply_scaled, before)
                + ray_mul_half_up(reserve.treasury_scaled, before),
                fee_raw - to_treasury,
            )
            for rounding in roundings
        }
        if reserve.supply_index_ray not in expected:
            raise LedgerCorrupt(
                f"a fee of {fee_raw} takes the supply index of {reserve.symbol} from {before} to "
                f"{max(expected)} by the ledger but to {reserve.supply_index_ray} by the log"
            )
        minted = ScaledAmount(ray_div_half_up(to_treasury, reserve.supply_index_ray))
        return (self._with_treasury(reserve, minted),)

    def _silent_accruals(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        return ()

    _GOVERNANCE: ClassVar[type[GovernanceDecoder]] = FormerGovernance
    _OF_POOL: ClassVar[Mapping[str, Meaning]] = {
        **AaveDecoder._OF_POOL,
        "MintUnbacked": lambda self, _, v: self._ends(()),
        "BackUnbacked": lambda self, _, v: self._ends(self._backed(v)),
    }


def _jumped(index_ray: int, total_raw: int, fee_raw: int) -> int:
    """ReserveLogic.cumulateToLiquidityIndex."""
    if not total_raw:
        return index_ray
    growth = ray_div_half_up(fee_raw * RAYS_PER_WAD, total_raw * RAYS_PER_WAD)
    return ray_mul_half_up(growth + RAY, index_ray)
