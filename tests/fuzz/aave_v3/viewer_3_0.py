"""How a market of Aave 3.0.2 answers, where that differs."""

from collections.abc import Iterator, Mapping
from typing import Any

from devnet import Address, View
from devnet.world import BALANCE

from fuzz.aave_v3.sight import CategorySight
from fuzz.aave_v3.viewer import Viewer

CATEGORY = "getEModeCategoryData(uint8)((uint16,uint16,uint16,address,string))"
CATEGORY_BITS = (168, 8)
"""(first bit, bits) of a reserve's category in its configuration word."""


class FormerViewer(Viewer):
    """There are no managers, deficits and periods of grace; cash is what the aToken holds."""

    has_managers = False

    def _category_views(self, number: int) -> Iterator[View]:
        yield View(self._world.addresses.pool, CATEGORY, (number,))

    def _category(
        self, number: int, listed: Mapping[str, Any], answers: Iterator[Any]
    ) -> CategorySight:
        ltv, threshold, bonus, source, _ = next(answers)
        first, bits = CATEGORY_BITS
        members = sum(
            1 << row[7] for row in listed.values() if row[0] >> first & ((1 << bits) - 1) == number
        )
        return CategorySight(ltv, threshold, bonus, members, members, 0, source)

    def _till_views(self, token: Address, row: Any) -> Iterator[View]:
        yield View(token, BALANCE, (row[8],))

    def _till(self, answers: Iterator[Any]) -> tuple[int, int, int]:
        return next(answers), 0, 0
