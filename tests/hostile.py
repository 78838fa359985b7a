"""One corpus of hostile text, and the checks that nothing of it acts: whatever shows text is tested with both.

The texts go through a model's words, thinking, tool input, tool output, notices, file names and file contents.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

HOST = "evil.example"
"""Nothing shown may load anything from there."""

SCRIPTS = {
    "script": "<script>alert('xss-1')</script>",
    "script in a link": "[<script>alert(1)</script>](https://ok.example/)",
    "handler": "<img src=x onerror=alert('xss-2')>",
    "handler without quotes": "<svg/onload=alert(1)>",
    "svg script": '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "iframe": f'<iframe src="https://{HOST}/"></iframe>',
    "object": f'<object data="https://{HOST}/x.swf"></object><embed src="https://{HOST}/x">',
    "style": f"<style>@import url(https://{HOST}/x.css)</style><link rel=stylesheet href=https://{HOST}/y.css>",
    "form": f'<form action="https://{HOST}/"><button autofocus onfocus=alert(1)>Sign in</button></form>',
    "meta": f'<meta http-equiv="refresh" content="0;url=https://{HOST}/"><base href="https://{HOST}/">',
    "quotes": "\"><script>alert(1)</script> '><img src=x onerror=alert(1)> ` onmouseover=alert(1)",
    "broken tag": '<img src="x" onerror="alert(1)"\n\n<b',
    "comment": "<!-- --><script>alert(1)</script><!--",
    "cdata": "<![CDATA[<script>alert(1)</script>]]> <?php echo 1 ?> <!DOCTYPE x>",
    "template": "{{7*7}} ${alert(1)} <%= 1 %> {% raw %}",
    "closing our tags": "</span></summary></details></div></pre></code></table><script>alert(1)</script>",
    "math": r"$\href{javascript:alert(1)}{click}$ and $$\unicode{x3c}$$ \(x\) \[y\] costs $5 and $6",
    "entities": "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img onerror=alert(1)&#62; &#x202e; &#27;[31m &#10;# x",
}
LINKS = {
    "javascript": "[click](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](java\tscript:alert(1))",
    "javascript entity": "[click](&#106;avascript:alert(1)) [d](javascript&colon;alert(1)) <javascript:alert(1)>",
    "javascript html": '<a href="javascript:alert(1)">click</a> <a href=" &#14;javascript:alert(1)">e</a>',
    "data": "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) <data:text/html,x>",
    "vbscript": "[click](vbscript:msgbox(1)) [f](file:///etc/passwd) [g](ftp://x.example/)",
    "relative": "[click](//evil.example/x) [h](../../lab/api) [i](/files/x) [j](#top) [k](?logout)",
    "words of another address": f"[https://good.example/](https://{HOST}/login) <https://good.example@{HOST}/>",
    "title": f"[a](https://{HOST}/ \"' onmouseover=alert(1) x='\")",
    "reference": f"[click][r] [r]\n\n[r]: javascript:alert(1)\n[s]: https://{HOST}/x 'onclick=alert(1)'\n\n[s]",
    "odd address": '[a](https://x.example/"onmouseover=alert(1)) [b](<https://x.example/a b>) [c](https://x.example/<b>)',
    "brackets": "[a](https://x.example/)](javascript:alert(1)) [[b](https://x.example/)](javascript:alert(1))",
}
IMAGES = {
    "inline image": f"![alt](https://{HOST}/inline.png) ![alt](http://{HOST}/i.png 'title')",
    "protocol-relative image": f"![alt](//{HOST}/relative.png)",
    "reference image": f"![alt][pic] ![pic]\n\n[pic]: https://{HOST}/reference.png",
    "image in a link": f"[![alt](https://{HOST}/linked.png)](https://{HOST}/target)",
    "image in alt": f"![![inner](https://{HOST}/inner.png)](https://{HOST}/outer.png)",
    "html image": f'<img src="https://{HOST}/html.png"> <picture><source srcset="https://{HOST}/s.png"></picture>',
    "background": f'<table background="https://{HOST}/b.png"><tr><td style="background:url(https://{HOST}/c.png)">',
    "media": f'<video poster="https://{HOST}/p.png"><source src="https://{HOST}/v.mp4"></video><audio src=//{HOST}/a>',
    "svg image": f'<svg><image href="https://{HOST}/x.png"/><use href="https://{HOST}/x.svg#a"/></svg>',
    "data image": "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+)",
    "attachment": "![x](attachment:x.png) ![y](files/x.png) ![z](javascript:alert(1))",
}
CONTROLS = {
    "bidi override": "user\u202egnp.exe\u202c and \u2066isolated\u2069 \u2067x\u2069",
    "zero width": "pay\u200bpal \u200djoin\u2060ed\ufeff so\u00adft \u200e\u200f\u061c",
    "tag characters": "hidden\U000e0041\U000e0042\U000e007f words",
    "colours": "\x1b[31mred\x1b[0m \x1b[2J\x1b[H\x1b[?25l\x1b[38;5;1mx \x9b31m",
    "osc link": f"\x1b]8;;https://{HOST}/\x1b\\click\x1b]8;;\x1b\\ \x1b]0;title\x07 \x1b]52;c;ZXZpbA==\x07",
    "osc without end": "\x1b]0;title never ends \x1bP dcs never ends \x9d1;x \x90 y",
    "carriage returns": "rm -rf /\rls -la          \r\nsecond\x08\x08\x08\x7f\x0b\x0c",
    "nul": "a\x00b\x01\x02\x1f\x80\x85\x9f",
    "lone surrogates": "a\ud800b \udfff\udfff c\udcffd",
    "noncharacters": "\ufffe\uffff\ufdd0 \ufffd",
    "combining": "Z" + "\u0351\u0310\u0346" * 40 + "algo",
    "line separators": "one\u2028two\u2029three\x85four",
}
STRUCTURE = {
    "fence ends early": "```\ncode\n```\n<script>alert(1)</script>\n```\n``` still",
    "many backticks": "````` ``` ```` `` `\n`````````\n<b>x</b>\n~~~\n<i>y</i>",
    "fence info": '```"><script>alert(1)</script> onmouseover=alert(1)\ncode\n```',
    "open fence": "text\n\n```html\n<script>alert(1)</script>",
    "table": "| a | b |\n|---|---|\n| `x|y` \\| | <script>alert(1)</script> |\n| ![i](//evil.example/t.png) | $x$ |",
    "table break": "a | b\n--- | ---\n</td></tr></table><script>alert(1)</script> | \\",
    "details": "</details></summary>\n\n<details open ontoggle=alert(1)>",
    "nesting": "> " * 60 + "deep\n\n" + "- " * 60 + "deep",
    "emphasis": "*" * 3000 + "a" + "_" * 3000,
    "brackets run": "[" * 3000 + "x" + "](" * 500,
    "long word": "W" * 5000,
    "setext": "<script>\n===\n\nx\n---\n\n<b>\n---",
    "list": "1) <script>\n\n        <b>x</b>\n\n- \n\n  - ```\n    <i>\n",
    "hard breaks": "a  \n<b>c\\\n<i>d",
    "front matter": "---\ntitle: <script>\n---\n\n- x\n\n    indented <b>",
    "placeholders": "@@0@@ @@1@@ %s {0} %(x)s \\0 \\g<0> \\1",
}
TEXTS = {**SCRIPTS, **LINKS, **IMAGES, **CONTROLS, **STRUCTURE, "empty": "", "blanks": " \n\t\n "}
EVERYTHING = "\n\n".join(TEXTS.values())
"""All of it in one text; an open fence in the midst hides the rest in code, so use the single ones as well."""

FILE_NAMES = (
    "<script>alert(1)<!script>.txt",
    "<img src=x onerror=alert(1)>.png",
    "quote'quote\"quote.csv",
    "new\nline.txt",
    "tab\there\x07\x1b[31m.txt",
    "`back`tick`s`.md",
    "pipe|pipe|.csv",
    "[a](javascript:alert(1)).md",
    "![x](https:!!evil.example!x.png).txt",
    "javascript:alert(1)",
    "data:text!html,<b>",
    "..hidden",
    "user\u202egnp.txt",
    "zero\u200bwidth\ufeff.txt",
    "$(rm -rf ~);`id`&&x.sh",
    "percent%2e%2e%2f?query#fragment.txt",
    "  spaces  .txt",
    "ümläut 日本語 😀.txt",
    "שלום.txt",
    "lone\udcffbyte.txt",
    "-rf",
    "n" * 250,
    "$\\href{x}$.txt",
    "</div></span>.html",
)
"""Names that a file can have on Linux."""

FILE_CONTENTS: dict[str, bytes] = {
    "script.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><title>&lt;b&gt;"x\' onerror=x</title>'
    b"<script>alert(1)</script></svg>",
    "bomb.svg": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg><title>&b;</title></svg>',
    "remote.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="https://{HOST}/x.png"/></svg>'.encode(),
    "not.png": b"<script>alert(1)</script>",
    "page.html": b"<script>alert(1)</script><img src=x onerror=alert(1)>",
    "formula.csv": b"name,value\n=cmd|' /C calc'!A0,<script>alert(1)</script>\n\"a\nb\",|x|`y`\n",
    "ragged.csv": b'a,b\n1,2,3,4\n"open quote, never closed\nx\n',
    "nul.csv": b"a,b\n1,\x002\n",
    "wide.csv": b",".join(b"c" for _ in range(5000)) + b"\n",
    "long.csv": b"a," + b"x" * 200_000 + b"\n",
    "empty.csv": b"",
    "utf16.txt": "<script>".encode("utf-16"),
    "latin.txt": b"caf\xe9 <b>",
    "ansi.log": b"\x1b[31mERROR\x1b[0m \x1b]0;x\x07 <script>alert(1)</script>\r\n",
    "bidi.json": '{"a": "\u202e<script>"}'.encode(),
    "fence.md": b"```\n</pre><script>alert(1)</script>\n```` ![x](https://evil.example/x.png)",
    "empty.txt": b"",
}

# ---- checks

ELEMENTS = frozenset(
    {
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "details",
        "div",
        "em",
        "h3",
        "h4",
        "h5",
        "h6",
        "img",
        "li",
        "ol",
        "pre",
        "span",
        "strong",
        "summary",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    }
)
MARKDOWN_ELEMENTS = ELEMENTS | {
    "p",
    "hr",
    "h1",
    "h2",
    "del",
    "s",
    "thead",
    "tbody",
}
ATTRIBUTES = frozenset(
    {
        "alt",
        "class",
        "dir",
        "download",
        "href",
        "lang",
        "open",
        "rel",
        "scope",
        "src",
        "start",
        "style",
        "tabindex",
        "target",
        "title",
    }
)
_ADDRESS = re.compile(r"https?://[^\s]+|mailto:[^\s]+")
_FORMULA = re.compile(r"\$[^$]+\$|\\[(\[]|\\begin\b")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f\ud800-\udfff]")


class _Reader(HTMLParser):
    """Reads a page as a browser would: its elements, and the text between them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.other: list[str] = []
        self.formulas: list[str] = []
        self.is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_code = tag in ("code", "pre")
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if not self.is_code and _FORMULA.search(data):
            self.formulas.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.is_code = False

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    unknown_decl = handle_decl
    handle_pi = handle_decl


