"""The shapes of all answers, for `/api/v1/openapi.json`."""

from monitor.web.shapes.holdings import Claims, Loops, Positions, Prices
from monitor.web.shapes.projections import Curve, Projection
from monitor.web.shapes.standing import Alerts, Breakers, Status
from monitor.web.shapes.terms import Fault, Health

SHAPES = (
    *(Status, Positions, Loops, Claims, Prices, Projection, Curve, Breakers, Alerts),
    *(Health, Fault),
)
"""Those that are answers; the shapes of their parts come with them."""
