"""One HTTP stream, two handlers, a function call: what `make demo` runs."""

import os

from handlers import EventHandler, TextAccumulator
from stream_core import Client, models
from stream_core.testing import Framing, LocalServer

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": CITY}}
QUESTION = "What is the weather in Lisbon?"


class Printer(EventHandler):
    def on_tool_call_done(self, tool_call: models.ToolCall) -> None:
        if isinstance(tool_call, models.FunctionToolCall):
            print(f"[calls {tool_call.function.name} {tool_call.function.arguments}]")

    def on_text_delta(self, delta: models.TextDelta, snapshot: models.Text) -> None:
        print(delta.value, end="", flush=True)


server = LocalServer(framing=Framing(delay=0.03))  # answers unless OPENAI_BASE_URL is set
client = Client(base_url=os.environ.get("OPENAI_BASE_URL") or server.start().base_url)
model = os.environ.get("OPENAI_MODEL", "gpt-4o")
assistant = client.assistants.create(model=model, tools=[TOOL])
thread = client.threads.create(messages=[{"role": "user", "content": QUESTION}])
print(f"[{client.base_url}]\nYou ask: {QUESTION}")

handlers = [Printer(), kept := TextAccumulator()]
stream = client.threads.runs.stream(thread.id, assistant_id=assistant.id, handlers=handlers)
while (run := stream.until_done()) and run.required_action:
    wanted = run.required_action.submit_tool_outputs
    calls = wanted.tool_calls if wanted else []
    outputs = [{"tool_call_id": call.id, "output": "21 °C and sunny"} for call in calls]
    stream = client.threads.runs.submit_tool_outputs_stream(
        run.id, thread_id=thread.id, tool_outputs=outputs, handlers=handlers
    )
client.assistants.delete(assistant.id)
print(f"\n[run {run and run.status}; the second handler kept: {kept.text!r}]")
