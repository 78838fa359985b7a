"""A strict stub of the Messages API: real HTTP on loopback, for tests of this package and of others.

    with StubServer("Hello.", Reply.fault(529), "Hello again.") as stub:
        ...  # a client whose base URL is stub.url
        stub.requests[0].body

It keeps files and skills as Anthropic does (`stub.hosted`), and runs scripted commands in containers: `bash`, `edit`,
`code`.

`python -m conjure_magic.testing.stub` serves it from a process of its own. It imports nothing of the rest of
the package, so that it cannot be bent to it.
"""

from conjure_magic.testing.stub.catalogue import MODELS, StubModel
from conjure_magic.testing.stub.documents import pdf, workbook
from conjure_magic.testing.stub.hosted import Hosted
from conjure_magic.testing.stub.process import StubProcess
from conjure_magic.testing.stub.recorded import Recorded
from conjure_magic.testing.stub.replies import Reply
from conjure_magic.testing.stub.scripts import bash, code, edit
from conjure_magic.testing.stub.server import StubServer

__all__ = [
    "MODELS",
    "Hosted",
    "Recorded",
    "Reply",
    "StubModel",
    "StubProcess",
    "StubServer",
    "bash",
    "code",
    "edit",
    "pdf",
    "workbook",
]
