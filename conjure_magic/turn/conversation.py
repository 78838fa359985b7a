"""The messages while a turn runs: the whole history, this turn's own part of it, and what a summary stands for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from conjure_magic.history import extend, repair, settle, upload_blocks, uploads, without_uploads
from conjure_magic.messages import Block, Message, OtherBlock, TextBlock

AFRESH = "[conjure: what the server had begun above cannot be resumed; go on from here]"
"""What a model reads where a paused answer cannot go on."""


class Conversation:
    """Grows message by message; each is serialised once, when it is appended."""

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self.messages = messages
        """The whole history, as the next request carries it."""
        self._own: tuple[Message, ...] = ()
        self._before: tuple[Message, ...] = ()
        self._prompt: tuple[Block, ...] = ()
        self._summed_up = 0

    @property
    def own(self) -> tuple[Message, ...]:
        """This turn's messages, valid by themselves, the prompt first."""
        return repair(self._own)

    def begin(self, before: tuple[Message, ...], prompt: Sequence[Block]) -> Message:
        """Put this in the place of what came before, and append the prompt; the message that was appended."""
        self.messages, self._before, self._prompt = before, before, tuple(prompt)
        return self.append(Message("user", self._prompt))

    def append(self, message: Message) -> Message:
        """Add a message for good; a last user message grows by another one."""
        if message.role == "user":
            self.messages = extend(self.messages, message.content)
            self._own = extend(self._own, message.content)
        else:
            self.messages = (*self.messages, message)
            self._own = (*self._own, message)
        _ = self.messages[-1].encoded  # serialised once, now
        return message

    def settle(self, offered: frozenset[str]) -> None:
        """Leave all thinking out, and what cannot stand without it: calls that still wait for their answer."""
        looping = any(block.type == "tool_result" for block in self.messages[-1].content)
        self.messages = settle(self.messages, frozenset() if looping else offered)
        self._end_with_user()

    def lose_uploads(self, named: str, offered: frozenset[str]) -> None:
        """Go on without the files that a server says, in these words, it no longer has.

        Those of earlier turns go with them, since others may be as old. Thinking that they stood before is left out.
        """
        gone = {file for file in uploads(self.messages) if file in named}
        kept = {*uploads([Message("user", self._prompt)]), *uploads(self._own)} if self._prompt else set()
        gone |= set(uploads(self._before)) - kept
        self.messages, self._own = without_uploads(self.messages, gone), without_uploads(self._own, gone)
        self.settle(offered)

    @property
    def awaits_server(self) -> bool:
        """True if a call that the server runs itself is still open: its result opens the next answer."""
        answer = takewhile(lambda message: message.role == "assistant", reversed(self.messages))
        blocks = [block for message in answer for block in message.content if isinstance(block, OtherBlock)]
        answered = {block.answered_id for block in blocks if block.is_result}
        return any(block.is_call and block.own_id not in answered for block in blocks)

    def begin_afresh(self) -> None:
        """Go on where the server no longer has what it had begun: its open calls become text, and a note says so."""
        self.repair()
        self._end_with_user()

    def _end_with_user(self) -> None:
        """A paused answer that was changed is no longer one that a server would resume."""
        if self.messages[-1].role == "assistant":
            self.append(Message.user(AFRESH))

    def withdraw(self) -> None:
        """Leave this turn out of the history: what was before it, or the summary of that, stays."""
        self.messages = self._before

    def repair(self) -> None:
        """Make the history valid, whatever was cut."""
        self.messages = repair(self.messages)

    def rounds(self) -> tuple[Message, ...]:
        """What a summary would stand for: earlier turns, and this one's finished rounds."""
        rounds = self._own[self._summed_up :]
        return (*self._before, *rounds) if len(rounds) > (self._summed_up == 0) else self._before

    def compact(self, note: TextBlock) -> None:
        """Go on with a summary in the place of `rounds`, and with this turn's prompt after it.

        Files that no answer has seen yet stay behind it: they are still on their way into the container.
        """
        last = self.messages[-1]
        late = [b for b in upload_blocks(last) if b not in self._prompt] if last.role == "user" else []
        self.messages, self._before = extend((), (note, *self._prompt, *late)), (Message.user(note),)
        self._summed_up = len(self._own)
