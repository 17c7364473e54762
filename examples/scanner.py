"""Read a stream like a scanner: next() moves on, event is the current one, err says why it stopped.

Nothing is raised for a stream that fails: `python scanner.py FILE` with a file that was cut
prints what came before the cut, then the reason, and exits with status 1.
"""

import sys
from pathlib import Path

from stream_core import Done, Stream, ThreadMessageDelta, ThreadRunStepDelta, WireEvent

path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("run.sse")
stream = Stream(path.open("rb"))

while stream.next():
    match stream.event:
        case ThreadMessageDelta():
            print(f"  text  {stream.message_delta_text()!r}")
        case ThreadRunStepDelta():
            print(f"  tools {[call.type for call in stream.tool_calls() or []]}")
        case Done():
            print("done")
        case WireEvent(event=name):
            print(name)

if stream.err is not None:
    print(f"failed: {stream.err}")
    sys.exit(1)
