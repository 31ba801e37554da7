"""Models of providers and of own servers, by pydantic-ai: the one module that names it.

Only single requests are made by it. Asking again, the bounds and the form of the answer are ours,
so that they are the same for every provider and for recordings.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from typing import TYPE_CHECKING, Literal

from backend.errors import LanguageModelError
from backend.extras import missing_extra
from backend.instruct.models.names import ModelName
from backend.instruct.models.port import ModelAnswer, ModelRequest, OutputMode, Usage

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters

# Where requests go, by provider: the variable that may name another address, and the usual one.
ADDRESSES = {
    "openai": ("OPENAI_BASE_URL", "https://api.openai.com/v1"),
    "ollama": ("OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1"),
    "anthropic": ("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    "google": ("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com"),
}
KEYS = {
    "openai": ("OPENAI_API_KEY",),
    "ollama": ("OLLAMA_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
}
# Libraries ask for one, also where a server wants none.
NO_KEY = "none"
ANSWER_NAME = "instructions"

REASONS = {
    400: "does not take this request; try another --output-mode, or leave the pictures out",
    401: "does not accept the key; check the provider's environment variable",
    402: "wants a payment first",
    403: "does not allow this model to this key",
    404: "knows neither this model nor this address; check the name",
    408: "gave up waiting",
    413: "takes no request as large as this; give fewer documents or pictures",
    422: "does not take this request; try another --output-mode, or leave the pictures out",
    429: "has too many requests at the moment, or the quota is used up; try again later",
}


class ServedModel:
    """A model that a provider or an own server runs.

    Keys are taken from the provider's usual environment variables. An own server gets one only if
    ``OPENAI_BASE_URL`` names it, so that no key goes where it was not meant to.

    Args:
        name: which model.

    Raises:
        MissingDependencyError: the packages of the provider are not installed.
        LanguageModelError: the provider wants a key, and the environment has none.
    """

    def __init__(self, name: ModelName) -> None:
        self._name = name
        variable, usual = ADDRESSES[name.provider]
        named = os.environ.get(variable, "").rstrip("/")
        self.name = str(name)
        self.endpoint = name.address or named or usual
        own = name.address is not None and name.address != named
        self._key = NO_KEY if own else _key(name.provider, needed=self.endpoint == usual)
        self._require_packages()

    def _require_packages(self) -> None:
        try:
            import openai
            import pydantic_ai  # noqa: F401 - told here, before anything is read

            if self._name.provider == "anthropic":
                import anthropic  # noqa: F401
            if self._name.provider == "google":
                import google.genai  # noqa: F401
        except ModuleNotFoundError as error:
            raise missing_extra(error, "asking a language model") from error
        del openai

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """What so many tokens cost by the list prices that came with the library."""
        from pydantic_ai.messages import ModelResponse
        from pydantic_ai.usage import RequestUsage

        if self._name.address is not None or self._name.provider == "ollama":
            return None
        usage = RequestUsage(input_tokens=input_tokens, output_tokens=output_tokens)
        asked = ModelResponse(
            parts=[],
            usage=usage,
            model_name=self._name.model,
            provider_name=self._name.provider,
        )
        try:
            return float(asked.cost().total_price)
        except (LookupError, ValueError, AssertionError):
            return None

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """The model's answer; see ``LanguageModel``."""
        try:
            # Libraries warn of models that will end some day; they still answer.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return asyncio.run(self._within_time(request))
        except Exception as error:
            # Nothing of a library's error is kept: it may hold a key, or what a server said.
            told = _explained(error, self.endpoint, request.seconds)
        raise told

    async def _within_time(self, request: ModelRequest) -> ModelAnswer:
        async with asyncio.timeout(request.seconds):
            return await self._answered(request)

    async def _answered(self, request: ModelRequest) -> ModelAnswer:
        from pydantic_ai.settings import ModelSettings

        from backend.instruct.models.bounded import bounded_client

        async with bounded_client(self.endpoint) as client:
            model = self._model(client)
            settings = ModelSettings(max_tokens=request.max_output_tokens)
            if self._name.address is not None or self._name.provider == "ollama":
                # Providers' newest models take no temperature.
                settings["temperature"] = 0.0
            response = await model.request(_messages(request), settings, _parameters(request))
        return self._read(response)

    def _model(self, client: httpx2.AsyncClient) -> Model:
        """The library's model, which uses ``client`` and tries nothing again by itself."""
        name = self._name.model
        if self._name.provider == "anthropic":
            from anthropic import AsyncAnthropic
            from pydantic_ai.models.anthropic import AnthropicModel
            from pydantic_ai.providers.anthropic import AnthropicProvider

            asked = AsyncAnthropic(
                api_key=self._key, base_url=self.endpoint, http_client=client, max_retries=0
            )
            return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=asked))
        if self._name.provider == "google":
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider

            provider = GoogleProvider(api_key=self._key, base_url=self.endpoint, http_client=client)
            return GoogleModel(name, provider=provider)
        from openai import AsyncOpenAI
        from pydantic_ai.models.ollama import OllamaModel
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.ollama import OllamaProvider
        from pydantic_ai.providers.openai import OpenAIProvider

        server = AsyncOpenAI(
            api_key=self._key, base_url=self.endpoint, http_client=client, max_retries=0
        )
        if self._name.provider == "ollama":
            return OllamaModel(name, provider=OllamaProvider(openai_client=server))
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=server))

    def _read(self, response: ModelResponse) -> ModelAnswer:
        from pydantic_ai.messages import TextPart, ToolCallPart

        called = [
            part.args_as_json_str() for part in response.parts if isinstance(part, ToolCallPart)
        ]
        said = [part.content for part in response.parts if isinstance(part, TextPart)]
        usage = response.usage
        return ModelAnswer(
            called[0] if called else "".join(said),
            Usage(
                usage.input_tokens,
                usage.output_tokens,
                self.price(usage.input_tokens, usage.output_tokens),
            ),
            cut_off=response.finish_reason == "length",
            refused=response.finish_reason == "content_filter",
        )


