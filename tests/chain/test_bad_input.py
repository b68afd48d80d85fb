"""What users get wrong, and what breaks around them: a clear message, the right exit code."""

import asyncio
from pathlib import Path

import pytest
from daemon_process import command, daemon_process
from devnet import Deployer
from stage import Stage

CONFIG, UNAVAILABLE, CHECK_FAILED = 78, 69, 1


def rewritten(config: Path, old: str, new: str) -> Path:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    return config


async def test_config__four_faults__are_told_at_once(stage: Stage) -> None:
    config, _ = stage.config()
    text = config.read_text()
    market = text[text.index("[[markets]]") : text.index("[[liquidity]]")]
    config.write_text(
        text.replace("poll_seconds = 0.2", 'poll_secs = 0.2\nreorg_window = "many"')
        .replace("clear_usd", "clear")
        .replace("clear = 10000", "clear = 999999999")
        + market
    )
    finished = await command("check", "--config", str(config))
    assert finished.code == CONFIG
    for fault in ("poll_secs", "reorg_window", "aave-core", "clear"):
        assert fault in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param("0x" + "12" * 20, "no contract at that address", id="without code"),
        pytest.param("pool", "does not answer as one", id="another contract"),
    ],
)
async def test_market__address_is_wrong__is_named(stage: Stage, address: str, words: str) -> None:
    known = stage.world.addresses
    config, _ = stage.config()
    rewritten(config, known.addresses_provider, known.pool if address == "pool" else address)
    checked = await command("check", "--config", str(config))
    ran = await command("run", "--config", str(config), "--once")
    assert (checked.code, ran.code) == (CHECK_FAILED, CONFIG)
    assert words in checked.out.replace("\n", " ")
    assert words in ran.err.replace("\n", " ")


async def test_chain_id__is_another_chains__is_refused(stage: Stage) -> None:
    config, _ = stage.config()
    rewritten(config, "chain_id = 31337", "chain_id = 1")
    checked = await command("check", "--config", str(config))
    ran = await command("run", "--config", str(config), "--once")
    assert (checked.code, ran.code) == (CHECK_FAILED, CONFIG)
    assert "serves chain 31337, expected 1" in ran.err.replace("\n", " ")


async def test_endpoint__is_down__is_unavailable(stage: Stage) -> None:
    config, _ = stage.config(endpoints=("http://127.0.0.1:9",))
    checked = await command("check", "--config", str(config))
    ran = await command("run", "--config", str(config), "--once")
    assert (checked.code, ran.code) == (CHECK_FAILED, UNAVAILABLE)
    assert "endpoint 0" in ran.err


async def test_redis__is_down__is_unavailable(stage: Stage) -> None:
    config, _ = stage.config()
    rewritten(config, "[store]", '[store]\nurl = "redis://127.0.0.1:9"')
    checked = await command("check", "--config", str(config))
    ran = await command("run", "--config", str(config), "--once")
    assert (checked.code, ran.code) == (CHECK_FAILED, UNAVAILABLE)
    assert "Redis does not answer" in ran.err.replace("\n", " ")


async def test_port__is_taken__is_told(stage: Stage) -> None:
    config, port = stage.config()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with server:
        ran = await command("run", "--config", str(config))
    assert ran.code == CONFIG
    assert "port is taken" in ran.err.replace("\n", " ")


@pytest.mark.parametrize("fault", ["reverts", "answers 0"])
async def test_price_source__fails__makes_accounts_unknown_not_safe(
    stage: Stage, fault: str
) -> None:
    world = stage.world
    deployer = Deployer(world)
    if fault == "reverts":
        broken = await deployer.deploy("RevertingSource")
    else:
        broken = await deployer.deploy("FixedSource", 0)
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        ready_before, _ = await daemon.get("/readyz")
        await world.replace_source("WETH", broken)
        await daemon.reached(await stage.head())
        ready_after, reasons = await daemon.get("/readyz")
        _, page = await daemon.get("/api/v1/positions?limit=1000")
        _, breakers = await daemon.get("/api/v1/breakers")
        good = world.addresses.feeds["WETH"]
        await world.replace_source("WETH", good)
        await daemon.reached(await stage.head())
        ready_again, _ = await daemon.get("/readyz")
    assert (ready_before, ready_after, ready_again) == (200, 503, 200)
    assert "WETH" in str(reasons)
    touched = [row for row in page["positions"] if "WETH" in str(row)]
    assert touched
    for row in touched:
        uses = [line for line in row["collateral"] if line["used_as_collateral"]] + row["debt"]
        if any(line["symbol"] == "WETH" for line in uses):
            assert row["health_factor"] is None
            assert row["liquidatable"] is None
            assert row["unknown"]
    assert breakers["breakers"][0]["state"] == -1


async def test_shock__of_an_unknown_name__is_usage(stage: Stage) -> None:
    config, _ = stage.config()
    assert (await command("run", "--config", str(config), "--once")).code == 0
    asked = await command("project", "--config", str(config), "--shock", "NOPE=-0.3")
    assert asked.code == 64
    assert "no asset is called 'NOPE'" in asked.err.replace("\n", " ")


