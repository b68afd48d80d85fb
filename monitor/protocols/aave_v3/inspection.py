"""An account in the ledger against what the pool and its tokens say of it.

Tokens are asked for what the ledger holds of them. What it lacks shows in the account's flags, but
for a supply that secures nothing: that shows where all accounts are added up (audit.py).
"""

from collections.abc import Iterable, Mapping
from functools import partial

from monitor.core.events import Place
from monitor.core.inspection import Answers, Entry, Told, only
from monitor.core.keys import Kind, market_key, position_key
from monitor.core.ledger import LedgerView, Market, Position, each, find
from monitor.core.ports import ViewCall
from monitor.core.reserves import Reserve
from monitor.core.risk import AccountRisk
from monitor.core.sources import RiskRules, Statement
from monitor.core.units import MAX_UINT256, Address, AssetId, MarketId
from monitor.protocols.aave_v3.configuration import is_vacancy, ordinals_in
from monitor.protocols.aave_v3.contracts import AaveAbi

NOTHING = AccountRisk(0, 0, None, liquidatable=False)
Reserves = Mapping[AssetId, Reserve]


class AaveInspection:
    """Of one market."""

    def __init__(self, market: MarketId, abi: AaveAbi, rules: RiskRules) -> None:
        self._market = market
        self._abi = abi
        self._rules = rules

    def entries(self, view: LedgerView, place: Place, at_unix: int) -> tuple[Entry, ...]:
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return ()
        listed = (reserve for _, reserve in each(view, Kind.RESERVE, self._market, Reserve))
        reserves = {reserve.asset: reserve for reserve in listed}
        position = find(view, position_key(self._market, place.account), Position) or Position()
        statement = self._rules.statement(view, place, at_unix)
        risk = NOTHING if statement is None else statement.risk
        return (
            *(() if statement is None else self._balances(statement, reserves)),
            *self._flags(contracts.pool, place.account, position, reserves),
            *self._verdict(contracts.pool, place.account, risk),
        )

    def _balances(self, statement: Statement, reserves: Reserves) -> Iterable[Entry]:
        balance, who = self._abi.token.functions["balanceOf"], (statement.account,)
        for line in statement.collateral:
            reserve = reserves[line.asset]
            call = ViewCall(reserve.supply_token, balance, who)
            yield Entry(f"aToken of {reserve.symbol}", line.amount_raw, (call,))
        for line in statement.debt:
            reserve = reserves[line.asset]
            call = ViewCall(reserve.debt_token, balance, who)
            yield Entry(f"debt token of {reserve.symbol}", line.amount_raw, (call,))

    def _flags(
        self, pool: Address, who: Address, position: Position, reserves: Reserves
    ) -> tuple[Entry, ...]:
        """What it uses as collateral and what it owes, as the pool's own word has it; e-mode."""
        symbols = {reserve.ordinal: reserve.symbol for reserve in reserves.values()}
        used = [held.asset for held in position.supplies if held.used_as_collateral]
        owed = [held.asset for held in position.debts]
        word = (ViewCall(pool, self._abi.pool.functions["getUserConfiguration"], (who,)),)
        e_mode = (ViewCall(pool, self._abi.pool.functions["getUserEMode"], (who,)),)
        return (
            Entry(
                "flags of collateral",
                _named((_ordinal(asset, reserves) for asset in used), symbols),
                word,
                partial(_flagged, bit=1, symbols=symbols),
            ),
            Entry(
                "flags of debt",
                _named((_ordinal(asset, reserves) for asset in owed), symbols),
                word,
                partial(_flagged, bit=0, symbols=symbols),
            ),
            Entry("e-mode", position.e_mode, e_mode),
        )

    def _verdict(self, pool: Address, who: Address, risk: AccountRisk) -> tuple[Entry, ...]:
        data = (ViewCall(pool, self._abi.pool.functions["getUserAccountData"], (who,)),)
        told = {
            "value of collateral": (risk.collateral_value_base, only),
            "value of debt": (risk.debt_value_base, _debt),
            "health factor": (risk.health_factor_wad, _health),
        }
        if risk.unknown:
            return tuple(Entry(what, unknown="; ".join(risk.unknown)) for what in told)
        return tuple(Entry(what, ours, data, read) for what, (ours, read) in told.items())


def _debt(answers: Answers) -> Told:
    value: int = answers[0][1]
    return value


def _health(answers: Answers) -> Told:
    """None without debt, as the ledger has it."""
    health_wad: int = answers[0][5]
    return None if health_wad == MAX_UINT256 else health_wad


def _ordinal(asset: AssetId, reserves: Reserves) -> int:
    """A flag may stand for the place of a reserve that was dropped."""
    return int(asset, 16) - 1 if is_vacancy(asset) else reserves[asset].ordinal


def _flagged(answers: Answers, bit: int, symbols: Mapping[int, str]) -> Told:
    """`bit`: of each reserve's pair, 0 for debt and 1 for collateral."""
    word: int = answers[0][0]
    ordinals = {place // 2 for place in ordinals_in(word) if place % 2 == bit}
    return _named(ordinals, symbols)


def _named(ordinals: Iterable[int], symbols: Mapping[int, str]) -> str:
    """In the order of the listing."""
    names = (symbols.get(ordinal, f"reserve {ordinal}") for ordinal in sorted(ordinals))
    return ", ".join(names) or "none"
