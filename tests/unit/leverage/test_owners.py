"""Who is behind an account: whom it obeys, and when nobody can be told to be one."""

import sys

import pytest
from builders import an_address

from monitor.core.owners import OwnerKind, Ownership
from monitor.core.units import Address
from monitor.leverage.owners import MOST_HOPS, Owners

ALICE, BOB, CAROL = (an_address(name) for name in ("Alice", "Bob", "Carol"))
EOA = Ownership(OwnerKind.EOA)


def a_proxy(of: Address) -> Ownership:
    return Ownership(OwnerKind.DS_PROXY, (of,), 1, code_hash="0xdd")


def a_safe(*of: Address, threshold: int = 1) -> Ownership:
    return Ownership(OwnerKind.SAFE, tuple(sorted(of)), threshold, code_hash="0x5a")


def owners_of(**told: Ownership) -> Owners:
    owners = Owners()
    for name, each in told.items():
        owners.put(an_address(name), each)
    return owners


def test_owner__of_an_account_nobody_knows__is_itself() -> None:
    assert Owners().owner(ALICE) == ALICE
    assert Owners().accounts(ALICE) == {ALICE}


def test_owner__of_a_proxy__is_whom_it_obeys() -> None:
    owners = owners_of(proxy=a_proxy(ALICE))
    assert owners.owner(an_address("proxy")) == ALICE
    assert owners.accounts(ALICE) == {ALICE, an_address("proxy")}


def test_owner__of_a_proxy_of_a_safe_of_one__is_that_one() -> None:
    owners = owners_of(proxy=a_proxy(an_address("safe")), safe=a_safe(ALICE))
    assert owners.owner(an_address("proxy")) == ALICE
    assert owners.accounts(ALICE) == {ALICE, an_address("proxy"), an_address("safe")}


def test_owner__of_a_safe_of_several__is_the_safe() -> None:
    owners = owners_of(safe=a_safe(ALICE, BOB), proxy=a_proxy(an_address("safe")))
    assert owners.owner(an_address("safe")) == an_address("safe")
    assert owners.owner(an_address("proxy")) == an_address("safe")


@pytest.mark.parametrize(
    "other", [a_safe(ALICE, CAROL), a_safe(ALICE, BOB, threshold=2), a_safe(ALICE, BOB, CAROL)]
)
def test_owner__of_safes_that_share_a_signer__stays_each_safe(other: Ownership) -> None:
    owners = owners_of(one=a_safe(ALICE, BOB), other=other, alice=EOA)
    assert owners.owner(an_address("one")) == an_address("one")
    assert owners.owner(an_address("other")) == an_address("other")
    assert owners.accounts(ALICE) == {ALICE}


def test_owner__of_safes_with_the_same_people_and_count__is_the_smallest_safe() -> None:
    names = sorted(an_address(name) for name in ("one", "two", "three"))
    owners = Owners()
    assert owners.put(names[1], a_safe(ALICE, BOB)) == {names[1]}
    assert owners.put(names[2], a_safe(BOB, ALICE)) == {names[2]}
    assert owners.owner(names[2]) == names[1]
    assert owners.put(names[0], a_safe(ALICE, BOB)) == set(names)
    assert owners.accounts(names[0]) == set(names)
    assert owners.put(names[0], a_safe(ALICE, CAROL)) == set(names[1:])
    assert owners.owner(names[2]) == names[1]


def test_owner__that_rests_on_safes_which_get_another_name__follows() -> None:
    small, large = sorted(an_address(name) for name in ("one", "two"))
    owners = owners_of(proxy=a_proxy(large))
    owners.put(large, a_safe(ALICE, BOB))
    assert owners.put(small, a_safe(ALICE, BOB)) == {small, large, an_address("proxy")}
    assert owners.owner(an_address("proxy")) == small
    assert owners.put(small, None) == {large, an_address("proxy")}
    assert owners.accounts(large) == {large, an_address("proxy")}


@pytest.mark.parametrize("length", [1, 2, 3, MOST_HOPS, MOST_HOPS + 5])
def test_owner__of_accounts_that_obey_each_other_in_a_circle__is_each_its_own(length: int) -> None:
    circle = [an_address(f"link {number}") for number in range(length)]
    owners = Owners()
    for number, account in enumerate(circle):
        owners.put(account, a_proxy(circle[(number + 1) % length]))
    assert [owners.owner(account) for account in circle] == circle
    owners.put(an_address("outside"), a_proxy(circle[0]))
    assert owners.owner(an_address("outside")) == an_address("outside")


