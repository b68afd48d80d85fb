"""Questions that cannot be, to the command and over HTTP; and projections that come to no end."""

from pathlib import Path
from typing import Any

import aiohttp
from daemon_process import command, daemon_process
from devnet import Deployer, MarketParams, WideTerms, WideWorld, account, new_wide_world
from devnet.odd_tokens import deploy_odd_token
from devnet.receiver import Receiver
from stage import Stage, slide

USAGE, CONFIG = 64, 78
STRANGER = account("stranger")
LLTV_WAD = 860_000_000_000_000_000
BAD = [
    ('{"WETH": 1e30}', "expected 1e-9 to 1e"),
    ('{"WETH": "1e30"}', "expected 1e-9 to 1e"),
    ('{"WETH": NaN}', "JSON is malformed"),
    ('{"WETH": "nan"}', "not a finite number"),
    ('{"WETH": 1e999}', "out of range"),
    ('{"WETH": -1}', "not above -1"),
    ('{"WETH": "-1.5"}', "not above -1"),
    ('{"peg:wstETH/WETH": -2}', "not above -1"),
    ('{"oracle:aave-core/WETH": "nan"}', "not a finite number"),
    ('{"liquidity:*": -0.5}', "not a factor from 0"),
    ('{"gas": 1e30}', "not a factor from 0"),
    ('{"NOPE": -0.1}', "no asset is called"),
]


async def posted(port: int, body: str) -> tuple[int, dict[str, Any]]:
    url = f"http://127.0.0.1:{port}/api/v1/project"
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as answer:
        found: dict[str, Any] = await answer.json()
        return answer.status, found


async def test_question__that_cannot_be__is_400_and_usage(stage: Stage) -> None:
    config, port = stage.config()
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        for shocks, words in BAD:
            status, answer = await posted(port, f'{{"shocks": {shocks}}}')
            assert (status, words in answer["error"]) == (400, True), answer
        status, answer = await posted(port, '{"shocks": {"WETH": -0.05}}')
        assert (status, answer["result"]["converged"]) == (200, True)
    for word, words in (
        ("WETH=1e30", "1e-9 to 1e"),
        ("WETH=nan", "finite"),
        ("WETH=-1.2", "above"),
    ):
        refused = await command("project", "--config", str(config), "--shock", word)
        assert refused.code == USAGE
        assert words in refused.err.replace("\n", " ")
        assert "Traceback" not in refused.err


async def test_asset__whose_pools_are_not_configured__is_unliquidated_and_said(
    stage: Stage,
) -> None:
    config, _ = stage.config()
    text = config.read_text()
    pools = text[text.index("[[liquidity]]") : text.index("[assets.")]
    config.write_text(text.replace(pools, ""))
    assert (await command("run", "--config", str(config), "--once")).code == 0
    asked = await command("project", "--config", str(config), "--shock", "WETH=-0.3", "--json")
    result = asked.document["result"]
    assert result["liquidated_usd"] == "0.00"
    assert float(result["unliquidated_usd"]) > 0
    assert result["unliquidated_because"]["no_route"] == result["unliquidated_usd"]
    assert result["unknown"] == []


async def test_symbol__of_two_assets__is_usage_and_lists_both(tmp_path: Path) -> None:
    async with new_wide_world(WideTerms(borrowers=2)) as wide, Receiver() as receiver:
        stage = Stage(wide, receiver, tmp_path)
        twins = [await listed_twin(wide, number) for number in range(2)]
        config, _ = stage.config()
        assert (await command("run", "--config", str(config), "--once")).code == 0
        refused = await command("project", "--config", str(config), "--shock", "WHOLE=-0.1")
        told = await command("project", "--config", str(config), "--shock", f"{twins[0]}=-0.1")
    assert refused.code == USAGE
    said = refused.err.replace("\n", " ").lower()
    assert "the symbol of 2 assets" in said
    assert all(twin.lower() in said for twin in twins)
    assert told.code == 0, told.err


async def listed_twin(wide: WideWorld, number: int) -> str:
    """A token that calls itself as another does, in a market of its own."""
    deployer = Deployer(wide)
    token = await deploy_odd_token(deployer, "0 decimals")
    oracle = await deployer.deploy("OracleMock")
    await deployer.send(oracle, "setPrice(uint256)", 10**36)
    at = wide.addresses.morpho
    params = MarketParams(wide.token("USDC"), token, oracle, at.rate_model, LLTV_WAD)
    at.markets[f"twin {number}"] = params
    await wide.morpho.create_market(STRANGER, params)
    return token


async def test_cascade__without_an_end__blinds_its_breaker_which_keeps_its_state(
    stage: Stage,
) -> None:
    """One round is an end while nobody is liquidated, and none as soon as somebody is."""
    config, port = stage.config()
    text = config.read_text()
    config.write_text(
        text.replace(
            "[scenarios.eth-crash]\n", "[scenarios.eth-crash]\noptions = { max_rounds = 1 }\n"
        )
    )
    async with daemon_process(config, port) as daemon:
        calm = await daemon.reached(await stage.head())
        await slide(stage.world, 1700)
        blinded = await daemon.reached(await stage.head())
        blind = await stage.receiver.wait_for("monitor.blind")
        _, answer = await daemon.get("/api/v1/cascade/eth-crash")
    (before,), (after,) = calm["breakers"], blinded["breakers"]
    assert before["blind"] is False
    assert (after["blind"], after["phase"]) == (True, before["phase"])
    assert after["unknown"] == ["no end within 1 rounds"]
    assert answer["result"]["converged"] is False
    assert blind.body["data"]["value"] is None
    assert [letter.type for letter in stage.receiver.letters] == ["monitor.blind"]
