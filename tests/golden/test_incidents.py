"""What shipped incidents say, held against the sets that they are told by.

The sets are others' (no licence, GPL-3, MIT): read where they lie, never copied.
"""

import asyncio
import csv
import gzip
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from monitor.incidents.book_run import asked_of_book
from monitor.incidents.incident_file import alone, load_incident

DATA = Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data"))
INCIDENTS = Path(__file__).resolve().parents[2] / "deploy" / "incidents"
pytestmark = pytest.mark.skipif(
    not (DATA / "chainlink_rounds").is_dir(),
    reason=f"{DATA} is absent: its sets are not part of this repository; name the folder in "
    "CASCADE_MONITOR_DATA",
)


def unix(text: str) -> int:
    """Of "2025-11-03 13:00", in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def rows(name: str) -> list[Mapping[str, str]]:
    data = (DATA / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    return list(csv.DictReader(text.splitlines()))


def facts(name: str) -> str:
    found = load_incident(INCIDENTS / f"{name}.toml")
    return "\n".join(fact.what for fact in found.incident.facts)


@cache
def asked(name: str) -> dict[str, Any]:
    """The document of an incident's file."""
    found = load_incident(INCIDENTS / f"{name}.toml")
    settings = alone(found, Path("/nonexistent"))
    return asyncio.run(asked_of_book(found, settings, DATA, lambda done, of: None))


def tripped(document: Mapping[str, Any], breaker: str) -> list[int]:
    (row,) = (row for row in document["breakers"] if row["name"] == breaker)
    found: list[int] = row["tripped"]
    return found


def test_steth__by_its_feed__is_as_told() -> None:
    told = facts("2022-06-steth")
    name = "chainlink_rounds/stETHETH_0x86392dC19c0b719886221c78AB11eb8Cf5c52812.csv.gz"
    rounds = sorted(
        (int(r["update"]), Decimal(r["answer"])) for r in rows(name) if r["update"] != "0"
    )
    when, lowest = min(rounds, key=lambda each: each[1])
    assert (when, f"{lowest / 10**18:.8f}") == (unix("2022-06-18 09:09:38"), "0.93501933")
    assert "0.93501933 on 2022-06-18 09:09:38 UTC" in told
    first = next(each for each in rounds if each[1] < Decimal("0.98") * 10**18)
    assert (first[0], f"{first[1] / 10**18:.5f}") == (unix("2022-05-12 17:12:57"), "0.97570")
    assert "below 0.98 on 2022-05-12 17:12:57 UTC, to 0.97570" in told


def test_steth__on_the_book_of_2023__trips_once_and_stands_at_the_low() -> None:
    document = asked("2022-06-steth")
    assert document["book"]["of_the_day"] is False
    (at,) = tripped(document, "steth-depeg")
    assert at == unix("2022-05-12 17:12:57") + 12  # the second block of two that it holds
    low = next(row for row in document["timeline"] if row["unix"] == unix("2022-06-18 09:09:38"))
    assert low["breakers"]["steth-depeg"]["phase"] == "tripped"
    assert all(row["scenarios"]["steth-depeg"]["is_known"] for row in document["timeline"])


def test_xusd__by_its_set__is_as_told() -> None:
    told = facts("2025-11-xusd")
    prices = {
        int(row["timestamp"]): row["price_usd"]
        for row in rows("morpho_xusd_2025_11/block5_asset_prices.csv.gz")
        if (row["symbol"], row["chain_id"]) == ("xUSD", "1")
    }
    for when, price in (
        ("2025-11-03 00:00", "1.2638"),
        ("2025-11-03 17:00", "0.9160"),
        ("2025-11-04 08:00", "0.2553"),
    ):
        assert f"{float(prices[unix(when)]):.4f}" == price
        assert price in told
    events = rows("morpho_xusd_2025_11/block5_liquidation_events.csv")
    assert events
    assert all(row["collateral_symbol"] != "xUSD" for row in events)
    owed = [
        row["borrow_assets_usd"]
        for row in rows("morpho_xusd_2025_11/block3_market_utilization_hourly.csv.gz")
        if row["market_unique_key"].startswith("0x9e90")
        and int(row["timestamp"]) == unix("2025-11-04 12:00")
    ]
    assert [f"{float(each):,.0f}" for each in owed] == ["708,208"]
    assert "owed 708,208 USD at 2025-11-04 12:00 UTC" in told


def test_xusd__by_its_hours__is_stuck_eight_hours_before_peckshields_alert() -> None:
    document = asked("2025-11-xusd")
    assert tripped(document, "xusd-liquidated") == []
    assert tripped(document, "xusd-stuck") == [unix("2025-11-03 13:00")]
    last = document["timeline"][-1]
    assert last["breakers"]["xusd-stuck"]["phase"] == "tripped"
    assert 740_000 < float(last["breakers"]["xusd-stuck"]["value"]) < 745_000


def test_rseth__by_daily_parameters__is_as_told() -> None:
    told = facts("2026-04-18-rseth")
    days = {
        (row["symbol"], row["generated_at"][:10]): row
        for row in rows("aave_v3_parameters_daily/params_timeseries.csv.gz")
        if row["network"] == "ethereum" and row["symbol"] in ("WETH", "rsETH")
    }
    assert [days["rsETH", f"2026-04-{day}"]["frozen"] for day in (18, 19)] == ["False", "True"]
    rates = [days["WETH", f"2026-04-{day}"]["current_variable_borrow_rate"] for day in (18, 19)]
    assert rates == ["0.022637", "0.0835"]
    assert "stood at 2.2637 % and then at 8.35 %" in told
    assert [days["WETH", f"2026-04-{day}"]["loan_to_value"] for day in (19, 20)] == ["0.805", "0.0"]


@pytest.mark.parametrize("name", ["2022-06-steth", "2026-03-10-capo", "2026-04-18-rseth"])
def test_assets__of_mainnet__have_the_addresses_of_the_parameters(name: str) -> None:
    known = {
        row["symbol"]: row["asset_address"]
        for row in rows("aave_v3_parameters_daily/params_timeseries.csv.gz")
        if row["network"] == "ethereum"
    }
    for symbol, asset in load_incident(INCIDENTS / f"{name}.toml").assets.items():
        assert asset.address.lower() == known[symbol].lower()
