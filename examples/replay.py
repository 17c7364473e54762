"""Replay a recorded stream: `python replay.py run.sse` prints its text.

It needs neither a server nor a key. Record a stream with `stream.tee(open("run.sse", "wb"))`,
or with `curl --no-buffer`.
"""

import sys
from pathlib import Path

from handlers import EventHandler
from stream_core import Stream, StreamError, models


class PrintText(EventHandler):
    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        print(delta.value, end="", flush=True)

    def on_message_done(self, message: models.Message) -> None:
        print()


path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("run.sse")
try:
    run = Stream(path.open("rb"), PrintText()).until_done()
except StreamError as error:
    sys.exit(f"{path}: {error}")
if run is not None:
    print(f"[run {run.status}]")
