"""Prompts: templates with one {} for the name of a class, checked; and which words a model was trained on.

Free of torch, so that the window can say at once what is wrong with a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from engine.errors import BadSetting

DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MOST_TEMPLATES = 100
LONGEST_TEMPLATE = 200  # characters

# The template that CLIP's authors published for MNIST, and two that name the handwriting.
DIGIT_TEMPLATES = ('a photo of the number: "{}".', "a handwritten digit {}.", "a photo of the digit {}.")
THING_TEMPLATES = ("a photo of a {}.", "a low resolution photo of a {}.")

# What the in-domain CLIP learns: each template with each name of each class of its data set.
COMMON = ("{}", "{}.", "a {}", "the {}", "a photo of {}.", "a photo of a {}.", "a photo of the {}.", "a picture of {}.",
          "a picture of a {}.", "an image of a {}.", "a low resolution photo of a {}.", "a blurry photo of a {}.",
          "a black and white photo of a {}.", "a small grey picture of the {}.")
LEARNED_TEMPLATES: dict[str, tuple[str, ...]] = {
    "mnist": (*COMMON, *DIGIT_TEMPLATES, 'a photo of the number "{}".', "the digit {}", "the number {}",
              "a picture of the digit {}.", "a drawing of the number {}.", "a handwritten number {}.",
              "a handwritten {}", "the handwritten digit {}", "a white {} on a black background.",
              "someone wrote the number {} by hand."),
    "fashion-mnist": (*COMMON, "a product photo of a {}.", "a piece of clothing: {}.", "an item of clothing: a {}.",
                      "a photo of a {}, a type of clothing.", "a {} from a shop.", "a picture of a fashion item: {}.",
                      "a white {} on a black background."),
}
LEARNED_NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "mnist": tuple((str(digit), word) for digit, word in enumerate(DIGIT_WORDS)),
    "fashion-mnist": (("t-shirt", "top", "t-shirt/top"), ("trouser", "trousers", "pants"), ("pullover", "sweater"),
                      ("dress",), ("coat",), ("sandal",), ("shirt",), ("sneaker",), ("bag", "handbag"),
                      ("ankle boot", "boot")),
}


def prompt(template: str, name: str) -> str:
    """A template with the name of a class in the place of its {}."""
    return template.replace("{}", name)


def check_template(template: str) -> str:
    """What is wrong with a template, in one sentence; empty for a good one."""
    if not template.strip():
        return "The line is empty."
    if len(template) > LONGEST_TEMPLATE:
        return f"A template has at most {LONGEST_TEMPLATE} characters; this has {len(template)}."
    count = template.count("{}")
    if count != 1:
        return "It needs {} where the name of the class belongs." if count == 0 else \
            f"It needs one {{}} for the name of the class; it has {count}."
    if any(bracket in template.replace("{}", "") for bracket in "{}"):
        return "Braces may only stand as {}, for the name of the class."
    return ""


def parse_templates(text: str) -> tuple[str, ...]:
    """Templates, one a line; blank lines do not count. Raises BadSetting naming the first line that is wrong."""
    templates: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if wrong := check_template(line.strip()):
            raise BadSetting(f"Line {number}: {wrong}")
        if line.strip() in templates:
            raise BadSetting(f"Line {number} says the same as line {templates.index(line.strip()) + 1}.")
        templates.append(line.strip())
    if not templates:
        raise BadSetting("There is no template.", "Write at least one, with {} for the name of the class.")
    if len(templates) > MOST_TEMPLATES:
        raise BadSetting(f"There may be {MOST_TEMPLATES} templates; there are {len(templates)}.")
    return tuple(templates)


def words(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, and each single digit."""
    return re.findall(r"[a-z]+|[0-9]", text.lower())


def unknown_words(texts: Iterable[str], known: Iterable[str]) -> list[str]:
    """Words of these texts that are not among the known ones, in their order, each once."""
    learned = set(known)
    found = (word for text in texts for word in words(text) if word not in learned)
    return list(dict.fromkeys(found))


def learned_words(names: Sequence[str] = tuple(LEARNED_NAMES)) -> list[str]:
    """Every word of the captions of these data sets, sorted: what the record of a trained model lists."""
    texts = [prompt(template, name) for data in names for template in LEARNED_TEMPLATES[data]
             for variants in LEARNED_NAMES[data] for name in variants]
    return sorted({word for text in texts for word in words(text)})


def default_templates(dataset: str) -> tuple[str, ...]:
    """The ensemble that a data set's pictures are scored with until others are written."""
    return DIGIT_TEMPLATES if dataset == "mnist" else THING_TEMPLATES


def default_names(dataset: str, class_names: Sequence[str]) -> tuple[str, ...]:
    """What the classes are called in prompts: the first learned name where there is one, else the data set's own."""
    learned = LEARNED_NAMES.get(dataset)
    if learned is None or len(learned) != len(class_names):
        return tuple(class_names)
    return tuple(variants[0] for variants in learned)
