"""The standard image's recipe: what is refused before an engine is asked, and what the engine gets."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from conjure_magic.errors import UsageError
from conjure_magic.executors.docker.build_context import BuildContext

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def files(recipe: BuildContext) -> dict[str, str]:
    """Everything in the context, by name."""
    with tarfile.open(fileobj=io.BytesIO(recipe.context())) as tar:
        return {entry.name: tar.extractfile(entry).read().decode() for entry in tar}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": "a b"}, "base: 'a b' is not a valid image name"),
        ({"index": "packages"}, "index must be an address"),
        ({"index": "ftp://me:hunter2@packages"}, "not ftp://packages"),
        ({"apt": "http://mirror debian"}, "apt must be an address"),
        ({"apt": "http://me:hunter2@mirror/debian"}, "apt: a password"),
        ({"packages": ("--index-url=http://elsewhere",)}, "is not a package name"),
        ({"packages": ("six\n-r /etc/passwd",)}, "is not a package name"),
        ({"ca": Path("/nowhere.pem")}, "ca: /nowhere.pem: No such file"),
    ],
)
def test_what_cannot_be_is_a_slip(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        BuildContext(**options)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("hello", "not a PEM file"), (f"{CERTIFICATE}-----BEGIN PRIVATE KEY-----\n", "contains a private key")],
)
def test_only_certificates_go_into_an_image(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "ca.pem").write_text(text)
    with pytest.raises(UsageError, match=said):
        BuildContext(ca=tmp_path / "ca.pem")


def test_the_context_holds_what_the_options_say(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    recipe = BuildContext(
        "debian:12", tmp_path / "ca.pem", "https://me:pw@packages/simple", "http://mirror", ("six>=1.16",)
    )
    given = files(recipe)
    assert given["certificates/conjure.crt"] == CERTIFICATE
    assert given["requirements.txt"] == "six>=1.16\n"
    assert "index-url = https://me:pw@packages/simple" in given["pip.conf"]
    assert "cert = /etc/ssl/certs/ca-certificates.crt" in given["pip.conf"]
    assert recipe.arguments == {"BASE": "debian:12", "APT_MIRROR": "http://mirror"}


def test_without_options_it_is_the_folder_in_the_package() -> None:
    given = files(BuildContext())
    assert "pandas" in given["requirements.txt"]
    assert "index-url" not in given["pip.conf"]
    assert BuildContext().arguments == {}
