"""What Alertmanager would be told, without one."""

import pytest

from monitor.alerts.alertmanager import _with_path


@pytest.mark.parametrize(
    "url",
    [
        "http://am.test:9093",
        "http://am.test:9093/",
        "http://am.test:9093/api/v2/alerts",
        "http://am.test:9093/api/v2/alerts/",
    ],
)
def test_url__base_or_whole__leads_to_the_same_place(url: str) -> None:
    assert _with_path(url) == "http://am.test:9093/api/v2/alerts"


def test_url__behind_a_prefix_with_a_password__keeps_both() -> None:
    url = "https://user:pass@am.test/prefix/?tenant=a"
    assert _with_path(url) == "https://user:pass@am.test/prefix/api/v2/alerts?tenant=a"
