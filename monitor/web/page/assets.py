"""What the page is made of beside its words: style, scripts, a picture. Served by one name each."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files

from aiohttp import web

from monitor.web.headers import ASSET_HEADERS, choose

FOLDER = "/assets"
MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
LEAST_PACKED_BYTES = 1024
PIECE_BYTES = 64 * 1024
_SHOWN_OF_DIGEST = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """`read` is called once, when it is first asked for. `version` changes whenever it does."""

    media_type: str
    version: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Packed:
    """An asset in memory, as it is and by gzip; `packed` is empty where that gains nothing."""

    plain: bytes
    packed: bytes


class Assets:
    """All there are. The address of one names its version, so a browser may keep it for good."""

    def __init__(self) -> None:
        self._assets: dict[str, Asset] = {}
        self._packed: dict[str, Packed] = {}
        for entry in files("monitor.web.page").joinpath("assets").iterdir():
            media_type = MEDIA_TYPES.get(entry.name.rpartition(".")[2])
            if media_type is not None:
                body = entry.read_bytes()
                version = hashlib.sha256(body).hexdigest()[:_SHOWN_OF_DIGEST]
                self.add(entry.name, Asset(media_type, version, partial(bytes, body)))

    def add(self, name: str, asset: Asset) -> None:
        self._assets[name] = asset

    def url(self, name: str) -> str:
        """Raises KeyError for a name that is none: a page with a hole must not be made."""
        return f"{FOLDER}/{name}?v={self._assets[name].version}"

    def routes(self) -> list[web.RouteDef]:
        return [web.get(f"{FOLDER}/{{name}}", self._serve)]

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        asset = self._assets.get(name)
        if asset is None:
            raise web.HTTPNotFound()
        found = self._packed.get(name)
        if found is None:
            found = self._packed[name] = await asyncio.to_thread(_pack, asset)
        is_packed = bool(found.packed) and "gzip" in request.headers.get("Accept-Encoding", "")
        body = found.packed if is_packed else found.plain
        response = web.Response(body=_pieces(body), content_type=asset.media_type, charset="utf-8")
        response.headers["Content-Length"] = str(len(body))
        if request.query.get("v") == asset.version:
            choose(response, ASSET_HEADERS)
        if found.packed:
            response.headers["Vary"] = "Accept-Encoding"
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        return response


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """Anybody may ask for these, and read slowly: nobody is lent a copy of all of it."""
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def _pack(asset: Asset) -> Packed:
    plain = asset.read()
    packed = gzip.compress(plain, mtime=0) if len(plain) >= LEAST_PACKED_BYTES else b""
    return Packed(plain, packed)
