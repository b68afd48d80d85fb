"""Who is behind accounts, asked of a real node: real wallets, strangers, liars and circles."""

from collections.abc import AsyncIterator, Mapping

import pytest
from builders import an_address
from devnet import World, account
from devnet.wallets import Wallet, Wallets, clone_of, open_wallets
from eth_account import Account
from eth_utils.crypto import keccak
from fake_node import FakeNode

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockRef
from monitor.core.owners import OwnerKind, Ownership
from monitor.core.units import Address, BlockHash
from monitor.engine.ownership import ROUNDS, KnownAccounts, ownerships
from monitor.errors import RpcUnavailable
from monitor.leverage.account_code import known_code
from monitor.leverage.owners import Owners
from monitor.library import abi_library

ALICE, BOB, CAROL = (Address(account(name)) for name in ("alice", "bob", "carol"))
SENTINEL = "0x" + "00" * 19 + "01"
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of anvil's first account, which everybody knows."""


class Asking:
    """A node that is asked for owners; `seen`: by which methods."""

    def __init__(self, url: str, chain_id: int, added: Mapping[str, str]) -> None:
        self.seen: list[str] = []
        aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
        settings = NodeSettings([url], chain_id, timeout_seconds=10)
        self.node = Node(settings, aggregate3, lambda _, method, __: self.seen.append(method))
        self.added = dict(added)

    async def of(
        self, at: BlockRef, *accounts: Address, entities: frozenset[Address] = frozenset()
    ) -> dict[Address, Ownership]:
        known = KnownAccounts(known_code(self.added), abi_library("accounts/Account"))
        return await ownerships(self.node.reader, at, accounts, entities, known)


@pytest.fixture
async def wallets(world: World) -> Wallets:
    return await open_wallets(world)


@pytest.fixture
async def asking(world: World, wallets: Wallets) -> AsyncIterator[Asking]:
    asking = Asking(world.anvil.http_url, world.anvil.chain_id, wallets.account_code)
    yield asking
    await asking.node.close()


async def newest(world: World) -> BlockRef:
    head = await world.head()
    return BlockRef(head.number, BlockHash(head.hash), BlockHash(head.parent_hash), head.timestamp)


async def put(world: World, name: str, code: str) -> tuple[Address, str]:
    """A contract of that runtime code, and its hash."""
    address = an_address(name)
    await world.anvil.rpc("anvil_setCode", address, "0x" + code)
    await world.mine()
    return address, "0x" + keccak(hexstr=code).hex()


def answering(*words: int) -> str:
    """Code that answers whatever it is asked with these words."""
    stored = "".join(f"7f{word:064x}61{32 * n:04x}52" for n, word in enumerate(words))
    return f"{stored}61{32 * len(words):04x}6000f3"


async def code_hash(world: World, address: Address) -> str:
    code = await world.anvil.rpc("eth_getCode", address, "latest")
    return "0x" + keccak(hexstr=code).hex()


@pytest.mark.parametrize(
    ("make", "kind", "is_proxy"),
    [
        ("safe", OwnerKind.SAFE, True),
        ("ds_proxy", OwnerKind.DS_PROXY, False),
        ("clone", OwnerKind.MINIMAL_PROXY, True),
        ("smart_account", OwnerKind.SMART_ACCOUNT, True),
    ],
)
async def test_ownerships__of_a_wallet__name_its_owner_with_the_evidence(
    world: World, wallets: Wallets, asking: Asking, make: str, kind: OwnerKind, is_proxy: bool
) -> None:
    wallet: Wallet = await getattr(wallets, make)(ALICE)
    address = Address(wallet.address)
    found = await asking.of(await newest(world), address)
    told = found[address]
    assert (told.kind, told.controllers, told.threshold) == (kind, (ALICE,), 1)
    assert (told.code_hash, told.reason) == (await code_hash(world, address), "")
    assert (told.implementation is not None) == is_proxy
    assert found[ALICE] == Ownership(OwnerKind.EOA)


