"""How tokens and pool of a 3.0 market round, told by numbers: no getter and no revision says it.

A holder's balance on display is compared with its scaled balance times the index, by each version
of the tokens' code; what the pool values an account's only debt at, with the price of that amount,
by each version of the pool's. Two versions agree about half of all holders, so several are asked.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, Market, Position, each
from monitor.core.ports import Readings, ViewCall
from monitor.core.reserves import Reserve
from monitor.core.units import Address, MarketId
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenMath
from monitor.protocols.aave_v3.versions import FORMER, POOL_RULES

ENOUGH_HOLDERS = 16
"""Asked per token: all of them agree with two versions once in 65,000."""

POOLS = frozenset(rules.name for rules in POOL_RULES.values() if rules.release == FORMER)
TOKENS = frozenset(version for name in POOLS for version in POOL_RULES[name].token_versions)


class Holder(NamedTuple):
    """Who holds a token. `is_plain`: it is this account's only debt, and it is in no e-mode."""

    token: Address
    account: Address
    is_plain: bool = False


class _Sample(NamedTuple):
    reserve: Reserve
    is_debt: bool
    holder: Holder


class Verdicts(NamedTuple):
    """Versions that could have answered so: one where it is proven, none where none we know."""

    tokens: frozenset[str] = TOKENS
    pools: frozenset[str] = POOLS

    def of(self, contracts: Market) -> Market:
        """The market with the versions that are proven; its pool goes with its tokens else."""
        tokens, pools = self
        token_version = min(tokens) if len(tokens) == 1 else contracts.token_version
        if len(pools) == 1:
            return replace(contracts, token_version=token_version, pool_version=min(pools))
        if token_version == contracts.token_version:
            return contracts
        pool = next(name for name in POOLS if token_version in POOL_RULES[name].token_versions)
        return replace(contracts, token_version=token_version, pool_version=pool)


class Evidence:
    """What some holders of a market's tokens say."""

    def __init__(
        self,
        abi: AaveAbi,
        contracts: Market,
        reserves: Sequence[Reserve],
        holders: Iterable[Holder],
    ) -> None:
        self._abi = abi
        self._contracts = contracts
        self._samples = list(_samples(reserves, holders))

    def calls(self) -> list[ViewCall]:
        asked = [c for s in self._samples for c in (*self._balance(s), *self._value(s))]
        return list(dict.fromkeys(asked))

    def verdicts(self, told: Readings) -> Verdicts:
        tokens, pools = TOKENS, POOLS
        for sample in self._samples:
            if values := _answers(self._balance(sample), told):
                scaled, index, displayed = values
                tokens = frozenset(
                    version
                    for version in tokens
                    if _math(version, sample).display(scaled, index) == displayed
                )
            if values := _answers(self._value(sample), told):
                scaled, index, price, data = values
                unit = 10**sample.reserve.decimals
                pools = frozenset(
                    name for name in pools if _value(name, scaled, index, price, unit) == data
                )
        return Verdicts(tokens, pools)

    def _balance(self, sample: _Sample) -> tuple[ViewCall, ...]:
        balance = self._abi.token.functions["balanceOf"]
        holder = sample.holder
        return (*self._scaled(sample), ViewCall(holder.token, balance, (holder.account,)))

    def _value(self, sample: _Sample) -> tuple[ViewCall, ...]:
        """What the pool makes of it, where that is the account's only debt."""
        if not sample.holder.is_plain:
            return ()
        price = self._abi.oracle.functions["getAssetPrice"]
        data = self._abi.pool.functions["getUserAccountData"]
        return (
            *self._scaled(sample),
            ViewCall(self._contracts.oracle, price, (sample.reserve.asset,)),
            ViewCall(self._contracts.pool, data, (sample.holder.account,)),
        )

    def _scaled(self, sample: _Sample) -> tuple[ViewCall, ViewCall]:
        """Scaled balance, and the index of now."""
        token, pool = self._abi.token.functions, self._abi.pool.functions
        name = (
            "getReserveNormalizedVariableDebt" if sample.is_debt else "getReserveNormalizedIncome"
        )
        holder = sample.holder
        return (
            ViewCall(holder.token, token["scaledBalanceOf"], (holder.account,)),
            ViewCall(self._contracts.pool, pool[name], (sample.reserve.asset,)),
        )


def holders_in(view: LedgerView, market: MarketId, reserves: Sequence[Reserve]) -> Iterator[Holder]:
    """All who hold or owe some of these reserves, by the ledger."""
    by_asset = {reserve.asset: reserve for reserve in reserves}
    for key, position in each(view, Kind.POSITION, market, Position):
        account = Address(key.subject)
        is_plain = len(position.debts) == 1 and not position.e_mode
        for held in position.debts:
            if held.asset in by_asset:
                yield Holder(by_asset[held.asset].debt_token, account, is_plain)
        for held in position.supplies:
            if held.scaled and held.asset in by_asset:
                yield Holder(by_asset[held.asset].supply_token, account)


def _samples(reserves: Sequence[Reserve], holders: Iterable[Holder]) -> Iterator[_Sample]:
    """Some holders of every token."""
    sides = {r.supply_token: (r, False) for r in reserves}
    sides |= {r.debt_token: (r, True) for r in reserves}
    taken: Counter[Address] = Counter()
    for holder in holders:
        if holder.token in sides and taken[holder.token] < ENOUGH_HOLDERS:
            taken[holder.token] += 1
            yield _Sample(*sides[holder.token], holder)


def _answers(calls: Sequence[ViewCall], told: Readings) -> list[int]:
    """Of each its figure (of an account's data, the debt); nothing where one is missing."""
    answers = [told.get(call) for call in calls]
    values = [a[1] if len(a) > 1 else a[0] for a in answers if isinstance(a, tuple)]
    return values if len(values) == len(calls) else []


def _math(version: str, sample: _Sample) -> TokenMath:
    rules = TOKEN_RULES[version]
    return rules.debt if sample.is_debt else rules.supply


def _value(name: str, scaled: int, index_ray: int, price: int, unit: int) -> int:
    verdict = POOL_RULES[name].verdict
    return verdict.debt_value(verdict.owed_raw(scaled, index_ray), price, unit)
