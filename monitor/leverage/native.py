"""Native coins in flows: they count as their wrapped form, and balances tell what no log does.

What an owner's wallets gained or lost of the two together, beyond the transfers of the wrapped
form, moved unseen. Wrapping and unwrapping come out as nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from monitor.core.trails import Lot, Trail
from monitor.core.units import AssetId
from monitor.leverage.money import DUST_RAW
from monitor.leverage.steps import Act, Step, Worth

FROM_MARKET = (Act.BORROWED, Act.RELEASED)
TO_MARKET = (Act.PLEDGED, Act.REPAID)
SIGNS = {
    **{Act.RECEIVED: 1, Act.SENT: -1},
    **dict.fromkeys(FROM_MARKET, -1),
    **dict.fromkeys(TO_MARKET, 1),
}
"""What an act says that others than the markets gave: 1, or took: -1."""
UNIT_RAW = 10**18
"""So much is valued, for a price of one."""


@dataclass(frozen=True, slots=True)
class Coins:
    """What an owner's wallets have of the native coin and its wrapped form together, raw: after
    the block, and how much more that is than before it.
    """

    held_raw: int
    gained_raw: int


@dataclass(frozen=True, slots=True)
class Terms:
    """`wrapped`: the token that a native coin becomes. `tolerance`: as of FlowTerms."""

    wrapped: AssetId
    worth: Worth
    tolerance: Fraction


@dataclass(slots=True)
class _Done:
    """One transaction. `traded`: what others than the markets gave of each asset, by its logs.
    `native`: what came in coins, as far as it is known.
    """

    tx_hash: str
    last: int
    traded: dict[AssetId, int]
    native: int = 0

    def of(self, wrapped: AssetId, sign: int) -> list[AssetId]:
        """What was bought (1) or sold (-1), besides the wrapped coin."""
        pairs = self.traded.items()
        return [asset for asset, raw in pairs if asset != wrapped and raw * sign > DUST_RAW]


def is_concerned(trail: Trail, steps: Sequence[Step], wrapped: AssetId) -> bool:
    """Whether an owner's borrowed money may have moved as native coins in a block."""
    if any(lot.asset == wrapped for lot in trail.lots):
        return True
    if any(s.asset == wrapped and s.act in (*FROM_MARKET, Act.RECEIVED) for s in steps):
        return True
    followed = {lot.asset for lot in trail.lots}
    followed |= {step.asset for step in steps if step.act is Act.BORROWED}
    sold = (each for each in _transactions(steps, wrapped) if not each.of(wrapped, 1))
    return any(followed.intersection(each.of(wrapped, -1)) for each in sold)


def unseen_steps(
    lots: Sequence[Lot], steps: Sequence[Step], coins: Coins, terms: Terms
) -> list[Step]:
    """What an owner's wallets got and gave as native coins in a block, as steps of the wrapped one.

    `lots`: the borrowed money before the block. `steps`: what logs tell, in log order. What comes
    back is at the end of the transaction that it fits best; what nothing was got for is in one of
    its own, without a hash. What gas takes is no step: it is little of the money that is followed.
    """
    wrapped, tolerance = terms.wrapped, terms.tolerance
    done = _transactions(steps, wrapped)
    coined = [step for step in steps if step.asset == wrapped]
    told = sum(SIGNS[step.act] * step.raw for step in coined if step.side is None)
    mine = sum(lot.raw for lot in lots if lot.asset == wrapped)
    moved = [sum(step.raw for step in coined if step.act is act) for act in SIGNS]
    little = tolerance * max(mine, *moved)
    rest = coins.gained_raw - told - sum(each.native for each in done)
    sign = 1 if rest > 0 else -1
    left = _shared(_partners(done, wrapped, sign), abs(rest), sign, little, terms)
    if left > little:
        left -= _never_came(done, left + int(little), sign)
    spent = left if sign < 0 and left > little else 0
    if not spent and not any(each.native for each in done):
        # Many small payments come to the same in the end.
        there = coins.held_raw - told
        spent = mine - there if there < mine * (1 - tolerance) else 0
    found = [_step(each.tx_hash, each.last, wrapped, each.native) for each in done if each.native]
    if spent:
        found.append(_step("", max((each.last for each in done), default=0), wrapped, -spent))
    return found


