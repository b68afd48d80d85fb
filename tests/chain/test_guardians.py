"""What alerts propose to do, done: guardians send their calldata to the real contracts."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import command, daemon_process
from devnet import ADMIN, Address, RevertError, WideWorld, account, open_wide_world
from devnet.receiver import Receiver
from devnet.transactions import Tx
from stage import Stage

ALICE, LENDER, STRANGER = account("alice"), account("lender"), account("stranger")
RISK, EMERGENCY, CURATOR = account("risk admin"), account("emergency admin"), account("curator")
CORE, FORMER, MORPHO = "aave-core", "aave-3-0-2", "morpho"
PLENTY = 12_000_000
Action = dict[str, Any]


@pytest.fixture
async def wide_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_wide_world() as wide, Receiver() as receiver:
        await appoint(wide)
        await lend(wide)
        yield Stage(wide, receiver, tmp_path)


async def appoint(wide: WideWorld) -> None:
    """Roles that each may do one thing, in every market."""
    markets = (wide.addresses.acl_manager, wide.addresses.aave_3_0.acl_manager)
    roles = (("addRiskAdmin(address)", RISK), ("addEmergencyAdmin(address)", EMERGENCY))
    appointments = [
        wide.tx(ADMIN, manager, signature, who) for manager in markets for signature, who in roles
    ]
    curator = wide.tx(ADMIN, wide.vault.address, "setCurator(address)", CURATOR)
    await wide.block(*appointments, curator)


async def lend(wide: WideWorld) -> None:
    """Somebody to liquidate when ether falls; money in every hand that is to act later."""
    await wide.fund(ALICE, WETH=wide.raw("WETH", 40), USDC=wide.raw("USDC", 50_000))
    await wide.fund(LENDER, USDC=wide.raw("USDC", 200_000))
    ten, much = wide.raw("WETH", 10), wide.raw("USDC", 100_000)
    await wide.block(
        wide.supply(LENDER, "USDC", much),
        wide.aave_3_0.supply(LENDER, "USDC", much),
        wide.supply(ALICE, "WETH", ten),
        wide.aave_3_0.supply(ALICE, "WETH", ten),
        wide.borrow(ALICE, "USDC", wide.raw("USDC", 13_500)),
        wide.aave_3_0.borrow(ALICE, "USDC", wide.raw("USDC", 10_000)),
        wide.vault.deposit(ALICE, wide.raw("USDC", 1_000)),
    )


def guardian(market: str, who: Address, action: str, **more: Any) -> str:
    keys = {"market": market, "guardian": who, "action": action, **more}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(["", "[[guardians]]", *lines, ""])


def guardians(wide: WideWorld) -> str:
    vault = wide.vault.address
    return "".join(
        [
            guardian(CORE, RISK, "freeze", assets=["WETH"]),
            guardian(CORE, EMERGENCY, "pause", assets=[wide.token("wstETH")]),
            guardian(CORE, STRANGER, "freeze", assets=["WBTC"]),
            guardian(FORMER, RISK, "freeze"),
            guardian(FORMER, EMERGENCY, "pause", assets=["USDC"]),
            guardian(FORMER, STRANGER, "freeze", assets=["WBTC"]),
            guardian(MORPHO, STRANGER, "cap_to_zero", vault=vault),
            guardian(MORPHO, CURATOR, "cap_to_zero", vault=vault),
        ]
    )


def wired(stage: Stage, tables: str) -> tuple[Path, int]:
    config, port = stage.config(shocks={"WETH": -0.3}, warn_usd=100, trip_usd=1_000, clear_usd=50)
    config.write_text(config.read_text() + tables)
    return config, port


async def verdicts(config: Path) -> dict[str, dict[str, str]]:
    """What `check` says of each guardian, and nothing else at fault."""
    checked = await command("check", "--config", str(config), "--json")
    assert checked.code == 0, checked.out
    return {
        row["subject"].removeprefix("guardian ").lower(): row
        for row in checked.document["findings"]
        if row["subject"].startswith("guardian ")
    }


async def sent(wide: WideWorld, action: Action) -> str | None:
    """Why the action failed when its guardian sent it, byte for byte; None: it went through."""
    data = bytes.fromhex(action["calldata"][2:])
    tx = Tx(wide, action["from"].lower(), action["to"].lower(), data, "guardian", PLENTY)
    return (await wide.send(tx, check=False)).revert_reason


async def refused(tx: Tx) -> str:
    with pytest.raises(RevertError) as caught:
        await tx
    return caught.value.reason


async def cap_of(wide: WideWorld, market: str) -> int:
    market_id = wide.morpho.params(market).id
    cap, _, _ = await wide.call(
        wide.vault.address, "config(bytes32)(uint184,bool,uint64)", market_id
    )
    return int(cap)


async def test_actions__of_a_trip__do_what_they_say_when_their_guardian_sends_them(
    wide_stage: Stage,
) -> None:
    wide, receiver = wide_stage.world, wide_stage.receiver
    assert isinstance(wide, WideWorld)
    config, port = wired(wide_stage, guardians(wide))
    before = await verdicts(config)
    assert before[f"{RISK}, freeze on {CORE}"]["detail"] == "would go through for WETH"
    assert before[f"{STRANGER}, freeze on {FORMER}"]["warning"] == (
        "WBTC: reverted: 4 (CALLER_NOT_RISK_OR_POOL_ADMIN)"
    )
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await wide_stage.head())
        block = await wide.mine()
        letter = await receiver.wait_for("breaker.tripped")
    assert letter.body["data"]["block"]["hash"] == block.hash
    actions = letter.body["data"]["actions"]
    outcomes = [(a["market"], a["description"].split(" on ")[0], a["simulated"]) for a in actions]
    assert outcomes[:3] == [
        (CORE, "freeze WETH", "ok"),
        (CORE, "pause wstETH", "ok"),
        (CORE, "freeze WBTC", "reverted: CallerNotRiskOrPoolOrEmergencyAdmin()"),
    ]
    listed = list(wide.addresses.tokens)
    frozen = [what.removeprefix("freeze ") for _, what, _ in outcomes[3:-6]]
    assert frozen == [s for s in listed if wide.terms.asset(s).threshold_bps]
    assert {outcome for *_, outcome in outcomes[3:-6]} == {"ok"}
    assert outcomes[-6:-4] == [
        (FORMER, "pause USDC", "ok"),
        (FORMER, "freeze WBTC", "reverted: 4 (CALLER_NOT_RISK_OR_POOL_ADMIN)"),
    ]
    said = [(m, outcome) for m, _, outcome in outcomes[-4:]]
    assert said == [(MORPHO, "reverted: NotCuratorRole()")] * 2 + [(MORPHO, "ok")] * 2
    assert {a["chain_id"] for a in actions} == {wide.anvil.chain_id}

    for action in actions:  # in whatever order: each was tried alone, at the alert's block
        reason = await sent(wide, action)
        assert (reason is None) == (action["simulated"] == "ok"), (action, reason)
    await everything_stopped(wide)
    after = await verdicts(config)
    assert after[f"{RISK}, freeze on {CORE}"]["detail"] == (
        "no call would go through; nothing is left to do for WETH"
    )
    assert "nothing is left to do" in after[f"{CURATOR}, cap_to_zero on {MORPHO}"]["detail"]


async def everything_stopped(wide: WideWorld) -> None:
    one = {symbol: wide.raw(symbol, 1) for symbol in ("WETH", "wstETH", "USDC")}
    await wide.fund(ALICE, **one)
    assert await refused(wide.supply(ALICE, "WETH", one["WETH"])) == "ReserveFrozen()"
    assert await refused(wide.supply(ALICE, "wstETH", one["wstETH"])) == "ReservePaused()"
    frozen, paused = "28", "29"
    former = wide.aave_3_0
    assert await refused(former.supply(ALICE, "WETH", one["WETH"])) == frozen
    assert await refused(former.borrow(ALICE, "USDC", one["USDC"])) == paused
    assert {await cap_of(wide, name) for name in ("WETH/USDC", "WBTC/USDC")} == {0}
    assert await refused(wide.vault.deposit(ALICE, one["USDC"])) == "AllCapsReached()"


async def test_guardians__of_what_is_not_there__are_refused_by_run_and_check(
    wide_stage: Stage,
) -> None:
    wide = wide_stage.world
    assert isinstance(wide, WideWorld)
    no_vault, strange_id = wide.token("USDC"), "0x" + "ab" * 32
    vault = wide.vault.address
    other = "0x" + wide.morpho.params("WETH/DAI").id.hex()
    config, _ = wired(
        wide_stage,
        guardian(CORE, RISK, "freeze", assets=["WETHH"])
        + guardian(MORPHO, CURATOR, "cap_to_zero", vault=no_vault)
        + guardian(MORPHO, EMERGENCY, "cap_to_zero", vault=vault, market_ids=[strange_id])
        + guardian(MORPHO, RISK, "cap_to_zero", vault=vault, market_ids=[other]),
    )
    ran = await command("run", "--config", str(config), "--once")
    checked = await command("check", "--config", str(config), "--json")
    assert (ran.code, checked.code) == (78, 1), ran.err
    faults = [row["fault"] for row in checked.document["findings"] if row["fault"]]
    words = ran.err.replace("\n", " ")
    expected = ["no reserve 'WETHH'", "no MetaMorpho vault", "no market id", "but the vault holds"]
    assert len(faults) == len(expected)
    for fault, expectation in zip(faults, expected, strict=True):
        assert expectation in fault
        assert expectation in words
    assert "Traceback" not in ran.err