def _key(provider: str, *, needed: bool) -> str:
    for variable in KEYS[provider]:
        if key := os.environ.get(variable, "").strip():
            return key
    if needed and provider != "ollama":
        raise LanguageModelError(
            f"the environment variable {KEYS[provider][0]} is not set; it holds the key of the "
            "provider's account"
        )
    return NO_KEY


def _messages(request: ModelRequest) -> list[ModelMessage]:
    """The conversation as the library has it."""
    from pydantic_ai import messages

    said: list[ModelMessage] = []
    first: list[messages.ModelRequestPart] = [messages.SystemPromptPart(request.system)]
    for turn in request.turns:
        if turn.speaker == "model":
            said.append(messages.ModelResponse(parts=[messages.TextPart(turn.text)]))
            continue
        pictures = [
            messages.BinaryContent(picture.data, media_type=picture.media_type)
            for picture in turn.pictures
        ]
        words = messages.UserPromptPart([turn.text, *pictures] if pictures else turn.text)
        said.append(messages.ModelRequest(parts=[*first, words]))
        first = []
    return said


def _parameters(request: ModelRequest) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    about = "The defects that the documents and pictures name."
    if request.mode is OutputMode.TOOL:
        tool = ToolDefinition(
            name=ANSWER_NAME,
            parameters_json_schema=request.schema,
            description=about,
            kind="output",
        )
        return ModelRequestParameters(
            output_mode="tool", output_tools=[tool], allow_text_output=False
        )
    mode: Literal["native", "prompted"] = (
        "native" if request.mode is OutputMode.NATIVE else "prompted"
    )
    form = OutputObjectDefinition(json_schema=request.schema, name=ANSWER_NAME, description=about)
    return ModelRequestParameters(output_mode=mode, output_object=form)


def _explained(error: BaseException, endpoint: str, seconds: float) -> LanguageModelError:
    """What happened, in a sentence of ours."""
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, LanguageModelError):
            return LanguageModelError(str(cause), cause.retry_after)
    start = f"the model's server at {endpoint}"
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in chain):
        return LanguageModelError(f"{start} did not answer within {seconds:.0f} s")
    status = next((s for c in chain if isinstance(s := getattr(c, "status_code", None), int)), None)
    if status is not None and status >= 300:
        reason = REASONS.get(status, "is out of order; try again later")
        if status < 400:
            reason = "sends elsewhere, which is not followed; give the right address"
        return LanguageModelError(f"{start} {reason} (HTTP {status})", _retry_after(chain, status))
    if any(type(cause).__name__ in ("ContentFilterError",) for cause in chain):
        return LanguageModelError(f"the model at {endpoint} refused to answer")
    if any("Connect" in type(cause).__name__ for cause in chain):
        return LanguageModelError(f"{start} cannot be reached; is it running?")
    return LanguageModelError(
        f"{start} gave an answer that is not of the protocol; is it the right address?"
    )


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: BaseException | None = error
    while waiting is not None and waiting not in found:
        found.append(waiting)
        waiting = waiting.__cause__ or waiting.__context__
    return found


def _retry_after(chain: list[BaseException], status: int) -> float | None:
    """After how many seconds a busy server wants to be asked again, if it says so."""
    if status not in (429, 503):
        return None
    for cause in chain:
        headers = getattr(cause, "headers", None) or getattr(
            getattr(cause, "response", None), "headers", {}
        )
        value = headers.get("retry-after") if headers else None
        if value and value.strip().replace(".", "", 1).isdigit():
            return float(value)
    return None
