"""A machine with the unit installed as the documents say, and what it is asked there."""

from dataclasses import dataclass
from pathlib import Path

from devnet import World
from devnet.configuration import Wiring, configuration
from devnet.receiver import Receiver

from deploy.machine import Machine

UNIT = "cascade-monitor"
PLACED = f"/etc/systemd/system/{UNIT}.service"
DROP_IN = f"{PLACED}.d/test.conf"
CONFIG = f"/etc/{UNIT}/monitor.toml"
CREDENTIALS = f"/etc/{UNIT}/credentials"
STATE, PRIVATE_STATE = f"/var/lib/{UNIT}", f"/var/lib/private/{UNIT}"
NAME = "node.example"
"""Of the node: names are looked up where the daemon is shut in."""


@dataclass
class Host:
    """A machine with the unit, the chain that it follows, and who is told."""

    machine: Machine
    world: World
    receiver: Receiver
    port: int

    def configure(
        self, old: str = "", new: str = "", *, endpoints: str = "", trip_usd: int = 10**9
    ) -> None:
        """As the documents say, but for one change of the text."""
        wiring = Wiring(
            Path(STATE),
            self.port,
            self.receiver.url,
            Path("credentials/webhook"),
            warn_usd=trip_usd // 2,
            trip_usd=trip_usd,
            clear_usd=trip_usd // 4,
        )
        text = configuration(self.world, wiring)
        given = text[text.index("endpoints = ") :].partition("\n")[0]
        text = text.replace(given, 'endpoints_file = "credentials/endpoints"')
        assert old in text
        self.machine.write(CONFIG, text.replace(old, new, 1) if old else text)
        anvil = self.world.anvil
        told = endpoints or f"{anvil.http_url}\n{anvil.ws_url}\n".replace("127.0.0.1", NAME)
        self.machine.write(f"{CREDENTIALS}/endpoints", told, 0o600)
        self.machine.write(f"{CREDENTIALS}/webhook", self.receiver.secret, 0o600)

    def start(self) -> None:
        """Returns when it is ready or has failed."""
        self.machine.run("systemctl", "start", UNIT, check=False)

    def override(self, *lines: str) -> None:
        """A drop-in of these lines alone; none without any."""
        self.machine.write(DROP_IN, "\n".join(["[Service]", *lines]))
        self.machine.run("systemctl", "daemon-reload")

    def clean(self) -> None:
        """Stop it, and take away what it left and what a test changed."""
        self.machine.run("systemctl", "stop", UNIT)
        self.machine.run("systemctl", "reset-failed", UNIT, check=False)
        left = ("/run/held", DROP_IN, STATE, PRIVATE_STATE)
        self.machine.run("rm", "--force", "--recursive", *left)
        self.machine.run("systemctl", "daemon-reload")

    def shown(self, name: str) -> str:
        return self.machine.shown(UNIT, name)[name]

    def until(self, name: str, value: str) -> None:
        self.machine.until(lambda: self.shown(name) == value, UNIT)

    def outcome(self) -> tuple[str, str, int]:
        """State, why, and the code the daemon ended with."""
        found = self.machine.shown(UNIT, "SubState", "Result", "ExecMainStatus")
        return found["SubState"], found["Result"], int(found["ExecMainStatus"])

    async def judges_the_head(self) -> None:
        """A block is mined, and the unit says that it is followed."""
        number = (await self.world.mine()).number
        self.machine.until(
            lambda: self.shown("StatusText").startswith(f"following block {number}"), UNIT
        )
