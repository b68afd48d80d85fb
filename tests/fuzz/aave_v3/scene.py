"""What a verb of an Aave market may look at when it draws an action.

As all scenes it only makes actions plausible, in floats.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from devnet import USD, Address, World

from fuzz import dice
from fuzz.aave_v3.props import IDLE, Props
from fuzz.aave_v3.sight import AaveSight, AccountSight
from fuzz.aave_v3.stances import raw_of
from fuzz.scene import YEAR_SECONDS, Moves, Scene

RAY = 10**27
BPS = 10_000
MARGIN = 1.02
"""Health that withdrawals leave, so that a block's interest does not undo them."""

Prices = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AaveScene:
    """`world` is a view of the chain for this market."""

    stage: Scene
    world: World
    props: Props
    sight: AaveSight

    @property
    def rng(self) -> random.Random:
        return self.stage.rng

    @property
    def actors(self) -> Sequence[Address]:
        return self.stage.actors

    @property
    def at_unix(self) -> int:
        return self.stage.at_unix

    @property
    def is_dark(self) -> bool:
        return self.sight.is_dark

    # -- accounts -------------------------------------------------------------------------------

    def __getitem__(self, who: Address) -> AccountSight:
        return self.sight.accounts[who]

    def actor(self, fits: Callable[[Address], bool] = lambda _: True) -> Address | None:
        """Somebody who fits."""
        people = [self.stage.who] if self.stage.who else self.actors
        fitting = [who for who in people if fits(who)]
        return self.rng.choice(fitting) if fitting else None

    def acting(self, who: Address | None) -> "AaveScene":
        """The same, with one who acts."""
        return replace(self, stage=self.stage.acting(who))

    def other(self, who: Address) -> Address:
        return self.rng.choice([other for other in self.actors if other != who])

    def supplied(self, who: Address) -> list[str]:
        """Of reserves that are not paused, as everything here that verbs choose from."""
        return self._moving(self[who].supplied)

    def pledged(self, who: Address) -> list[str]:
        return [symbol for symbol in self.supplied(who) if self.sight.uses(who, symbol)]

    def owed(self, who: Address) -> list[str]:
        return self._moving(self[who].owed)

    def _moving(self, amounts: Mapping[str, int]) -> list[str]:
        reserves = self.sight.reserves
        return [s for s, raw in amounts.items() if raw and not reserves[s].terms["is_paused"]]

    @property
    def open_reserves(self) -> list[str]:
        """Those that take supplies."""
        shut = ("is_frozen", "is_paused")
        return [
            symbol
            for symbol, reserve in self.sight.reserves.items()
            if symbol != IDLE and not any(reserve.terms[term] for term in shut)
        ]

    @property
    def lending(self) -> list[str]:
        """Open, with something in the till."""
        return [s for s in self.open_reserves if self.sight.reserves[s].cash_raw > 1]

    @property
    def early_reserves(self) -> list[str]:
        """Open, and there from the beginning: everybody's approvals are in place."""
        return [symbol for symbol in self.open_reserves if symbol in self.world.addresses.atokens]

    def borrowable(self, who: Address) -> list[str]:
        reserves, category = self.sight.reserves, self.sight.categories.get(self[who].e_mode)
        lends = [s for s in self.lending if reserves[s].terms["is_borrowable"]]
        if category is None:
            return lends
        return [s for s in lends if category.borrowable >> reserves[s].ordinal & 1]

    # -- amounts --------------------------------------------------------------------------------

    def amount(self, most_raw: int) -> int:
        return dice.amount(self.rng, most_raw)

    def value_e8(self, symbol: str, raw: int) -> float:
        unit: int = 10 ** self.world.terms.asset(symbol).decimals
        return raw / unit * self.sight.reserves[symbol].price_e8

    def raw(self, symbol: str, value_e8: float) -> int:
        return raw_of(self.world, symbol, int(value_e8), self.sight.reserves[symbol].price_e8)

    def raw_of_usd(self, symbol: str, least: float, most: float) -> int:
        """An amount worth something between the two, every order of magnitude alike."""
        return self.raw(symbol, USD * dice.between(self.rng, least, most))

    def threshold(self, who: Address, symbol: str) -> float:
        """The share of a collateral's value that counts for an account."""
        return self.threshold_in(self[who].e_mode, symbol)

    def threshold_in(self, e_mode: int, symbol: str) -> float:
        reserve, category = self.sight.reserves[symbol], self.sight.categories.get(e_mode)
        if category and category.collateral >> reserve.ordinal & 1:
            return category.threshold_bps / BPS
        return reserve.terms["liquidation_threshold_bps"] / BPS

    def free_raw(self, who: Address, symbol: str) -> int:
        """How much of a supply may leave while the account stays healthy."""
        account = self[who]
        held = account.supplied[symbol]
        if not account.data.debt_e8 or not self.sight.uses(who, symbol):
            return held
        counted = account.data.collateral_e8 * account.data.liquidation_threshold_bps / BPS
        spare_e8 = (counted - account.data.debt_e8 * MARGIN) / self.threshold(who, symbol)
        return max(0, min(held, self.raw(symbol, max(0.0, spare_e8))))

    def whole_balance(self, who: Address, symbol: str) -> int:
        """What aToken.balanceOf will be in the coming block, to the wei."""
        reserve = self.sight.reserves[symbol]
        seen = self._supply_index(symbol, self.stage.sight.block.timestamp)
        scaled = -(-self[who].supplied[symbol] * RAY // seen)
        coming = self._supply_index(symbol, self.at_unix)
        assert reserve.supply_index_ray <= coming
        return scaled * coming // RAY

    def _supply_index(self, symbol: str, at_unix: int) -> int:
        reserve = self.sight.reserves[symbol]
        elapsed = at_unix - reserve.updated_unix
        if elapsed == 0:
            return reserve.supply_index_ray
        growth = RAY + reserve.supply_rate_ray * elapsed // YEAR_SECONDS
        return (growth * reserve.supply_index_ray + RAY // 2) // RAY

    # -- foresight ------------------------------------------------------------------------------

    @property
    def prices(self) -> Prices:
        return {symbol: reserve.price_e8 for symbol, reserve in self.sight.reserves.items()}

    def with_prices(self, prices: Prices) -> "AaveScene":
        """The same scene after the oracle's prices moved; what the pool says of accounts stays."""
        reserves = {s: replace(r, price_e8=prices[s]) for s, r in self.sight.reserves.items()}
        return replace(self, sight=replace(self.sight, reserves=reserves))

    def roots(self, symbol: str) -> tuple[Address, ...]:
        """The sources whose moves a price follows, the one to move first."""
        source = self.sight.reserves[symbol].source
        return self.props.roots.get(source, (source,))

    def root(self, symbol: str) -> Address:
        return self.roots(symbol)[0]

    def prices_after(self, moves: Moves) -> Prices:
        prices = dict(self.prices)
        for symbol in prices:
            for root in self.roots(symbol):
                prices[symbol] = max(1, int(prices[symbol] * moves.get(root, 1.0)))
        return prices

    def share_after(self, moves: Moves, seconds: int = 0) -> float:
        return self.solvent_share(self.prices_after(moves), seconds)

    def health(self, who: Address, prices: Prices, seconds: int = 0) -> float:
        """About what an account's health would be; infinite without debt."""
        counted = debt = 0.0
        for symbol, reserve in self.sight.reserves.items():
            price = prices[symbol] / 10 ** self.world.terms.asset(symbol).decimals
            years = seconds / YEAR_SECONDS
            if self.sight.uses(who, symbol):
                grown = 1 + reserve.supply_rate_ray / RAY * years
                raw = self[who].supplied[symbol]
                counted += raw * grown * price * self.threshold(who, symbol)
            debt += self[who].owed[symbol] * math.exp(reserve.debt_rate_ray / RAY * years) * price
        return counted / debt if debt else math.inf

    def solvent_share(self, prices: Prices, seconds: int = 0) -> float:
        """About what share of all accounts would have debt and be solvent."""
        people = self.sight.accounts
        solvent = sum(1 <= self.health(who, prices, seconds) < math.inf for who in people)
        return solvent / len(people)
