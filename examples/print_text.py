"""Print an answer as it comes; LocalServer stands in for the service, so no key is needed."""

from handlers import EventHandler
from stream_core import Client, models
from stream_core.testing import LocalServer


class PrintText(EventHandler):
    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        print(delta.value, end="", flush=True)

    def on_run_done(self, run: models.Run) -> None:
        print(f"\n[run {run.status}]")


with LocalServer() as server, Client("any", server.base_url) as client:
    assistant = client.assistants.create(model="gpt-4o")
    thread = client.threads.create(messages=[{"role": "user", "content": "Good morning!"}])
    stream = client.threads.runs.stream(thread.id, assistant_id=assistant.id)
    stream.register(PrintText())
    stream.until_done()
