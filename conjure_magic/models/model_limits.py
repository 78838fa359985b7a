"""The limits of a model on a server: a table's, replaced by what the server says when asked and when it refuses."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conjure_magic.api.client import Api
from conjure_magic.cancel import Cancel, Deadline
from conjure_magic.errors import CancelledError, ContextOverflowError, ModelError
from conjure_magic.events import Notice
from conjure_magic.models.model_facts import ModelFacts, entry_of, facts_of

WAIT = 5.0
"""Seconds that a first request waits for the server to report a model's limits."""
SILENCE = 1.0
"""Seconds of that wait without a notice."""


class ModelLimits:
    """What one model accepts, as far as known. May be used by many threads.

    Args:
        name: the model's id.
        api: its server.
        window: tokens of prompt and answer together, set by the user; only a refusal lowers it.
    """

    def __init__(self, name: str, api: Api, window: int | None = None) -> None:
        self.facts = facts_of(name)
        """The table's facts, with what the server reported instead."""
        self._name = name
        self._api = api
        self._window = window
        self._is_anthropic = api.credentials.dialect == "anthropic"
        self._asked = False

    @property
    def window(self) -> int | None:
        """Tokens of prompt and answer together; None if not known."""
        return self._window or self.facts.context_window

    def ask(self, cancel: Cancel) -> ModelFacts:
        """Ask the server, the first time, and return the facts. Raises CancelledError once `cancel` is set."""
        if not self._asked:
            self._asked = True
            for reported in self._reported(cancel):
                self.facts = self.facts.updated(reported)
                if self._is_anthropic or self.facts.context_window is not None:
                    break
        return self.facts

    def ask_first(self, cancel: Cancel) -> Generator[Notice, None, None]:
        """Ask before a model's first request, and wait at most `WAIT` seconds, with a notice if it takes long.

        An answer that arrives later still counts. Raises CancelledError once `cancel` is set.
        """
        if self._asked:
            return
        done = threading.Event()

        def work() -> None:
            self._try_to_ask(cancel)
            done.set()

        with cancel.waking(done.set):
            threading.Thread(target=work, name="limits", daemon=True).start()
            if not done.wait(SILENCE):
                yield Notice(
                    f"Waiting for {self._api.server} to report the limits of {self._name}; it has not answered yet."
                )
                done.wait(WAIT - SILENCE)
        cancel.raise_if_set()

    def ask_in_background(self) -> None:
        """Ask after a first answer, without a wait: the next request uses the limits."""
        if not self._asked:
            threading.Thread(target=self._try_to_ask, name="limits", daemon=True).start()

    def learn_from(self, refusal: ContextOverflowError) -> None:
        """Remember the window that a refusal names."""
        if refusal.window is not None:
            self._window = min(self._window or refusal.window, refusal.window)

    def learn_longest_answer(self, tokens: int) -> None:
        """Remember the longest answer that a refusal names."""
        self.facts = replace(self.facts, max_output=tokens)

    def answer_tokens(self, wanted: int, prompt: int) -> int:
        """The tokens to request for an answer: as many as wanted, if the model and its window allow that.

        Args:
            wanted: the limit of the answer.
            prompt: an estimate of the prompt's tokens, without what the server's template adds.
        """
        most = min(wanted, self.facts.max_output or wanted)
        window = self.window
        if window is None:
            return most
        return min(most, max(window - prompt - window // 20, window // 4, 1))

    def _try_to_ask(self, turn: Cancel | None = None) -> None:
        """Ask, but no longer than the turn and twice `WAIT`."""
        if self._asked:
            return
        cancel = Cancel()
        deadline = Deadline(cancel, 2 * WAIT)
        deadline.start()
        with contextlib.suppress(CancelledError), (turn or Cancel()).waking(cancel.set):
            self.ask(cancel)
        deadline.stop()

    def _reported(self, cancel: Cancel) -> Iterator[Mapping[str, Any]]:
        """The model's entry at each address that may have one."""
        found: object = {}
        for path in (f"/v1/models/{quote(self._name, safe='')}", "/v1/models", "/props"):
            if path == "/props" and not (isinstance(found, Mapping) and found.get("owned_by") == "llamacpp"):
                return  # only llama.cpp reports its window there
            with contextlib.suppress(ModelError):
                found = self._api.get(path, cancel)
                found = entry_of(found, self._name) if path == "/v1/models" else found
                if isinstance(found, Mapping):
                    yield found
