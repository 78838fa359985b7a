"""A stub, and credentials for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conjure_magic.api.client import Patience
from conjure_magic.api.credentials import Credentials, Key
from conjure_magic.api.files import FilesClient
from conjure_magic.api.skills import SkillsClient
from conjure_magic.testing.stub import StubServer

QUICK = Patience(retries=2, backoff=0.001, idle=5.0)


@pytest.fixture
def stub() -> Iterator[StubServer]:
    with StubServer(key="sk-hosted-secret") as server:
        yield server


@pytest.fixture
def there(stub: StubServer) -> Credentials:
    return Credentials(stub.url, "x-api-key", Key("sk-hosted-secret"), "anthropic")


@pytest.fixture
def files(there: Credentials) -> Iterator[FilesClient]:
    with FilesClient(there, patience=QUICK) as client:
        yield client


@pytest.fixture
def skills(there: Credentials) -> Iterator[SkillsClient]:
    with SkillsClient(there, patience=QUICK) as client:
        yield client
