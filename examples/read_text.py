"""The text of a stream is a file: copy it, read lines, or pass it to whatever reads text."""

import shutil
import sys
from pathlib import Path

from stream_core import Stream

RECORDING = Path(__file__).with_name("run.sse")

with Stream(RECORDING.open("rb")) as stream:
    shutil.copyfileobj(stream.text, sys.stdout)
    print()

with Stream(RECORDING.open("rb")) as stream:
    for number, line in enumerate(stream.text, start=1):
        print(f"{number}: {line.rstrip()}")
