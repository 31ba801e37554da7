"""How a model is named on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from backend.errors import LanguageModelError

PROVIDERS = ("openai", "ollama", "anthropic", "google")
FORMS = (
    "openai:NAME, ollama:NAME, anthropic:NAME, google:NAME or the address of a server that speaks "
    "OpenAI's protocol with the model's name, such as http://127.0.0.1:8080/v1#NAME"
)


@dataclass(frozen=True)
class ModelName:
    """Which model is meant.

    Attributes:
        provider: one of ``PROVIDERS``; ``openai`` for a server's address too.
        model: its name there.
        address: of the server; None for the provider's usual one.
    """

    provider: str
    model: str
    address: str | None = None

    def __str__(self) -> str:
        start = f"{self.provider}:" if self.address is None else f"{self.address}#"
        return start + self.model


def parse_model_name(text: str) -> ModelName:
    """The model that ``text`` names.

    Raises:
        LanguageModelError: it has none of the forms, or an address with a password in it.

    >>> parse_model_name("ollama:qwen3").provider
    'ollama'
    >>> parse_model_name("http://127.0.0.1:8080/v1#local").address
    'http://127.0.0.1:8080/v1'
    """
    if text.startswith(("http://", "https://")):
        return _by_address(text)
    provider, colon, model = text.partition(":")
    if provider not in PROVIDERS or not colon or not model.strip():
        raise LanguageModelError(f"{text[:80]!r} names no model; name one as {FORMS}")
    return ModelName(provider, model.strip())


def _by_address(text: str) -> ModelName:
    address, _, model = text.partition("#")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or not model.strip():
        raise LanguageModelError(f"the address of a model's server is incomplete; give {FORMS}")
    if parts.username is not None or parts.query:
        raise LanguageModelError(
            "the address of a model's server must hold neither a password nor a query; keys are "
            "taken from the environment"
        )
    return ModelName("openai", model.strip(), address.rstrip("/"))
