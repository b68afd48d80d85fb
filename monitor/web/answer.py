"""JSON answers, and which failure is which status."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from monitor.errors import QuestionError, TransientError

BODY_SECONDS = 10.0


async def body_of(request: web.Request) -> bytes:
    """What was posted. Raises QuestionError where it does not come in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        raise QuestionError(
            f"the body is not here after {BODY_SECONDS:g} s: expected it with the question", 408
        ) from error


def json_answer(body: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
    )


def elsewhere(path: str) -> web.Response:
    """To be asked with GET, here."""
    return web.Response(status=303, headers={"Location": path})


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`{"error": …}` for every failure that has a name; what has none stays a 500 and is logged."""
    try:
        return await handler(request)
    except QuestionError as error:
        return json_answer({"error": str(error)}, error.status)
    except TransientError as error:
        return json_answer({"error": f"not now, ask again: {error}"}, 503)
    except web.HTTPException as error:
        answer = json_answer({"error": _reason(request, error)}, error.status)
        for name in ("Allow", "Retry-After", "WWW-Authenticate"):
            if name in error.headers:
                answer.headers[name] = error.headers[name]
        return answer


def _reason(request: web.Request, error: web.HTTPException) -> str:
    match error:
        case web.HTTPNotFound():
            return f"no {request.path} here: / lists what there is"
        case web.HTTPMethodNotAllowed():
            allowed = " or ".join(sorted(error.allowed_methods))
            return f"{error.method} is not for {request.path}: expected {allowed}"
        case web.HTTPRequestEntityTooLarge():
            return "the body is too large: expected at most 64 KiB"
        case _:
            return error.text or error.reason
