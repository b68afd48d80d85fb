"""Borrowed money under any life of an owner: none is ever made up, and its names do not matter."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from builders import USDC, WETH, a_hash, an_address
from diary import DAI, PRICELESS, PRICES, TERMS, WSTETH, Diary, a_side
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.trails import Hop, Lot, Side, Trail
from monitor.core.units import Address, AssetId
from monitor.leverage.flows import follow, merged
from monitor.leverage.settlement import settle
from monitor.leverage.steps import Act, Step

ASSETS = [WETH, USDC, DAI, WSTETH]
SIDES = [a_side(asset, market) for asset in ASSETS for market in ("aave", "spark")]
T = TypeVar("T")

sides = st.sampled_from(SIDES)
assets = st.sampled_from(ASSETS)
amounts = st.integers(1, 5_000_000)
acts = st.one_of(
    st.tuples(st.sampled_from(["borrow", "pledge"]), sides, amounts, st.booleans()),
    st.tuples(st.sampled_from(["repay", "release"]), sides, st.integers(1, 100), st.booleans()),
    st.tuples(st.just("swap"), assets, amounts, assets, st.integers(500, 1100)),
    st.tuples(st.sampled_from(["send", "receive"]), assets, amounts),
    st.tuples(st.sampled_from(["transaction", "block", "hour"])),
)
lives = st.lists(acts, max_size=40)
markets = st.sampled_from([PRICES, PRICELESS, {**PRICES, DAI: None}])


def live(book: Diary, act: tuple[Any, ...]) -> None:
    """One act, as far as there is something to repay or to release."""
    match act:
        case ("borrow" | "pledge" as what, side, raw, through_wallet):
            getattr(book, what)(side, raw, through_wallet=through_wallet)
        case ("repay", side, percent, through_wallet):
            book.repay(side, book.owed[side] * percent // 100, through_wallet=through_wallet)
        case ("release", side, percent, through_wallet):
            book.release(side, book.pledged[side] * percent // 100, through_wallet=through_wallet)
        case ("swap", sold, raw, bought, permille) if sold != bought:
            gained = raw * (PRICES[sold] or 1) * permille // ((PRICES[bought] or 1) * 1000)
            book.swap(sold, raw, bought, gained)
        case ("send" | "receive" as what, asset, raw):
            getattr(book, what)(asset, raw)
        case ("transaction",):
            book.next_transaction()
        case ("block",):
            book.end_block()
        case ("hour",):
            book.end_block(3601)


def check(book: Diary, trail: Trail) -> None:
    borrowed, pledged = Counter[Side](), Counter[Side]()
    moneys: list[Hop | Lot] = [*trail.hops, *trail.lots]
    for money in moneys:
        assert money.borrowed_raw > 0
        assert 0 < len(money.transactions) <= 16
        borrowed[money.origin] += money.borrowed_raw
    for hop in trail.hops:
        assert hop.pledged_raw > 0
        pledged[hop.pledge] += hop.pledged_raw
    assert all(raw <= book.owed[side] for side, raw in borrowed.items())
    assert all(raw <= book.pledged[side] for side, raw in pledged.items())
    assert all(lot.raw > 0 for lot in trail.lots)
    assert all(book.owed[side] > 0 for side in trail.seen)
    assert len(trail.hops) <= 64
    assert len(trail.lots) <= 64


@settings(max_examples=300, deadline=None)
@given(lives, markets)
def test_trail__after_any_life__holds_no_more_than_is_owed_and_pledged(
    life: list[tuple[Any, ...]], prices: dict[AssetId, int | None]
) -> None:
    book = Diary(prices)
    for act in life:
        live(book, act)
        if act[0] in ("block", "hour"):
            check(book, book.trail)
    check(book, book.end_block())


@settings(max_examples=150, deadline=None)
@given(lives, markets)
def test_trail__of_an_owner_who_repaid_all__is_empty_but_for_wallets(
    life: list[tuple[Any, ...]], prices: dict[AssetId, int | None]
) -> None:
    book = Diary(prices)
    for act in life:
        live(book, act)
    book.end_block()
    for side in SIDES:
        if book.owed[side]:
            book.repay(side, book.owed[side])
    assert book.end_block() == Trail()


@settings(max_examples=150, deadline=None)
@given(lives, markets)
def test_trail__of_an_owner_who_released_all__has_no_hop(
    life: list[tuple[Any, ...]], prices: dict[AssetId, int | None]
) -> None:
    book = Diary(prices)
    for act in life:
        live(book, act)
    book.end_block()
    for side in SIDES:
        if book.pledged[side]:
            book.release(side, book.pledged[side])
            book.end_block()
    assert not book.trail.hops


def renamed(name: Callable[[str], str], thing: T) -> T:
    """The same with other names for accounts, assets and transactions; markets keep theirs."""
    match thing:
        case Side():
            account, asset = Address(name(thing.account)), AssetId(Address(name(thing.asset)))
            return thing._replace(account=account, asset=asset)
        case Step():
            side = None if thing.side is None else renamed(name, thing.side)
            asset = AssetId(Address(name(thing.asset)))
            return thing._replace(tx_hash=name(thing.tx_hash), asset=asset, side=side)
        case Lot():
            ways = tuple(map(name, thing.transactions))
            asset, origin = AssetId(Address(name(thing.asset))), renamed(name, thing.origin)
            return replace(thing, asset=asset, origin=origin, transactions=ways)
        case Hop():
            ways = tuple(map(name, thing.transactions))
            origin, pledge = renamed(name, thing.origin), renamed(name, thing.pledge)
            return replace(thing, origin=origin, pledge=pledge, transactions=ways)
    raise AssertionError(thing)


turns_lists = st.lists(
    st.builds(
        lambda tx, act, side, raw: (tx, act, side, raw),
        st.integers(0, 3),
        st.sampled_from(list(Act)),
        sides,
        amounts,
    ),
    max_size=25,
)


def steps_of(told: list[tuple[int, Act, Side, int]]) -> list[Step]:
    """Acts of one block, by the number of their transaction."""
    wallet = (Act.SENT, Act.RECEIVED)
    return [
        Step(f"tx {tx}", n, act, side.asset, raw, None if act in wallet else side)
        for n, (tx, act, side, raw) in enumerate(sorted(told, key=lambda one: one[0]))
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(turns_lists, max_size=3), markets)
def test_follow__of_any_steps__makes_up_no_money(
    blocks: list[list[tuple[int, Act, Side, int]]], prices: dict[AssetId, int | None]
) -> None:
    """Not even before `settle` holds it against what is owed."""
    trail, lent, pledged = Trail(), Counter[Side](), Counter[Side]()
    for told in blocks:
        steps = steps_of(told)
        for step in steps:
            if step.side is not None and step.act is Act.BORROWED:
                lent[step.side] += step.raw
            if step.side is not None and step.act is Act.PLEDGED:
                pledged[step.side] += step.raw
        trail = follow(trail, steps, frozenset(), Diary(prices).worth, 10, TERMS)
    of_debts, in_pledges = Counter[Side](), Counter[Side]()
    for hop in trail.hops:
        of_debts[hop.origin] += hop.borrowed_raw
        in_pledges[hop.pledge] += hop.pledged_raw
    for lot in trail.lots:
        of_debts[lot.origin] += lot.borrowed_raw
    assert of_debts <= lent
    assert in_pledges <= pledged


@settings(max_examples=200, deadline=None)
@given(turns_lists, markets)
def test_follow__with_other_names__gives_the_same_by_those_names(
    told: list[tuple[int, Act, Side, int]], prices: dict[AssetId, int | None]
) -> None:
    steps = steps_of(told)
    here = (*ASSETS, *(side.account for side in SIDES))
    names: dict[str, str] = {text: an_address(f"other {text}") for text in here}
    names |= {f"tx {n}": a_hash(f"{n}") for n in range(4)}
    back = {new: old for old, new in names.items()}

    def outcome(steps: list[Step], name: Callable[[str], str], own: Callable[[str], str]) -> Trail:
        fresh = frozenset(renamed(name, side) for side in SIDES)

        def worth(asset: AssetId, raw: int) -> Any:
            return Diary(prices).worth(AssetId(Address(own(asset))), raw)

        trail = follow(Trail(), steps, fresh, worth, 10, TERMS)
        return settle(trail, lambda _: 10**9, lambda _: 10**9, 10, TERMS)

    mine = outcome(steps, str, str)
    there = outcome(
        [renamed(names.__getitem__, step) for step in steps],
        names.__getitem__,
        back.__getitem__,
    )
    assert [renamed(names.__getitem__, hop) for hop in mine.hops] == list(there.hops)
    assert [renamed(names.__getitem__, lot) for lot in mine.lots] == list(there.lots)
    assert {renamed(names.__getitem__, side) for side in mine.seen} == set(there.seen)


@settings(max_examples=150, deadline=None)
@given(
    turns=st.integers(1, 12),
    ltv=st.integers(30, 90),
    cost=st.integers(0, 40),
    cuts=st.lists(st.sampled_from(["", "transaction", "block"]), min_size=36, max_size=36),
    prices=markets,
    debt=st.sampled_from([a_side(USDC), a_side(WETH, "spark"), a_side(WSTETH)]),
)
def test_loop__cut_anywhere_into_transactions_and_blocks__has_as_many_hops(
    turns: int,
    ltv: int,
    cost: int,
    cuts: list[str],
    prices: dict[AssetId, int | None],
    debt: Side,
) -> None:
    book, pledge = Diary(prices), a_side(WETH)
    value, cut = 10**15, iter(cuts)
    book.pledge(pledge, value // 2000)
    for _ in range(turns):
        value = value * ltv // 100
        borrowed = value // (PRICES[debt.asset] or 1)
        book.borrow(debt, borrowed)
        live(book, (next(cut),))
        value = value * (1000 - cost) // 1000
        if debt.asset != WETH:
            book.swap(debt.asset, borrowed, WETH, value // 2000)
        live(book, (next(cut),))
        book.pledge(pledge, value // 2000)
        live(book, (next(cut),))
    trail = book.end_block()
    assert len(trail.hops) == turns
    assert not any(hop.is_flash for hop in trail.hops)
    assert trail.seen == (debt,)


@settings(max_examples=100, deadline=None)
@given(lives, lives, markets)
def test_merged__of_any_two__holds_the_money_of_both(
    mine: list[tuple[Any, ...]], his: list[tuple[Any, ...]], prices: dict[AssetId, int | None]
) -> None:
    trails = []
    for life in (mine, his):
        book = Diary(prices)
        for act in life:
            live(book, act)
        trails.append(book.end_block())
    both = merged(trails)
    for money in ("lots", "hops"):
        sums = [sum(one.borrowed_raw for one in getattr(trail, money)) for trail in (*trails, both)]
        assert sums[0] + sums[1] == sums[2]
    assert set(both.seen) == {side for trail in trails for side in trail.seen}
