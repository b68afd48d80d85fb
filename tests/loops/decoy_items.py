"""The decoys of a world."""

from collections.abc import Callable, Iterator

from loops.at_once_spent import (
    moved_at_once,
    pledged_and_spent,
    swapped_at_once,
    undone_at_once,
)
from loops.company import crossing, lent_to_a_friend
from loops.draws import STRANGERS, WALLETS, Draws, Item
from loops.loop_items import between
from loops.moves import Pair
from loops.oddities import (
    gifted,
    own_money_at_once,
    paid_to_another,
    pledged_for_another,
    unwound_beside_a_debt,
)
from loops.part import EOA, SAFE, Home
from loops.places import Aave, Place
from loops.spent import (
    borrowed_and_spent,
    both_sides,
    lent_on,
    traded,
    unrelated_deposits,
    wages,
)
from loops.undone import (
    borrowed_for_a_swap,
    liquidated,
    moved,
    repaid_with_claims,
    swapped,
    unwound,
)


class DecoyItems:
    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._scene, self._rng, self._aave = draws.scene, draws.rng, draws.aave

    def decoys(self, count: int) -> Iterator[Item]:
        """Every sort in turn, in random order."""
        sorts: list[Callable[[], Item]] = [
            self._spent, self._spent_staked, self._spent_stables, self._spent_same,
            self._unrelated, self._wages, self._lent_on, self._both_sides, self._traded,
            self._unwound, self._unwound_at_once, self._liquidated, self._swapped,
            self._swapped_for_loan, self._swapped_at_once, self._moved, self._moved_at_once,
            self._at_once_spent, self._crossing, self._friend, self._gifted,
            self._for_another, self._own_at_once, self._beside_a_debt, self._to_another,
            self._repaid_with_claims,
        ]  # fmt: skip
        drawn = 0
        while drawn < count:
            self._rng.shuffle(sorts)
            for sort in sorts[: count - drawn]:
                drawn += 1
                yield sort()

    # Decoys

    def _spent(self) -> Item:
        return self._spent_on(self._draws.directional())

    def _spent_staked(self) -> Item:
        return self._spent_on(self._draws.staked())

    def _spent_stables(self) -> Item:
        return self._spent_on(self._draws.stables())

    def _spent_same(self) -> Item:
        return self._spent_on(self._draws.same())

    def _spent_on(self, pair: Pair) -> Item:
        times = self._rng.randint(1, 5)
        how = (pair, self._draws.usd(), times)
        return Item(f"decoy: borrowed and spent {times} times, {pair}", borrowed_and_spent(*how))

    def _unrelated(self) -> Item:
        pair, times = self._draws.any(), self._rng.randint(1, 4)
        how = (pair, self._draws.usd(), times)
        return Item(f"decoy: unrelated deposits, {times} times, {pair}", unrelated_deposits(*how))

    def _wages(self) -> Item:
        pair = self._draws.any()
        return Item(
            f"decoy: wages, {pair}",
            wages(pair, self._draws.usd()),
        )

    def _lent_on(self) -> Item:
        lends = self._rng.choice(("vault", "morpho", "aave"))
        play = lent_on(Pair(self._scene.core, "WETH", "USDC"), lends, self._draws.usd())
        return Item(f"decoy: lent on by {lends}", play)

    def _both_sides(self) -> Item:
        core, spark = self._aave
        debt = self._rng.choice((None, "USDC"))
        places: tuple[Place, ...] = self._rng.choice(((core, core), (core, spark), (spark, spark)))
        play = both_sides(places, ("WETH", "USDC"), self._draws.usd(), debt)
        return Item(f"decoy: lends WETH and USDC, owes {debt or 'nothing'}", play)

    def _traded(self) -> Item:
        pair, bought = self._draws.directional(), self._rng.choice(("WBTC", "wstETH"))
        if pair.debt == bought:
            return self._spent_on(pair)
        return Item(
            f"decoy: bought {bought} and held or sold it, {pair}",
            traded(pair, bought, self._draws.usd()),
        )

    def _unwound(self) -> Item:
        pair, hops = self._draws.any(), self._rng.randint(1, 3)
        how = (pair, hops, self._draws.usd())
        return Item(f"decoy: unwound, {pair}, {hops} hops", unwound(*how))

    def _unwound_at_once(self) -> Item:
        pair, hops = self._draws.any(), self._rng.randint(1, 4)
        how = (pair, hops, self._draws.usd())
        return Item(f"decoy: unwound at once, {pair}, {hops} hops", undone_at_once(*how))

    def _liquidated(self) -> Item:
        hops = self._rng.randint(1, 4)
        return Item(f"decoy: liquidated, {hops} hops", liquidated(hops, self._draws.usd()))

    def _swapped(self) -> Item:
        place, debt = self._rng.choice(self._aave), self._rng.choice((None, "DAI"))
        start, end = self._rng.sample(("WETH", "WBTC", "wstETH", "USDC"), 2)
        play = swapped(place, start, end, debt, self._draws.usd())
        return Item(f"decoy: collateral swapped {start} to {end}, owes {debt or 'nothing'}", play)

    def _swapped_for_loan(self) -> Item:
        place = self._rng.choice(self._aave)
        start, end = self._rng.sample(("WETH", "WBTC", "USDC"), 2)
        play = borrowed_for_a_swap(place, start, end, self._draws.usd())
        return Item(f"decoy: {end} borrowed to swap {start} for it", play)

    def _swapped_at_once(self) -> Item:
        place = self._rng.choice(self._aave)
        start, end = self._rng.sample(("WETH", "WBTC", "wstETH"), 2)
        play = swapped_at_once(place, start, end, "USDC", self._draws.usd())
        return Item(f"decoy: collateral swapped {start} to {end} at once, owes USDC", play)

    def _moved(self) -> Item:
        start, end = self._rng.sample(self._aave, 2)
        play = moved(start, end, "WETH", "USDC", self._draws.usd())
        return Item(f"decoy: debt moved from {start.market} to {end.market}", play)

    def _moved_at_once(self) -> Item:
        core, spark = self._aave
        blue = self._scene.blue("WETH/USDC")
        ways: list[tuple[Place, Place]] = [(core, spark), (spark, blue), (blue, core)]
        start, end = self._rng.choice(ways)
        play = moved_at_once(start, end, "WETH", "USDC", self._draws.usd())
        return Item(f"decoy: moved at once from {start.market} to {end.market}", play)

    def _at_once_spent(self) -> Item:
        pair = self._rng.choice((self._draws.directional, self._draws.staked))()
        if pair.debt == "DAI":
            return self._spent_on(pair)
        play = pledged_and_spent(pair, self._draws.usd())
        return Item(f"decoy: pledged, borrowed and spent at once, {pair}", play)

    def _crossing(self) -> Item:
        pair = self._draws.directional()
        play = crossing((pair.place, pair.place), pair.collateral, pair.debt, self._draws.usd())
        return Item(f"decoy: strangers cross, {pair}", play, STRANGERS)

    def _friend(self) -> Item:
        pair, returned = self._draws.directional(), self._rng.random() < 0.5
        how = (pair, self._draws.usd())
        title = f"decoy: lent to a friend{', who pays back' * returned}, {pair}"
        return Item(title, lent_to_a_friend(*how, returned=returned), STRANGERS)

    def _gifted(self) -> Item:
        pair = self._draws.any()
        play = gifted(pair, self._draws.usd())
        return Item(f"decoy: a stranger's gift, {pair}", play, STRANGERS)

    def _for_another(self) -> Item:
        pair = self._draws.any()
        play = pledged_for_another(pair, self._draws.usd())
        return Item(f"decoy: pledged for another, {pair}", play, STRANGERS)

    def _own_at_once(self) -> Item:
        pair = self._draws.any()
        play = own_money_at_once(pair, self._draws.usd())
        return Item(f"decoy: own money pledged at once, {pair}", play)

    def _beside_a_debt(self) -> Item:
        pair = self._draws.directional()
        play = unwound_beside_a_debt(pair, self._draws.usd())
        return Item(f"decoy: unwound beside a debt, {pair}", play)

    def _repaid_with_claims(self) -> Item:
        pair, hops = self._draws.same(), self._rng.randint(1, 4)
        assert isinstance(pair.place, Aave)
        play = repaid_with_claims(pair.place, pair.collateral, hops, self._draws.usd())
        return Item(f"decoy: repaid with claims, {pair}, {hops} hops", play)

    def _to_another(self) -> Item:
        """Between accounts that no one owns together, be it that they share a signer."""
        kind = self._rng.choice(WALLETS)
        homes = self._rng.choice(
            (
                (Home(EOA, ("a",)), Home(kind, ("b",))),
                (Home(kind, ("a",)), Home(kind, ("b",))),
                (Home(SAFE, ("a", "b")), Home(SAFE, ("a", "c"))),
                (Home(SAFE, ("a", "b"), 1), Home(SAFE, ("a", "b"), 2)),
                (Home(EOA, ("a",)), Home(SAFE, ("a", "b"))),
            )
        )
        stops, _ = between(self._draws)
        # There and back would come home, as money lent among friends does.
        play = paid_to_another(stops[:2], max(self._draws.usd(), 1_000))
        names = ", ".join(f"{home.kind} of {'+'.join(home.owners)}" for home in homes)
        return Item(f"decoy: paid to another, {names}", play, homes)
