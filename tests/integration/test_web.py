"""The HTTP face over a real socket, with answers that a test can set."""

from collections.abc import AsyncIterator

import pytest
from asking import ACCOUNT, EMPTY_WORLD, Client, FakeAnswers, serving
from prometheus_client import CollectorRegistry

from monitor.core.ports import Probe
from monitor.errors import ConfigError, QuestionError, StoreUnavailable
from monitor.metrics import Labels, Metrics
from monitor.simulation.options import Options
from monitor.web.server import WebServer
from monitor.web.stream import Stream

TOKEN = "a-token-of-some-length"


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with serving() as found:
        yield found


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/status", "status"),
        ("/api/v1/cascade/eth-crash", "eth-crash"),
        ("/api/v1/breakers", "breakers"),
        ("/api/v1/alerts", 100),
        ("/api/v1/alerts?limit=1000", 1000),
    ],
)
async def test_api__a_question__reaches_the_port(client: Client, path: str, asked: object) -> None:
    assert await client.get(path) == (200, {"asked": asked})


async def test_positions__all_filters__reach_the_port(client: Client) -> None:
    query = f"market=m&account={ACCOUNT}&owner={ACCOUNT}&min_debt_usd=1000.50"
    query += "&liquidatable=false&cursor=c&limit=7"
    assert await client.get(f"/api/v1/positions?{query}") == (
        200,
        {
            "asked": {
                "market": "m",
                "account": ACCOUNT.lower(),
                "owner": ACCOUNT.lower(),
                "min_debt_usd": "1000.50",
                "liquidatable": False,
                "cursor": "c",
                "limit": 7,
            }
        },
    )


async def test_claims__all_filters__reach_the_port(client: Client) -> None:
    assert await client.get("/api/v1/claims?asset=wstETH&cursor=c&limit=7") == (
        200,
        {"asked": {"asset": "wstETH", "cursor": "c", "limit": 7}},
    )


async def test_loops__all_filters__reach_the_port(client: Client) -> None:
    query = f"owner={ACCOUNT}&market=m&kind=correlated&min_leverage=2.5&cursor=c&limit=7"
    assert await client.get(f"/api/v1/loops?{query}") == (
        200,
        {
            "asked": {
                "owner": ACCOUNT.lower(),
                "market": "m",
                "kind": "correlated",
                "min_leverage": "2.5",
                "cursor": "c",
                "limit": 7,
            }
        },
    )


async def test_positions__of_one_account__in_any_case(client: Client) -> None:
    _, answer = await client.get(f"/api/v1/positions/{ACCOUNT}")
    assert answer["asked"]["account"] == ACCOUNT.lower()


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("positions?limt=1", 400, "unknown parameter 'limt': expected market, account, owner"),
        ("status?x=1", 400, "unknown parameter 'x': expected none"),
        ("positions?limit=0", 400, "limit = '0': expected an integer from 1 to 1000"),
        ("positions?limit=1001", 400, "expected an integer from 1 to 1000"),
        ("positions?limit=ten", 400, "expected an integer from 1 to 1000"),
        ("positions?limit=", 400, "expected an integer from 1 to 1000"),
        ("positions?limit=%D9%A3", 400, "expected an integer from 1 to 1000"),
        ("positions?limit=1&limit=2", 400, "limit is given more than once"),
        ("positions?liquidatable=yes", 400, "expected true or false"),
        ("positions?min_debt_usd=-1", 400, "expected a number such as"),
        ("positions?min_debt_usd=1e5", 400, "expected a number such as"),
        ("positions?min_debt_usd=nan", 400, "expected a number such as"),
        ("positions?account=0x1", 400, "account: '0x1' is not an address"),
        ("loops?kind=round", 400, "kind = 'round': expected one of rehypothecated, cross_protocol"),
        ("loops?min_leverage=-1", 400, "expected a number such as 2.5"),
        ("loops?owner=0x1", 400, "owner: '0x1' is not an address"),
        ("loops?account=0x1", 400, "unknown parameter 'account': expected owner, market, kind"),
        ("positions/vitalik", 400, "account: 'vitalik' is not an address"),
        ("nothing", 404, "no /api/v1/nothing here"),
        ("project", 405, "GET is not for /api/v1/project: expected POST"),
    ],
)
async def test_api__a_wrong_question__says_what_was_expected(
    client: Client, path: str, status: int, error: str
) -> None:
    found, answer = await client.get(f"/api/v1/{path}")
    assert found == status
    assert error in answer["error"]


