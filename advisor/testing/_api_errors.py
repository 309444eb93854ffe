"""Refusals, in the forms in which OpenAI, Azure OpenAI and Azure Resource Manager answer them."""

from __future__ import annotations

from typing import Any

INVALID_REQUEST = "invalid_request_error"


class ApiError(Exception):
    """A request that is refused: becomes an answer with this status and an error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str | None = INVALID_REQUEST,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        short: bool = False,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """A refusal.

        Args:
            status: HTTP status.
            message: What the caller reads.
            type: OpenAI's class of error.
            param: The part of the request that is at fault.
            code: The machine-readable reason.
            headers: Further headers of the answer.
            short: Answer with `code` and `message` alone, as Azure's own errors do.
            detail: Further members of the error object.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.code = code
        self.headers = headers or {}
        self.short = short
        self.detail = detail or {}

    def body(self) -> dict[str, Any]:
        """The error as the wire carries it."""
        if self.short:
            return {"error": {"code": self.code, "message": self.message, **self.detail}}
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
                **self.detail,
            }
        }


def wrong_key(key: str | None) -> ApiError:
    """401 for a missing or wrong key; a wrong one is echoed in part, as the real service does."""
    if not key:
        return ApiError(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    shown = f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    return ApiError(
        401,
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    )


def azure_access_denied() -> ApiError:
    """401 of an Azure OpenAI resource."""
    return ApiError(
        401,
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key "
        "for an active subscription and use a correct regional API endpoint for your resource.",
        code="401",
        type=None,
    )


def model_not_found(model: str) -> ApiError:
    """404 for a model that does not exist, or that this key may not use."""
    return ApiError(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    )


def deployment_not_found() -> ApiError:
    """404 for a deployment that does not stand."""
    return ApiError(
        404,
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 "
        "minutes, please wait a moment and try again.",
        code="DeploymentNotFound",
        short=True,
    )


def context_length_exceeded(limit: int, tokens: int) -> ApiError:
    """400 for a prompt that is too long for its model."""
    return ApiError(
        400,
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} "
        "tokens. Please reduce the length of the messages.",
        param="messages",
        code="context_length_exceeded",
    )


def filtered_prompt() -> ApiError:
    """400 of Azure's content filter."""
    return ApiError(
        400,
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please "
        "modify your prompt and retry.",
        type=None,
        param="prompt",
        code="content_filter",
        detail={
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
            },
        },
    )
