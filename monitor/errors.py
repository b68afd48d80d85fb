"""Every failure this program names.

MonitorError
├── ConfigError            exit 78; all faults of a configuration at once
│   └── StoreDamaged       the embedded server cannot read its own files
├── TransientError         the only kind that is retried
│   ├── RpcUnavailable     an endpoint did not answer, or answered nonsense
│   ├── RpcInconsistent    an endpoint answered, but about another block, id or chain
│   ├── StoreUnavailable   Redis is away
│   └── DeliveryFailed     a receiver did not take an alert
├── QuestionError          the asker's fault: HTTP 400, 404, 410 or exit 64
├── DataError              skip this datum, count it, degrade readiness
│   ├── UndecodableLog     a topic we know whose data we cannot read
│   └── StateUnavailable   the node no longer has the state of that block
│       └── BlockUnknown   the block itself is not there: not yet, or no more
└── InvariantBroken        stop
    ├── DeepReorg          a reorganisation below the blocks that can be undone
    ├── LedgerCorrupt      the present value is not what a change says it was
    ├── SchemaMismatch     the store was written by another layout, chain or contract set
    ├── ContractUpgraded   a contract now runs code whose arithmetic we do not know
    └── WriterFenced       another daemon took over this state
"""


class MonitorError(Exception):
    """The root: what happened, expected against found, what to do."""


class ConfigError(MonitorError):
    """The configuration cannot be used. Holds every fault found."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class StoreDamaged(ConfigError):
    """The files of the embedded Redis do not load: an operator decides what becomes of them."""


class TransientError(MonitorError):
    """May pass by itself: retried at the rim, nowhere else."""


class RpcUnavailable(TransientError):
    """An endpoint did not answer in time, or not in JSON-RPC."""


class RpcInconsistent(TransientError):
    """An endpoint answered about another block, request or chain than it was asked."""


class StoreUnavailable(TransientError):
    """Redis cannot be reached or cannot write."""


class DeliveryFailed(TransientError):
    """A receiver did not accept an alert. `is_of_letter`: for what it says, so far as is known."""

    def __init__(
        self,
        message: str,
        retry_after_seconds: float | None = None,
        *,
        is_of_letter: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.is_of_letter = is_of_letter


class QuestionError(MonitorError):
    """A question that has no answer as asked. `status` is the HTTP status it maps to."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class DataError(MonitorError):
    """One datum is unusable; the rest stands."""


class UndecodableLog(DataError):
    """A log with a topic we know does not decode."""


class StateUnavailable(DataError):
    """The node does not have the state of the asked block (any more)."""


class BlockUnknown(StateUnavailable):
    """The node does not know the block: it is behind, or the block was reorganised away."""


class InvariantBroken(MonitorError):
    """Something that must hold does not. The daemon stops."""


class DeepReorg(InvariantBroken):
    """The chain was reorganised below the oldest block that can be undone."""


class LedgerCorrupt(InvariantBroken):
    """A change does not fit the ledger it is applied to."""


class SchemaMismatch(InvariantBroken):
    """The store belongs to another layout, chain or configuration."""


class ContractUpgraded(InvariantBroken):
    """A contract was upgraded to a version this monitor does not follow."""


class WriterFenced(InvariantBroken):
    """Another daemon writes this state now."""
