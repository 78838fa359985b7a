"""Multipart bodies (RFC 7578), as far as uploads need them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from conjure_magic.testing.stub.rules import RefusedError


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form."""

    name: str
    content: bytes = field(repr=False)
    filename: str | None = None
    """None for a plain field."""
    media_type: str = ""


def parse_form(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body, in order. Raises `RefusedError` for what is no form."""
    found = re.fullmatch(r'multipart/form-data;.*?boundary="?([^";]+)"?', content_type.strip())
    if found is None:
        raise RefusedError("content-type: must be multipart/form-data")
    boundary = b"--" + found[1].encode("latin-1")
    pieces = (b"\r\n" + body).split(b"\r\n" + boundary)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise RefusedError("The request body is not a valid multipart form")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, blank, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        headers[key.strip().lower()] = value.strip()
    disposition = headers.get("content-disposition", "")
    name = re.search(r';\s*name="([^"]*)"', disposition)
    if not blank or name is None:
        raise RefusedError("The request body is not a valid multipart form")
    filename = re.search(r';\s*filename="([^"]*)"', disposition)
    return Part(name[1], content, filename[1] if filename else None, headers.get("content-type", ""))
