"""What this process holds: memory, descriptors, threads, as Linux counts them."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

from attrs import frozen

from tests.benchmarks.manystreams import resident

__all__ = ["Resources", "settled"]


@frozen
class Resources:
    """What a process holds.

    Attributes:
        memory: Resident memory in KiB.
        descriptors: Open files, sockets and pipes.
        threads: Python's threads.
    """

    memory: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls) -> Resources:
        """Measure."""
        gc.collect()
        # The descriptor with which the folder is read is one of them, each time.
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        return cls(resident(), descriptors, threading.active_count())

    def grown_beyond(self, before: Resources, memory: int) -> list[str]:
        """Return a sentence for each thing that there is too much of, compared with BEFORE.

        Args:
            before: The beginning.
            memory: How many KiB of memory may have been added; of the others nothing may.
        """
        grown = {
            "KiB of memory": (self.memory - before.memory, memory),
            "descriptors": (self.descriptors - before.descriptors, 0),
            "threads": (self.threads - before.threads, 0),
        }
        return [
            f"{more} {what} more than at the beginning; {most} are allowed"
            for what, (more, most) in grown.items()
            if more > most
        ]


def settled(before: Resources, seconds: float) -> Resources:
    """Measure once descriptors and threads are no more than BEFORE, or SECONDS are over.

    The threads of responders and the ends of connections need a moment.
    """
    deadline = time.monotonic() + seconds
    while True:
        now = Resources.now()
        is_flat = now.descriptors <= before.descriptors and now.threads <= before.threads
        if is_flat or time.monotonic() > deadline:
            return now
        time.sleep(0.02)
