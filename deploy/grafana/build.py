"""`make dashboards`: writes what Grafana loads."""

import json
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.monitor import monitor
from grafana.risk import risk

FOLDER = Path(__file__).parent / "dashboards"


def text_of(board: dashboard.Dashboard) -> str:
    """A dashboard as JSON, its panels numbered: Grafana tells them apart by that."""
    built = board.build()
    for number, panel in enumerate(built.panels or (), 1):
        panel.id_val = number
    return json.dumps(built, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def texts() -> dict[str, str]:
    """By the name of its file."""
    return {"risk.json": text_of(risk()), "monitor.json": text_of(monitor())}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
