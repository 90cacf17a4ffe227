"""An argument parser whose every complaint is one plain sentence, and the types it reads."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from engine.config import RunConfig
from engine.errors import BadSetting, DiffuscopeError
from engine.page_config import AVERAGE
from engine.settings import describe, number

LARGEST_SEED = 2**63 - 1
NO_CLASS = "none"  # of --autoguide: classifier-free guidance


class BadUsage(DiffuscopeError):
    """A command line that cannot be understood."""


class Parser(argparse.ArgumentParser):
    """Raises BadUsage where argparse would print its usage and end the program."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise BadUsage(_sentence(message, self.prog.split()[-1]))


def _sentence(message: str, command: str) -> str:
    """What argparse says, in our words."""
    if found := re.match(r"the following arguments are required: (.*)", message):
        return f"{command} needs {found[1].replace(', ', ' and ')}."
    if found := re.match(r"unrecognized arguments: (\S+)", message):
        what = "option" if found[1].startswith("-") else "place for"
        return f"There is no {what} {found[1]} here; --help lists what there is."
    if found := re.match(r"one of the arguments (.*) is required", message):
        return f"{command} needs one of {found[1].replace(' ', ', ')}."
    if not (found := re.match(r"argument ([^:]+): (.*)", message, re.DOTALL)):
        return f"{message[:1].upper()}{message[1:]}."
    option, complaint = found[1].split("/")[-1], found[2]
    if complaint.startswith("expected"):
        many = re.match(r"expected (\d+) arguments", complaint)
        return f"{option} needs {many[1]} values." if many else f"{option} needs a value."
    if other := re.match(r"not allowed with argument (.*)", complaint):
        return f"{option} does not go together with {other[1]}."
    if choice := re.match(r"invalid choice: (.*) \(choose from (.*)\)", complaint):
        given, choices = choice[1].strip("'"), choice[2].replace("'", "")
        if option == "command":
            return f"There is no command {given}; commands are {choices}."
        return f"{option} must be one of {choices}; {given} is not."
    return f"{option} {complaint}."


def one_sentence(error: DiffuscopeError) -> str:
    """Headline and advice as one sentence on one line."""
    text = " ".join(error.headline.split())
    advice = " ".join(error.advice.split())
    if not advice:
        return text
    first, _, rest = advice.partition(" ")
    # A name or an abbreviation keeps its capital.
    if first[1:].islower() or len(first) == 1:
        first = first[0].lower() + first[1:]
    return f"{text.rstrip('.')}; {first}{' ' if rest else ''}{rest}"


# ---- types of options: each raises argparse.ArgumentTypeError, which reads after the option's name ----


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """A whole number from minimum to maximum."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"needs a whole number; {text!r} is not one") from None
        if not minimum <= value <= maximum:
            raise argparse.ArgumentTypeError(f"must be from {minimum} to {maximum}; {value} is not")
        return value

    return read


def step_or_none(text: str) -> int | str:
    """A training step, or NO_CLASS."""
    if text == NO_CLASS:
        return NO_CLASS
    try:
        return whole(0, 10**12)(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; {NO_CLASS!r} is guidance against no class") from None


def seconds(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"needs a number; {text!r} is not one") from None
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"must be more than 0; {text} is not")
    return value


def real(text: str) -> float:
    """A number; its range is checked with the setting it is for."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"needs a number; {text!r} is not one") from None


def percent(text: str) -> float:
    """How far the average of the weights reaches back, within the setting's range."""
    low, high = AVERAGE.minimum, AVERAGE.maximum
    value = real(text)
    if low is None or high is None or not low <= value <= high:
        raise argparse.ArgumentTypeError(f"is from {number(low)} to {number(high)} %; {text!r} is not")
    return value


def window_size(text: str) -> tuple[int, int]:
    """ "1440x900" as (1440, 900), both from 200 to 8000."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if not found:
        raise argparse.ArgumentTypeError(f"is written like 1440x900; {text!r} is not")
    width, height = int(found[1]), int(found[2])
    if not (200 <= width <= 8000 and 200 <= height <= 8000):
        raise argparse.ArgumentTypeError(f"must be from 200x200 to 8000x8000; {text} is not")
    return width, height


def existing_or_new_folder(text: str) -> Path:
    """A path that is no file."""
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"needs a folder; {text} is a file")
    return path


def check_out(out: Path, endings: Sequence[str]) -> None:
    """Make the folder of a file to come. Raises DiffuscopeError before any work where it cannot be written."""
    if out.suffix.lower() not in endings:
        raise BadUsage(f"--out must end in {' or '.join(endings)}; {out.name} does not.")
    if out.is_dir():
        raise BadUsage(f"--out needs a file; {out} is a folder.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiffuscopeError(f"The folder {out.parent} cannot be made: {error.strerror or error}.") from None
    if not os.access(out.parent, os.W_OK):
        raise DiffuscopeError(f"The folder {out.parent} cannot be written.")


# ---- values that need the settings or a run to be understood ----


def parse_classes(text: str, class_names: Sequence[str]) -> list[int]:
    """Class numbers from "0-9", "3" or "1,3,7", in the order given.

    Raises BadSetting for a class that is not there and for anything else.
    """
    last = len(class_names) - 1
    chosen: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", part)
        if not found:
            raise BadSetting(f"Classes are written like 0-{last}, 3 or 1,3,7; {text!r} is not.")
        begin = int(found[1])
        end = int(found[2]) if found[2] else begin
        missing = next((c for c in (begin, end) if c > last), None)
        if missing is not None:
            raise BadSetting(f"There is no class {missing}; classes are 0 to {last}.")
        if end < begin:
            raise BadSetting(f"The range of classes {begin}-{end} runs backwards; write {end}-{begin}.")
        chosen.extend(range(begin, end + 1))
    return chosen


def parse_settings(pairs: Sequence[str], only: str = "") -> dict[str, dict[str, Any]]:
    """`group.name=value` pairs as {group: {name: value}}; a name alone will do where one setting has it.

    only: the one group that makes sense here. Values are not yet checked against their ranges.
    """
    settings = [s for s in describe(RunConfig) if s.group and only in ("", s.group)]
    changes: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        key, equals, text = (part.strip() for part in pair.partition("="))
        if not equals or not key:
            raise BadSetting(f"--set is written like training.learning_rate=0.001; {pair!r} is not.")
        group, _, name = key.rpartition(".")
        found = [s for s in settings if s.name == name and group in ("", s.group)]
        if not found:
            raise BadSetting(f"There is no setting called {key}{' for ' + only if only else ''}.")
        if len(found) > 1:
            raise BadSetting(
                f"More than one setting is called {name}.",
                f"Write {' or '.join(f'{s.group}.{s.name}' for s in found)}.",
            )
        changes.setdefault(found[0].group, {})[name] = _value(text, found[0].kind)
    return changes


def _value(text: str, kind: type) -> Any:
    """A value as JSON if it is JSON, a list by its commas, else the text itself."""
    if kind is str:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if kind is tuple and not isinstance(value, list):
        return [] if text in ("", "none") else [_value(part.strip(), int) for part in text.split(",")]
    return value
