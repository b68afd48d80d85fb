"""Owners under any puts: the same as built afresh, and as the rules say in the plainest words."""

from collections.abc import Mapping
from random import Random

from builders import an_address
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.owners import OwnerKind, Ownership
from monitor.core.units import Address
from monitor.leverage.owners import MOST_HOPS, Owners

NAMES = [an_address(f"account {number}") for number in range(7)]
Told = Mapping[Address, Ownership]
Puts = list[tuple[Address, Ownership | None]]


@st.composite
def ownerships(draw: st.DrawFn) -> Ownership:
    controllers = draw(st.sets(st.sampled_from(NAMES), max_size=3))
    return Ownership(
        kind=draw(st.sampled_from(OwnerKind)),
        controllers=tuple(sorted(controllers)),
        threshold=draw(st.integers(1, 2)) if len(controllers) > 1 else len(controllers),
        reason=draw(st.sampled_from(["", "", "", "it reverted"])),
    )


PUTS = st.lists(st.tuples(st.sampled_from(NAMES), ownerships() | st.none()), max_size=30)


def replayed(puts: Puts) -> tuple[Owners, dict[Address, Ownership]]:
    owners, told = Owners(), dict[Address, Ownership]()
    for account, each in puts:
        owners.put(account, each)
        if each is None:
            told.pop(account, None)
        else:
            told[account] = each
    return owners, told


def obeyed(told: Told, account: Address) -> tuple[Address, ...]:
    each = told.get(account)
    return () if each is None or each.reason else each.controllers


def owner_by_the_rules(told: Told, account: Address) -> Address:
    at = account
    for _ in range(MOST_HOPS + 1):
        masters = obeyed(told, at)
        if not masters:
            return at
        if len(masters) > 1:
            twins = (
                other
                for other in told
                if obeyed(told, other) == masters and told[other].threshold == told[at].threshold
            )
            return min(twins)
        [at] = masters
    return account


@given(PUTS)
def test_owners__after_any_puts__are_those_of_the_rules(puts: Puts) -> None:
    owners, told = replayed(puts)
    for account in NAMES:
        assert owners.owner(account) == owner_by_the_rules(told, account)
        own = {other for other in told if owner_by_the_rules(told, other) == account}
        assert owners.accounts(account) == own | {account}


@given(PUTS, st.randoms())
def test_owners__after_any_puts__are_those_built_afresh(puts: Puts, random: Random) -> None:
    owners, told = replayed(puts)
    known = list(told.items())
    random.shuffle(known)
    fresh, _ = replayed(list(known))
    for account in NAMES:
        assert fresh.owner(account) == owners.owner(account)
        assert fresh.accounts(account) == owners.accounts(account)


@given(PUTS)
def test_put__any__tells_exactly_who_moved_and_who_is_new(puts: Puts) -> None:
    owners = Owners()
    known: set[Address] = set()
    for account, each in puts:
        before = {name: owners.owner(name) for name in NAMES}
        moved = owners.put(account, each)
        new = {account} - known if each is not None else set()
        assert moved == {name for name in NAMES if owners.owner(name) != before[name]} | new
        known = known - {account} if each is None else known | {account}


@given(PUTS, st.permutations(NAMES))
def test_owners__renamed__are_the_same_people(puts: Puts, names: list[Address]) -> None:
    renamed = dict(zip(NAMES, names, strict=True))
    owners, _ = replayed(puts)
    others, _ = replayed([(renamed[account], _renamed(each, renamed)) for account, each in puts])
    for one in NAMES:
        for two in NAMES:
            was_one = owners.owner(one) == owners.owner(two)
            assert (others.owner(renamed[one]) == others.owner(renamed[two])) == was_one


def _renamed(told: Ownership | None, names: Mapping[Address, Address]) -> Ownership | None:
    if told is None:
        return None
    controllers = tuple(sorted(names[each] for each in told.controllers))
    return Ownership(told.kind, controllers, told.threshold, reason=told.reason)
