"""The projection: asked of the real command, which runs for just that."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from daemon_process import daemon_process
from devnet import WideWorld
from devnet.configuration import Wiring, configuration
from devnet.pool_families import Families
from stage import free_port

PATIENCE_SECONDS = 120


async def projected(
    world: WideWorld, families: Families | None, folder: Path, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The `result` of one question, at the world's head.

    Raises AssertionError if the command ends, refuses the question or does not know enough.
    """
    port = free_port()
    config = folder / "monitor.toml"
    config.write_text(configured(world, families, Wiring(folder / "state", port)))
    async with daemon_process(config, port) as daemon:
        await daemon.reached((await world.head()).hash, PATIENCE_SECONDS)
        return await _asked(port, body)


def configured(world: WideWorld, families: Families | None, wiring: Wiring) -> str:
    """The usual configuration; with families, the pools themselves instead of their facades."""
    text = configuration(world, wiring)
    if families is None:
        return text
    start, end = text.index("[[liquidity]]"), text.index("[assets.")
    return text[:start] + families.liquidity() + text[end:]


async def _asked(port: int, body: Mapping[str, Any]) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/api/v1/project"
    async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
        document: dict[str, Any] = await answer.json()
    if answer.status != 200:
        raise AssertionError(f"{body} was answered {answer.status}: {document}")
    result: dict[str, Any] = document["result"]
    if result["unknown"] or result["left_out"]:
        raise AssertionError(f"not all is known: {result['unknown']} {result['left_out']}")
    return result
