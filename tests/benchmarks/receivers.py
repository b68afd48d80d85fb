"""Receivers in a process of their own: `python -m benchmarks.receivers <number of each kind>...`.

Kinds, in this order: healthy ones answer 200 at once; slow ones after half a second; broken ones
answer 500; stuck ones never answer. Says their URLs as one line of JSON, and ends with its input.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web

SLOW_SECONDS = 0.5
Respond = Callable[[web.Request], Awaitable[web.Response]]


async def healthy(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


async def slow(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(SLOW_SECONDS)
    return web.Response()


async def broken(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=500)


async def stuck(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(3600)
    return web.Response()


async def serve(counts: list[int]) -> None:
    urls = []
    for respond, count in zip((healthy, slow, broken, stuck), counts, strict=True):
        for _ in range(count):
            app = web.Application()
            app.router.add_post("/", respond)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    sys.stdout.write(json.dumps(urls) + "\n")
    sys.stdout.flush()
    # Not closed one by one: the stuck ones would be waited for.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve([int(count) for count in sys.argv[1:]]))
