"""Who holds a claim: found in windows and never twice, and moved by its Transfer logs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from builders import a_block, an_address

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import ReceiptMoved, SharesMoved
from monitor.core.keys import holder_key, receipt_key
from monitor.core.ledger import Ledger, find
from monitor.core.overlay import Overlay
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.units import ZERO_ADDRESS, Address, BlockHash, Shares
from monitor.engine.reducer import reduce_all
from monitor.errors import StateUnavailable, UndecodableLog
from monitor.library import abi_library
from monitor.receipts import holders
from monitor.receipts.holders import Register, ShareDecoder

VAULT = an_address("vault")
ALICE, BOB = an_address("alice"), an_address("bob")
TRANSFER, ERC20 = abi_library("erc20/Transfer"), abi_library("erc20/Token")


def word(account: Address) -> str:
    return "0x" + "0" * 24 + account[2:]


def a_transfer(source: Address, target: Address, shares: int, token: Address = VAULT) -> RawLog:
    topics = (TRANSFER.event("Transfer").topic0, word(source), word(target))
    return RawLog(token, topics, f"{shares:064x}", BlockHash("0x"), 0, "0x")


@dataclass
class Node:
    """Mints by block. Everybody minted to holds `each`; it is told once `forgets` ran out.

    `early`: how many readings are of a block in which everybody has twice as much.
    """

    mints: dict[int, Address]
    each: int = 7
    forgets: int = 0
    silent: Address | None = None
    early: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        if self.forgets:
            self.forgets -= 1
            raise StateUnavailable("pruned")
        factor, self.early = (2, self.early - 1) if self.early else (1, 0)
        return [self._answer(call, factor) for call in calls]

    def _answer(self, call: ViewCall, factor: int) -> ViewResult:
        if call.function.name == "totalSupply":
            return (self.each * len(set(self.mints.values())),)
        return ViewFailed("reverted") if call.args[0] == self.silent else (self.each * factor,)

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return True

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        self.ranges.append((from_block, to_block))
        return [
            a_transfer(ZERO_ADDRESS, who, 1)
            for number, who in sorted(self.mints.items())
            if from_block <= number <= to_block
        ]


def a_register(from_block: int = 0) -> Register:
    return Register(VAULT, from_block, TRANSFER, ERC20)


async def test_register__of_a_long_past__is_read_in_windows_with_everybody_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holders, "WINDOW_BLOCKS", 40)
    node = Node({3: ALICE, 90: BOB})
    told = await a_register(from_block=2).read(node, a_block(number=100))
    assert node.ranges == [(2, 41), (42, 81), (82, 100)]
    held = [SharesMoved(VAULT, who, Shares(7)) for who in sorted((ALICE, BOB))]
    assert told == (ReceiptMoved(VAULT, Receipt(ReceiptKind.ERC4626, held=Shares(0))), *held)


async def test_register__read_again_after_a_failure__reads_only_what_may_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holders, "OVERLAP_BLOCKS", 10)
    node, register = Node({3: ALICE, 300: BOB}, forgets=1), a_register()
    with pytest.raises(StateUnavailable):
        await register.read(node, a_block(number=200))
    told = await register.read(node, a_block(number=300))
    assert node.ranges == [(0, 200), (191, 300)]
    assert len(told) == 3


async def test_register__account_that_does_not_tell_its_balance__nobody_is_known() -> None:
    node = Node({3: ALICE, 4: BOB}, silent=BOB)
    assert await a_register().read(node, a_block(number=10)) == ()


async def test_register__balances_of_a_later_block__are_read_again() -> None:
    told = await a_register().read(Node({3: ALICE}, early=1), a_block(number=10))
    assert told[1:] == (SharesMoved(VAULT, ALICE, Shares(7)),)


async def test_register__balances_that_never_add_up__are_told_as_they_are() -> None:
    told = await a_register().read(Node({3: ALICE}, early=9), a_block(number=10))
    assert told[1:] == (SharesMoved(VAULT, ALICE, Shares(14)),)


async def test_register__before_the_token_begins__knows_that_nobody_holds_any() -> None:
    node = Node({3: ALICE})
    told = await a_register(from_block=50).read(node, a_block(number=10))
    assert (len(told), node.ranges) == (1, [])


def a_ledger(**shares: int) -> Ledger:
    accounts = {"alice": ALICE, "bob": BOB}
    held = Shares(sum(shares.values()))
    ledger = Ledger({receipt_key(VAULT): Receipt(ReceiptKind.ERC4626, supply=held, held=held)})
    for name, number in shares.items():
        ledger.put(holder_key(VAULT, accounts[name]), Holder(Shares(number)))
    return ledger


def after(ledger: Ledger, *logs: RawLog) -> tuple[int | None, int | None, int | None]:
    """What Alice has, what Bob has, and all together."""
    overlay = Overlay(ledger)
    decoder = ShareDecoder(a_register(), overlay)
    for log in logs:
        reduce_all(overlay, decoder.decode(log))
    found = [find(overlay, holder_key(VAULT, who), Holder) for who in (ALICE, BOB)]
    receipt = find(overlay, receipt_key(VAULT), Receipt)
    assert receipt is not None
    alice, bob = (holder.shares if holder else None for holder in found)
    return alice, bob, receipt.held


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        ([a_transfer(ALICE, BOB, 4)], (6, 9, 15)),
        ([a_transfer(ALICE, BOB, 10)], (None, 15, 15)),
        ([a_transfer(ZERO_ADDRESS, ALICE, 3)], (13, 5, 18)),
        ([a_transfer(BOB, ZERO_ADDRESS, 5)], (10, None, 10)),
        ([a_transfer(ALICE, ALICE, 4)], (10, 5, 15)),
        ([a_transfer(ALICE, ALICE, 40)], (10, 5, 15)),
        ([a_transfer(BOB, ALICE, 0)], (10, 5, 15)),
        ([a_transfer(ALICE, BOB, 4), a_transfer(BOB, ALICE, 9)], (15, None, 15)),
        ([a_transfer(ALICE, BOB, 4, token=BOB)], (10, 5, 15)),
    ],
)
def test_transfer__of_shares__moves_them(
    logs: list[RawLog], expected: tuple[int | None, int | None, int]
) -> None:
    assert after(a_ledger(alice=10, bob=5), *logs) == expected


def test_transfer__of_more_than_there_was__ends_the_knowledge() -> None:
    ledger = a_ledger(alice=10, bob=5)
    _, _, held = after(ledger, a_transfer(ALICE, BOB, 11))
    assert held is None
    _, _, later = after(ledger, a_transfer(ALICE, BOB, 11), a_transfer(ZERO_ADDRESS, ALICE, 50))
    assert later is None


def test_transfer__of_a_claim_whose_holders_are_not_known__is_not_kept() -> None:
    ledger = Ledger({receipt_key(VAULT): Receipt(ReceiptKind.ERC4626)})
    assert after(ledger, a_transfer(ZERO_ADDRESS, ALICE, 5)) == (None, None, None)


def test_transfer__of_one_thing_of_many__does_not_decode() -> None:
    plain = a_transfer(ALICE, BOB, 1)
    nft = RawLog(VAULT, (*plain.topics, "0x" + "0" * 64), "", BlockHash("0x"), 0, "0x")
    with pytest.raises(UndecodableLog):
        after(a_ledger(alice=10, bob=5), nft)