def _transactions(steps: Sequence[Step], wrapped: AssetId) -> list[_Done]:
    done = []
    for tx_hash, group in groupby(steps, key=lambda step: step.tx_hash):
        traded: defaultdict[AssetId, int] = defaultdict(int)
        acts: defaultdict[Act, int] = defaultdict(int)
        last = 0
        for step in group:
            traded[step.asset] += SIGNS[step.act] * step.raw
            acts[step.act] += step.raw if step.asset == wrapped else 0
            last = step.log_index
        each = _Done(tx_hash, last, traded)
        each.native = _expected(each, acts, wrapped)
        done.append(each)
    return done


def _expected(each: _Done, acts: dict[Act, int], wrapped: AssetId) -> int:
    """Raw that a gateway paid out as native coins, or (less than 0) was paid in: the market lent
    the wrapped one, yet no log says that a wallet got it, and nothing else was got for it.
    """
    lent = sum(acts[act] for act in FROM_MARKET) - acts[Act.RECEIVED]
    paid = sum(acts[act] for act in TO_MARKET) - acts[Act.SENT]
    out = lent if lent > DUST_RAW and not each.of(wrapped, 1) else 0
    into = paid if paid > DUST_RAW and not each.of(wrapped, -1) else 0
    return out - into


def _partners(done: Sequence[_Done], wrapped: AssetId, sign: int) -> list[_Done]:
    """Who sold for nothing that any log tells (1: coins came), or bought so (-1). The wrapped coin
    itself may be sold for coins, yet nobody buys it so: that is wrapping.
    """
    found = []
    for each in done:
        left = each.traded.get(wrapped, 0) + each.native
        is_trade = bool(each.of(wrapped, -sign)) or (sign > 0 and left < -DUST_RAW)
        is_told = bool(each.of(wrapped, sign)) or left * sign > DUST_RAW
        if is_trade and not is_told:
            found.append(each)
    return found


def _shared(partners: list[_Done], raw: int, sign: int, little: Fraction, terms: Terms) -> int:
    """Gives each what it traded the coins for, the best fit first, and those of no known worth
    alike; what is left over. Little of the money that is followed is only a price if it fits one.
    """
    left = raw
    priced = [
        (each, price) for each in partners if (price := _price(each, sign, terms)) is not None
    ]
    while priced:
        each, price = min(priced, key=lambda pair: abs(pair[1] - left))
        priced.remove((each, price))
        if left > little or abs(left - price) <= price * terms.tolerance:
            part = min(left, price)
            each.native += sign * part
            left -= part
    unpriced = [each for each in partners if _price(each, sign, terms) is None]
    if left > little:
        for number, each in enumerate(unpriced):
            part = left // (len(unpriced) - number)
            each.native += sign * part
            left -= part
    return left


def _price(each: _Done, sign: int, terms: Terms) -> int | None:
    """What it bought (-1) or sold (1), in raw coins; None where that is unknown."""
    unit = terms.worth(terms.wrapped, UNIT_RAW)
    price = max(0, -each.traded.get(terms.wrapped, 0) - each.native) if sign > 0 else 0
    for asset in each.of(terms.wrapped, -sign):
        usd = terms.worth(asset, abs(each.traded[asset]))
        if usd is None or not unit:
            return None
        price += usd * UNIT_RAW // unit
    return price


def _never_came(done: Sequence[_Done], missing_raw: int, sign: int) -> int:
    """What a market lent may have been paid to somebody else (-1), what it was paid by somebody
    else (1): takes that back, the last first. How much it was.
    """
    off = 0
    for each in reversed(done):
        part = min(max(-sign * each.native, 0), missing_raw - off)
        each.native += sign * part
        off += part
    return off


def _step(tx_hash: str, log_index: int, wrapped: AssetId, raw: int) -> Step:
    act = Act.RECEIVED if raw > 0 else Act.SENT
    return Step(tx_hash, log_index, act, wrapped, abs(raw), None)
