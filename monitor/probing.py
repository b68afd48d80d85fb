"""Asks a running daemon how it is, over its own HTTP port."""

import json

import aiohttp

from monitor.core.ports import Probe
from monitor.errors import RpcUnavailable

TIMEOUT_SECONDS = 5.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a daemon that listens on all addresses can be asked."""


async def ask(host: str, port: int, *, live: bool) -> Probe:
    """Its /readyz, or /healthz. Raises RpcUnavailable when nobody answers."""
    host = EVERYWHERE.get(host, host)
    authority = f"[{host}]" if ":" in host else host
    url = f"http://{authority}:{port}/{'healthz' if live else 'readyz'}"
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return _probe(answer.status, await answer.read())
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
        raise RpcUnavailable(
            f"no daemon answers on {host}:{port} ({type(error).__name__}): start it with "
            "`cascade-monitor run`, or correct http.listen."
        ) from error


def _probe(status: int, body: bytes) -> Probe:
    """Raises ValueError for what no daemon says: something else may listen there."""
    said = json.loads(body)
    reasons = said.get("reasons", []) if isinstance(said, dict) else None
    if not isinstance(reasons, list) or not all(isinstance(each, str) for each in reasons):
        raise ValueError("expected an object with reasons")
    return Probe(status == 200, tuple(reasons))
