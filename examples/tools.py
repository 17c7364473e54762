"""Let a run call your functions: their results are submitted, and the stream goes on."""

from stream_core import Client
from stream_core.testing import LocalServer


def get_temperature(city: str, *, fahrenheit: bool = False) -> str:
    """Return the temperature in a city."""
    return f"63 °F in {city}" if fahrenheit else f"17 °C in {city}"


def get_rain_probability(city: str) -> float:
    """Return the probability of rain in a city, from 0 to 1."""
    return 0.06 if city == "Porto" else 0.5


with LocalServer() as server, Client("any", server.base_url) as client:
    assistant = client.assistants.create(model="gpt-4o")
    question = {"role": "user", "content": "How are temperature and rain probability in Porto?"}
    thread = client.threads.create(messages=[question])
    stream = client.threads.runs.stream(
        thread.id, assistant_id=assistant.id, tools=[get_temperature, get_rain_probability]
    )
    print(stream.text.read())
