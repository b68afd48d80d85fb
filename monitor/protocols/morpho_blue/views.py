"""What Morpho and its rate models say of market ids: the calls, and the answers read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from monitor.core.pairs import Pair
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import ZERO_ADDRESS, Address, RawAmount, Shares, Wad
from monitor.errors import DataError
from monitor.protocols.morpho_blue.contracts import MorphoAbi, id_bytes
from monitor.protocols.morpho_blue.positions import Held


def values_of(answer: ViewResult) -> tuple[Any, ...]:
    """What a view that every Morpho answers says."""
    if isinstance(answer, ViewFailed):
        raise DataError(
            f"a view every Morpho Blue answers failed: {answer.reason}. The contract is not what "
            "it seems, or the endpoint lost this block's state."
        )
    return answer


def pair_calls(abi: MorphoAbi, entry: Address, market_id: str) -> tuple[ViewCall, ViewCall]:
    names = ("idToMarketParams", "market")
    return (
        ViewCall(entry, abi.morpho.functions[names[0]], (id_bytes(market_id),)),
        ViewCall(entry, abi.morpho.functions[names[1]], (id_bytes(market_id),)),
    )


def pair_from(row: Sequence[ViewResult]) -> Pair:
    """A pair from the answers to `pair_calls`, without its rate model's state and collateral."""
    loan, collateral, oracle, rate_model, lltv = values_of(row[0])
    supply, supply_shares, debt, debt_shares, updated, fee = values_of(row[1])
    return Pair(
        loan=loan,
        collateral=collateral,
        oracle=oracle,
        rate_model=rate_model,
        lltv_wad=Wad(lltv),
        updated_unix=0 if rate_model == ZERO_ADDRESS else updated,
        supply_raw=RawAmount(supply),
        supply_shares=Shares(supply_shares),
        debt_raw=RawAmount(debt),
        debt_shares=Shares(debt_shares),
        collateral_raw=RawAmount(0),
        fee_wad=Wad(fee),
    )


def is_created(row: Sequence[ViewResult]) -> bool:
    """Whether there is a pair, by the answers to `pair_calls`: all its roles may be nobody."""
    *_, updated, _ = values_of(row[1])
    return bool(updated)


def totals_alone(pair: Pair) -> Pair:
    """What `pair_from` reads of it, to compare."""
    return replace(pair, collateral_raw=RawAmount(0), rate_at_target_wad=None, borrow_rate_wad=None)


def position_call(abi: MorphoAbi, entry: Address, market_id: str, account: Address) -> ViewCall:
    return ViewCall(entry, abi.morpho.functions["position"], (id_bytes(market_id), account))


def held_from(answer: ViewResult) -> Held:
    return Held(*values_of(answer))


def target_call(abi: MorphoAbi, market_id: str, pair: Pair) -> ViewCall:
    """The adaptive model's state. Other models need not have one."""
    function = abi.rate_model.functions["rateAtTarget"]
    return ViewCall(pair.rate_model, function, (id_bytes(market_id),))


def rate_call(abi: MorphoAbi, pair: Pair) -> ViewCall:
    """The rate that an accrual in this block would use."""
    params = (pair.loan, pair.collateral, pair.oracle, pair.rate_model, pair.lltv_wad)
    state = (
        *(pair.supply_raw, pair.supply_shares, pair.debt_raw, pair.debt_shares),
        *(pair.updated_unix, pair.fee_wad),
    )
    return ViewCall(pair.rate_model, abi.rate_model.functions["borrowRateView"], (params, state))


def price_call(abi: MorphoAbi, pair: Pair) -> ViewCall:
    return ViewCall(pair.oracle, abi.oracle.functions["price"])
