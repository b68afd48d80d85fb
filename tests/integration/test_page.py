"""The status page over a real socket: what it is made of, and who is let in."""

import gzip
import json
import re

import aiohttp
import pytest
from asking import ACCOUNT, BLOCK, EMPTY_WORLD, Client, serving, wired

from monitor.core.ports import Probe
from monitor.errors import QuestionError, StoreUnavailable
from monitor.web.page.assets import PIECE_BYTES
from monitor.web.reception import Reception
from monitor.web.sessions import COOKIE, MOST_WRONG

TOKEN = "a-token-of-some-length"
HTML = {"Accept": "text/html"}
NOT_YET = Probe(False, ("starting: the state is not loaded, or no head is known yet",))


async def text_of(client: Client, path: str, **headers: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{client.port}{path}"
    async with client.session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def test_page__before_the_first_block__says_why_there_is_nothing() -> None:
    async with serving() as client:
        client.answers.fault = QuestionError("no block has been applied yet", 503)
        client.answers.probe = NOT_YET
        status, page = await text_of(client, "/")
        assert status == 200
        assert 'data-mood="busy"' in page
        assert "the state is not loaded" in page
        status, page = await text_of(client, f"/account/{ACCOUNT}")
        assert status == 200
        assert "no block has been applied yet" in page


async def test_page__while_the_store_is_away__stands() -> None:
    async with serving() as client:
        client.answers.fault = StoreUnavailable("away")
        client.answers.probe = Probe(False, ("the store cannot be read",))
        status, page = await text_of(client, "/")
        assert (status, "the store cannot be read" in page) == (200, True)


async def test_page__what_strangers_named__is_escaped() -> None:
    async with serving() as client:
        evil = "<img src=x onerror=alert(1)>"
        market = dict.fromkeys(("collateral_usd", "collateral_net_usd", "debt_usd"), "1.00")
        row = {"market": evil, "positions": 0, "at_risk_usd": None, **market}
        status = EMPTY_WORLD["status"] | {"markets": [row], "unknown": [evil]}
        client.answers.told = EMPTY_WORLD | {"status": status}
        _, page = await text_of(client, "/")
        assert "<img" not in page
        assert "&lt;img src=x" in page
        _, page = await text_of(client, '/account?address="><script>alert(1)</script>')
        assert "<script>alert" not in page


async def test_page__while_no_scenario_can_be_projected__says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    why = "no asset is called 'WETH': expected one of <b>x</b>"
    common = {"block": BLOCK, "document": None, "fault": why}
    curve = {"asset": "WETH", "to": "-0.5", "steps": 5}
    rows: list[dict[str, object]] = [
        {"name": "crash", "shocks": {"WETH": -0.3}, "curve": None, **common},
        {"name": "curve", "shocks": {}, "curve": curve, **common},
    ]

    async def judged() -> list[dict[str, object]]:
        return rows

    async with serving() as client:
        client.answers.told = EMPTY_WORLD
        monkeypatch.setattr(client.answers, "judged", judged)
        for number, shown in enumerate((rows[:], rows[:1], rows[1:])):
            rows[:] = shown
            client.stream.tell_block(BLOCK | {"number": number})
            status, page = await text_of(client, "/")
            assert status == 200
            assert "no asset is called" in page
            assert "<b>x" not in page
            assert "$0" not in page


async def test_update__of_what_a_browser_has__is_empty() -> None:
    async with serving() as client:
        client.answers.told = EMPTY_WORLD
        _, page = await text_of(client, "/")
        digests = re.findall(r'data-section="(\w+)" data-digest="(\w+)"', page)
        assert {"verdict", "danger", "monitor"} <= {name for name, _ in digests}
        _, update = await client.get(f"/page/update?have={','.join(d for _, d in digests[1:])}")
        name, digest = digests[0]
        assert list(update["sections"]) == [name]
        assert update["sections"][name]["digest"] == digest
        assert update["block"] == {"number": BLOCK["number"], "timestamp": BLOCK["timestamp"]}


@pytest.mark.parametrize("asked", ["", "0x12", "0x" + "g" * 40, ACCOUNT + "0", "ACCOUNT%00"])
async def test_account__that_is_no_address__is_400_with_words(asked: str) -> None:
    async with serving() as client:
        status, page = await text_of(client, f"/account?address={asked}")
        assert (status, "That is no address" in page) == (400, True)
        status, told = await client.get(f"/page/update?account={asked}")
        assert (status, "address" in told["error"]) == (400, True)


async def test_assets__by_their_version__are_kept_for_good_and_packed() -> None:
    async with serving() as client:
        client.answers.told = EMPTY_WORLD
        _, page = await text_of(client, "/")
        addresses = set(re.findall(r'(?:src|href|data-plotly)="(/assets/[^"]+)"', page))
        assert {address.partition("?")[0] for address in addresses} == {
            f"/assets/{name}"
            for name in ("favicon.svg", "theme.js", "page.css", "live.js", "figures.js")
        } | {"/assets/figures.css", "/assets/plotly.min.js"}
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            for address in addresses:
                url = f"http://127.0.0.1:{client.port}{address}"
                async with session.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                    assert answer.status == 200, address
                    assert "immutable" in answer.headers["Cache-Control"]
                    packed = await answer.read()
                async with session.get(url, headers={"Accept-Encoding": "identity"}) as answer:
                    plain = await answer.read()
                if len(plain) > 1024:
                    assert gzip.decompress(packed) == plain
                async with session.get(url.partition("?")[0]) as answer:
                    assert answer.headers["Cache-Control"] == "no-store"
        assert (await text_of(client, "/assets/secret.py"))[0] == 404
        assert (await text_of(client, "/assets/..%2fviews.py"))[0] == 404


async def test_assets__taken_slowly__are_not_held_for_each() -> None:
    async with serving(TOKEN) as client, wired(client.port) as wire:
        await wire.say(b"GET /assets/plotly.min.js HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await wire.reader.readuntil(b"\r\n\r\n")
        length = int(re.findall(rb"Content-Length: (\d+)", head)[0])
        assert length > 4_000_000
        server = client.server._runners[0].server
        assert isinstance(server, Reception)
        (guest,) = server.connections
        assert guest.transport is not None
        assert guest.transport.get_write_buffer_size() < 4 * PIECE_BYTES
        assert len(await wire.reader.readexactly(length)) == length


async def log_in(client: Client, token: str, **headers: str) -> aiohttp.ClientResponse:
    url = f"http://127.0.0.1:{client.port}/login"
    origin = {"Origin": f"http://127.0.0.1:{client.port}"}
    return await client.session.post(
        url, data={"token": token, "next": "/"}, headers=origin | headers, allow_redirects=False
    )


async def test_login__opens_a_session__that_a_cookie_of_no_use_elsewhere_holds() -> None:
    async with serving(TOKEN) as client:
        client.answers.told = EMPTY_WORLD
        status, _ = await text_of(client, "/", **HTML)
        assert status == 303
        answer = await log_in(client, TOKEN)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        told = answer.headers["Set-Cookie"]
        assert all(word in told for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
        assert "Secure" not in told
        secret = answer.cookies[COOKIE].value
        assert TOKEN not in secret
        cookie = {"Cookie": f"{COOKIE}={secret}"}
        for path in ("/", "/api/v1/status", "/page/update"):
            assert (await text_of(client, path, **cookie))[0] == 200
        # A header that is wrong is not made good by a cookie.
        assert (await text_of(client, "/", **cookie, Authorization="Bearer no"))[0] == 401
        assert (await text_of(client, "/", Cookie=f"{COOKIE}=other"))[0] == 401


async def test_login__over_https__is_for_https_alone() -> None:
    async with serving(TOKEN) as client:
        host = f"127.0.0.1:{client.port}"
        answer = await log_in(client, TOKEN, Origin=f"https://{host}")
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_cookie__of_a_page_elsewhere__posts_nothing(headers: dict[str, str]) -> None:
    async with serving(TOKEN) as client:
        secret = (await log_in(client, TOKEN)).cookies[COOKIE].value
        cookie = {"Cookie": f"{COOKIE}={secret}"}
        body = json.dumps({"shocks": {"WETH": -0.3}}).encode()
        assert (await client.ask("POST", "/api/v1/project", cookie | headers, body))[0] == 403
        assert (await client.ask("POST", "/logout", cookie | headers))[0] == 403
        own = {"Sec-Fetch-Site": "same-origin"}
        assert (await client.ask("POST", "/api/v1/project", cookie | own, body))[0] == 200
        assert (await log_in(client, TOKEN, **headers)).status == 403


async def test_login__by_guessing__has_to_wait_and_keeps_nobody_out() -> None:
    async with serving(TOKEN) as client:
        for _ in range(MOST_WRONG):
            assert (await log_in(client, "guess")).status == 403
        answer = await log_in(client, "guess")
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "60"
        # Behind a proxy the one who guesses and the one who knows are the same peer.
        assert (await log_in(client, TOKEN)).status == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/x"]
)
async def test_login__leads__nowhere_else(wanted: str) -> None:
    async with serving(TOKEN) as client:
        url = f"http://127.0.0.1:{client.port}/login"
        answer = await client.session.post(
            url,
            data={"token": TOKEN, "next": wanted},
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        )
        assert answer.headers["Location"] == "/"


async def test_logout__ends_the_session() -> None:
    async with serving(TOKEN) as client:
        secret = (await log_in(client, TOKEN)).cookies[COOKIE].value
        cookie = {"Cookie": f"{COOKIE}={secret}"}
        own = {"Sec-Fetch-Site": "same-origin"}
        url = f"http://127.0.0.1:{client.port}/logout"
        answer = await client.session.post(url, headers=cookie | own, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
        assert (await text_of(client, "/api/v1/status", **cookie))[0] == 401
