"""687 real LiquidationCall logs of Aave V3 mainnet decode to their publisher's amounts."""

import csv
import gzip
import json
import os
from pathlib import Path

import pytest

from monitor.core.blocks import RawLog
from monitor.core.units import Address, BlockHash
from monitor.library import abi_library

DATA = Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data"))
FOLDER = DATA / "aave_v3_liquidation_logs_2025_11"


@pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent: the set has no licence and is not part of this repository; "
    "name its folder in CASCADE_MONITOR_DATA",
)
def test_liquidation_call__687_mainnet_logs__equal_the_publishers_amounts() -> None:
    event = abi_library("aave_v3/Pool").event("LiquidationCall")
    with gzip.open(FOLDER / "liquidation_events.raw.ndjson.gz", "rt") as raw:
        logs = [json.loads(line) for line in raw]
    with (FOLDER / "liquidation_events.csv").open() as table:
        rows = list(csv.DictReader(table))
    decoded = [event.decode(_log(log)) for log in logs]
    published = [
        (
            row["collateral_token"].lower(),
            row["debt_token"].lower(),
            row["user"].lower(),
            int(row["debt_repaid"]),
            int(row["collateral_amount"]),
            row["liquidator"].lower(),
            row["receive_a_token"] == "True",
        )
        for row in rows
    ]
    assert len(decoded) == 687
    assert decoded == published


def _log(log: dict[str, str]) -> RawLog:
    return RawLog(
        address=Address(log["address"]),
        topics=tuple(log["topics"]),
        data=log["data"][2:],
        block_hash=BlockHash(log["blockHash"]),
        log_index=int(log["logIndex"], 16),
        tx_hash=log["transactionHash"],
    )
