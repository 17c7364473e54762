"""Answer function calls: submit the outputs, and go on with the same handler on a new stream."""

import json

from handlers import TextAccumulator
from stream_core import Client, models
from stream_core.testing import LocalServer

FUNCTIONS = {
    "get_tides": lambda port: f"high water at {port} is at 04:10 and 16:35.",
    "get_wind": lambda port: f"at {port} it blows from the north-west.",
}
PORT = {"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}
TOOLS = [{"type": "function", "function": {"name": x, "parameters": PORT}} for x in FUNCTIONS]
QUESTION = {"role": "user", "content": "How are the tides and the wind at Porto?"}


def outputs_for(run: models.Run) -> list[dict[str, str]]:
    wanted = run.required_action and run.required_action.submit_tool_outputs
    outputs = []
    for call in wanted.tool_calls if wanted else []:
        print(call.function.name, call.function.arguments)
        output = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
        outputs.append({"tool_call_id": call.id, "output": output})
    return outputs


with LocalServer() as server, Client("any", server.base_url) as client:
    runs, kept = client.threads.runs, TextAccumulator()
    assistant = client.assistants.create(model="gpt-4o", tools=TOOLS)
    thread = client.threads.create(messages=[QUESTION])
    stream = runs.stream(thread.id, assistant_id=assistant.id, event_handler=kept)
    while (run := stream.until_done()) and (outputs := outputs_for(run)):
        stream = runs.submit_tool_outputs_stream(
            run.id, thread_id=thread.id, tool_outputs=outputs, event_handler=kept
        )
    print(kept.text)
