"""A language model of one's own, without a server: it reads the slot and scores what it finds there."""

import json

import marketsim as ms
from marketsim.core.language_model import Identity


class Bookkeeper:
    url = "this process"

    def __init__(self, settings):
        self.settings = settings

    def options(self, seed):
        return {"temperature": self.settings.temperature, "seed": seed}

    async def identify(self, deadline_s):
        return Identity(self.settings.model, "bookkeeper-1", "none", thinks=False)

    async def load(self, messages, seed, deadline_s):
        pass

    async def ask(self, messages, form, seed, deadline_s):
        slot = json.loads(messages[-1]["content"])
        scores = {"ftg": round(slot["traded"]), "fbs": 50, "fpp": 100}
        return json.dumps({name: scores[name] for name in slot["score"]})

    async def close(self):
        pass


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="model", name="bookkeeper", build=lambda settings, context: Bookkeeper(settings))
