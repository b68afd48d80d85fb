"""Bodies of alerts as contract section 6 has them, each worded from a few facts."""

import json
from typing import Any

from monitor.alerts.notice import rfc3339
from monitor.core.alerts import Delivery, digest

GENESIS_UNIX = 1_700_000_000
PROJECTION = {
    "scenario": "eth-crash",
    "shocks": {"WETH": -0.3},
    "liquidated_usd": "23100000.00",
    "bad_debt_usd": "120000.00",
    "unliquidated_usd": "1500000.00",
    "amplification": 1.8,
    "rounds": 4,
    "converged": True,
    "by_market": {"aave-core": {"liquidated_usd": "23100000.00"}},
    "unknown": [],
}
ACTION = {
    "description": "freeze WETH in aave-core",
    "to": "0x" + "11" * 20,
    "calldata": "0xdeadbeef",
    "simulated": "ok",
}


def a_body(
    type: str = "breaker.tripped",
    *,
    breaker: str = "eth-cascade",
    severity: str = "critical",
    firing: bool = True,
    block: int | None = 100,
    starts: int | None = None,
    subject: str = "",
    retracts: str | None = None,
    **data: Any,
) -> str:
    """Its id follows from its type, breaker, subject and block. `starts`: a block."""
    at = 100 if block is None else block
    began = at if starts is None else starts
    alert = {
        "id": digest(type, breaker, subject, str(block), retracts or ""),
        "fingerprint": digest(breaker, subject),
        "episode": digest(breaker, subject, str(began)),
        "retracts": retracts,
        "breaker": breaker,
        "severity": severity,
        "status": "firing" if firing else "resolved",
        "starts_at": rfc3339(GENESIS_UNIX + 12 * began),
        "ends_at": None if firing else rfc3339(GENESIS_UNIX + 12 * at),
    }
    where = {"number": at, "hash": "0x" + f"{at:064x}", "timestamp": GENESIS_UNIX + 12 * at}
    told: dict[str, Any] = {
        "alert": alert,
        "block": None if block is None else where,
        "measure": "liquidated_usd",
        "value": "23100000.00",
        "threshold": "20000000.00",
        "projection": PROJECTION,
        "loops": [],
        "actions": [],
        "reproduce": "cascade-monitor project --snapshot abc.cms --shock WETH=-0.3",
    }
    time = rfc3339(GENESIS_UNIX + 12 * at)
    return json.dumps({"type": type, "timestamp": time, "data": told | data})


def taken_back(body: str, *, firing: bool) -> str:
    """The retraction of an alert; `firing`: how things stand without it."""
    told = json.loads(body)
    alert = told["data"]["alert"]
    told["type"] = "breaker.retracted"
    alert |= {
        "retracts": alert["id"],
        "id": digest("breaker.retracted", alert["id"]),
        "status": "firing" if firing else "resolved",
        "ends_at": None if firing else told["timestamp"],
    }
    return json.dumps(told)


def a_delivery(body: str, webhook: str = "hook") -> Delivery:
    return Delivery(json.loads(body)["data"]["alert"]["id"], webhook, body, 0, 0.0, 0.0)
