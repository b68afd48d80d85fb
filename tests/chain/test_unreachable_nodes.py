"""Nodes that no connection leads to, and servers that are none: what is said of each."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from monitor.chain.rpc import Call, HttpTransport, not_reached
from monitor.chain.websocket import WebSocketTransport
from monitor.errors import RpcInconsistent, RpcUnavailable

KEY = "0123456789abcdef"
KINDS = pytest.mark.parametrize("kind", [HttpTransport, WebSocketTransport])
Kind = type[HttpTransport] | type[WebSocketTransport]
OK = b"HTTP/1.1 200 OK\r\n"
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":"0x1"}'
LENGTH = b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
NO_NODE = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "zeros": bytes(1000),
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status beyond all": b"HTTP/1.1 9999999 OK\r\n\r\n",
    "a negative length": OK + b"Content-Length: -5\r\n\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n",
    "a header without a colon": OK + b"no colon\r\n" + LENGTH,
    "a header of 100 kB": OK + b"X: " + b"a" * 100_000 + b"\r\n" + LENGTH,
    "200,000 headers": OK + b"".join(b"X%d: a\r\n" % n for n in range(200_000)) + LENGTH,
    "no gzip": OK + b"Content-Encoding: gzip\r\n" + LENGTH,
    "half a gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n"
    + gzip.compress(ANSWER * 10)[:20],
    "an encoding we lack": OK + b"Content-Encoding: br\r\n" + LENGTH,
    "no chunks": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "nothing": b"",
}  # fmt: skip


@asynccontextmanager
async def server(said: bytes) -> AsyncIterator[int]:
    """The port of one that says always the same."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def failure(kind: Kind, place: str, *, tls: bool = False) -> str:
    """What is said of a node at that host and port; never where it is, nor its key."""
    scheme = ("http" if kind is HttpTransport else "ws") + "s" * tls
    transport = kind("endpoint 0", f"{scheme}://{place}/{KEY}", 2.0)
    try:
        with pytest.raises((RpcUnavailable, RpcInconsistent)) as caught:
            await transport.exchange([Call("eth_chainId")])
    finally:
        await transport.drop("the test is over")
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert place.partition(":")[0] not in str(caught.value)
    assert KEY not in str(caught.value)
    return str(caught.value)


@KINDS
@pytest.mark.parametrize("said", NO_NODE.values(), ids=NO_NODE.keys())
async def test_exchange__with_a_server_that_is_no_node__is_unavailable(
    kind: Kind, said: bytes
) -> None:
    async with server(said) as port:
        assert "endpoint 0" in await failure(kind, f"127.0.0.1:{port}")


@KINDS
async def test_exchange__nobody_listens__says_so(kind: Kind) -> None:
    async with server(b"") as port:
        pass
    said = await failure(kind, f"127.0.0.1:{port}")
    assert said == "endpoint 0 refuses connections: check that it runs, and the port of its URL"


@KINDS
async def test_exchange__host_is_unknown__says_so(kind: Kind) -> None:
    assert "its host name is unknown" in await failure(kind, "nobody.invalid:80")


@KINDS
async def test_exchange__no_tls_there__says_so(kind: Kind) -> None:
    async with server(OK + LENGTH) as port:
        assert "it speaks no TLS" in await failure(kind, f"127.0.0.1:{port}", tls=True)


def test_not_reached__certificate_that_nobody_vouches_for__says_so() -> None:
    key = ConnectionKey("host", 443, True, True, None, None, None)
    error = aiohttp.ClientConnectorCertificateError(
        key, ssl.SSLCertVerificationError("self-signed")
    )
    said = str(not_reached("endpoint 0", error))
    assert said.startswith("endpoint 0 cannot be reached: its certificate is not one to trust")
    assert "host" not in said
