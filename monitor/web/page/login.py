"""Logging in on the page: the token once, then a cookie that is not the token."""

import re
from urllib.parse import parse_qs

from aiohttp import web

from monitor.web.answer import body_of, elsewhere
from monitor.web.guards import LOGIN, is_of_this_page
from monitor.web.headers import PAGE_HEADERS, choose
from monitor.web.page.stationery import Stationery
from monitor.web.sessions import COOKIE, LASTING_SECONDS, WAIT_SECONDS, Sessions

_OURS = re.compile(r"/(account/0x[0-9A-Fa-f]{40})?")
"""Where a login may lead: nowhere else, whatever a link says."""
WRONG = "That is not the token. Expected the text of the file that http.token_file names."
TOO_OFTEN = f"Too many wrong tokens: wait {WAIT_SECONDS:g} seconds, then try again."
FOREIGN = "This form was not sent by this page: open the page anew and log in there."


class Login:
    """`/login` and `/logout`."""

    def __init__(self, sessions: Sessions, stationery: Stationery) -> None:
        self._sessions = sessions
        self._stationery = stationery

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(LOGIN, self._form),
            web.post(LOGIN, self._log_in),
            web.post("/logout", self._log_out),
        ]

    async def _form(self, request: web.Request) -> web.Response:
        return self._written(_destination(request.query.get("next", "")))

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        given = parse_qs((await body_of(request)).decode("utf-8", "replace"))
        destination = _destination(given.get("next", [""])[0])
        peer = request.remote or ""
        if not is_of_this_page(request):
            return self._written(destination, FOREIGN, 403)
        secret = self._sessions.log_in(given.get("token", [""])[0].strip(), peer)
        if secret is None and self._sessions.must_wait(peer):
            return self._written(destination, TOO_OFTEN, 429)
        if secret is None:
            return self._written(destination, WRONG, 403)
        self._sessions.log_out(request.cookies.get(COOKIE, ""))  # the one before it, if any
        response = elsewhere(destination)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=LASTING_SECONDS,
            path="/",
            httponly=True,
            samesite="Strict",
            # What the browser says of its own address; what a proxy says of it may be anybody's.
            secure=request.headers.get("Origin", "").startswith("https://"),
        )
        return response

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        self._sessions.log_out(request.cookies.get(COOKIE, ""))
        response = elsewhere(LOGIN)
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
        return response

    def _written(self, destination: str, wrong: str = "", status: int = 200) -> web.Response:
        context = {"next": destination, "wrong": wrong, "has_login": False}
        text = self._stationery.page("login", context)
        response = web.Response(text=text, status=status, content_type="text/html")
        choose(response, PAGE_HEADERS)
        if status == 429:
            response.headers["Retry-After"] = f"{WAIT_SECONDS:.0f}"
        return response


def _destination(wanted: str) -> str:
    return wanted if _OURS.fullmatch(wanted) else "/"
