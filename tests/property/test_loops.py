"""Loops under any life of their owners: how they were built and what they are called is nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pytest
from builders import USDC, WETH, an_address
from closed_forms import loop_leverage
from diary import DAI, WSTETH, Diary, a_side
from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_flows import live, lives

from monitor.core.events import Place
from monitor.core.loops import Loop, Loops
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.receipts import ReceiptKind
from monitor.core.trails import Side, Trail
from monitor.core.units import Address, AssetId, RawAmount
from monitor.leverage.claims import Claim, Claims, Part
from monitor.leverage.loops import loops_of
from monitor.leverage.measures import leverage
from monitor.leverage.owners import Owners
from monitor.leverage.paths import debts_of, pledges_of
from monitor.leverage.standings import Seat, Standing, seat_of
from monitor.leverage.ties import Ties

ME = an_address("me")
TIES = Ties({WETH: "eth", WSTETH: "eth", USDC: "usd", DAI: "usd"})
CLAIMS = Claims({WSTETH: Claim(ReceiptKind.ERC4626, WETH, (Part(WETH, None, 1),), RawAmount(1))})
OWED, PLEDGE = a_side(USDC), a_side(WETH)
LEVERED: list[tuple[Any, ...]] = [
    ("pledge", PLEDGE, 1000, True),
    ("borrow", OWED, 1_600_000, True),
    ("swap", USDC, 1_600_000, WETH, 1000),
    ("block",),
    ("pledge", PLEDGE, 800, True),
    ("block",),
]


def standings_of(books: Sequence[Diary]) -> list[Standing]:
    pledged: dict[Seat, list[AssetId]] = defaultdict(list)
    owed: dict[Seat, list[tuple[AssetId, int]]] = defaultdict(list)
    for book in books:
        for side, raw in book.pledged.items():
            if raw:
                pledged[seat_of(side)].append(side.asset)
        for side, raw in book.owed.items():
            if raw:
                owed[seat_of(side)].append((side.asset, raw))
    return [
        Standing(
            Place(seat.market, seat.account, seat.sub_market),
            tuple(sorted(pledged[seat])),
            tuple(sorted(owed[seat])),
        )
        for seat in {*pledged, *owed}
    ]


def loops_in(book: Diary, trail: Trail | None = None) -> tuple[Loop, ...]:
    found = loops_of(ME, standings_of([book]), trail or book.trail, TIES, CLAIMS)
    return () if found is None else found.loops


def leverage_of(loop: Loop, book: Diary) -> Fraction | None:
    """From the amounts that stand there, at the prices of the diary."""
    held = sum((book.worth(s.asset, book.pledged[s]) or 0 for s in pledges_of(loop.path)), 0)
    owed = sum((book.worth(s.asset, book.owed[s]) or 0 for s in debts_of(loop.path)), 0)
    return leverage(Fraction(held), Fraction(owed))


def built(turns: Sequence[int], own: int) -> Diary:
    """Own WETH, then USDC borrowed, sold for so much WETH each turn, and that pledged."""
    book = Diary()
    book.pledge(PLEDGE, own)
    book.end_block()
    for weth in turns:
        book.borrow(OWED, 2000 * weth)
        book.swap(USDC, 2000 * weth, WETH, weth)
        book.end_block()
        book.pledge(PLEDGE, weth)
        book.end_block()
    return book


@settings(deadline=None)
@given(st.lists(st.integers(10, 10**6), min_size=1, max_size=12), st.integers(1, 10**6))
def test_leverage__of_one_size__does_not_depend_on_the_steps_that_built_it(
    turns: list[int], equity: int
) -> None:
    size = sum(turns)
    own = size + equity
    (stepped,) = loops_in(several := built(turns, own))
    (whole,) = loops_in(once := built([size], own))
    assert (stepped.hops, whole.hops) == (len(turns), 1)
    assert leverage_of(stepped, several) == leverage_of(whole, once)
    assert leverage_of(whole, once) == Fraction(own + size, own)
    assert (stepped.id, stepped.kind, stepped.path) == (whole.id, whole.kind, whole.path)


@pytest.mark.parametrize("hops", [1, 2, 5, 12])
@pytest.mark.parametrize("percent", [50, 80, 93])
def test_leverage__of_a_loop_at_one_ltv__is_the_closed_form(percent: int, hops: int) -> None:
    """cascade-theory 1.1."""
    ltv, own = Fraction(percent, 100), 10**24
    book = built([int(own * ltv**turn) for turn in range(1, hops + 1)], own)
    (loop,) = loops_in(book)
    assert loop.hops == hops
    found = leverage_of(loop, book)
    assert found is not None
    assert abs(found - loop_leverage(ltv, hops)) < Fraction(1, 10**20)


@settings(max_examples=150, deadline=None)
@given(lives)
def test_loop__unwound_to_zero__is_gone(life: list[tuple[Any, ...]]) -> None:
    book = built([800, 640], 1000)
    assert loops_in(book)
    for act in life:
        live(book, act)
    book.end_block()
    for side in list(book.owed):
        if book.owed[side]:
            book.repay(side, book.owed[side])
    book.end_block()
    assert not loops_in(book)


@settings(max_examples=150, deadline=None)
@given(lives)
def test_loop__whose_pledges_are_taken_out__is_gone(life: list[tuple[Any, ...]]) -> None:
    book = built([800, 640], 1000)
    for act in life:
        live(book, act)
    book.end_block()
    for side in list(book.pledged):
        if book.pledged[side]:
            book.release(side, book.pledged[side])
            book.end_block()
    assert not loops_in(book)


# --- names ---------------------------------------------------------------------------------


def other(name: str) -> AssetId:
    """Another name for everything; the order of names turns with it."""
    return AssetId(Address("0x" + "".join(f"{15 - int(digit, 16):x}" for digit in name[2:])))


def renamed_side(side: Side) -> Side:
    return side._replace(account=other(side.account), asset=other(side.asset))


def renamed_trail(trail: Trail) -> Trail:
    hops = tuple(
        replace(hop, origin=renamed_side(hop.origin), pledge=renamed_side(hop.pledge))
        for hop in trail.hops
    )
    return Trail((), hops, tuple(sorted(map(renamed_side, trail.seen))))


def renamed_standing(one: Standing) -> Standing:
    return Standing(
        one.place._replace(account=other(one.place.account)),
        tuple(sorted(map(other, one.pledged))),
        tuple(sorted((other(asset), raw) for asset, raw in one.owed)),
    )


def essence(loop: Loop, *, is_renamed: bool = False) -> tuple[Any, ...]:
    """All but the id, and the order among what came at one time."""
    back = renamed_side if is_renamed else (lambda side: side)
    sides = (frozenset(map(back, sides)) for sides in (pledges_of(loop.path), debts_of(loop.path)))
    return (loop.kind, loop.hops, loop.built, loop.evidence, *sides)


@settings(max_examples=200, deadline=None)
@given(life=lives, seen=st.booleans())
def test_loops__under_other_names__are_the_same(life: list[tuple[Any, ...]], *, seen: bool) -> None:
    book = Diary()
    for act in LEVERED + life:
        live(book, act)
    trail = replace(book.end_block(), seen=()) if not seen else book.end_block()
    standings = standings_of([book])
    ties = Ties({other(asset): root for asset, root in TIES.roots.items()})
    claim = CLAIMS.claims[WSTETH]
    parts = tuple(part._replace(asset=other(part.asset)) for part in claim.parts)
    claims = Claims({other(WSTETH): replace(claim, underlying=other(WETH), parts=parts)})
    before = loops_of(ME, standings, trail, TIES, CLAIMS) or Loops(())
    after = loops_of(
        other(ME), [*map(renamed_standing, standings)], renamed_trail(trail), ties, claims
    ) or Loops(())
    assert {essence(loop) for loop in before.loops} == {
        essence(loop, is_renamed=True) for loop in after.loops
    }
    assert len(before.loops) == len(after.loops)


# --- users ---------------------------------------------------------------------------------


@dataclass
class Town:
    """Several users, each with his life, behind accounts that obey them."""

    lives: Mapping[str, list[tuple[Any, ...]]]
    books: dict[str, Diary] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)

    def __post_init__(self) -> None:
        for name, life in self.lives.items():
            self.owners.put(
                an_address(f"proxy of {name}"),
                Ownership(OwnerKind.DS_PROXY, (an_address(name),), 1),
            )
            self.books[name] = book = Diary()
            for act in life:
                live(book, moved_to(name, act))
            book.end_block()

    def loops(self, name: str) -> tuple[Loop, ...]:
        """As the daemon does it: whoever's accounts they are, and only his."""
        mine = self.owners.accounts(self.owners.owner(an_address(f"proxy of {name}")))
        everybody = standings_of(list(self.books.values()))
        standings = [one for one in everybody if one.place.account in mine]
        found = loops_of(an_address(name), standings, self.books[name].trail, TIES, CLAIMS)
        return () if found is None else found.loops


def moved_to(name: str, act: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same act, at the account of somebody."""
    account = an_address(f"proxy of {name}")
    return tuple(part._replace(account=account) if isinstance(part, Side) else part for part in act)


@settings(max_examples=100, deadline=None)
@given(lives, lives)
def test_loops__when_another_user_comes__stay_what_they_were(
    mine: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]
) -> None:
    alone = Town({"ann": LEVERED + mine})
    together = Town({"bob": theirs, "ann": LEVERED + mine, "cleo": theirs})
    assert together.loops("ann") == alone.loops("ann")
    assert together.loops("bob") == Town({"bob": theirs}).loops("bob")


def test_town__of_one_who_levered__knows_the_loop_by_its_owner() -> None:
    (loop,) = Town({"ann": LEVERED}).loops("ann")
    assert {leg.account for leg in loop.path} == {an_address("proxy of ann")}
