"""The messages of a running turn: the whole history, the part of this turn, and the part replaced by a summary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from conjure_magic.history import extend, repair, settle, upload_blocks, uploads, without_uploads
from conjure_magic.messages import Block, Message, OtherBlock, TextBlock

NOT_RESUMED = "[conjure: the server cannot resume what it began above; continue from here]"
"""Note to the model where a paused answer cannot be resumed."""


class TurnMessages:
    """The messages of a running turn; each is serialised once, when it is appended."""

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self.messages = messages
        """The whole history, as the next request sends it."""
        self._own: tuple[Message, ...] = ()
        self._before: tuple[Message, ...] = ()
        self._prompt: tuple[Block, ...] = ()
        self._summed_up = 0

    @property
    def own(self) -> tuple[Message, ...]:
        """The messages of this turn, starting with the prompt and valid by themselves."""
        return repair(self._own)

    def begin(self, before: tuple[Message, ...], prompt: Sequence[Block]) -> Message:
        """Replace the earlier history with `before`, append the prompt, and return the appended message."""
        self.messages, self._before, self._prompt = before, before, tuple(prompt)
        return self.append(Message("user", self._prompt))

    def append(self, message: Message) -> Message:
        """Append a message; consecutive user messages are joined."""
        if message.role == "user":
            self.messages = extend(self.messages, message.content)
            self._own = extend(self._own, message.content)
        else:
            self.messages = (*self.messages, message)
            self._own = (*self._own, message)
        _ = self.messages[-1].encoded  # serialised once, now
        return message

    def settle(self, offered: frozenset[str]) -> None:
        """Remove all thinking, and turn calls that are invalid without it (those awaiting an answer) into text."""
        looping = any(block.type == "tool_result" for block in self.messages[-1].content)
        self.messages = settle(self.messages, frozenset() if looping else offered)
        self._end_with_user()

    def lose_uploads(self, named: str, offered: frozenset[str]) -> None:
        """Remove the files that a server reports missing; `named` is its message.

        Files of earlier turns are removed too, since they may be as old. Thinking is removed as well.
        """
        gone = {file for file in uploads(self.messages) if file in named}
        kept = {*uploads([Message("user", self._prompt)]), *uploads(self._own)} if self._prompt else set()
        gone |= set(uploads(self._before)) - kept
        self.messages, self._own = without_uploads(self.messages, gone), without_uploads(self._own, gone)
        self.settle(offered)

    @property
    def awaits_server(self) -> bool:
        """True if a call that the server runs itself is still open: its result starts the next answer."""
        answer = takewhile(lambda message: message.role == "assistant", reversed(self.messages))
        blocks = [block for message in answer for block in message.content if isinstance(block, OtherBlock)]
        answered = {block.answered_id for block in blocks if block.is_result}
        return any(block.is_call and block.own_id not in answered for block in blocks)

    def give_up_resuming(self) -> None:
        """Turn open server calls into text and add a note, because the server lost what it had begun."""
        self.repair()
        self._end_with_user()

    def _end_with_user(self) -> None:
        """Add a note after a paused answer: once changed, it is not one that a server resumes."""
        if self.messages[-1].role == "assistant":
            self.append(Message.user(NOT_RESUMED))

    def withdraw(self) -> None:
        """Leave this turn out of the history: what was before it, or the summary of that, stays."""
        self.messages = self._before

    def repair(self) -> None:
        """Make the history valid, wherever it was cut off."""
        self.messages = repair(self.messages)

    def rounds(self) -> tuple[Message, ...]:
        """The messages that a summary would replace: earlier turns, and the finished rounds of this one."""
        rounds = self._own[self._summed_up :]
        return (*self._before, *rounds) if len(rounds) > (self._summed_up == 0) else self._before

    def compact(self, note: TextBlock) -> None:
        """Replace `rounds` with a summary, followed by the prompt of this turn.

        Uploads that no answer has followed yet are kept after it: the container does not have them yet.
        """
        last = self.messages[-1]
        late = [b for b in upload_blocks(last) if b not in self._prompt] if last.role == "user" else []
        self.messages, self._before = extend((), (note, *self._prompt, *late)), (Message.user(note),)
        self._summed_up = len(self._own)
