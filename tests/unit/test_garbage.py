import gc
from collections.abc import Iterator

import pytest

from monitor import garbage


@pytest.fixture
def restored() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("restored")
def test_settle__what_was_made_before__is_not_walked_again() -> None:
    held = [[number] for number in range(1000)]
    garbage.settle()
    assert gc.get_freeze_count() > len(held)
    assert gc.get_threshold()[0] == garbage.YOUNG_OBJECTS