async def test_shock__of_every_kind_at_once__is_one_question(stage: Stage) -> None:
    config, _ = stage.config()
    assert (await command("run", "--config", str(config), "--once")).code == 0
    shocks = {
        "WETH": "-0.3",
        "peg:wstETH/WETH": "-0.05",
        "oracle:aave-core/wstETH": "-0.0285",
        "rate:aave-core/WETH": "0.95@10d",
        "parameter:aave-core/WETH.liquidation_threshold_bps": "8000",
        "liquidity:*": "0.5",
        "gas": "10",
    }
    words = [word for key, value in shocks.items() for word in ("--shock", f"{key}={value}")]
    asked = await command("project", "--config", str(config), "--json", *words)
    assert asked.code == 0
    assert list(asked.document["scenario"]["shocks"]) == list(shocks)
    assert asked.document["result"]["converged"]
    for wrong in ("gas=1e30", "rate:aave-core/WETH=1"):
        refused = await command("project", "--config", str(config), "--shock", wrong)
        assert (refused.code, "Traceback" in refused.err) == (64, False)


async def test_store_commands__before_any_run__say_so_and_create_nothing(stage: Stage) -> None:
    config, _ = stage.config()
    asked = await command("positions", "--config", str(config))
    assert asked.code == CONFIG
    assert "there is no state" in asked.err.replace("\n", " ")
    assert not (stage.folder / "monitor").exists()


async def test_namespace__of_a_running_daemon__refuses_a_second_writer(stage: Stage) -> None:
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        second = await command("run", "--config", str(config), "--once")
    assert second.code != 0
    assert "no other daemon" in second.err.replace("\n", " ")


async def test_first_run__fails_and_is_mended__begins(stage: Stage) -> None:
    config, _ = stage.config()
    provider = stage.world.addresses.addresses_provider
    rewritten(config, provider, "0x" + "12" * 20)
    assert (await command("run", "--config", str(config), "--once")).code == CONFIG
    rewritten(config, "0x" + "12" * 20, provider)
    assert (await command("run", "--config", str(config), "--once")).code == 0


@pytest.mark.parametrize(
    ("shocks", "words"),
    [
        ('{ "oracle:nowhere/WETH" = -0.1 }', "no market is called 'nowhere'"),
        ('{ "parameter:aave-core/WETH.lltv" = 1 }', "has no parameter 'lltv'"),
        ('{ "rate:aave-core/WETH" = "1.5@30d" }', "not within 0 and 1"),
        ("{ WETH = -2 }", "not above -1"),
        ("{ WETH = 1e30 }", "times what it was: expected 1e-9 to 1e+9"),
        ("{ ZZZ = -0.05 }", "no asset is called 'ZZZ'"),
    ],
)
async def test_scenario__that_cannot_be__is_refused(stage: Stage, shocks: str, words: str) -> None:
    config, _ = stage.config()
    rewritten(config, "shocks = { WETH = -0.05 }", f"shocks = {shocks}")
    ran = await command("run", "--config", str(config), "--once")
    assert ran.code == CONFIG
    assert words in ran.err.replace("\n", " ")


async def test_check__one_market_wrong__still_looks_at_all_the_rest(stage: Stage) -> None:
    config, _ = stage.config()
    rewritten(config, stage.world.addresses.addresses_provider, "0x" + "12" * 20)
    usdc = stage.world.addresses.tokens["USDC"]
    rewritten(
        config, f'[assets.USDC]\naddress = "{usdc}"', f'[assets.USDC]\naddress = "0x{"34" * 20}"'
    )
    checked = await command("check", "--config", str(config), "--json")
    assert checked.code == CHECK_FAILED
    subjects = {row["subject"]: row["fault"] for row in checked.document["findings"]}
    assert "no contract at that address" in subjects["market aave-core"]
    assert "no contract at" in subjects["asset USDC"]
    assert subjects["asset WETH"] == ""
    assert "not checked" in subjects["scenario eth-crash"]
    assert subjects["store"] == ""


async def test_state_dir__is_a_file__is_refused_by_run_and_check(stage: Stage) -> None:
    config, _ = stage.config()
    taken = stage.folder / "monitor"
    taken.write_text("")
    ran = await command("run", "--config", str(config), "--once")
    checked = await command("check", "--config", str(config), "--json")
    assert (ran.code, checked.code) == (CONFIG, CHECK_FAILED)
    assert "expected a folder" in ran.err.replace("\n", " ")
    assert "Traceback" not in ran.err


async def test_curve__with_an_unknown_price__has_no_critical_shock_and_says_why(
    stage: Stage,
) -> None:
    world = stage.world
    await world.replace_source("WETH", await Deployer(world).deploy("RevertingSource"))
    config, _ = stage.config()
    assert (await command("run", "--config", str(config), "--once")).code == 0
    asked = ("curve", "--config", str(config), "--asset", "USDC", "--steps", "3")
    told, document = await command(*asked), (await command(*asked, "--json")).document
    assert document["critical_shock"] is None
    assert document["unknown"]
    assert "critical shock: unknown" in told.out
