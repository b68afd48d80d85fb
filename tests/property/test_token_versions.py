"""Whatever a token of 3.0.2, or of Spark's rounding, did: its logs give every balance back.

The model is written from the Solidity, operation by operation, and shares nothing with the decoder:
it rounds by exact fractions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.units import RAY, Ray
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.tokens import TOKEN_RULES, TokenMath, TokenMove

Round = Callable[[Fraction], int]
Log = tuple[str, tuple[str, ...], int, int, int]
"""Name, accounts, value, balance increase (0 for a transfer), index."""
PEOPLE = ("alice", "bob", "carol")


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


@dataclass
class Token:
    """ScaledBalanceTokenBase of `@aave/core-v3` 1.19.3, with its roundings as parameters."""

    shown: Round
    on_mint: Round
    on_burn: Round
    on_transfer: Round
    scaled: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    last: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))

    def balance(self, who: str, index: int) -> int:
        return self.shown(Fraction(self.scaled[who] * index, RAY))

    def mint(self, who: str, amount: int, index: int) -> list[Log]:
        minted = self.on_mint(Fraction(amount * RAY, index))
        if not minted:
            return []  # it reverts
        increase = self._checkpoint(who, index)
        self.scaled[who] += minted
        return [("Mint", (who,), amount + increase, increase, index)]

    def burn(self, who: str, amount: int, index: int) -> list[Log]:
        burnt = self.on_burn(Fraction(amount * RAY, index))
        if not 0 < burnt <= self.scaled[who]:
            return []
        increase = self._checkpoint(who, index)
        self.scaled[who] -= burnt
        if increase > amount:
            return [("Mint", (who,), increase - amount, increase, index)]
        return [("Burn", (who,), amount - increase, increase, index)]

    def transfer(self, sender: str, receiver: str, amount: int, index: int) -> list[Log]:
        moved = self.on_transfer(Fraction(amount * RAY, index))
        if moved > self.scaled[sender]:
            return []
        logs: list[Log] = [
            ("Mint", (who,), increase, increase, index)
            for who in dict.fromkeys((sender, receiver))
            if (increase := self._checkpoint(who, index))
        ]
        self.scaled[sender] -= moved
        self.scaled[receiver] += moved
        return [*logs, ("BalanceTransfer", (sender, receiver), moved, 0, index)]

    def _checkpoint(self, who: str, index: int) -> int:
        now, before = (Fraction(self.scaled[who] * i, RAY) for i in (index, self.last[who]))
        self.last[who] = index
        return half_up(now) - half_up(before)


@dataclass
class Decoded:
    """What the logs say."""

    math: TokenMath
    scaled: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    last: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, RAY))

    def take(self, log: Log) -> None:
        name, who, value, increase, index = log
        if name == "BalanceTransfer":
            sender, receiver = who
            self.scaled[sender] -= value
            self.scaled[receiver] += value
        else:
            (account,) = who
            move = TokenMove(-value if name == "Burn" else value, increase, Ray(index))
            after = self.math.after(self.scaled[account], self.last[account], move)
            self.scaled[account] = after
        for account in who:
            self.last[account] = index


LEGACY = (TOKEN_RULES["3.0.1"].supply, (half_up, half_up, half_up, half_up))
SPARK_SUPPLY = (TOKEN_RULES["spark"].supply, (floor, floor, ceil, ceil))
SPARK_DEBT = (TOKEN_RULES["spark"].debt, (ceil, ceil, floor, ceil))
acts = st.lists(
    st.tuples(
        st.sampled_from(("mint", "burn", "burn all", "transfer")),
        st.sampled_from(PEOPLE),
        st.sampled_from(PEOPLE),
        st.one_of(st.integers(0, 50), st.integers(0, 2**90)),
        st.one_of(st.integers(0, 3), st.integers(0, RAY // 100)),
    ),
    max_size=25,
)


@pytest.mark.parametrize(
    ("math", "roundings"),
    [
        pytest.param(*LEGACY, id="3.0.2"),
        pytest.param(*SPARK_SUPPLY, id="Spark's aToken"),
        pytest.param(*SPARK_DEBT, id="Spark's debt token"),
    ],
)
@given(done=acts, start=st.integers(RAY, 5 * RAY))
def test_logs__any_history__give_every_balance_back(
    math: TokenMath,
    roundings: tuple[Round, Round, Round, Round],
    done: list[tuple[str, str, str, int, int]],
    start: int,
) -> None:
    token, decoded, index = Token(*roundings), Decoded(math), start
    for act, who, other, amount, growth in done:
        index += growth
        if act == "transfer":
            logs = token.transfer(who, other, amount, index)
        elif act == "mint":
            logs = token.mint(who, amount, index)
        else:
            logs = token.burn(
                who, token.balance(who, index) if act == "burn all" else amount, index
            )
        for log in logs:
            decoded.take(log)
        assert decoded.scaled == token.scaled
        shown = {who: math.display(decoded.scaled[who], index) for who in PEOPLE}
        assert shown == {who: token.balance(who, index) for who in PEOPLE}


@given(st.integers(1, 2**100), st.integers(RAY, 10 * RAY), st.integers(1, 10**9))
def test_log__of_other_interest_than_the_ledgers__contradicts_it(
    scaled: int, index: int, wrong: int
) -> None:
    for rules in TOKEN_RULES.values():
        for math in (rules.supply, rules.debt):
            with pytest.raises(LedgerCorrupt, match="by the log"):
                math.after(scaled, index, TokenMove(wrong, wrong, Ray(index)))
