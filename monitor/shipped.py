"""The configurations that come with the program: in the wheel beside this file, in a checkout in
deploy/.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Example:
    """A configuration to begin with. `chain_id` None: for any chain, to be filled in."""

    name: str
    file: str
    chain_id: int | None

    @property
    def text(self) -> str:
        packaged = files("monitor") / "examples" / self.file
        checkout = Path(__file__).resolve().parents[1] / "deploy" / self.file
        return packaged.read_text() if packaged.is_file() else checkout.read_text()


EXAMPLES = (Example("ethereum", "ethereum.toml", 1), Example("devnet", "demo.toml", 31_337))
MINIMAL = Example("other", "minimal.toml", None)


def example_of(chain_id: int) -> Example:
    """The one for a chain; else the one that has to be filled in."""
    return next((each for each in EXAMPLES if each.chain_id == chain_id), MINIMAL)
