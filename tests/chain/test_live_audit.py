"""Storage that changes without a log: the live audit and the command find it, and nothing else."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, Finished, command, daemon_process
from devnet import Address, Tx, WideTerms, WideWorld, account, open_wide_world
from devnet.receiver import Receiver
from eth_utils.crypto import keccak
from fault_proxy import Fault, FaultProxy, Json
from stage import Stage

BLOCKS = 8
WETH_USDC = "WETH/USDC"
PEOPLE = tuple(account(f"audited {number}") for number in range(5))
NEVER: dict[str, Any] = {"warn_usd": 10**12, "trip_usd": 10**13, "clear_usd": 10**11}
MARKETS = ("aave-core", "aave-3-0-2", "morpho")
QUICK = {
    "hold_seconds": 0.2,
    "head_age_seconds": 10**9,
    "lag_blocks": 10**6,
    "clock_skew_seconds": 10**9,
}
ALL = "[audit]\naccounts = 1000\nevery_blocks = 1\n"
DRIFT = 'cascade_monitor_ledger_drift_total{market="%s"}'


@dataclass(frozen=True, slots=True)
class Slot:
    """A word of storage, changed behind everybody's back."""

    contract: Address
    key: str
    word: int

    async def put(self, wide: WideWorld, word: int) -> None:
        await wide.anvil.rpc("anvil_setStorageAt", self.contract, self.key, f"0x{word:064x}")


async def slot_at(wide: WideWorld, contract: Address, key: bytes) -> Slot:
    word = await wide.anvil.rpc("eth_getStorageAt", contract, "0x" + key.hex(), "latest")
    return Slot(contract, "0x" + key.hex(), int(word, 16))


def padded(value: str | int) -> bytes:
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


async def pledge_of(wide: WideWorld, who: Address) -> Slot:
    """Debt and collateral of a position: the second word, `position` being the third variable."""
    inner = keccak(wide.morpho.params(WETH_USDC).id + padded(2))
    first = int.from_bytes(keccak(padded(who) + inner), "big")
    return await slot_at(wide, wide.addresses.morpho.morpho, padded(first + 1))


async def balance_of(wide: WideWorld, token: Address, who: Address) -> Slot:
    """The scaled balance of an aToken, in whichever mapping it lies."""
    scaled = await wide.call(token, "scaledBalanceOf(address)(uint256)", who)
    for mapping in range(100):
        slot = await slot_at(wide, token, keccak(padded(who) + padded(mapping)))
        if scaled and slot.word % 2**120 == scaled:
            return slot
    raise AssertionError("no mapping of the token holds the balance")


async def play(wide: WideWorld, rng: random.Random) -> None:
    """Some blocks of whatever comes to mind in the three markets; some of it fails."""
    for _ in range(BLOCKS):
        txs = [draw(wide, rng, rng.choice(PEOPLE)) for _ in range(rng.randint(1, 6))]
        timestamp = (await wide.head()).timestamp + rng.choice((1, 12, 3_600))
        await wide.block(*txs, timestamp=timestamp, check=False)


