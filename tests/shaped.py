"""Answers held against the shapes that the OpenAPI description tells of them."""

from typing import Any

import msgspec
from daemon_process import DaemonProcess

from monitor.web.shapes.holdings import Claims, Loops, Positions, Prices
from monitor.web.shapes.projections import Curve, Projection
from monitor.web.shapes.standing import Alerts, Breakers, Status
from monitor.web.shapes.terms import Health

SHAPES: dict[str, type] = {
    "/healthz": Health,
    "/readyz": Health,
    "/api/v1/status": Status,
    "/api/v1/positions?limit=1000": Positions,
    "/api/v1/loops?limit=1000": Loops,
    "/api/v1/claims?limit=1000": Claims,
    "/api/v1/prices": Prices,
    "/api/v1/breakers": Breakers,
    "/api/v1/alerts": Alerts,
}


def fits(answer: Any, shape: type) -> None:
    """It is of that shape, and has nothing that the shape does not tell of."""
    made: Any = msgspec.convert(answer, shape, strict=True)
    assert msgspec.to_builtins(made) == answer


async def answers_fit(daemon: DaemonProcess) -> dict[str, Any]:
    """All that it answers, by path, each of its shape."""
    told = {}
    for path, shape in SHAPES.items():
        _, told[path] = await daemon.get(path)
        fits(told[path], shape)
    status, positions = told["/api/v1/status"], told["/api/v1/positions?limit=1000"]
    for row in positions["positions"][:1]:
        _, answer = await daemon.get(f"/api/v1/positions/{row['account']}")
        assert "ownership" in answer
        fits(answer, Positions)
    for scenario in {row["scenario"] for row in status["breakers"]}:
        path = f"/api/v1/cascade/{scenario}"
        _, told[path] = await daemon.get(path)
        fits(told[path], Curve if "curve" in told[path] else Projection)
    return told
