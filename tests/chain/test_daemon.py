"""The command, the chain, Redis and a receiver, all real: from a log to a position to an alert."""

import asyncio
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, command, daemon_process, running_in
from devnet import Deployer, World, account, make_borrowers
from devnet.receiver import Receiver
from stage import BORROWERS, Stage, slide
from stored import digest_of, fresh_digest


async def test_positions__of_every_account__equal_the_contracts_views(stage: Stage) -> None:
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        block = await stage.head()
        await daemon.reached(block)
    listed = await command("positions", "--config", str(config), "--json", "--limit", "1000")
    rows = {row["account"].lower(): row for row in listed.document["positions"]}
    accounts = sorted(rows)
    assert len(accounts) > BORROWERS
    tokens = [*stage.world.addresses.atokens.values(), *stage.world.addresses.debt_tokens.values()]
    held = await stage.world.balances_of(tokens, accounts, block)
    expected = {key: amount for key, amount in held.items() if amount}
    assert amounts(stage.world, rows) == expected
    for who, data in zip(
        accounts, await stage.world.all_account_data(accounts, block), strict=True
    ):
        health = str(data.health_factor_wad) if data.debt_e8 else None
        assert rows[who]["health_factor"] == health


def amounts(world: World, rows: dict[str, dict[str, object]]) -> dict[tuple[str, str], int]:
    """(token, account) to what the monitor says is held."""
    symbols = {token: symbol for symbol, token in world.addresses.tokens.items()}
    found: dict[tuple[str, str], int] = {}
    for who, row in rows.items():
        for side, tokens in (
            ("collateral", world.addresses.atokens),
            ("debt", world.addresses.debt_tokens),
        ):
            lines = row[side]
            assert isinstance(lines, list)
            for line in lines:
                token = tokens[symbols[line["asset"].lower()]]
                found[token, who] = int(line["amount"])
    return found


async def test_breaker__prices_slide__warns_then_trips_with_a_good_signature(stage: Stage) -> None:
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        _, at_first = await daemon.get("/metrics")
        for price in (1960, 1920, 1880, 1840, 1800, 1760, 1720, 1680):
            await daemon.reached(await slide(stage.world, price))
        warned = await stage.receiver.wait_for("breaker.warned")
        tripped = await stage.receiver.wait_for("breaker.tripped")
        _, metrics = await daemon.get("/metrics")
    for asset in stage.world.addresses.tokens:
        assert f'price_age_seconds{{asset="{asset}"}}' in at_first
        assert f'utilisation_ratio{{asset="{asset}",market="aave-core"}}' in at_first
    assert warned.arrived_monotonic < tripped.arrived_monotonic
    assert stage.receiver.refused == 0
    alert = tripped.body["data"]["alert"]
    assert alert["id"] == tripped.id
    assert (alert["severity"], alert["status"]) == ("critical", "firing")
    assert alert["episode"] == warned.body["data"]["alert"]["episode"]
    assert 'cascade_monitor_breaker_state{breaker="eth-cascade"} 3.0' in metrics


async def test_reorg__that_removes_the_cause__retracts_and_equals_a_replay(stage: Stage) -> None:
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await slide(stage.world, 1700)  # three blocks
        tripped = await stage.receiver.wait_for("breaker.tripped")
        await stage.world.reorg(3)
        lender = account("a new lender")
        await stage.world.fund(lender, USDC=stage.world.raw("USDC", 1000))
        await stage.world.supply(lender, "USDC", stage.world.raw("USDC", 1000))
        await daemon.reached(await stage.head())
        retracted = await stage.receiver.wait_for("breaker.retracted")
        _, status = await daemon.get("/api/v1/status")
    assert retracted.body["data"]["alert"]["retracts"] == tripped.id
    assert retracted.id != tripped.id
    assert status["breakers"][0]["phase"] != "tripped"
    followed = await digest_of(config)
    assert followed == await fresh_digest(stage, "replayed", 0)
    assert followed == await fresh_digest(stage, "snapshot", "snapshot")


async def test_kill_9__amid_blocks__loses_and_doubles_nothing(stage: Stage) -> None:
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await act(stage, daemon, price_usd=1900)
        await slide(stage.world, 1700)
        await daemon.kill()
        await stage.world.reorg(2)
        await act(stage, None, price_usd=1650)
        await daemon.start()
        await daemon.reached(await stage.head())
        await stage.receiver.wait_for("breaker.tripped")
    ids = [letter.id for letter in stage.receiver.letters]
    live = {letter.id for letter in stage.receiver.letters if letter.type == "breaker.tripped"}
    live -= {letter.body["data"]["alert"]["retracts"] for letter in stage.receiver.letters}
    assert len(live) == 1
    assert len(set(ids)) == len(ids)
    assert await digest_of(config) == await fresh_digest(stage, "replayed", 0)


async def act(stage: Stage, daemon: DaemonProcess | None, price_usd: int) -> None:
    """Some blocks with something in them."""
    world, who = stage.world, account(f"actor at {price_usd}")
    await world.fund(who, WETH=world.raw("WETH", 5))
    await world.supply(who, "WETH", world.raw("WETH", 5))
    await world.borrow(who, "USDC", world.raw("USDC", 3000))
    block = await slide(world, price_usd)
    if daemon is not None:
        await daemon.reached(block)


