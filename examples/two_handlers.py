"""Two handlers on one stream: for each event the first registered is called first.

One prints, the other keeps the text through a mixin; neither knows about the other.
"""

from pathlib import Path

from handlers import EventHandler, TextAccumulatorMixin
from stream_core import Stream, models

RECORDING = Path(__file__).with_name("run.sse")


class Printer(EventHandler):
    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        print(delta.value, end="", flush=True)

    def on_text_done(self, text: models.Text) -> None:
        print()


class Counter(TextAccumulatorMixin, EventHandler):
    def __init__(self) -> None:
        self.deltas = 0

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        self.deltas += 1

    def on_end(self) -> None:
        print(f"[{len(self.text.split())} words in {self.deltas} pieces]")


with Stream(RECORDING.open("rb")) as stream:
    stream.register(Printer(), Counter())
    stream.until_done()
