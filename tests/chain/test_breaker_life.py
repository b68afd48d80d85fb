"""The real daemon's breakers over a day: sigmas, escalation, a silence, what is said after it."""

from typing import Any

from daemon_process import DaemonProcess, command, daemon_process
from devnet import USD, World
from stage import Stage, slide

HOUR_SECONDS = 3600
BREAKERS = f"""
[scenarios.eth-curve]
curve = {{ asset = "WETH", to = -0.6, steps = 3 }}

[[breakers]]
name = "near"
scenario = "eth-curve"
measure = "critical_shock_sigmas"
warn = 0.002
trip = 0.001
clear = 0.003

[[breakers]]
name = "large"
scenario = "eth-crash"
measure = "liquidated_usd"
warn = 20_000
trip = 50_000
clear = 10_000
escalate = [100_000]
remind_seconds = {12 * HOUR_SECONDS}

[[breakers.also]]
scenario = "eth-crash"
measure = "amplification"
warn = 50
trip = 100
clear = 40
"""


async def next_hour(world: World, price_usd: int) -> str:
    """A block an hour on, and one in which the price is another."""
    await world.mine(timestamp=(await world.head()).timestamp + HOUR_SECONDS)
    return (await world.move_feed("WETH", price_usd * USD)).block_hash


async def shown(daemon: DaemonProcess) -> dict[str, Any]:
    _, document = await daemon.get("/api/v1/breakers")
    return {row["name"]: row for row in document["breakers"]}


async def test_breakers__over_a_day__measure_in_sigmas_escalate_and_speak_after_a_silence(
    stage: Stage,
) -> None:
    config, port = stage.config(more=BREAKERS)
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        near = (await shown(daemon))["near"]
        assert (near["blind"], near["value"]) == (True, None)
        assert "0 hourly returns of the last 7 days were seen, 24 are needed" in near["unknown"][0]
        for hour in range(13):
            block = await next_hour(stage.world, 2000 + hour % 2 * 10)
        await daemon.reached(block)
    async with daemon_process(config, port) as daemon:
        for hour in range(13):
            block = await next_hour(stage.world, 2000 + hour % 2 * 10)
        await daemon.reached(block)
        near = (await shown(daemon))["near"]
        assert (near["blind"], near["phase"], near["unknown"]) == (False, "armed", [])
        # Hourly swings of 0.5 % are 2.5 % a day.
        assert float(near["value"]) > 0.2 / 0.03
        await stage.receiver.wait_for("monitor.recovered")

        quiet = await command(
            "silence", "large", "--for", "30d", "--why", "drill", "--config", str(config)
        )
        assert quiet.code == 0, quiet.err
        await daemon.reached(await slide(stage.world, 1700))
        large = (await shown(daemon))["large"]
        assert (large["phase"], large["muted"]) == ("tripped", True)
        assert large["silenced"]["why"] == "drill"
        assert [one["measure"] for one in large["measures"]] == ["liquidated_usd", "amplification"]
        await command("silence", "large", "--lift", "--config", str(config))
        await daemon.reached(await next_hour(stage.world, 1690))
        reminded = await stage.receiver.wait_for("breaker.reminded")
        assert reminded.body["data"]["alert"]["breaker"] == "large"
    types = [
        letter.body["type"]
        for letter in stage.receiver.letters
        if letter.body["data"]["alert"]["breaker"] == "large"
    ]
    assert types == ["breaker.reminded"]
