"""The loops of a world."""

from loops.at_once import (
    across_in_one,
    flash,
    flash_across,
    flash_on_shares,
    owed_by_loan,
)
from loops.changed import (
    collateral_swapped,
    debt_swapped,
    moved_on,
    partly_unwound,
    two_at_once,
)
from loops.draws import LEAST_HOP_USD, MOST_HOPS, WALLETS, Draws, Item
from loops.moves import Pair, Stop
from loops.oddities import (
    around,
    in_parts,
    together,
    with_more,
)
from loops.part import EOA, SAFE, Acts, Home, Part, Play
from loops.places import Aave, Place
from loops.scene import SHARE, Scene
from loops.stepwise import claims_of_deposits, claims_of_shares, early, stepwise, turns
from loops.truth import CORRELATED, CROSS_PROTOCOL, DIRECTIONAL, REHYPOTHECATED, SAME_ASSET


class LoopItems:
    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._scene, self._rng, self._aave = draws.scene, draws.rng, draws.aave

    def loops(self) -> list[Item]:
        """One of every kind there is."""
        return [
            self._stepwise(self._draws.directional(), DIRECTIONAL, self._rng.randint(2, MOST_HOPS)),
            self._stepwise(self._draws.directional(), DIRECTIONAL, self._rng.randint(2, 5)),
            self._stepwise(self._draws.staked(), CORRELATED, self._rng.randint(2, MOST_HOPS)),
            self._stepwise(self._draws.stables(), CORRELATED, self._rng.randint(2, 8)),
            self._stepwise(self._draws.same(), SAME_ASSET, self._rng.randint(2, 6)),
            self._across(2),
            self._across(3),
            self._on_claims(),
            self._flash(),
            self._flash_on(),
            self._odd(),
            self._family(),
            self._changed(),
            self._two(),
        ]

    def early(self) -> list[Item]:
        """Before the monitor begins: one that is a loop by state, one that cannot be known."""
        stops, kind, name = self._by_state(self._rng.randint(2, 5))
        other, hops = self._draws.directional(), self._rng.randint(2, 5)
        unseen = stepwise(turns(*other, hops), DIRECTIONAL, self._draws.usd())
        return [
            Item(f"loop: early {name}", early(stops, kind, max(self._draws.usd(), 1_000))),
            Item(f"decoy: directional {other}, before the monitor began", _untold(unseen)),
        ]

    def _by_state(self, hops: int) -> tuple[list[Stop], str, str]:
        """What is owed and what is pledged are worth the same by what they are."""
        draw, kind = self._rng.choice(
            (
                (self._draws.staked, CORRELATED),
                (self._draws.stables, CORRELATED),
                (self._draws.same, SAME_ASSET),
                (None, REHYPOTHECATED),
            )
        )
        if draw is None:
            claims = self._rng.choice((claims_of_shares, claims_of_deposits))
            return claims(self._scene, hops), kind, f"on claims, {hops} hops"
        pair = draw()
        stops = turns(*pair, hops)
        return stops, kind, f"{pair}, {hops} hops"

    # Loops

    def _stepwise(self, pair: Pair, kind: str, hops: int) -> Item:
        lets = float(pair.place.lets(pair.collateral, pair.debt)) * 0.75
        usd = max(self._draws.usd(), LEAST_HOP_USD / lets**hops)
        wraps = pair.collateral == "wstETH" and pair.debt == "WETH" and self._rng.random() < 0.5
        beside = self._rng.random() < 0.3
        stops = turns(*pair, hops)
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
        play = stepwise(stops, CROSS_PROTOCOL, max(self._draws.usd(), 1_000))
        return Item(f"loop: {name} over {markets} markets, {way}", play)

    def _on_claims(self) -> Item:
        scene, rng = self._scene, self._rng
        hops, usd = rng.randint(2, 6), max(self._draws.usd(), 1_000)
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
            (self._draws.directional, DIRECTIONAL),
            (self._draws.staked, CORRELATED),
            (self._draws.stables, CORRELATED),
            (self._draws.same, SAME_ASSET),
        )
        draw, kind = self._rng.choice(drawn)
        pair = draw()
        place, usd = pair.place, self._draws.usd()
        if isinstance(place, Aave) and self._rng.random() < 0.4:
            return Item(
                f"loop: flash loan that stays, {pair}",
                owed_by_loan(place, pair.collateral, pair.debt, kind, usd),
            )
        return Item(f"loop: flash {pair}", flash(pair, kind, usd))

    def _flash_on(self) -> Item:
        if self._rng.random() < 0.4:
            return Item("loop: flash on shares", flash_on_shares(self._draws.usd(), REHYPOTHECATED))
        lender, pledged = self._rng.choice(self._aave), self._scene.blue("WETH/USDC")
        how = (lender, pledged, CROSS_PROTOCOL, self._draws.usd())
        if self._rng.random() < 0.4:
            return Item(
                f"loop: in one transaction from {lender.market} to Morpho, by steps",
                across_in_one(*how),
            )
        return Item(f"loop: flash from {lender.market} to Morpho", flash_across(*how))

    def _odd(self) -> Item:
        draw, kind = self._rng.choice(
            ((self._draws.directional, DIRECTIONAL), (self._draws.staked, CORRELATED))
        )
        pair, hops, usd = draw(), self._rng.randint(1, 4), self._draws.usd()
        how = self._rng.choice((in_parts, together, around, with_more))
        play = how(pair, kind, hops, usd)
        return Item(f"loop: {how.__name__}, {pair}, {hops} rounds", play)

    def _changed(self) -> Item:
        rng, hops = self._rng, self._rng.randint(2, 4)
        place, other = rng.sample(self._aave, 2)
        ends: tuple[Place, ...] = (other, self._scene.blue("WETH/USDC"))
        end = rng.choice(ends)
        pair, kind = ("WETH", "USDC"), DIRECTIONAL
        title, play = rng.choice(
            (
                ("debt swapped to DAI", debt_swapped(place, pair, "DAI", kind, hops)),
                ("collateral swapped to WBTC", collateral_swapped(place, pair, "WBTC", kind, hops)),
                (f"moved to {end.market}", moved_on(place, end, pair, kind, hops)),
                ("partly unwound", partly_unwound(rng.choice((place, end)), pair, kind, hops)),
            )
        )
        return Item(f"loop: {title}, WETH/USDC, {hops} hops", play)

    def _two(self) -> Item:
        staked = self._draws.staked().place
        others = [place for place in self._aave if place.market != staked.market]
        hops = self._rng.randint(2, 4)
        play = two_at_once(self._rng.choice(others), staked, hops)
        return Item(f"loop: two at once, {hops} hops", play)

    def _family(self) -> Item:
        """The accounts of one owner, or of the same owners: money goes between them and is theirs
        all the while.
        """
        rng, wallets = self._rng, self._rng.sample(WALLETS, 2)
        council = Home(SAFE, ("a", "b"), rng.randint(1, 2))
        homes = rng.choice(
            (
                (Home(EOA), Home(wallets[0])),
                (Home(wallets[0]), Home(EOA)),
                (Home(wallets[0]), Home(wallets[1])),
                (council, council),
            )
        )
        stops, kind = between(self._draws)
        return Item(
            f"loop: family of {', '.join(home.kind for home in homes)}, {kind}",
            stepwise(stops, kind, max(self._draws.usd(), 1_000)),
            homes,
        )


def between(draws: Draws) -> tuple[list[Stop], str]:
    """A chain from the first account to the second, or there and back."""
    core, spark = draws.aave
    pair = draws.directional()
    back = Stop(core, "WETH", person=0)
    ways: list[tuple[list[Stop], str]] = [
        ([Stop(core, "WETH", "USDC"), Stop(spark, "WBTC", person=1)], CROSS_PROTOCOL),
        (
            [Stop(core, "WETH", "USDC"), Stop(spark, "USDC", "WETH", 1), back],
            CROSS_PROTOCOL,
        ),
        (
            [
                Stop(*pair),
                Stop(pair.place, pair.collateral, person=1),
            ],
            DIRECTIONAL,
        ),
    ]
    return draws.rng.choice(ways)


def _untold(play: Play) -> Play:
    """A loop that nobody can know of: it counts as none."""

    async def silent(scene: Scene, part: Part) -> Acts:
        async for acts in play(scene, part):
            yield acts
        part.truths.clear()

    return silent
