"""Secrets that give themselves away: each part of each holds a mark, however it is told."""

import base64
import gzip
import re
from pathlib import Path
from urllib.parse import quote

MARK = "S3cR3T"
SIGNING_KEY = f"whsec_{base64.b64encode(f'{MARK}-signs-{MARK}-bodies-'.encode()).decode()}"


def url(scheme: str, port: int, place: str, *, what: str = "") -> str:
    """One with a mark in everything but scheme, host and port; `what`: the end of its path."""
    marked = f"{MARK}-{place}"
    return (
        f"{scheme}://{marked}-user:{marked}%2Fword@127.0.0.1:{port}/{marked}-of-some-length/{what}"
        f"?key={marked}%2Fquery"
    )


def _forms() -> list[str]:
    """The mark as it is, in hex, percent-encoded, and in base64 wherever it begins."""
    forms = [MARK, MARK.encode().hex(), "".join(f"%{byte:02x}" for byte in MARK.encode())]
    for before in range(3):
        text = base64.b64encode(b"\0" * before + MARK.encode()).decode()
        # The characters that hold nothing but the mark.
        forms.append(text[-(-before * 4 // 3) : (before + len(MARK)) * 4 // 3])
    return [*forms, quote(MARK)]


_MARKED = re.compile("|".join(map(re.escape, _forms())).encode(), re.IGNORECASE)


def marks_in(told: str | bytes) -> list[str]:
    """Where a mark is in what was told, with what stands around it."""
    data = told.encode() if isinstance(told, str) else told
    return [
        data[max(0, found.start() - 60) : found.end() + 20].decode(errors="replace")
        for found in _MARKED.finditer(data)
    ]


def marks_under(folder: Path) -> dict[str, list[str]]:
    """The same of all files in a folder, by path; packed ones unpacked."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_socket():
            data = path.read_bytes()
            marks = marks_in(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
            if marks:
                found[str(path)] = marks
    return found
