"""`?format=csv` of positions and loops over a real socket."""

import asyncio
import csv
import io
import tracemalloc
from typing import Any

import pytest
from asking import Client, serving

from monitor.errors import QuestionError
from monitor.web import exports

BLOCK = {"number": 17, "hash": "0x" + "1" * 64, "timestamp": 1_700_000_000}
LINE = {"asset": "0xA5", "symbol": "WETH", "amount": "1", "value_usd": None}
ROWS, PAGES = 1_000, 10


def a_page(first: int, count: int = ROWS) -> dict[str, Any]:
    rows = [
        {
            "market": "m",
            "sub_market": None,
            "protocol": "aave_v3",
            "account": f"0x{number:040x}",
            "owner": f"0x{number:040x}",
            "collateral": [LINE | {"used_as_collateral": True}],
            "debt": [],
            "health_factor": None,
            "liquidatable": False,
            "e_mode": 0,
        }
        for number in range(first, first + count)
    ]
    return {"block": BLOCK, "next": None, "positions": rows}


def url(client: Client, query: str = "format=csv") -> str:
    return f"http://127.0.0.1:{client.port}/api/v1/positions?{query}"


async def test_csv__of_ten_pages__is_one_table_of_all_rows() -> None:
    async with serving() as client:
        client.answers.pages = [a_page(n * ROWS) for n in range(PAGES)]
        async with client.session.get(url(client)) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == exports.CONTENT_TYPE
            assert 'filename="positions-17.csv"' in answer.headers["Content-Disposition"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            text = await answer.text()
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        assert [row["account"] for row in rows] == [f"0x{n:040x}" for n in range(ROWS * PAGES)]


async def test_csv__of_many_rows__is_never_held_whole() -> None:
    async with serving() as client:
        page = a_page(0)
        client.answers.pages = [page] * 50
        whole, most = 0, 0
        tracemalloc.start()
        try:
            async with client.session.get(url(client)) as answer:
                async for chunk in answer.content.iter_any():
                    whole += len(chunk)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert whole > 8_000_000
        assert most < 4_000_000


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("format=xml", "format = 'xml': expected json or csv"),
        ("format=csv&limit=5", "all rows at once: leave out limit"),
        ("format=csv&cursor=x&limit=5", "all rows at once: leave out cursor and limit"),
        ("format=csv&owner=0x12", "is not an address"),
    ],
)
async def test_csv__asked_wrongly__is_400(query: str, said: str) -> None:
    async with serving() as client:
        status, answer = await client.get(f"/api/v1/positions?{query}")
        assert status == 400
        assert said in answer["error"]


async def test_csv__that_cannot_be_answered__is_an_error_and_no_table() -> None:
    async with serving() as client:
        client.answers.fault = QuestionError("there is no market 'x'", 404)
        for path in ("positions", "loops"):
            status, answer = await client.get(f"/api/v1/{path}?format=csv&market=x")
            assert (status, answer["error"]) == (404, "there is no market 'x'")


async def test_csv__more_than_may_be_under_way__is_503_until_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "EXPORT_SECONDS", 1.0)
    async with serving() as client:
        client.answers.pages = [a_page(0)] * 200
        slow = [await client.session.get(url(client)) for _ in range(exports.MOST_EXPORTS)]
        async with client.session.get(url(client)) as answer:
            assert answer.status == 503
            assert "exports are under way" in (await answer.json())["error"]
        for answer in slow:  # nobody takes a part for the whole
            with pytest.raises(Exception, match=r"payload|reset|disconnected"):
                await answer.read()
        async with asyncio.timeout(5), client.session.get(url(client, "format=json")) as answer:
            assert answer.status == 200
        client.answers.pages = [a_page(0, 1)]
        async with client.session.get(url(client)) as answer:
            assert answer.status == 200
            assert (await answer.text()).count("\n") == 2


async def test_csv__whose_reader_leaves__is_no_fault_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_EXPORTS", 1)
    async with serving() as client:
        client.answers.pages = [a_page(0)] * 200
        answer = await client.session.get(url(client))
        await answer.content.readany()
        answer.close()
        client.answers.pages, status = [a_page(0, 1)], 503
        async with asyncio.timeout(5):
            while status == 503:  # until its place is free
                async with client.session.get(url(client)) as again:
                    status = again.status
        assert status == 200
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
