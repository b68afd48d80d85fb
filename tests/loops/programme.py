"""What is played in a world: about one loop to five decoys, drawn by the seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loops.at_once import (
    across_in_one,
    flash,
    flash_across,
    flash_on_shares,
    moved_at_once,
    owed_by_loan,
    pledged_and_spent,
    swapped_at_once,
    undone_at_once,
)
from loops.company import crossing, lent_to_a_friend
from loops.moves import Stop
from loops.part import Acts, Part, Play, cast
from loops.places import Aave, Place
from loops.scene import SHARE, Scene
from loops.spent import (
    borrowed_and_spent,
    both_sides,
    lent_on,
    traded,
    unrelated_deposits,
    wages,
)
from loops.stepwise import claims_of_deposits, claims_of_shares, early, stepwise, turns
from loops.truth import CORRELATED, CROSS_PROTOCOL, DIRECTIONAL, REHYPOTHECATED, SAME_ASSET
from loops.undone import borrowed_for_a_swap, liquidated, moved, swapped, unwound

DECOYS_PER_LOOP = 5
LEAST_USD, MOST_USD = 400.0, 60_000.0
LEAST_HOP_USD = 2.0
MOST_HOPS = 12


@dataclass(frozen=True)
class Item:
    """What may be drawn: what it is called, how it is played, how many people it takes."""

    title: str
    play: Play
    people: int = 1


@dataclass(frozen=True)
class Pair:
    """Where one asset is pledged and another borrowed."""

    place: Place
    collateral: str
    debt: str

    def __str__(self) -> str:
        return f"{self.collateral}/{self.debt} on {self.place.market}"


class Programme:
    """Draws items for a scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._rng: random.Random = scene.rng
        core, spark = scene.core, scene.spark
        self._aave = (core, spark)
        self._ether = Aave(core.market, core.view, 1), Aave(spark.market, spark.view, 1)
        self._stable = Aave(spark.market, spark.view, 2)

    def loops(self) -> list[Item]:
        """One of every kind there is."""
        return [
            self._stepwise(self._directional(), DIRECTIONAL, self._rng.randint(2, MOST_HOPS)),
            self._stepwise(self._directional(), DIRECTIONAL, self._rng.randint(2, 5)),
            self._stepwise(self._staked(), CORRELATED, self._rng.randint(2, MOST_HOPS)),
            self._stepwise(self._stables(), CORRELATED, self._rng.randint(2, 8)),
            self._stepwise(self._same(), SAME_ASSET, self._rng.randint(2, 6)),
            self._across(2),
            self._across(3),
            self._on_claims(),
            self._flash(),
            self._flash_on(),
        ]

    def early(self) -> list[Item]:
        """Before the monitor begins: one that is a loop by state, one that cannot be known."""
        pair, hops = self._staked(), self._rng.randint(2, 5)
        other = self._directional()
        unseen = stepwise(
            turns(other.place, other.collateral, other.debt, hops), DIRECTIONAL, self._usd()
        )
        return [
            Item(
                f"loop: early {pair}, {hops} hops",
                early(turns(pair.place, pair.collateral, pair.debt, hops), CORRELATED, self._usd()),
            ),
            Item(f"decoy: directional {other}, before the monitor began", _untold(unseen)),
        ]

    def decoys(self, count: int) -> Iterator[Item]:
        """Every sort in turn, in random order."""
        sorts: list[Callable[[], Item]] = [
            self._spent, self._spent_staked, self._spent_stables, self._spent_same,
            self._unrelated, self._wages, self._lent_on, self._both_sides, self._traded,
            self._unwound, self._unwound_at_once, self._liquidated, self._swapped,
            self._swapped_for_loan, self._swapped_at_once, self._moved, self._moved_at_once,
            self._at_once_spent, self._crossing, self._friend,
        ]  # fmt: skip
        drawn = 0
        while drawn < count:
            self._rng.shuffle(sorts)
            for sort in sorts[: count - drawn]:
                drawn += 1
                yield sort()

    # Pairs

    def _directional(self) -> Pair:
        scene, rng = self._scene, self._rng
        if rng.random() < 0.35:
            name = rng.choice(("WETH/USDC", "WBTC/USDC", "WETH/DAI"))
            return Pair(scene.blue(name), *name.split("/"))
        pairs = (
            ("WETH", "USDC"),
            ("WETH", "DAI"),
            ("WBTC", "USDC"),
            ("wstETH", "USDC"),
            ("USDC", "WETH"),
            ("WETH", "WBTC"),
            ("DAI", "WBTC"),
        )
        return Pair(rng.choice(self._aave), *rng.choice(pairs))

    def _staked(self) -> Pair:
        places: list[Place] = [*self._ether, self._scene.blue("wstETH/WETH")]
        return Pair(self._rng.choice(places), "wstETH", "WETH")

    def _stables(self) -> Pair:
        pair = self._rng.choice((("DAI", "USDC"), ("USDC", "DAI")))
        return Pair(self._rng.choice((*self._aave, self._stable)), *pair)

    def _same(self) -> Pair:
        asset = self._rng.choice(("USDC", "WETH", "DAI", "WBTC"))
        return Pair(self._rng.choice(self._aave), asset, asset)

    def _any(self) -> Pair:
        drawn = self._rng.choice((self._directional, self._staked, self._stables))
        return drawn()

    def _usd(self, least: float = LEAST_USD) -> float:
        return float(least * (MOST_USD / least) ** self._rng.random())

    # Loops

    def _stepwise(self, pair: Pair, kind: str, hops: int) -> Item:
        lets = float(pair.place.lets(pair.collateral, pair.debt)) * 0.75
        usd = max(self._usd(), LEAST_HOP_USD / lets**hops)
        wraps = pair.collateral == "wstETH" and pair.debt == "WETH" and self._rng.random() < 0.5
        beside = self._rng.random() < 0.3
        stops = turns(pair.place, pair.collateral, pair.debt, hops)
        title = f"loop: stepwise {pair}, {hops} hops{', wrapped' * wraps}{', beside' * beside}"
        return Item(title, stepwise(stops, kind, usd, wraps=wraps, beside=beside))

    def _across(self, markets: int) -> Item:
        """Chains end where they have only pledged; cycles come back to where they began."""
        scene, rng = self._scene, self._rng
        core, spark, blue = scene.core, scene.spark, scene.blue("WETH/USDC")
        ways: dict[int, tuple[tuple[str, list[Stop]], ...]] = {
            2: (
                ("chain", [Stop(core, "WETH", "USDC"), Stop(spark, "USDC")]),
                ("chain", [Stop(spark, "WBTC", "DAI"), Stop(core, "WETH")]),
                ("chain", [Stop(core, "WBTC", "USDC"), Stop(blue, "WETH")]),
                ("chain", [Stop(blue, "WETH", "USDC"), Stop(core, "USDC")]),
                ("cycle", [Stop(core, "WETH", "USDC"), Stop(spark, "USDC", "WETH"),
                           Stop(core, "WETH")]),
                ("cycle", [Stop(blue, "WETH", "USDC"), Stop(spark, "USDC", "WETH"),
                           Stop(blue, "WETH", "USDC"), Stop(spark, "USDC", "WETH"),
                           Stop(blue, "WETH")]),
            ),
            3: (
                ("chain", [Stop(core, "WBTC", "USDC"), Stop(spark, "USDC", "WETH"),
                           Stop(blue, "WETH")]),
                ("chain", [Stop(blue, "WETH", "USDC"), Stop(core, "WBTC", "DAI"),
                           Stop(spark, "DAI")]),
                ("cycle", [Stop(core, "WBTC", "USDC"), Stop(spark, "USDC", "WETH"),
                           Stop(blue, "WETH", "USDC"), Stop(core, "WBTC")]),
                ("cycle", [Stop(spark, "wstETH", "WETH"), Stop(blue, "WETH", "USDC"),
                           Stop(core, "USDC", "DAI"), Stop(spark, "wstETH")]),
            ),
        }  # fmt: skip
        name, stops = rng.choice(ways[markets])
        way = " > ".join(f"{stop.asset}@{stop.place.market}" for stop in stops)
        play = stepwise(stops, CROSS_PROTOCOL, max(self._usd(), 1_000))
        return Item(f"loop: {name} over {markets} markets, {way}", play)

    def _on_claims(self) -> Item:
        scene, rng = self._scene, self._rng
        hops, usd = rng.randint(2, 6), max(self._usd(), 1_000)
        share = scene.blue(f"{SHARE}/USDC")
        title, stops = rng.choice(
            (
                ("the vault's shares", claims_of_shares(scene, hops)),
                ("aWETH", claims_of_deposits(scene, hops)),
                (
                    "a chain from Aave to the vault's shares",
                    [Stop(rng.choice(self._aave), "WETH", "USDC"), Stop(share, SHARE)],
                ),
            )
        )
        return Item(
            f"loop: stepwise on {title}, {len(stops) - 1} hops",
            stepwise(stops, REHYPOTHECATED, usd),
        )

    def _flash(self) -> Item:
        drawn = (
            (self._directional, DIRECTIONAL),
            (self._staked, CORRELATED),
            (self._stables, CORRELATED),
            (self._same, SAME_ASSET),
        )
        draw, kind = self._rng.choice(drawn)
        pair = draw()
        place, how = pair.place, (pair.collateral, pair.debt, kind, self._usd())
        if isinstance(place, Aave) and self._rng.random() < 0.4:
            return Item(f"loop: flash loan that stays, {pair}", owed_by_loan(place, *how))
        return Item(f"loop: flash {pair}", flash(place, *how))

    def _flash_on(self) -> Item:
        if self._rng.random() < 0.4:
            return Item("loop: flash on shares", flash_on_shares(self._usd(), REHYPOTHECATED))
        lender, pledged = self._rng.choice(self._aave), self._scene.blue("WETH/USDC")
        how = (lender, pledged, CROSS_PROTOCOL, self._usd())
        if self._rng.random() < 0.4:
            return Item(
                f"loop: in one transaction from {lender.market} to Morpho, by steps",
                across_in_one(*how),
            )
        return Item(f"loop: flash from {lender.market} to Morpho", flash_across(*how))

    # Decoys

    def _spent(self) -> Item:
        return self._spent_on(self._directional())

    def _spent_staked(self) -> Item:
        return self._spent_on(self._staked())

    def _spent_stables(self) -> Item:
        return self._spent_on(self._stables())

    def _spent_same(self) -> Item:
        return self._spent_on(self._same())

    def _spent_on(self, pair: Pair) -> Item:
        times = self._rng.randint(1, 5)
        how = (pair.place, pair.collateral, pair.debt, self._usd(), times)
        return Item(f"decoy: borrowed and spent {times} times, {pair}", borrowed_and_spent(*how))

    def _unrelated(self) -> Item:
        pair, times = self._any(), self._rng.randint(1, 4)
        how = (pair.place, pair.collateral, pair.debt, self._usd(), times)
        return Item(f"decoy: unrelated deposits, {times} times, {pair}", unrelated_deposits(*how))

    def _wages(self) -> Item:
        pair = self._any()
        return Item(
            f"decoy: wages, {pair}",
            wages(pair.place, pair.collateral, pair.debt, self._usd()),
        )

    def _lent_on(self) -> Item:
        lends, collateral = self._rng.choice(("vault", "morpho", "aave")), "WETH"
        play = lent_on(self._scene.core, collateral, "USDC", lends, self._usd())
        return Item(f"decoy: lent on by {lends}", play)

    def _both_sides(self) -> Item:
        core, spark = self._aave
        debt = self._rng.choice((None, "USDC"))
        places: tuple[Place, ...] = self._rng.choice(((core, core), (core, spark), (spark, spark)))
        play = both_sides(places, ("WETH", "USDC"), self._usd(), debt)
        return Item(f"decoy: lends WETH and USDC, owes {debt or 'nothing'}", play)

    def _traded(self) -> Item:
        pair, bought = self._directional(), self._rng.choice(("WBTC", "wstETH"))
        how = (pair.place, pair.collateral, pair.debt)
        if pair.debt == bought:
            return self._spent_on(pair)
        return Item(
            f"decoy: bought {bought} and held or sold it, {pair}", traded(*how, bought, self._usd())
        )

    def _unwound(self) -> Item:
        pair, hops = self._any(), self._rng.randint(1, 3)
        how = (pair.place, pair.collateral, pair.debt, hops, self._usd())
        return Item(f"decoy: unwound, {pair}, {hops} hops", unwound(*how))

    def _unwound_at_once(self) -> Item:
        pair, hops = self._any(), self._rng.randint(1, 4)
        how = (pair.place, pair.collateral, pair.debt, hops, self._usd())
        return Item(f"decoy: unwound at once, {pair}, {hops} hops", undone_at_once(*how))

    def _liquidated(self) -> Item:
        hops = self._rng.randint(1, 4)
        return Item(f"decoy: liquidated, {hops} hops", liquidated(hops, self._usd()))

    def _swapped(self) -> Item:
        place, debt = self._rng.choice(self._aave), self._rng.choice((None, "DAI"))
        start, end = self._rng.sample(("WETH", "WBTC", "wstETH", "USDC"), 2)
        play = swapped(place, start, end, debt, self._usd())
        return Item(f"decoy: collateral swapped {start} to {end}, owes {debt or 'nothing'}", play)

    def _swapped_for_loan(self) -> Item:
        place = self._rng.choice(self._aave)
        start, end = self._rng.sample(("WETH", "WBTC", "USDC"), 2)
        play = borrowed_for_a_swap(place, start, end, self._usd())
        return Item(f"decoy: {end} borrowed to swap {start} for it", play)

    def _swapped_at_once(self) -> Item:
        place = self._rng.choice(self._aave)
        start, end = self._rng.sample(("WETH", "WBTC", "wstETH"), 2)
        play = swapped_at_once(place, start, end, "USDC", self._usd())
        return Item(f"decoy: collateral swapped {start} to {end} at once, owes USDC", play)

    def _moved(self) -> Item:
        start, end = self._rng.sample(self._aave, 2)
        play = moved(start, end, "WETH", "USDC", self._usd())
        return Item(f"decoy: debt moved from {start.market} to {end.market}", play)

    def _moved_at_once(self) -> Item:
        core, spark = self._aave
        blue = self._scene.blue("WETH/USDC")
        ways: list[tuple[Place, Place]] = [(core, spark), (spark, blue), (blue, core)]
        start, end = self._rng.choice(ways)
        play = moved_at_once(start, end, "WETH", "USDC", self._usd())
        return Item(f"decoy: moved at once from {start.market} to {end.market}", play)

    def _at_once_spent(self) -> Item:
        pair = self._rng.choice((self._directional, self._staked))()
        if pair.debt == "DAI":
            return self._spent_on(pair)
        play = pledged_and_spent(pair.place, pair.collateral, pair.debt, self._usd())
        return Item(f"decoy: pledged, borrowed and spent at once, {pair}", play)

    def _crossing(self) -> Item:
        pair = self._directional()
        play = crossing((pair.place, pair.place), pair.collateral, pair.debt, self._usd())
        return Item(f"decoy: strangers cross, {pair}", play, people=2)

    def _friend(self) -> Item:
        pair, returned = self._directional(), self._rng.random() < 0.5
        how = (pair.place, pair.collateral, pair.debt, self._usd())
        title = f"decoy: lent to a friend{', who pays back' * returned}, {pair}"
        return Item(title, lent_to_a_friend(*how, returned=returned), people=2)


def draw(scene: Scene) -> tuple[list[Part], list[Part]]:
    """Who acts before the monitor begins, and who after that."""
    programme = Programme(scene)
    before, loops = programme.early(), programme.loops()
    count = DECOYS_PER_LOOP * (len(loops) + 1) - 1
    items = [*before, *loops, *programme.decoys(count)]
    parts = [cast(item.title, item.play, n, item.people) for n, item in enumerate(items)]
    return parts[: len(before)], parts[len(before) :]


def _untold(play: Play) -> Play:
    """A loop that nobody can know of: it counts as none."""

    async def silent(scene: Scene, part: Part) -> Acts:
        async for acts in play(scene, part):
            yield acts
        part.truth = None

    return silent