async def test_ownerships__of_a_safe_of_several__name_them_and_the_threshold(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    safe = await wallets.safe(CAROL, ALICE, BOB, threshold=2)
    found = await asking.of(await newest(world), Address(safe.address))
    told = found[Address(safe.address)]
    assert (told.controllers, told.threshold) == (tuple(sorted([ALICE, BOB, CAROL])), 2)
    assert told.implementation == wallets.singleton
    assert len(found) == 1, "nobody who only signs with others is looked at"


async def test_ownerships__of_an_older_block__are_that_block_s(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    proxy = await wallets.ds_proxy(ALICE)
    address, before = Address(proxy.address), await newest(world)
    await world.tx(ALICE, address, "setOwner(address)", BOB)
    assert (await asking.of(before, address))[address].controllers == (ALICE,)
    assert (await asking.of(await newest(world), address))[address].controllers == (BOB,)


async def test_ownerships__of_a_proxy_of_a_safe_of_one__go_up_to_the_key(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    safe = await wallets.safe(ALICE)
    proxy = await wallets.ds_proxy(safe.address)
    found = await asking.of(await newest(world), Address(proxy.address))
    owners = Owners()
    for who, told in found.items():
        owners.put(who, told)
    assert set(found) == {proxy.address, safe.address, ALICE}
    assert owners.owner(Address(proxy.address)) == ALICE


async def test_ownerships__of_a_key_that_lends_itself_code__are_the_key_s(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    who = Account.from_key(KEY)
    nonce = int(await world.anvil.rpc("eth_getTransactionCount", who.address, "latest"), 16)
    chain_id, delegate = world.anvil.chain_id, wallets.singleton
    lent = who.sign_authorization({"chainId": chain_id, "address": delegate, "nonce": nonce + 1})
    tx = {
        "chainId": chain_id,
        "nonce": nonce,
        "to": who.address,
        "value": 0,
        "data": "0x",
        "gas": 200_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
        "authorizationList": [lent],
    }
    raw = who.sign_transaction(tx).raw_transaction
    await world.anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    await world.mine()
    address = Address(who.address.lower())
    [told] = (await asking.of(await newest(world), address)).values()
    assert (told.kind, told.implementation) == (OwnerKind.EOA, delegate)
    assert told.controllers == ()


async def test_ownerships__of_entities__are_not_asked(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    pool = Address(world.addresses.pool)
    proxy = await wallets.ds_proxy(pool)
    block = await newest(world)
    assert await asking.of(block, pool, entities=frozenset({pool})) == {
        pool: Ownership(OwnerKind.VAULT)
    }
    assert asking.seen == []
    found = await asking.of(block, Address(proxy.address), entities=frozenset({pool}))
    assert found[pool].kind is OwnerKind.VAULT


async def test_ownerships__of_a_stranger_that_names_somebody__believe_nothing(
    world: World, asking: Asking
) -> None:
    liar, hash = await put(world, "liar", answering(int(ALICE, 16)))
    found = await asking.of(await newest(world), liar)
    expected = Ownership(OwnerKind.CONTRACT, code_hash=hash, reason="its code is not known")
    assert found == {liar: expected}
    asking.added[hash] = "smart_account"
    assert (await asking.of(await newest(world), liar))[liar].controllers == (ALICE,)


async def test_ownerships__of_proxies_of_a_stranger__believe_nothing(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    liar, _ = await put(world, "liar", answering(int(ALICE, 16)))
    clone = Address(await clone_of(world, liar))
    safe = Address(await wallets.safe_proxy_of(liar))
    found = await asking.of(await newest(world), clone, safe)
    for account_ in (clone, safe):
        told = found[account_]
        assert (told.kind, told.controllers) == (OwnerKind.CONTRACT, ())
        assert told.implementation == liar
        assert told.reason == f"the code of {liar}, which it runs, is not known"


async def test_ownerships__of_a_clone_with_more_behind_it__are_a_stranger_s(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    real = await wallets.clone(ALICE)
    code = await world.anvil.rpc("eth_getCode", real.address, "latest")
    longer, hash = await put(world, "longer", code[2:] + "00" * 32)
    found = await asking.of(await newest(world), longer)
    reason = "its code is not known"
    assert found == {longer: Ownership(OwnerKind.CONTRACT, code_hash=hash, reason=reason)}


async def test_ownerships__of_a_proxy_of_nothing__believe_nothing(
    world: World, asking: Asking
) -> None:
    clone = Address(await clone_of(world, ALICE))
    told = (await asking.of(await newest(world), clone))[clone]
    assert (told.kind, told.controllers) == (OwnerKind.CONTRACT, ())


LONG_WORD = f"7f08c379a0{'00' * 28}600052602060045261012c6024526101846000fd"
"""Error(string), the string 300 characters long."""
NONSENSE = {
    "reverts without a word": ("60006000fd", "owner: "),
    "reverts with a long word": (LONG_WORD, "owner: reverted: "),
    "runs into an invalid opcode": ("fe", "owner: "),
    "burns all gas": ("5b600056", "owner: "),
    "returns nothing": ("00", "owner: "),
    "returns no address": (answering(2**255), "owner: "),
    "names nobody": (answering(0), "it names nobody"),
}


@pytest.mark.parametrize("case", NONSENSE)
async def test_ownerships__of_known_code_that_makes_no_sense__are_unresolved(
    world: World, wallets: Wallets, asking: Asking, case: str
) -> None:
    code, reason = NONSENSE[case]
    mad, hash = await put(world, case, code)
    asking.added[hash] = "ds_proxy"
    proxy = await wallets.ds_proxy(ALICE)
    found = await asking.of(await newest(world), mad, Address(proxy.address))
    told = found[mad]
    assert (told.kind, told.controllers) == (OwnerKind.DS_PROXY, ())
    assert told.reason.startswith(reason)
    assert len(told.reason) <= 120
    assert found[Address(proxy.address)].controllers == (ALICE,), "the others are not to suffer"


TEN_THOUSAND = "61271060205260206000526204e24060" + "00f3"
"""An array of ten thousand zeros: memory that was never written."""


@pytest.mark.parametrize(
    ("owners", "reason"),
    [
        ((32, 40, *range(1, 40), 1), "32 of 40 owners make no sense"),
        ((32, 31, *range(1, 32)), "32 of 31 owners make no sense"),
        ((32, 257, *range(1, 258)), "32 of 257 owners make no sense"),
        ((32, 2, 5, 0), "it names nobody: the zero address"),
        ((32, 0), "32 of 0 owners make no sense"),
        ((32, 2**255, 5), "getOwners: "),
    ],
)
async def test_ownerships__of_a_safe_that_names_no_possible_owners__are_unresolved(
    world: World, asking: Asking, owners: tuple[int, ...], reason: str
) -> None:
    mad, hash = await put(world, "mad", answering(*owners))
    asking.added[hash] = "safe"
    told = (await asking.of(await newest(world), mad))[mad]
    assert (told.kind, told.controllers) == (OwnerKind.SAFE, ())
    assert told.reason.startswith(reason)


async def test_ownerships__of_a_safe_of_ten_thousand__are_unresolved(
    world: World, asking: Asking
) -> None:
    mad, hash = await put(world, "mad", TEN_THOUSAND)
    asking.added[hash] = "safe"
    told = (await asking.of(await newest(world), mad))[mad]
    assert (told.kind, told.controllers) == (OwnerKind.SAFE, ())
    assert told.reason


async def test_ownerships__of_safes_that_own_each_other__end(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    one = await wallets.safe(ALICE)
    two = await wallets.safe(one.address)
    swap = "swapOwner(address,address,address)"
    own = world.tx(one.address, one.address, swap, SENTINEL, ALICE, two.address)
    await one.act(own)
    circle = {Address(one.address), Address(two.address)}
    found = await asking.of(await newest(world), Address(one.address))
    owners = Owners()
    for who, told in found.items():
        owners.put(who, told)
    assert set(found) == circle
    assert {owners.owner(who) for who in circle} == circle


async def test_ownerships__of_a_long_chain__are_asked_so_far_and_no_further(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    owner = ALICE
    chain: list[Address] = []
    for _ in range(ROUNDS + 2):
        owner = Address((await wallets.ds_proxy(owner)).address)
        chain.insert(0, owner)
    found = await asking.of(await newest(world), chain[0])
    assert set(found) == set(chain[:ROUNDS])


async def test_ownerships__of_many__take_one_batch_of_each_question(
    world: World, wallets: Wallets, asking: Asking
) -> None:
    block = await newest(world)
    await asking.of(block, BOB)
    asking.seen.clear()
    people = [an_address(f"person {number}") for number in range(500)]
    assert set((await asking.of(block, *people)).values()) == {Ownership(OwnerKind.EOA)}
    assert asking.seen == ["eth_call"]
    asking.seen.clear()
    assert await asking.of(block) == {}
    assert asking.seen == []
    made = [Address((await wallets.safe(ALICE, BOB, CAROL)).address) for _ in range(8)]
    block = await newest(world)
    asking.seen.clear()
    found = await asking.of(block, *made, *people)
    assert all(len(found[each].controllers) == 3 for each in made)
    # Their code, their slots in one batch, the singleton's code, owners and thresholds.
    assert asking.seen == ["eth_call", *["eth_getStorageAt"] * 8, "eth_call", "eth_call"]


async def test_ownerships__while_the_node_is_away__are_no_answer() -> None:
    async with FakeNode(fault="500") as fake:
        asking = Asking(fake.http_url, 1, {})
        with pytest.raises(RpcUnavailable):
            await asking.of(fake.blocks[0].ref, ALICE)
        await asking.node.close()