def draw(wide: WideWorld, rng: random.Random, who: Address) -> Tx:
    pool = rng.choice((wide, wide.aave_3_0))
    some, usdc = wide.raw("WETH", rng.randint(1, 20)), wide.raw("USDC", rng.randint(1, 9_000))
    verbs: Sequence[Tx] = (
        pool.supply(who, "WETH", some),
        pool.borrow(who, "USDC", usdc),
        pool.repay(who, "USDC", usdc),
        pool.withdraw(who, "WETH", some // 9),
        pool.transfer_atoken(who, "WETH", rng.choice(PEOPLE), some // 7),
        pool.set_collateral(who, "WETH", rng.random() < 0.5),
        wide.morpho.supply(who, WETH_USDC, usdc),
        wide.morpho.supply_collateral(who, WETH_USDC, some),
        wide.morpho.borrow(who, WETH_USDC, usdc),
        wide.morpho.repay(who, WETH_USDC, usdc),
    )
    return rng.choice(verbs)


async def metric(daemon: DaemonProcess, name: str) -> str:
    _, text = await daemon.get("/metrics")
    lines: list[str] = text.splitlines()
    return next(line.split()[-1] for line in lines if line.startswith(name))


async def audit(config: Path, *arguments: str) -> Finished:
    return await command("audit", "--config", str(config), *arguments)


async def test_storage_that_changes_without_a_log__is_found_told_and_forgiven_when_it_is_mended(
    tmp_path: Path,
) -> None:
    terms = WideTerms(borrowers=24)
    async with open_wide_world(terms) as wide, Receiver() as receiver:
        stage = Stage(wide, receiver, tmp_path)
        config, port = stage.config(blindness=QUICK, more=ALL, **NEVER)
        for who in PEOPLE:
            await wide.fund(who, WETH=wide.raw("WETH", 100), USDC=wide.raw("USDC", 200_000))
        async with daemon_process(config, port) as daemon:
            await daemon.reached(await stage.head(), 60)
            await play(wide, random.Random(7))
            await all_is_well(wide, daemon)
            slot = await something_changes(wide, daemon, config, receiver)
            assert await daemon.stop() == 0
            await daemon.start()
            await mended(wide, daemon, receiver, slot)
            assert await daemon.stop() == 0
        await without_a_daemon(wide, config)


async def all_is_well(wide: WideWorld, daemon: DaemonProcess) -> None:
    head = await wide.mine()
    await daemon.says("/metrics", f"cascade_monitor_audit_block {head.number}.0")
    for market in MARKETS:
        assert await metric(daemon, DRIFT % market) == "0.0"
        audited = f'cascade_monitor_audited_accounts_total{{market="{market}"}}'
        assert float(await metric(daemon, audited)) > len(PEOPLE)


async def something_changes(
    wide: WideWorld, daemon: DaemonProcess, config: Path, receiver: Receiver
) -> Slot:
    """A wei more of collateral on Morpho, and of an aToken."""
    who, other = PEOPLE[0], PEOPLE[1]
    await wide.morpho.supply_collateral(who, WETH_USDC, 10**18)
    await wide.supply(other, "WETH", 10**18)
    pledge = await pledge_of(wide, who)
    balance = await balance_of(wide, wide.addresses.atokens["WETH"], other)
    await pledge.put(wide, pledge.word + 2**128)
    await balance.put(wide, balance.word + 10**12)
    head = await wide.mine()
    blind = await receiver.wait_for("monitor.blind")
    summary, *told = blind.body["data"]["reasons"]
    assert summary.startswith("positions on which the ledger differs from the contracts: 2 (block ")
    assert f" {other}: aToken of WETH: expected " in str(told)
    assert f" {who}: collateral: expected " in str(told)
    assert len(told) == 2
    drift = [await metric(daemon, DRIFT % market) for market in MARKETS]
    assert drift == ["1.0", "0.0", "1.0"]
    found = await audit(config, "--accounts", "0", "--json")
    assert found.code == 1, found.err
    rows = found.document["differences"]
    assert found.document["block"]["hash"] == head.hash
    assert found.document["mismatches"] == len(rows)
    assert found.document["accounts"] == found.document["of"] > 60
    assert {(row["market"], row["account"].lower()) for row in rows} == {
        ("aave-core", other),
        ("morpho", who),
    }
    [pledged] = [row for row in rows if row["market"] == "morpho"]
    assert pledged["what"] == "collateral"
    assert int(pledged["expected"]) == int(pledged["found"]) + 1
    assert '"event": "ledger_drift"' in daemon.log.read_text()
    await pledge.put(wide, pledge.word)
    return balance


async def mended(wide: WideWorld, daemon: DaemonProcess, receiver: Receiver, slot: Slot) -> None:
    """What is left stands after a restart, and ends with its cause."""
    head = await wide.mine()
    await daemon.reached(head.hash, 60)
    await daemon.reached(head.hash, 60)
    await daemon.says("/metrics", f"cascade_monitor_audit_block {head.number}.0")
    assert not [letter for letter in receiver.letters if letter.type == "monitor.recovered"]
    await slot.put(wide, slot.word)
    await wide.mine()
    await receiver.wait_for("monitor.recovered")
    told = [letter.type for letter in receiver.letters]
    assert told == ["monitor.blind", "monitor.recovered"]


async def without_a_daemon(wide: WideWorld, config: Path) -> None:
    """At an older block where the newest is gone; not at all where the node has forgotten."""
    last = await wide.head()
    await wide.rollback(1)
    older = await audit(config, "--accounts", "5")
    assert older.code == 0, older.err
    assert older.out.startswith(f"block {last.number - 1} {last.parent_hash}: 5 of ")
    assert older.out.splitlines()[-1].startswith("accounts=5 comparisons=")
    assert older.out.endswith(" unknown=0 mismatches=0\n")
    async with FaultProxy(wide.anvil.http_url, wide.anvil.ws_url) as proxy:
        proxy.inject(Fault("pruned", edit=pruned))
        gone = await audit(rewired(config, wide, proxy))
    assert gone.code == 69, gone.out + gone.err
    assert gone.err.startswith("error: ")


def rewired(config: Path, wide: WideWorld, proxy: FaultProxy) -> Path:
    """The same daemon, behind a proxy."""
    text = config.read_text().replace(wide.anvil.http_url, proxy.http_url)
    config.write_text(text.replace(wide.anvil.ws_url, proxy.ws_url))
    return config


async def pruned(_: FaultProxy, request: Json, answer: Json) -> Json:
    """As geth says it."""
    if request["method"] not in ("eth_call", "eth_getCode"):
        return answer
    error = {"code": -32000, "message": "missing trie node 0123 (path ) state is not available"}
    return {"jsonrpc": "2.0", "id": answer["id"], "error": error}
