"""Rows of the source: ten thousand logs from a real node, parsed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from eth_typing import BlockNumber
from eth_utils.address import to_checksum_address
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.types import FilterParams

from benchmarks.timing import Row, at_least, awaited, interleaved, millis, ratio
from benchmarks.traffic import Traffic
from monitor.chain.block_logs import BlockLogs

ROUNDS_OF_BYTES = 21
"""Each takes a tenth of a second, in which a machine that is shared does much else."""


async def fetching_rows(traffic: Traffic) -> list[Row]:
    url, addresses = traffic.world.anvil.http_url, sorted(traffic.addresses)
    first, last = traffic.blocks[0].number, traffic.blocks[-1].number
    wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [wanted]}
    body, headers = msgspec.json.encode(call), {"Content-Type": "application/json"}
    headers_of_blocks = await traffic.node.headers.span(first, last)
    client = BlockLogs(traffic.node.endpoints)
    async with aiohttp.ClientSession() as session, web3_client(url) as web3:

        async def by_web3() -> int:
            return len(await web3.eth.get_logs(web3_filter(traffic)))

        async def raw() -> int:
            async with session.post(url, data=body, headers=headers) as answer:
                return len(await answer.read())

        async def ours() -> int:
            blocks = await client.of_span(headers_of_blocks, traffic.addresses)
            return sum(map(len, blocks))

        async def at_once() -> int:
            blocks = await BlockLogs(traffic.node.endpoints).of_span(
                headers_of_blocks, traffic.addresses
            )
            return sum(map(len, blocks))

        count, size = await ours(), await raw()
        if count != await by_web3():
            raise AssertionError("the clients were given different logs")
        bare, mine, whole = await interleaved(
            *map(awaited, (raw, ours, at_once)), rounds=ROUNDS_OF_BYTES
        )
        theirs, mine_beside = await interleaved(awaited(by_web3), awaited(ours))
    what = f"{count} logs, {size / 1e6:.1f} MB, wall time: "
    how = "BlockLogs.of_span, which asks one slice ahead while it parses another,"
    return [
        at_least(
            "fetch and parse: web3 get_logs / ours",
            ratio(theirs, mine_beside),
            8,
            f"{what}AsyncHTTPProvider in one request {millis(theirs)}; {how} {millis(mine_beside)}",
        ),
        at_least(
            "fetch and parse: our rate / rate of the raw bytes",
            ratio(bare, mine),
            0.8,
            f"{what}aiohttp reading one answer, without parsing, {millis(bare)}; {how} "
            f"{millis(mine)}",
        ),
        at_least(
            "the same, in one answer as at the first question",
            ratio(bare, whole),
            None,
            f"{what}nothing is asked ahead of it: {millis(whole)}",
        ),
    ]


@asynccontextmanager
async def web3_client(url: str) -> AsyncIterator[AsyncWeb3[AsyncHTTPProvider]]:
    """web3 as its users open it."""
    provider = AsyncHTTPProvider(url)
    try:
        yield AsyncWeb3(provider)
    finally:
        await provider.disconnect()


def web3_filter(traffic: Traffic) -> FilterParams:
    """All logs of the rush, as web3 wants to be asked."""
    return {
        "fromBlock": BlockNumber(traffic.blocks[0].number),
        "toBlock": BlockNumber(traffic.blocks[-1].number),
        "address": [to_checksum_address(address) for address in sorted(traffic.addresses)],
    }