def test_owner__when_a_circle_opens__is_whom_the_chain_ends_in() -> None:
    owners = owners_of(one=a_proxy(an_address("two")), two=a_proxy(an_address("one")))
    assert owners.put(an_address("two"), a_proxy(ALICE)) == {an_address("one"), an_address("two")}
    assert owners.owner(an_address("one")) == ALICE


@pytest.mark.parametrize(("hops", "is_followed"), [(MOST_HOPS, True), (MOST_HOPS + 1, False)])
def test_owner__behind_many_accounts__is_followed_so_far(hops: int, is_followed: bool) -> None:
    chain = [an_address(f"link {number}") for number in range(hops)]
    owners = Owners()
    for account, master in zip(chain, [*chain[1:], ALICE], strict=True):
        owners.put(account, a_proxy(master))
    assert owners.owner(chain[0]) == (ALICE if is_followed else chain[0])
    assert owners.owner(chain[1]) == ALICE


def test_owner__of_what_was_not_resolved__is_itself_whatever_it_says() -> None:
    lie = Ownership(OwnerKind.CONTRACT, (ALICE,), 1, code_hash="0x1e", reason="a stranger")
    assert owners_of(liar=lie).owner(an_address("liar")) == an_address("liar")


def test_put__what_changes_nothing__tells_nobody() -> None:
    owners = owners_of(proxy=a_proxy(ALICE))
    assert owners.put(an_address("proxy"), a_proxy(ALICE)) == frozenset()
    assert owners.put(ALICE, EOA) == {ALICE}
    assert owners.put(ALICE, EOA) == frozenset()


def test_put__a_new_master_in_between__moves_all_below() -> None:
    owners = owners_of(deep=a_proxy(an_address("proxy")), proxy=a_proxy(an_address("safe")))
    moved = {an_address("deep"), an_address("proxy"), an_address("safe")}
    assert owners.put(an_address("safe"), a_safe(ALICE)) == moved
    assert owners.put(an_address("safe"), a_safe(BOB)) == moved
    assert owners.accounts(ALICE) == {ALICE}
    assert owners.accounts(BOB) == {BOB, *moved}


def test_put__none__forgets() -> None:
    owners = owners_of(proxy=a_proxy(ALICE), alice=EOA)
    assert owners.put(an_address("proxy"), None) == {an_address("proxy")}
    assert owners.owner(an_address("proxy")) == an_address("proxy")
    assert owners.accounts(ALICE) == {ALICE}
    assert owners.put(an_address("proxy"), None) == frozenset()


def calls_in(owners: Owners, account: Address, told: Ownership) -> int:
    """How many functions one put runs: what it costs, without a clock."""
    calls = 0

    def count(_frame: object, _event: str, _arg: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        owners.put(account, told)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("told", [a_proxy(ALICE), a_safe(ALICE, BOB)])
def test_put__one_more_of_ten_thousand_of_one_owner__costs_what_it_touches(told: Ownership) -> None:
    few, many = Owners(), Owners()
    accounts = sorted(an_address(f"account {number}") for number in range(10_000))
    for owners, size in ((few, 10), (many, 10_000)):
        for account in accounts[:size]:
            owners.put(account, told)
    assert len(many.accounts(many.owner(accounts[5]))) >= 10_000
    last = Address("0x" + "f" * 40)
    assert calls_in(many, last, told) == calls_in(few, last, told)
    assert calls_in(many, ALICE, EOA) == calls_in(few, ALICE, EOA)


def test_put__a_safe_that_comes_and_goes_for_ever__leaves_nothing_behind() -> None:
    owners = owners_of(one=a_safe(ALICE, BOB), two=a_safe(ALICE, BOB))
    last = Address("0x" + "f" * 40)
    for _ in range(1_000):
        owners.put(last, a_safe(ALICE, BOB))
        owners.put(last, a_safe(ALICE, CAROL))
    assert calls_in(owners, an_address("one"), EOA) < 100
    assert calls_in(owners, an_address("two"), EOA) < 100
    assert owners.accounts(ALICE) == {ALICE}
