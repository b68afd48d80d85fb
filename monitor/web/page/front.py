"""Everything of the page, put together: assets, figures, the pages themselves, and the login."""

from aiohttp import web

from monitor.core.ports import Answers
from monitor.metrics import Metrics
from monitor.web.figures.routes import Figures
from monitor.web.page.assets import Assets
from monitor.web.page.login import Login
from monitor.web.page.sheet import Sheets
from monitor.web.page.stationery import Stationery
from monitor.web.page.views import Manners, Views
from monitor.web.sessions import Sessions
from monitor.web.stream import Stream


def page_routes(
    answers: Answers, metrics: Metrics, stream: Stream, manners: Manners, sessions: Sessions | None
) -> list[web.RouteDef]:
    """`sessions` is None where no token is asked for: then there is no login."""
    assets, sheets = Assets(), Sheets(answers, stream)
    figures = Figures(sheets, assets)
    stationery = Stationery(
        {
            "asset": assets.url,
            "figures_head": figures.head,
            "questions": manners.questions,
            "stale_seconds": manners.stale_seconds,
            "version": manners.version,
        }
    )
    routes = [
        *assets.routes(),
        *figures.routes(),
        *Views(answers, sheets, metrics, stationery, manners.say).routes(),
    ]
    return routes if sessions is None else [*routes, *Login(sessions, stationery).routes()]
