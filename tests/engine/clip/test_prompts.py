"""Templates are checked line by line; words the in-domain CLIP never learned are found."""

from __future__ import annotations

import pytest

from engine.clip.files import in_domain_record
from engine.clip.prompts import (
    LEARNED_TEMPLATES,
    check_template,
    default_names,
    default_templates,
    learned_words,
    parse_templates,
    prompt,
    unknown_words,
)
from engine.errors import BadSetting


@pytest.mark.parametrize(("template", "words"), [
    ("a digit", "needs {}"), ("{} and {}", "has 2"), ("", "empty"), ("a {digit} {}", "only stand as"),
    ("x" * 300 + "{}", "at most 200")])
def test_what_is_wrong_with_a_template_is_said(template: str, words: str) -> None:
    assert words in check_template(template)


def test_templates_come_one_a_line() -> None:
    assert parse_templates("a {}\n\n  the {} \n") == ("a {}", "the {}")


@pytest.mark.parametrize(("text", "words"), [
    ("a {}\nno place", "Line 2"), ("a {}\n\na {}", "Line 3 says the same as line 1"), ("  \n", "no template"),
    ("\n".join(f"{i} {{}}" for i in range(101)), "there are 101")])
def test_the_first_wrong_line_is_named(text: str, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        parse_templates(text)


def test_words_that_were_never_learned_are_found_in_their_order() -> None:
    known = in_domain_record()["words"]
    assert unknown_words(["a photo of a zebra.", "the cat 7", "a zebra"], known) == ["zebra", "cat"]
    for data in ("mnist", "fashion-mnist"):
        names = default_names(data, tuple("0123456789"))
        assert unknown_words([prompt(t, n) for t in default_templates(data) for n in names], known) == []


def test_the_record_lists_what_was_learned() -> None:
    assert in_domain_record()["words"] == learned_words()
    assert all(not check_template(template) for group in LEARNED_TEMPLATES.values() for template in group)


def test_classes_of_another_set_keep_their_names() -> None:
    assert default_names("cifar10", ("airplane", "cat")) == ("airplane", "cat")
    assert default_names("fashion-mnist", tuple("abcdefghij"))[9] == "ankle boot"
