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


async def fetching_rows(traffic: Traffic) -> list[Row]:
    url, addresses = traffic.world.anvil.http_url, sorted(traffic.addresses)
    first, last = traffic.blocks[0].number, traffic.blocks[-1].number
    wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [wanted]}
    body, headers = msgspec.json.encode(call), {"Content-Type": "application/json"}
    client = BlockLogs(traffic.node.endpoints)
    async with aiohttp.ClientSession() as session, web3_client(url) as web3:

        async def by_web3() -> int:
            return len(await web3.eth.get_logs(web3_filter(traffic)))

        async def raw() -> int:
            async with session.post(url, data=body, headers=headers) as answer:
                return len(await answer.read())

        async def ours() -> int:
            return len(await client.in_range(traffic.addresses, first, last))

        count, size = await ours(), await raw()
        if count != await by_web3():
            raise AssertionError("the clients were given different logs")
        seconds = await interleaved(*map(awaited, (by_web3, raw, ours)))
    theirs, bare, mine = seconds
    what = f"{count} logs, {size / 1e6:.1f} MB: "
    return [
        at_least(
            "fetch and parse: web3 get_logs / ours",
            ratio(theirs, mine),
            8,
            f"{what}AsyncHTTPProvider {millis(theirs)}, BlockLogs.in_range {millis(mine)}",
        ),
        at_least(
            "fetch and parse: our rate / rate of the raw bytes",
            ratio(bare, mine),
            0.8,
            f"{what}aiohttp reading without parsing {millis(bare)}, ours {millis(mine)}",
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