async def test_delivery__receiver_down_at_first__repeats_the_same_bytes(
    stage: Stage,
) -> None:
    refusals: list[str] = []

    def fail_twice(letter: object) -> int:
        raw = getattr(letter, "raw", "")
        refusals.append(raw)
        return 503 if len(refusals) < 3 else 204

    stage.receiver.answer = fail_twice
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await slide(stage.world, 1700)
        await stage.receiver.wait_for("breaker.tripped", seconds=40)
    first = stage.receiver.letters[0].raw
    assert refusals[:3] == [first] * 3


async def test_fork_of_a_node__followed__gives_the_same_positions(stage: Stage) -> None:
    async with stage.world.fork() as fork:
        config, port = stage.config(endpoints=(fork.anvil.http_url, fork.anvil.ws_url))
        async with daemon_process(config, port) as daemon:
            await fork.mine(2)
            block = (await fork.head()).hash
            await daemon.reached(block)
            _, page = await daemon.get("/api/v1/positions?limit=1000")
        accounts = [row["account"].lower() for row in page["positions"]]
        data = await fork.all_account_data(accounts, block)
    assert len(accounts) > BORROWERS
    for row, known in zip(page["positions"], data, strict=True):
        assert row["health_factor"] == (str(known.health_factor_wad) if known.debt_e8 else None)


async def test_dry_run__that_trips__does_not_silence_the_real_run(stage: Stage) -> None:
    config, port = stage.config()
    await command("run", "--config", str(config), "--once")
    await slide(stage.world, 1700)
    dry = await command("run", "--config", str(config), "--once", "--dry-run", "--json")
    assert dry.document["breakers"][0]["phase"] == "tripped"
    assert stage.receiver.letters == []
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await stage.receiver.wait_for("breaker.tripped")


async def test_dry_run__that_sees_a_reorg__leaves_the_retraction_to_the_real_run(
    stage: Stage,
) -> None:
    config, _ = stage.config()
    await command("run", "--config", str(config), "--once")
    await slide(stage.world, 1700)
    await command("run", "--config", str(config), "--once")
    await stage.world.reorg(3)
    await command("run", "--config", str(config), "--once", "--dry-run")
    assert [letter.type for letter in stage.receiver.letters] == ["breaker.tripped"]
    await command("run", "--config", str(config), "--once")
    assert [letter.type for letter in stage.receiver.letters] == [
        "breaker.tripped",
        "breaker.retracted",
    ]


async def test_once__again_and_again__catches_up_and_delivers_each_time(stage: Stage) -> None:
    config, _ = stage.config()
    for price in (1980, 1700):
        block = await slide(stage.world, price)
        finished = await command("run", "--config", str(config), "--once", "--json")
        assert finished.document["evaluated"]["hash"] == block
    assert [letter.type for letter in stage.receiver.letters] == ["breaker.tripped"]


async def test_head__older_than_the_limit__is_not_ready(stage: Stage) -> None:
    config, port = stage.config()
    text = config.read_text()
    config.write_text(text.replace("poll_seconds", "max_head_age_seconds = 60\npoll_seconds"))
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())  # the world's clock stands in the past
        code, answer = await daemon.get("/readyz")
    assert code == 503
    assert "the newest block is" in str(answer)


@pytest.mark.parametrize("moment", [0.3, 0.6, 0.9, 1.2, 1.5])
async def test_sigterm__at_any_moment_of_the_start__leaves_no_server(
    stage: Stage, moment: float
) -> None:
    config, port = stage.config()
    daemon = DaemonProcess(config, port)
    await daemon.start()
    await asyncio.sleep(moment)
    await daemon.stop()
    assert running_in(stage.folder) == []


async def test_blind__price_away_and_back__is_told_and_taken_back(stage: Stage) -> None:
    world = stage.world
    broken = await Deployer(world).deploy("RevertingSource")
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await world.replace_source("WETH", broken)
        await daemon.reached(await stage.head())
        blind = await stage.receiver.wait_for("monitor.blind")
        _, answer = await daemon.get("/api/v1/cascade/eth-crash")
        _, metrics = await daemon.get("/metrics")
        await world.replace_source("WETH", world.addresses.feeds["WETH"])
        await daemon.reached(await stage.head())
        again = await stage.receiver.wait_for("monitor.recovered")
    assert blind.body["data"]["value"] is None
    assert blind.body["data"]["alert"]["status"] == "firing"
    assert again.body["data"]["alert"]["episode"] == blind.body["data"]["alert"]["episode"]
    assert again.body["data"]["alert"]["status"] == "resolved"
    assert answer["result"]["liquidated_usd"] is None
    assert answer["result"]["unknown"]
    assert 'cascade_monitor_cascade_liquidated_usd{scenario="eth-crash"} NaN' in metrics


async def test_begin__finalised_state_forgotten__begins_at_the_head(
    world: World, tmp_path: Path
) -> None:
    async with Receiver() as receiver:
        # A saved world: the node has blocks, logs and finality, but no state older than its head.
        await make_borrowers(world, 5, 3)
        stage = Stage(world, receiver, tmp_path)
        config, _ = stage.config()
        finished = await command("run", "--config", str(config), "--once", "--json")
    assert finished.code == 0, finished.err
    assert "bootstrap_again" in finished.err
    assert finished.document["markets"][0]["positions"] > 5
