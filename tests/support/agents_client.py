"""Microsoft's client, azure-ai-agents, connected to a server on loopback.

It is imported only by tests that are skipped if that client is not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.ai.agents import AgentsClient
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest

    from stream_core.testing import LocalServer


class NoToken:
    """A credential; the real policy would refuse to send its token over plain HTTP."""

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """Microsoft's client never calls this, because of the policy below."""
        return AccessToken("token", 0)


class PlainPolicy(SansIOHTTPPolicy[Any, Any]):
    """Sends the token over loopback."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Add the header."""
        request.http_request.headers["Authorization"] = "Bearer token"


def agents_endpoint(server: LocalServer) -> str:
    """Return the address of a project, below a prefix as in the cloud."""
    return f"{server.url}/api/projects/p"


def agents_client(server: LocalServer) -> AgentsClient:
    """Make Microsoft's client for a project at SERVER."""
    return AgentsClient(agents_endpoint(server), NoToken(), authentication_policy=PlainPolicy())
