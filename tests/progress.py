"""Progress that a test can read."""

from __future__ import annotations

from stockcast.progress import Silent


class ProgressLog(Silent):
    """Progress that remembers, and may stop the work where a stage begins.

    Attributes:
        notes: What everybody is told.
        details: What the curious are told.
        stages: The names of the pieces of work.
    """

    def __init__(self, stop_at: str = "") -> None:
        self.stop_at = stop_at
        self.notes: list[str] = []
        self.details: list[str] = []
        self.stages: list[str] = []

    def stage(self, name: str, total: int, targets: int = 0) -> None:  # noqa: ARG002 - the protocol's signature
        """Remember it, or press Ctrl-C."""
        self.stages.append(name)
        if self.stop_at and name.startswith(self.stop_at):
            raise KeyboardInterrupt

    def note(self, message: str, detail: bool = False) -> None:
        """Remember it."""
        (self.details if detail else self.notes).append(message)
