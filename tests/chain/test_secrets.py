"""Secrets are in nothing that is told or kept: planted in every key, and looked for everywhere."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from daemon_process import DaemonProcess, command, daemon_process
from devnet.configuration import CALM, OWN_TIME
from fault_proxy import FaultProxy
from redis_server import RedisServer
from secret_marks import MARK, SIGNING_KEY, marks_in, marks_under, url
from stage import Stage, free_port, slide

from monitor.errors import ConfigError
from monitor.settings import load

TOKEN = f"{MARK}-http-token"
FAILING = ("redirect", "gone", "error", "tls", "refused", "alertmanager", "pagerduty", "apprise")
BUG = """
import sys, monitor.app
def broken(settings):
    raise RuntimeError("cannot do " + " ".join(settings.secrets()))
monitor.app.parts_of = broken
from monitor.__main__ import main
main()
"""


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A receiver that gives back all it is told, in every way there is; its port."""

    async def handle(request: web.Request) -> web.Response:
        told = f"{request.url} {dict(request.headers)} {await request.text()}"
        what = request.path.rpartition("/")[2]
        code = {"redirect": 307, "gone": 410, "pagerduty": 400, "fine": 200}.get(what, 500)
        said = told.encode("ascii", "backslashreplace").decode().replace("\n", " ")[:3000]
        headers = {"Location": str(request.url), "X-Error": said, "Retry-After": "1"}
        return web.Response(status=code, text=told, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@dataclass
class Place:
    """A world whose daemon knows secrets alone. `told` is what was said, by whom."""

    stage: Stage
    config: Path
    port: int
    redis: RedisServer
    redis_settings: tuple[str, ...]
    told: dict[str, str] = field(default_factory=dict)

    async def run(self, *arguments: str, **environ: str) -> int:
        ended = await command(*arguments, environ=environ)
        name = " ".join((*arguments, *environ.values()))
        self.told |= {f"{name}: out": ended.out, f"{name}: err": ended.err}
        return ended.code

    async def ask(self, path: str, *, with_token: bool = True, body: Any = None) -> int:
        headers = {"Authorization": f"Bearer {TOKEN}"} if with_token else {}
        address = f"http://127.0.0.1:{self.port}{path}"
        method = "GET" if body is None else "POST"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, address, headers=headers, json=body) as answer,
        ):
            name = f"{method} {path} {with_token}"
            self.told |= {name: await answer.text(), f"{name}: headers": str(dict(answer.headers))}
            return answer.status


def webhooks(port: int, secret_file: Path) -> str:
    """A receiver for each way to fail, and one that does not."""
    tables = [
        f'name = "{name}"\nurl = "{where}"\nsecret_file = "{secret_file}"'
        for name, where in {
            "redirect": url("http", port, "redirect", what="redirect"),
            "gone": url("http", port, "gone", what="gone"),
            "error": url("http", port, "error", what="error"),
            "tls": url("https", port, "tls"),
            "refused": url("http", free_port(), "refused"),
            "fine": url("http", port, "fine", what="fine"),
        }.items()
    ]
    tables += [
        f'name = "alertmanager"\nformat = "alertmanager"\nbearer = "{MARK}-bearer"\n'
        f'url = "{url("http", port, "alertmanager")}"',
        f'name = "pagerduty"\nformat = "pagerduty"\nrouting_key = "{MARK}-routing"\n'
        f'url = "{url("http", port, "pagerduty", what="pagerduty")}"',
        f'name = "apprise"\nformat = "apprise"\nurl = "{url("json", port, "apprise")}"',
    ]
    return "\n".join(f"[[webhooks]]\n{table}\nallow_private = true\n" for table in tables)