async def test_api__a_cursor_of_a_block_that_is_gone__is_410(client: Client) -> None:
    client.answers.fault = QuestionError("the block of this cursor is gone: start again", 410)
    status, answer = await client.get("/api/v1/positions?cursor=x")
    assert (status, answer["error"]) == (410, "the block of this cursor is gone: start again")


async def test_api__store_away__is_503(client: Client) -> None:
    client.answers.fault = StoreUnavailable("Redis does not answer")
    status, answer = await client.get("/api/v1/alerts")
    assert (status, answer["error"]) == (503, "not now, ask again: Redis does not answer")


async def test_project__shocks_and_options__reach_the_port(client: Client) -> None:
    body = b'{"shocks": {"WETH": -0.3}, "options": {"gas_usd": 10, "unwind": true}}'
    assert await client.ask("POST", "/api/v1/project", {}, body) == (
        200,
        {"asked": [{"WETH": -0.3}, {"gas_usd": 10, "unwind": True}]},
    )


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "the body: Input data was truncated"),
        (b"{", 400, "the body: Input data was truncated"),
        (b'{"shocks": {"W": NaN}}', 400, "the body: JSON is malformed"),
        (b"\xff", 400, "the body: JSON is malformed"),
        (b'{"shocks": {"\xff": 1}}', 400, "the body:"),
        (b"[" * 60_000, 400, "the body: Expected `object`, got `array`"),
        (b'{"shocks":{"W":' + b"[" * 60_000, 400, "$.shocks[...]`"),
        (b'{"x":' + b"[" * 60_000, 400, "unknown field `x`"),
        (b"{}", 400, "missing required field `shocks`"),
        (b'{"shocks": {}}', 400, "shocks is empty: expected an object"),
        (b'{"shocks": {"W": 1}, "options": []}', 400, "$.options`"),
        (b'{"shock": {"W": 1}}', 400, "unknown field `shock`"),
        (b" " * 65_537, 413, "at most 64 KiB"),
    ],
)
async def test_project__a_wrong_body__says_what_was_expected(
    client: Client, body: bytes, status: int, error: str
) -> None:
    found, answer = await client.ask("POST", "/api/v1/project", {}, body)
    assert found == status
    assert error in answer["error"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probe__all_well__is_200(client: Client, path: str) -> None:
    assert await client.get(path) == (200, {"ok": True, "reasons": []})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probe__not_well__is_503_with_reasons(client: Client, path: str) -> None:
    client.answers.probe = Probe(ok=False, reasons=("head is 70 s old (limit 60)",))
    assert await client.get(path) == (
        503,
        {"ok": False, "reasons": ["head is 70 s old (limit 60)"]},
    )


async def test_metrics__scraped__are_prometheus_text(client: Client) -> None:
    async with client.session.get(f"http://127.0.0.1:{client.port}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        assert "cascade_monitor_head_block NaN" in await response.text()


async def test_openapi__described__is_what_is_served(client: Client) -> None:
    _, described = await client.get("/api/v1/openapi.json")
    assert described["openapi"].startswith("3.")
    posted = described["paths"]["/api/v1/project"]["post"]["requestBody"]["content"]
    options = posted["application/json"]["schema"]["properties"]["options"]
    assert list(options["properties"]) == list(Options().as_dict())
    for path, operations in described["paths"].items():
        for method in operations:
            concrete = path.replace("{account}", ACCOUNT).replace("{scenario}", "x")
            if path in ("/api/v1/stream", "/metrics"):
                continue  # the one never ends (test_web_stream.py), the other is no JSON
            body = b'{"shocks": {"WETH": -0.3}}' if method == "post" else None
            assert (await client.ask(method.upper(), concrete, {}, body))[0] == 200


async def test_openapi__with_a_token__asks_for_it_everywhere_but_of_probes(client: Client) -> None:
    _, described = await client.get("/api/v1/openapi.json")
    assert {} in described["security"]
    async with serving(TOKEN) as guarded:
        _, described = await guarded.get("/api/v1/openapi.json", Authorization=f"Bearer {TOKEN}")
    assert described["security"] == [{"token": []}, {"session": []}]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert ("401" in operation["responses"]) == path.startswith("/api/")
            assert operation.get("security") == (None if path.startswith("/api/") else [{}])


async def test_page__in_a_browser__lists_the_questions(client: Client) -> None:
    client.answers.told = EMPTY_WORLD
    async with client.session.get(f"http://127.0.0.1:{client.port}/") as response:
        page = await response.text()
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert 'href="/api/v1/status"' in page
    assert "/api/v1/positions/{account}" in page


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9464", "localhost.evil.example", ""]
)
async def test_guard__a_name_that_is_not_ours__is_403(client: Client, host: str) -> None:
    for path in ("/api/v1/status", "/metrics", "/healthz", "/"):
        status, answer = await client.get(path, Host=host)
        assert status == 403
        assert "Host header" in answer["error"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:9464"])
async def test_guard__a_name_of_this_machine__is_answered(client: Client, host: str) -> None:
    assert (await client.get("/api/v1/status", Host=host))[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:3000", "null"])
async def test_guard__a_page_of_another_origin__may_not_ask(client: Client, origin: str) -> None:
    body = b'{"shocks": {"WETH": -0.3}}'
    status, _ = await client.ask("POST", "/api/v1/project", {"Origin": origin}, body)
    assert status == 403


async def test_guard__no_origin_is_ever_granted__no_cors_header(client: Client) -> None:
    async with client.session.get(f"http://127.0.0.1:{client.port}/api/v1/status") as response:
        assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("header", ["", "Bearer", f"Bearer {TOKEN}x", "Bearer \xe4", TOKEN])
async def test_token__wrong_or_missing__is_401(header: str) -> None:
    async with serving(TOKEN) as client:
        for path in ("/", "/api/v1/status", "/api/v1/openapi.json", "/nothing"):
            status, _ = await client.get(path, Authorization=header)
            assert status == 401


async def test_token__right__is_answered_under_any_name() -> None:
    async with serving(TOKEN) as client:
        headers = {"Authorization": f"Bearer {TOKEN}", "Host": "monitor.example"}
        assert (await client.ask("GET", "/api/v1/status", headers))[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_token__probes__need_none(path: str) -> None:
    async with serving(TOKEN) as client:
        assert (await client.get(path, Host="10.0.0.7:9464"))[0] == 200


async def test_server__port_taken__says_what_to_do(client: Client) -> None:
    metrics = Metrics(CollectorRegistry(), Labels(), version="0.1.0")
    server = WebServer(FakeAnswers(), metrics, Stream(), version="0.1.0")
    with pytest.raises(ConfigError, match=r"the port is taken.*set http\.listen to a free port"):
        await server.start("127.0.0.1", client.port)


async def test_server__stopped__gives_the_port_back() -> None:
    async with serving() as first:
        port = first.port
    metrics = Metrics(CollectorRegistry(), Labels(), version="0.1.0")
    server = WebServer(FakeAnswers(), metrics, Stream(), version="0.1.0")
    assert await server.start("127.0.0.1", port) == port
    await server.stop()
