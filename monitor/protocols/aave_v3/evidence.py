"""How tokens of a 3.0 market round, told by numbers: no getter and no revision says it.

A holder's balance on display is compared with its scaled balance times the index, by each version
of the tokens' code. Two versions agree about half of all holders, so several are asked.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from monitor.core.ledger import Kind, LedgerView, Position, Reserve, each
from monitor.core.ports import Readings, ViewCall
from monitor.core.units import Address, MarketId
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenMath
from monitor.protocols.aave_v3.versions import FORMER, POOL_RULES

ENOUGH_HOLDERS = 16
"""Asked per token: all of them agree with two versions once in 65,000."""

CANDIDATES = frozenset(
    version
    for rules in POOL_RULES.values()
    if rules.release == FORMER
    for version in rules.token_versions
)


class Sample(NamedTuple):
    """One holder of a token."""

    reserve: Reserve
    is_debt: bool
    account: Address


class Evidence:
    """What some holders of a market's tokens say."""

    def __init__(self, abi: AaveAbi, pool: Address, samples: Sequence[Sample]) -> None:
        self._abi = abi
        self._pool = pool
        self._samples = samples

    def calls(self) -> list[ViewCall]:
        return list(dict.fromkeys(c for sample in self._samples for c in self._row(sample)))

    def versions(self, told: Readings) -> frozenset[str]:
        """The token versions that could have answered so: one when it is proven, none when the
        tokens round in no way we know, or not all alike."""
        left = CANDIDATES
        for sample in self._samples:
            answers = [told.get(call) for call in self._row(sample)]
            values = [answer[0] for answer in answers if isinstance(answer, tuple)]
            if len(values) < len(answers):
                continue
            scaled, displayed, index = values
            left = frozenset(
                version
                for version in left
                if _math(version, sample).display(scaled, index) == displayed
            )
        return left

    def _row(self, sample: Sample) -> tuple[ViewCall, ViewCall, ViewCall]:
        reserve, token, pool = sample.reserve, self._abi.token.functions, self._abi.pool.functions
        contract = reserve.debt_token if sample.is_debt else reserve.supply_token
        view = (
            "getReserveNormalizedVariableDebt" if sample.is_debt else "getReserveNormalizedIncome"
        )
        return (
            ViewCall(contract, token["scaledBalanceOf"], (sample.account,)),
            ViewCall(contract, token["balanceOf"], (sample.account,)),
            ViewCall(self._pool, pool[view], (reserve.asset,)),
        )


def samples_of(
    reserves: Sequence[Reserve], pairs: Iterable[tuple[Address, Address]]
) -> list[Sample]:
    """Some holders of every token, from (token, account)."""
    sides = {r.supply_token: (r, False) for r in reserves}
    sides |= {r.debt_token: (r, True) for r in reserves}
    taken: Counter[Address] = Counter()
    samples: list[Sample] = []
    for token, account in pairs:
        if token in sides and taken[token] < ENOUGH_HOLDERS:
            taken[token] += 1
            samples.append(Sample(*sides[token], account))
    return samples


def holders_in(
    view: LedgerView, market: MarketId, reserves: Sequence[Reserve]
) -> Iterator[tuple[Address, Address]]:
    """(token, account) of all who hold or owe some of these reserves, by the ledger."""
    by_asset = {reserve.asset: reserve for reserve in reserves}
    for key, position in each(view, Kind.POSITION, market, Position):
        for held in position.supplies:
            if held.scaled and held.asset in by_asset:
                yield by_asset[held.asset].supply_token, Address(key.subject)
        for held in position.debts:
            if held.asset in by_asset:
                yield by_asset[held.asset].debt_token, Address(key.subject)


def _math(version: str, sample: Sample) -> TokenMath:
    rules = TOKEN_RULES[version]
    return rules.debt if sample.is_debt else rules.supply
