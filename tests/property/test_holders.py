"""Holders: whatever moves, what they have adds up, and taking a block back takes back all of it."""

from builders import a_block, an_address
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.blocks import RawLog
from monitor.core.delta import apply, collapse
from monitor.core.events import ReceiptMoved
from monitor.core.keys import Kind, receipt_key
from monitor.core.ledger import Ledger, each, find
from monitor.core.overlay import Overlay
from monitor.core.receipts import Holder, Receipt, ReceiptKind
from monitor.core.units import ZERO_ADDRESS, Address, BlockHash, MarketId, Shares
from monitor.engine.reducer import reduce_all
from monitor.library import abi_library
from monitor.receipts.holders import Register, ShareDecoder

VAULT = an_address("vault")
ACCOUNTS = [ZERO_ADDRESS, *(an_address(name) for name in ("alice", "bob", "carol"))]
TRANSFER = abi_library("erc20/Transfer")
REGISTER = Register(VAULT, 0, TRANSFER, abi_library("erc20/Token"))
MOVES = st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(ACCOUNTS), st.integers(0, 5))
BLOCKS = st.lists(st.lists(MOVES, max_size=6), max_size=5)


def a_log(source: Address, target: Address, shares: int) -> RawLog:
    words = ("0x" + "0" * 24 + account[2:] for account in (source, target))
    topics = (TRANSFER.event("Transfer").topic0, *words)
    return RawLog(VAULT, topics, f"{shares:064x}", BlockHash("0x"), 0, "0x")


@given(BLOCKS)
def test_transfers__any__add_up_and_are_taken_back_whole(
    blocks: list[list[tuple[Address, Address, int]]],
) -> None:
    ledger = Ledger()
    first = Overlay(ledger)
    reduce_all(first, [ReceiptMoved(VAULT, Receipt(ReceiptKind.ERC4626, held=Shares(0)))])
    apply(ledger, collapse(a_block(number=1), first))
    balances = dict.fromkeys(ACCOUNTS[1:], 0)
    went_below = False
    for number, moves in enumerate(blocks, start=2):
        before, overlay = dict(ledger.records()), Overlay(ledger)
        decoder = ShareDecoder(REGISTER, overlay)
        for source, target, shares in moves:
            reduce_all(overlay, decoder.decode(a_log(source, target, shares)))
            if source != target:
                for account, moved in ((source, -shares), (target, shares)):
                    if account != ZERO_ADDRESS:
                        balances[account] += moved
            went_below = went_below or min(balances.values()) < 0
        delta = collapse(a_block(number=number), overlay)
        apply(ledger, delta)
        apply(ledger, delta.inverse())
        assert dict(ledger.records()) == before
        apply(ledger, delta)
        receipt = find(ledger, receipt_key(VAULT), Receipt)
        assert receipt is not None
        assert (receipt.held is None) is went_below
        if not went_below:
            held = {
                key.subject: holder.shares
                for key, holder in each(ledger, Kind.HOLDER, MarketId(VAULT), Holder)
            }
            assert held == {who: shares for who, shares in balances.items() if shares}
            assert receipt.held == sum(balances.values())
