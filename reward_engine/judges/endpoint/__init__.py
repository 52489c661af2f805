"""A judge that asks a server which speaks the OpenAI protocol (vLLM, SGLang). Needs no torch."""

from reward_engine.judges.endpoint.judge import EndpointJudge
from reward_engine.judges.endpoint.settings import EndpointSettings

__all__ = ["EndpointJudge", "EndpointSettings"]