@contextmanager
def service_manager(told: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `systemctl status` would be told by a daemon that starts within."""
    name = f"cascade-monitor-secrets-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(f"\0{name}")
        notified.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(notified, lambda: told.append(notified.recv(65_536).decode()))
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        try:
            yield
        finally:
            monkeypatch.delenv("NOTIFY_SOCKET")
            loop.remove_reader(notified)


@pytest.fixture
async def place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    folder = stage.folder / "secrets"
    folder.mkdir()
    (folder / "signing").write_text(f"{SIGNING_KEY}\n{SIGNING_KEY}\n")
    (folder / "token").write_text(TOKEN)
    redis_port, password = free_port(), f"{MARK}-redis-word"
    settings = ("--port", str(redis_port), "--bind", "127.0.0.1", "--requirepass", password)
    server = RedisServer(stage.folder)
    world = stage.world
    async with echo() as port, FaultProxy(world.anvil.http_url, world.anvil.ws_url) as proxy:
        config, own_port = stage.config(
            webhook_url="",
            endpoints=(url("http", free_port(), "node"), url("http", proxy.port, "proxy")),
            more=webhooks(port, folder / "signing"),
            blindness=CALM | OWN_TIME,
        )
        with config.open("a") as file:
            file.write(f'token_file = "{folder / "token"}"\n')
        # By the environment: what a mark in a file is looked for in would hold it otherwise.
        monkeypatch.setenv(
            "CASCADE_MONITOR_STORE__URL", f"redis://:{password}@127.0.0.1:{redis_port}"
        )
        monkeypatch.setenv("CASCADE_MONITOR_DEADMAN__URL", url("http", port, "deadman"))
        monkeypatch.setenv("CASCADE_MONITOR_DEADMAN__ALLOW_PRIVATE", "true")
        monkeypatch.setenv("CASCADE_MONITOR_DEADMAN__EVERY_SECONDS", "1")
        server.start(*settings)
        try:
            yield Place(stage, config, own_port, server, settings)
        finally:
            server.stop()


async def test_secrets__of_every_key_under_every_failure__are_told_nowhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = str(place.config)
    notes: list[str] = []
    assert await place.run("check", "--send-test", "--config", config) == 1
    with service_manager(notes, monkeypatch):
        await live(place)
    assert any(note.startswith("STATUS=") for note in notes)
    place.told["service manager"] = "\n".join(notes)
    await tell_the_rest(place, config)
    place.redis.stop()
    assert not {name: marks for name, told in place.told.items() if (marks := marks_in(told))}
    left = marks_under(place.stage.folder)
    # Where they were given, and nowhere else: not in logs, nor in what Redis was ever told.
    given = {place.config, *(place.stage.folder / "secrets").iterdir()}
    assert left.keys() == {str(path) for path in given}


async def live(place: Place) -> None:
    """A daemon's life, with a store that dies in it."""
    async with daemon_process(place.config, place.port) as daemon:
        await follow_until_it_fires(place, daemon)
        await everything_it_answers(place)
        place.redis.kill()
        await daemon.says("/readyz", '"ok": false')
        await place.ask("/readyz", with_token=False)
        place.redis.start(*place.redis_settings)
        await daemon.says("/readyz", "true")


async def tell_the_rest(place: Place, config: str) -> None:
    """What commands say and write beside a stopped daemon."""
    words = ["status --json", "alerts --json", "alerts --dead --json"]
    files = {"store backup": "up", "snapshot": "ot", "positions": "p.csv", "loops": "l.csv"}
    words += [f"{what} -o {place.stage.folder}/file-{name}" for what, name in files.items()]
    last = (await place.stage.world.head()).number
    blocks = f"--from-block {last - 1} --to-block {last}"
    kept = f"-o {place.stage.folder}/report.html --record {place.stage.folder}/recording.gz"
    words.append(f"replay {blocks} {kept}")
    runs = (place.run(*each.split(), "--config", config) for each in words)
    assert await asyncio.gather(*runs) == [0] * len(words)
    await wrong_starts(place)


async def follow_until_it_fires(place: Place, daemon: DaemonProcess) -> None:
    async with asyncio.timeout(20):
        while daemon.exit_code is None:
            with suppress(aiohttp.ClientError):
                await place.ask("/healthz")
                break
            await asyncio.sleep(0.05)
    await daemon.says("/readyz", "true", seconds=30)
    for price in (1900, 1800, 1700):
        await slide(place.stage.world, price)
    async with asyncio.timeout(25):
        while True:
            _, told = await daemon.get("/metrics")
            none = [
                name
                for name in FAILING
                if f'deliveries_total{{outcome="failed",webhook="{name}"}} 0.0' in told
            ]
            if not none and 'deadman_pings_total{outcome="failed"} 0.0' not in told:
                break
            await asyncio.sleep(0.2)


async def everything_it_answers(place: Place) -> None:
    assert await place.ask("/api/v1/openapi.json") == 200
    described = json.loads(place.told["GET /api/v1/openapi.json True"])
    for path, methods in described["paths"].items():
        if path.endswith("/stream") or not path.startswith("/api/"):
            continue
        asked = path.replace("{scenario}", "eth-crash").replace("{account}", "0x" + "1" * 40)
        body = {"shocks": {"WETH": -0.1}} if "post" in methods else None
        assert await place.ask(asked, body=body) == 200
        assert await place.ask(asked, body=body, with_token=False) == 401
        await place.ask(f"{asked}?x=1")
    account = "/account/0x" + "1" * 40
    pages = ("/", account, "/account?address=x", "/page/update", "/page/update?account=x")
    figures = [f"/page/figures/{kind}?scenario=eth-crash" for kind in ("loops", "contagion", "x")]
    tables = ("/api/v1/positions?format=csv", "/api/v1/loops?format=csv")
    for path in (*pages, *figures, *tables, "/login", "/assets/live.js", "/assets/..%2fx"):
        await place.ask(path)
        await place.ask(path, with_token=False)
    for path in ("/healthz", "/readyz", "/metrics", "/nothing"):
        await place.ask(path)
        await place.ask(path, with_token=False)
    for token in (TOKEN, f"{MARK}-guessed"):
        await log_in(place, token)


async def log_in(place: Place, token: str) -> None:
    address = f"http://127.0.0.1:{place.port}"
    jar = aiohttp.CookieJar(unsafe=True)  # of an address without a name too
    async with (
        aiohttp.ClientSession(cookie_jar=jar) as session,
        session.post(
            f"{address}/login", data={"token": token}, headers={"Origin": address}
        ) as answer,
    ):
        # By its cookie, if it got one, it was sent on to the page.
        assert answer.status == (200 if token == TOKEN else 403)
        name = f"login {answer.status}"
        told = f"{answer.headers} {answer.history} {list(jar)}"
        place.told |= {name: await answer.text(), f"{name}: headers": told}


async def wrong_starts(place: Place) -> None:
    """What a command says that cannot begin; at last one with a fault that nobody foresaw."""
    config = str(place.config)
    right = os.environ["CASCADE_MONITOR_STORE__URL"]
    wrong = f"{right.rpartition(':')[0]}:{free_port()}"
    other = right.replace(f"{MARK}-redis", f"{MARK}-other")
    codes = await asyncio.gather(
        *(
            place.run("run", "--config", config, CASCADE_MONITOR_STORE__URL=address)
            for address in (wrong, other)
        )
    )
    assert codes[0] == 69
    assert codes[1] != 0
    for name, value in {
        "STORE__URL": f"postgres://{MARK}",
        "CHAIN__ENDPOINTS": f'["{MARK}"]',
        "DEADMAN__URL": f"ftp://{MARK}",
        "HTTP__TOKEN_FILE": "/nonexistent",
        "WEBHOOKS__0__SECRET": MARK,
        "WEBHOOKS__0__BEARER": MARK,
        "WEBHOOKS__7__ROUTING_KEY": f'["{MARK}"]',
        "WEBHOOKS__8__URL": f"{MARK}://[{MARK}",
        "WEBHOOKS__8__ROUTING_KEY": MARK,
    }.items():
        with pytest.raises(ConfigError) as caught:
            load(place.config, {**os.environ, f"CASCADE_MONITOR_{name}": value})
        place.told[f"{name} wrong"] = str(caught.value)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BUG, "run", "--config", config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert b"RuntimeError: cannot do" in said
    place.told["a bug"] = said.decode()
