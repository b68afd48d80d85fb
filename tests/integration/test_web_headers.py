"""What every answer tells a browser, on every way to one."""

import re

import aiohttp
import pytest
from asking import ACCOUNT, EMPTY_WORLD, Client, serving

from monitor.errors import QuestionError, StoreUnavailable

TOKEN = "a-token-of-some-length"
STRICT = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "cascade-monitor",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SHOCK = b'{"shocks": {"WETH": -0.3}}'


async def check(
    client: Client, status: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> None:
    url = f"http://127.0.0.1:{client.port}{path}"
    timeout = aiohttp.ClientTimeout(sock_read=5)
    async with client.session.request(
        method, url, data=body, headers=headers, timeout=timeout
    ) as answer:
        assert answer.status == status, path
        for name, value in STRICT.items():
            assert answer.headers.getall(name, []) == [value], f"{path}: {name}"
        (policy,) = answer.headers.getall("Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert not [
            value for value in answer.headers.values() if re.search(r"aiohttp|Python", value)
        ]


async def test_headers__of_every_route_and_every_error__are_strict() -> None:
    async with serving() as client:
        client.answers.told = EMPTY_WORLD
        _, described = await client.get("/api/v1/openapi.json")
        paths = {path: list(methods) for path, methods in described["paths"].items()}
        assert "/api/v1/stream" in paths
        for path, methods in paths.items():
            asked = path.replace("{account}", ACCOUNT).replace("{scenario}", "x")
            for method in methods:
                await check(client, 200, method, asked, SHOCK if method == "post" else None)
            await check(client, 405, "DELETE", asked)
            await check(client, 405, "OPTIONS", asked, Origin=f"http://127.0.0.1:{client.port}")
            await check(client, 403, "GET", asked, Host="evil.example")
            await check(client, 403, "POST", asked, SHOCK, Origin="https://evil.example")
            if methods == ["get"] and path.startswith("/api/"):
                await check(client, 400, "GET", f"{asked}?nonsense=1")
        pages = ("/", f"/account/{ACCOUNT}", "/page/update", "/page/figures/loops")
        for path in (*pages, "/healthz", "/readyz", "/metrics"):
            await check(client, 200, "GET", path)
            await check(client, 200, "HEAD", path)
            await check(client, 403, "GET", path, Host="evil.example")
        await check(client, 404, "GET", "/favicon.ico")
        await check(client, 413, "POST", "/api/v1/project", b" " * 70_000)
        await check(client, 417, "GET", "/", Expect="the unexpected")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (QuestionError("gone", 410), 410),
        (StoreUnavailable("away"), 503),
        (RuntimeError("a bug"), 500),
    ],
)
async def test_headers__of_answers_that_fail__are_strict(fault: Exception, status: int) -> None:
    async with serving() as client:
        client.answers.fault = fault
        await check(client, status, "GET", "/api/v1/status")
        await check(client, status, "POST", "/api/v1/project", SHOCK)


async def test_headers__without_the_token__are_strict() -> None:
    async with serving(TOKEN) as client:
        for path in ("/", "/api/v1/status", "/api/v1/stream", "/nothing"):
            await check(client, 401, "GET", path)
        for path in ("/healthz", "/readyz", "/metrics"):
            await check(client, 200, "GET", path)
