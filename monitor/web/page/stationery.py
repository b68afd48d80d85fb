"""The templates, and what they can say. Whatever they are handed is escaped."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from monitor.web.page.danger import gauge_of
from monitor.web.page.marks import mood, notes
from monitor.web.page.shown import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment

_SHOWN_OF_DIGEST = 12


class Stationery:
    """Writes pages and the sections they are made of."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        """`constants`: what every page can say, by name."""
        self._constants = dict(constants)

    def open(self) -> None:
        """Compile every template that is not yet: slow, and only once."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def page(self, name: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(f"{name}.html").render(context)

    def section(self, name: str, context: Mapping[str, Any]) -> str:
        return self._environment.get_template(f"sections/{name}.html").render(context)

    @cached_property
    def _environment(self) -> "Environment":
        # Here, so that a daemon nobody looks at does not wait for it.
        from jinja2 import Environment, PackageLoader, StrictUndefined

        environment = Environment(
            loader=PackageLoader("monitor.web.page"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {**FILTERS, "gauge": gauge_of, "notes": notes, "mood": mood}
        environment.globals |= self._constants
        return environment


def digest_of(text: str) -> str:
    """By which a browser says which section it has."""
    return hashlib.sha256(text.encode()).hexdigest()[:_SHOWN_OF_DIGEST]
