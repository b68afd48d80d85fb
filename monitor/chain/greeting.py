"""Which chain endpoints serve, asked before anybody said which it should be."""

import asyncio
from collections.abc import Sequence

from monitor.chain.endpoint import Endpoint
from monitor.chain.endpoints import transport_of
from monitor.chain.faults import RevertError
from monitor.chain.membership import CHAIN_ID
from monitor.chain.wire import read_quantity
from monitor.errors import MonitorError, RpcUnavailable, TransientError


async def chain_ids(urls: Sequence[str], timeout_seconds: float = 10.0) -> list[int | MonitorError]:
    """What each endpoint says, or why it does not. Each is asked once."""
    return list(
        await asyncio.gather(
            *(_chain_id(number, url, timeout_seconds) for number, url in enumerate(urls))
        )
    )


async def _chain_id(number: int, url: str, timeout_seconds: float) -> int | MonitorError:
    transport = transport_of(number, url, timeout_seconds)
    try:
        [answer] = await Endpoint(number, transport, _uncounted).ask([CHAIN_ID], read_quantity)
    except TransientError as failure:
        return failure
    finally:
        await transport.drop("it was asked")
    if isinstance(answer, RevertError):
        return RpcUnavailable(f"{transport.name} does not say which chain it serves: {answer}")
    return answer


def _uncounted(_number: int, _method: str, _outcome: str) -> None:
    """There are no metrics yet."""
