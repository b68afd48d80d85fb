"""What a block teaches about owners holds while it is folded, and who was paid in it."""

import pytest
from builders import USDC, WETH, a_hash, an_address

from monitor.core.blocks import RawLog
from monitor.core.keys import owner_key
from monitor.core.ledger import Ledger
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.transfers import TRANSFER, topic_of
from monitor.core.units import Address
from monitor.engine.lessons import lessons, payees
from monitor.errors import BlockUnknown
from monitor.leverage.owners import Owners

ALICE, BOB, PROXY, SAFE = (an_address(name) for name in ("Alice", "Bob", "proxy", "safe"))


def obeys(*people: Address) -> Ownership:
    return Ownership(OwnerKind.SAFE, tuple(sorted(people)), 1)


def known(told: dict[Address, Ownership]) -> tuple[Owners, Ledger]:
    owners = Owners()
    for account, each in told.items():
        owners.put(account, each)
    return owners, Ledger({owner_key(account): each for account, each in told.items()})


def test_lessons__during_a_block__count_and_are_gone_after_it() -> None:
    owners, ledger = known({PROXY: obeys(ALICE)})
    with lessons(owners, ledger) as taught:
        taught.learn({PROXY: obeys(SAFE), SAFE: obeys(BOB)})
        assert owners.owner(PROXY) == BOB
        assert taught.turned == {ALICE, BOB, PROXY, SAFE}
    assert owners.owner(PROXY) == ALICE
    assert owners.accounts(BOB) == {BOB}


def fail_at(owners: Owners, ledger: Ledger) -> None:
    with lessons(owners, ledger) as taught:
        taught.learn({PROXY: obeys(ALICE)})
        raise BlockUnknown("reorganised away")


def test_lessons__of_a_block_that_fails__are_gone() -> None:
    owners, ledger = known({})
    with pytest.raises(BlockUnknown):
        fail_at(owners, ledger)
    assert owners.accounts(ALICE) == {ALICE}


def test_lessons__forgotten_in_part__leave_the_others() -> None:
    owners, ledger = known({SAFE: obeys(BOB)})
    with lessons(owners, ledger) as taught:
        taught.learn({PROXY: obeys(ALICE)})
        taught.learn({SAFE: obeys(ALICE)})
        taught.forget([SAFE])
        assert (owners.owner(PROXY), owners.owner(SAFE)) == (ALICE, BOB)
        assert taught.has(PROXY)
        assert not taught.has(SAFE)
    assert owners.owner(PROXY) == PROXY


def paid(token: Address, by: Address, to: Address) -> RawLog:
    topics = (TRANSFER, topic_of(by), topic_of(to))
    return RawLog(token, topics, f"{1:064x}", a_hash("block"), 0, "0x" + "22" * 32)


def test_payees__of_wallets__are_who_else_got_such_an_asset() -> None:
    carol = an_address("Carol")
    logs = [
        paid(USDC, ALICE, SAFE),
        paid(USDC, ALICE, PROXY),
        paid(USDC, ALICE, BOB),
        paid(WETH, ALICE, carol),
        paid(USDC, carol, an_address("Dave")),
        paid(USDC, BOB, SAFE),
    ]
    wallets = {ALICE: ALICE, BOB: ALICE}
    assert payees(logs, wallets, frozenset({USDC})) == [SAFE, PROXY]
    assert payees(logs, wallets, frozenset({USDC, WETH})) == [SAFE, PROXY, carol]
