"""A model's Markdown as HTML and as safe Markdown."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hostile import markdown_offences, read_html
from markdown_it import MarkdownIt

from conjure_magic.render.markdown import MARKED, PARSED, render_markdown
from conjure_magic.render.safe_markdown import code_block, code_span, escape_markdown, render_markdown_source

RICH = """\
# Title

Words with **weight**, *slant*, ~~not~~ and `code`.\\
Next line.

3. three
4. four
   - inner
   - more

   loose

> quoted
> on

| left | right |
|------|------:|
| `a|b` | 1 |

```python
x = "`"
```

---

[words](https://example.org/a_b?c=d&e=f) and <https://example.org>
"""


def tags(html: str) -> list[str]:
    return [tag for tag, _ in read_html(html)[0]]


def test_the_usual_forms_are_elements() -> None:
    found = set(tags(render_markdown(RICH)))
    assert {
        "h3",
        "strong",
        "em",
        "code",
        "br",
        "ol",
        "ul",
        "li",
        "blockquote",
        "table",
        "th",
        "td",
        "pre",
        "a",
    } <= found


def test_headings_start_below_those_of_a_notebook() -> None:
    assert tags(render_markdown("# a\n\n## b\n\n##### c")) == ["h3", "span", "h4", "span", "h6", "span"]


def test_a_numbered_list_keeps_its_first_number() -> None:
    assert '<ol start="3"' in render_markdown("3. three\n4. four")


def test_header_cells_say_what_they_head() -> None:
    elements = read_html(render_markdown("| a |\n|---|\n| 1 |"))[0]
    assert [given["scope"] for tag, given in elements if tag == "th"] == ["col"]


def test_a_link_whose_words_are_not_its_address_has_it_spelled_out() -> None:
    html = render_markdown("[https://good.example](https://other.example/x)")
    assert read_html(html)[1] == "https://good.example (https://other.example/x)"


@pytest.mark.parametrize("text", ["<https://example.org/x>", "[https://example.org/x](https://example.org/x)"])
def test_a_link_that_shows_its_address_says_it_once(text: str) -> None:
    html = render_markdown(text)
    assert read_html(html)[1] == "https://example.org/x"
    assert 'rel="noopener noreferrer"' in html


def test_a_bare_address_is_no_link() -> None:
    assert "a" not in tags(render_markdown("see https://example.org/x and www.example.org"))


def test_an_address_with_foreign_letters_is_shown_as_it_really_is() -> None:
    """A Cyrillic letter in a host's name must not pass for a Latin one."""
    assert "https://xn--" in read_html(render_markdown("[x](https://\u0430pple.example/)"))[1]


@pytest.mark.parametrize("form", ["html", "source"])
@pytest.mark.parametrize("times", [PARSED // 8, MARKED // 5 + 1], ids=["too long", "too many marks"])
def test_a_text_too_long_to_parse_is_shown_as_it_is(form: str, times: int) -> None:
    text = "**x** <b>" * times
    if form == "html":
        assert tags(render_markdown(text)) == ["pre"]
    else:
        assert render_markdown_source(text).startswith("```\n**x** <b>")


def test_a_long_answer_with_the_usual_marks_is_parsed() -> None:
    """As long as any model's answer: prose, and code that is full of marks."""
    text = "**Why** `x_1[i]` is *odd*: see [this](https://x.org).\n\n```python\nx[i] = y_1 * z_2\n```\n\n" * 1_200
    assert "strong" in tags(render_markdown(text))


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "*a_ " * 5_000, "> " * 5_000, "`" * 20_001 + "a", "- " * 5_000, "\x9d" * 50_000]
)
def test_text_made_to_be_slow_is_still_rendered(text: str) -> None:
    """The deadline is pytest's: what is quadratic here would take minutes."""
    assert render_markdown(text)
    assert render_markdown_source(text)


def commonmark(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


def test_rewritten_markdown_means_the_same() -> None:
    """Apart from headings one level down and an address spelled out."""
    expected = RICH.replace("# Title", "### Title").replace("e=f)", "e=f) (https://example.org/a\\_b?c=d&amp;e=f)")
    assert commonmark(render_markdown_source(RICH)) == commonmark(expected)


def test_markdown_rewritten_twice_is_the_same() -> None:
    once = render_markdown_source("# a\n\n- b\n\n  c\n\n1. *d* `e` \\*f\\* <g>\n\n| h |\n|---|\n| i |")
    assert commonmark(render_markdown_source(once)) == commonmark(once.replace("### a", "##### a"))


@pytest.mark.parametrize(
    "text",
    ["# a", "- a", "1. a", "> a", "a | b\n---|---", "===", "~~~", "<b>", "&amp;", "*a* _b_ [c](d) $e$", "+ x", "    y"],
)
def test_escaped_text_is_read_letter_by_letter(text: str) -> None:
    assert read_html(commonmark(escape_markdown(text)))[1].strip() == text.strip()
    assert set(tags(commonmark(escape_markdown(text)))) <= {"p", "pre", "code", "span"}


@pytest.mark.parametrize("text", ["$5 and $6", r"\(x\)", r"\[x\]", r"\begin{x}", "$a\nb$", "*$a* b$"])
def test_no_formula_is_found_in_rewritten_markdown(text: str) -> None:
    """Notebook front ends look for formulas in what the Markdown has become: escaping is not enough."""
    assert [found for found in markdown_offences(render_markdown_source(text)) if "formula" in found] == []
    assert [found for found in markdown_offences(escape_markdown(text)) if "formula" in found] == []
    assert read_html(commonmark(escape_markdown(text)))[1].strip() == text


@pytest.mark.parametrize("text", ["a", "`", "``", "a`b``c", "`a`", " a ", "```"])
def test_code_is_code_whatever_backticks_it_holds(text: str) -> None:
    assert read_html(commonmark(code_span(text)))[1].strip() == text.strip()
    assert read_html(commonmark(code_block(f"{text}\n```\n<b>")))[1] == f"{text}\n```\n<b>\n\n"


def test_the_markdown_library_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, conjure_magic.magics.live_display, conjure_magic.render; "
        "print([m for m in sys.modules if 'markdown_it' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
