"""Explain topics: small Markdown files in resources/explain, three depths each.

    # Title
    One sentence, in words anyone knows.
    ## How it works
    A paragraph or two.
    ## Formula
    One line of rich text each; <span class="noise">, <span class="signal"> carry the two colours.
    ## In code
    ```python
    a few lines
    ```
    engine.module.function

Every part but the title and the sentence may be left out.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import lru_cache

from engine.paths import RESOURCES

FOLDER = RESOURCES / "explain"
_NAME = re.compile(r"[a-z0-9-]+")
_HEADING = re.compile(r"^##\s+(.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"```[a-z]*\n(.*?)\n?```", re.DOTALL)
_SPAN = re.compile(r"<span class=\"(noise|signal)\">")
_INLINE_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_ITALIC = re.compile(r"\*([^*]+)\*")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic, read. how, formula: rich text, colours not yet filled in; code: plain; function: dotted."""

    name: str
    title: str
    sentence: str
    how: tuple[str, ...] = ()
    formula: tuple[str, ...] = ()
    code: str = ""
    function: str = ""


def parse_topic(name: str, text: str) -> Topic:
    """Read the format above. Raises ValueError for a missing title or sentence, or an unknown part."""
    head, *parts = _HEADING.split(text.strip())
    first, _, rest = head.strip().partition("\n")
    sentence = " ".join(rest.split())
    if not first.startswith("# ") or not sentence:
        raise ValueError(f"{name}: a topic begins with '# Title' and one sentence")
    how: tuple[str, ...] = ()
    formula: tuple[str, ...] = ()
    code = function = ""
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        match heading.lower():
            case "how it works":
                how = tuple(inline(" ".join(block.split())) for block in re.split(r"\n\s*\n", body.strip()))
            case "formula":
                formula = tuple(line.strip() for line in body.strip().splitlines() if line.strip())
            case "in code":
                fenced = _FENCE.search(body)
                code = fenced.group(1) if fenced else ""
                function = _FENCE.sub("", body).strip().strip("`")
            case other:
                raise ValueError(f"{name}: there is no part called {other}")
    return Topic(name, first[2:].strip(), inline(sentence), how, formula, code, function)


def inline(text: str) -> str:
    """The Markdown used inside a line (bold, italic, code) as rich text; sub, sup and spans stay."""
    text = html.escape(text, quote=False)
    text = re.sub(r"&lt;(/?(?:sub|sup|span|i|b)(?: class=\"(?:noise|signal)\")?)&gt;", r"<\1>", text)
    text = _INLINE_CODE.sub(r"<code>\1</code>", text)
    text = _BOLD.sub(r"<b>\1</b>", text)
    return _ITALIC.sub(r"<i>\1</i>", text)


def coloured(rich: str, noise: str, signal: str) -> str:
    """Rich text with the two classes turned into colours (Qt knows no classes without a style sheet)."""
    colours = {"noise": noise, "signal": signal}
    return _SPAN.sub(lambda found: f'<span style="color:{colours[found.group(1)]}">', rich)


@lru_cache(maxsize=128)
def load_topic(name: str) -> Topic | None:
    """The topic of that name; None if there is no such file."""
    if not _NAME.fullmatch(name):
        return None
    file = FOLDER / f"{name}.md"
    if not file.is_file():
        return None
    return parse_topic(name, file.read_text(encoding="utf-8"))


def topic_names() -> list[str]:
    """All topics that ship."""
    return sorted(file.stem for file in FOLDER.glob("*.md"))
