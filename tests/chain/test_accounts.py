"""What code accounts have and what lies in their storage, from real and from reluctant nodes."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from bare_chain import BareChain
from builders import an_address
from devnet import Anvil
from eth_utils.crypto import keccak
from fake_node import FakeNode

from monitor.chain.accounts import LOOK, WIDEST_LOOK
from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockRef
from monitor.core.ports import Code
from monitor.core.units import Address
from monitor.errors import RpcUnavailable, StateUnavailable
from monitor.library import abi_library

NOBODY, SMALL, LARGE, LENT = (an_address(name) for name in ("nobody", "small", "large", "lent"))
DESIGNATOR = bytes.fromhex("ef0100" + "ab" * 20)
CODES = {
    SMALL: bytes.fromhex("60056000f3"),
    LARGE: bytes([0x5B, *range(1, 200), 0]),
    LENT: DESIGNATOR,
}


def told(code: bytes) -> Code:
    return Code("0x" + keccak(code).hex(), code[:64]) if code else Code("", b"")


def a_node(url: str, chain_id: int = 31337, seen: list[str] | None = None) -> Node:
    def observe(_: int, method: str, outcome: str) -> None:
        if seen is not None:
            seen.append(method)

    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    return Node(NodeSettings([url], chain_id, timeout_seconds=10), aggregate3, observe)


@pytest.fixture
async def chain() -> AsyncIterator[BareChain]:
    async with Anvil() as anvil:
        chain = BareChain(anvil)
        await put(chain, CODES)
        yield chain


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
async def node(chain: BareChain, seen: list[str]) -> AsyncIterator[Node]:
    node = a_node(chain.anvil.http_url, seen=seen)
    yield node
    await node.close()


async def put(chain: BareChain, codes: dict[Address, bytes]) -> BlockRef:
    """In a block of its own: what is set counts from the newest block on."""
    await chain.mine()
    calls = [("anvil_setCode", [who, "0x" + code.hex()]) for who, code in codes.items()]
    for start in range(0, len(calls), 500):
        await chain.anvil.batch(calls[start : start + 500])
    return await chain.mine()


@pytest.fixture(params=["in one call", "one by one"])
async def either(
    node: Node, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Node:
    """A node that runs code which was never deployed; and one that fails at it."""
    if request.param == "one by one":
        monkeypatch.setattr("monitor.chain.accounts.LOOK", b"\xfe")
    return node


async def test_codes__of_all_sorts_of_accounts__are_hash_and_head(
    chain: BareChain, either: Node
) -> None:
    block = await chain.newest()
    asked = [NOBODY, LARGE, SMALL, NOBODY, LENT, SMALL]
    expected = [told(CODES.get(account, b"")) for account in asked]
    assert await either.reader.codes(block, asked) == expected


async def test_codes__of_an_older_block__are_that_block_s(chain: BareChain, either: Node) -> None:
    older = await chain.newest()
    newer = await put(chain, {NOBODY: CODES[SMALL], SMALL: b""})
    assert await either.reader.codes(older, [NOBODY, SMALL]) == [told(b""), told(CODES[SMALL])]
    assert await either.reader.codes(newer, [NOBODY, SMALL]) == [told(CODES[SMALL]), told(b"")]


async def test_codes__at_an_orphan__are_unavailable(chain: BareChain, either: Node) -> None:
    block = await chain.mine()
    await chain.anvil.rpc("anvil_reorg", 1, [])
    with pytest.raises(StateUnavailable):
        await either.reader.codes(block, [SMALL])


async def test_codes__of_nobody__asks_nothing(
    chain: BareChain, node: Node, seen: list[str]
) -> None:
    assert await node.reader.codes(await chain.newest(), []) == []
    assert seen == []


def crowd(size: int) -> list[Address]:
    return [an_address(f"account {number}") for number in range(size)]


async def test_codes__of_a_thousand_wallets__is_one_request(
    chain: BareChain, node: Node, seen: list[str]
) -> None:
    block = await chain.newest()
    await node.reader.has_code(block, SMALL)
    seen.clear()
    accounts = [*crowd(WIDEST_LOOK - 3), LENT, SMALL, LARGE]
    codes = await node.reader.codes(block, accounts)
    assert codes == [told(CODES.get(account, b"")) for account in accounts]
    assert seen == ["eth_call"]


async def test_codes__of_more_contracts_than_one_call_can_tell__are_all_there(
    chain: BareChain, node: Node, seen: list[str]
) -> None:
    accounts = crowd(3_000)
    codes = {who: CODES[LARGE] + bytes([n & 255]) for n, who in enumerate(accounts) if n % 3}
    block = await put(chain, codes)
    found = await node.reader.codes(block, accounts)
    assert found == [told(codes.get(account, b"")) for account in accounts]
    assert "eth_getCode" not in seen
    assert seen.count("eth_call") < 30


@pytest.mark.parametrize(
    "fault",
    [
        {"errors": {"eth_call": {"code": -32602, "message": "missing value for field to"}}},
        {"errors": {"eth_call": {"code": 3, "message": "execution reverted"}}},
        {"results": {"eth_call": "0x"}},
        {"results": {"eth_call": "0x" + "41" * 40}},
        {"results": {"eth_call": "0x" + "40" + "11" * 40}},
    ],
    ids=["refused", "reverted", "nothing", "too large a head", "cut off"],
)
async def test_codes__of_a_node_that_answers_no_creation__are_read_one_by_one(
    fault: dict[str, Any],
) -> None:
    results = {"eth_getCode": "0x" + CODES[LARGE].hex()} | fault.get("results", {})
    async with FakeNode(errors=fault.get("errors", {}), results=results) as fake:
        node = a_node(fake.http_url, 1)
        block = fake.blocks[0].ref
        assert await node.reader.codes(block, crowd(5)) == [told(CODES[LARGE])] * 5
        fake.asked.clear()
        assert await node.reader.codes(block, crowd(5)) == [told(CODES[LARGE])] * 5
        await node.close()
    assert set(fake.asked) == {"eth_getCode"}, "it was tried again what never works"


async def test_codes__while_the_node_is_away__is_no_answer() -> None:
    async with FakeNode(fault="500", results={"eth_getCode": "0x"}) as fake:
        node = a_node(fake.http_url, 1)
        with pytest.raises(RpcUnavailable):
            await node.reader.codes(fake.blocks[0].ref, crowd(1))
        fake.fault, fake.results["eth_call"] = None, "0x00"
        assert await node.reader.codes(fake.blocks[0].ref, crowd(1)) == [told(b"")]
        await node.close()
    assert "eth_getCode" not in fake.asked


async def test_storage__of_accounts_and_slots__is_in_the_order_asked(
    chain: BareChain, node: Node
) -> None:
    words: Sequence[tuple[Address, int, int]] = [
        (SMALL, 0, 2**256 - 1),
        (SMALL, 2**256 - 2, 7),
        (LARGE, 0, 5),
    ]
    older = await chain.newest()
    await chain.mine()
    for account, slot, word in words:
        await chain.anvil.rpc("anvil_setStorageAt", account, f"0x{slot:064x}", f"0x{word:064x}")
    newer = await chain.mine()
    asked = [(LARGE, 0), (SMALL, 2**256 - 2), (NOBODY, 3), (SMALL, 0)] * 60
    assert await node.reader.storage(newer, asked) == [5, 7, 0, 2**256 - 1] * 60
    assert await node.reader.storage(older, asked) == [0] * 240
    assert await node.reader.storage(newer, []) == []


async def test_storage__of_a_block_the_node_forgot__is_unavailable() -> None:
    gone = {"eth_getStorageAt": {"code": -32000, "message": "missing trie node ab (path ) state"}}
    async with FakeNode(errors=gone) as fake:
        node = a_node(fake.http_url, 1)
        with pytest.raises(StateUnavailable):
            await node.reader.storage(fake.blocks[0].ref, [(SMALL, 0)])
        await node.close()


def test_look__as_written__jumps_to_where_it_may_land() -> None:
    assert len(LOOK) == 83
    assert all(LOOK[target] == 0x5B for target in (0x04, 0x3F, 0x4B))
