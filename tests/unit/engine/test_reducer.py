from typing import get_args

from monitor.core.events import DomainEvent
from monitor.engine import reducer


def test_reducers__each_event_of_the_common_tongue__has_one() -> None:
    assert set(reducer.REDUCERS) == set(get_args(DomainEvent))
