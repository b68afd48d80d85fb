"""The README's configuration is one: nothing is at fault but what the reader must fill in."""

import re
from pathlib import Path

from monitor.parts import parts_of, wards_of, watchers_of
from monitor.settings import load

README = Path(__file__).resolve().parents[2] / "README.md"
SECRETS = {
    "endpoints": "https://node.example",
    "webhook": "https://receiver.example",
    "webhook-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "pagerduty": "0123456789abcdef",
    "deadman": "https://ping.example/1",
}


def test_configuration__of_the_readme__loads_and_becomes_parts(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(\[chain\].*?)```", README.read_text(), re.DOTALL)
    for name, value in SECRETS.items():
        assert f"/run/secrets/{name}" in text
        (tmp_path / name).write_text(value)
    filled = text.replace("/run/secrets/", f"{tmp_path}/").replace(
        'hash = "0x…"', f'hash = "0x{"1" * 64}"'
    )
    config = tmp_path / "monitor.toml"
    config.write_text(filled.replace("0x…", "0x" + "1" * 40))
    settings = load(config, {})
    parts = parts_of(settings)
    assert len(watchers_of(settings, "0x")) == len(settings.breakers) == 1
    assert wards_of(settings, "0x", parts.markets)
    assert [hook.name for hook in settings.webhooks] == ["on-call", "pager"]
