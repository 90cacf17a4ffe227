"""Explain topics: the format, and that each topic that ships fits its dock and names code that exists."""

from __future__ import annotations

import ast

import pytest

from engine.paths import RESOURCES
from gui.explain import coloured, inline, load_topic, parse_topic, topic_names

LONGEST_LINE = 34  # characters of code that fit the dock

WHOLE = """# Noise
One *sentence*
over two lines.

## How it works
First with `code`.

Second.

## Formula
<i>x</i> = <span class="signal">a</span> + <span class="noise">b</span>
y = 1

## In code
```python
x = a  # <b>
```
engine.diffusion.forward.noised
"""


def test_every_part_is_read() -> None:
    topic = parse_topic("noise", WHOLE)
    assert topic.title == "Noise"
    assert topic.sentence == "One <i>sentence</i> over two lines."
    assert topic.how == ("First with <code>code</code>.", "Second.")
    assert len(topic.formula) == 2
    assert topic.code == "x = a  # <b>"
    assert topic.function == "engine.diffusion.forward.noised"


def test_parts_may_be_left_out_but_not_title_or_sentence() -> None:
    topic = parse_topic("short", "# Short\nA sentence.")
    assert (topic.how, topic.formula, topic.code) == ((), (), "")
    with pytest.raises(ValueError, match="one sentence"):
        parse_topic("bad", "# Only a title")
    with pytest.raises(ValueError, match="no part called"):
        parse_topic("bad", "# T\nS.\n## Something else\nx")


def test_markup_of_strangers_is_shown_not_obeyed() -> None:
    assert inline("a < b <script>x</script>") == "a &lt; b &lt;script&gt;x&lt;/script&gt;"


def test_the_two_colours_are_filled_in() -> None:
    rich = coloured('<span class="noise">n</span><span class="signal">s</span>', "#111111", "#222222")
    assert rich == '<span style="color:#111111">n</span><span style="color:#222222">s</span>'


def test_an_unknown_topic_is_none() -> None:
    assert load_topic("no-such-topic") is None
    assert load_topic("../presets/quick") is None


@pytest.mark.parametrize("name", topic_names())
def test_each_topic_fits_and_names_code_that_exists(name: str) -> None:
    topic = load_topic(name)
    assert topic is not None
    assert topic.sentence.endswith(".")
    too_long = [line for line in topic.code.splitlines() if len(line) > LONGEST_LINE]
    assert too_long == [], "the dock is narrow"
    if topic.function:
        assert _exists(topic.function), f"{topic.function} is not in the engine"


def _exists(dotted: str) -> bool:
    """Look in the source: importing the engine's models would need torch."""
    parts = dotted.split(".")
    root = RESOURCES.parent
    for cut in range(len(parts), 0, -1):
        module = root.joinpath(*parts[:cut])
        file = module.with_suffix(".py")
        if file.exists():
            scope = ast.parse(file.read_text(encoding="utf-8")).body
            for part in parts[cut:]:
                found = [n for n in scope if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part]
                if not found:
                    return False
                scope = found[0].body
            return True
    return False