def read_html(html: str) -> tuple[list[tuple[str, dict[str, str]]], str]:
    """The elements of a page with their attributes, and its text."""
    reader = _read(html)
    return reader.elements, "".join(reader.words)


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def offences(html: str, allowed: frozenset[str] | set[str] = ELEMENTS) -> list[str]:
    """What in a page of ours could act, load, or hide where it leads; empty if nothing."""
    reader = _read(html)
    text = "".join(reader.words)
    found = [f"markup: {other[:80]}" for other in reader.other]
    for tag, attributes in reader.elements:
        if tag not in allowed:
            found.append(f"element: {tag}")
        found += [f"attribute: {tag} {key}={value[:80]}" for key, value in attributes.items() if key not in ATTRIBUTES]
        found += (
            [f"style: {attributes['style'][:80]}"]
            if re.search(r"url|@|\\|expression", attributes.get("style", ""))
            else []
        )
        found += _bad_address(tag, attributes, text)
    return found + [f"unseen character: {match.group()!r}" for match in _UNSEEN.finditer(html)]


def _bad_address(tag: str, attributes: dict[str, str], text: str) -> list[str]:
    found = []
    if "src" in attributes and not re.match(r"data:image/[\w.+-]+;base64,[\w+/=]*$", attributes["src"]):
        found.append(f"source: {attributes['src'][:80]}")
    href = attributes.get("href")
    if href is None:
        return found
    if "download" in attributes:
        inside = re.match(r"data:application/octet-stream;base64,[\w+/=]*$", href)
        below = re.match(r"(?!/)[\w./%~-]*$", href) and ".." not in unquote(href).split("/")
        return found if inside or below else [*found, f"download: {href[:80]}"]
    if not _ADDRESS.fullmatch(href):
        found.append(f"link: {href[:80]}")
    elif href not in text and href.removeprefix("mailto:") not in text and unquote(href) not in text:
        found.append(f"link not spelled out: {href[:80]}")
    return found


def markdown_offences(markdown: str) -> list[str]:
    """What in Markdown of ours could act in a front end that leaves raw HTML on."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    html = parser.render(markdown)
    pictures = [f"picture: {given.get('src', '')[:80]}" for tag, given in read_html(html)[0] if tag == "img"]
    outside = [found for found in pictures if not found.startswith("picture: data:image/")]
    formulas = [f"formula: {found[:80]}" for found in _read(html).formulas]
    return outside + formulas + offences(html, MARKDOWN_ELEMENTS)


def exported_offences(html: str) -> list[str]:
    """What in HTML of ours could act once an exporter has written it into Markdown."""
    found = markdown_offences(f"text\n\n{html}\n\ntext")
    # The page's class keeps formulas away.
    return [f"exported: {one}" for one in found if not one.startswith("formula")]


def text_offences(text: str) -> list[str]:
    """What in plain text could drive a terminal or reorder what is read."""
    return [f"unseen character: {match.group()!r}" for match in _UNSEEN.finditer(text)]
