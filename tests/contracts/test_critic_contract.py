"""Every built-in critic keeps the contract that plugins are held to."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.fairness import ollama_critic, rule_critic
from marketsim.fairness.params import MeasureChoice, OllamaCriticParams, RuleCriticParams, SurrogateCriticParams
from marketsim.fairness.surrogate_critic import SurrogateCritic
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_file import Surrogate, SurrogateNetwork
from marketsim.llm.model_server import ModelServer
from marketsim.testing.critic_kit import CriticContract
from marketsim.testing.ollama_server import OllamaServer


def some_surrogate(seed=0, hidden=8):
    """A network of random weights."""
    rng = np.random.default_rng(seed)
    sizes = (len(NAMES), hidden), (hidden,), (hidden, hidden), (hidden,), (hidden, 3), (3,)
    return Surrogate(SurrogateNetwork(*(rng.normal(0.0, 0.5, size) for size in sizes)), {"held_out_error": [0.05] * 3})


@pytest.fixture(scope="module")
def server():
    with OllamaServer() as running:
        yield running


class TestRuleCritic(CriticContract):
    build = staticmethod(rule_critic.build)
    params = RuleCriticParams()


class TestRuleCriticOfVariants(CriticContract):
    build = staticmethod(rule_critic.build)
    params = RuleCriticParams(ftg="demand", fbs="share_range", fpp="range")


class TestOllamaCritic(CriticContract):
    build = staticmethod(ollama_critic.build)
    draws = 3

    @pytest.fixture(autouse=True)
    def _asked(self, server):
        self.params = OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0)


class TestOllamaCriticWithoutServer(CriticContract):
    build = staticmethod(ollama_critic.build)
    params = OllamaCriticParams(host="127.0.0.1:9", cache=False, load_deadline_s=0, rule=MeasureChoice(fpp="range"))
    draws = 3


class TestSurrogateCritic(CriticContract):
    def critic(self, people):
        return SurrogateCritic(people, SurrogateCriticParams(file="frozen"), some_surrogate())


class TestAuditedSurrogateCritic(CriticContract):
    draws = 3

    @pytest.fixture(autouse=True)
    def _asked(self, server):
        self.auditor = OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0)

    def critic(self, people):
        params = SurrogateCriticParams(file="frozen", audit_share=0.5, auditor=self.auditor)
        return SurrogateCritic(people, params, some_surrogate(), ModelServer(self.auditor.settings()))
