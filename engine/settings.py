"""What a setting is: type, range, unit, help and default in one place.

A pydantic model of such fields is the only definition. A file is its JSON, the command line and the widgets are built
from `describe`, and a wrong value is answered by `explain` with the range it left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from engine.errors import BadSetting


def setting(default: Any, label: str, help: str, *, unit: str = "", step: float | None = None,
            live: bool = False, **bounds: Any) -> Any:
    """A field with all that file, command line and widget need.

    label: the field's word as the window shows it. help: what it does and its effect, one sentence each.
    unit: shown after the number. step: one click of the widget. live: may change while training.
    bounds: ge, le, gt, lt, multiple_of, min_length, max_length.
    """
    extra: dict[str, Any] = {"unit": unit, "step": step, "live": live}
    return Field(default, title=label, description=help, json_schema_extra=extra, **bounds)


class Group(BaseModel):
    """Frozen, and refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as the command line and the widgets need it."""

    group: str
    name: str
    label: str
    help: str
    unit: str
    default: Any
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: tuple[Any, ...]
    kind: type
    live: bool
    above_minimum: bool = False  # the minimum itself is too low
    below_maximum: bool = False
    multiple_of: int = 1

    def range_words(self) -> str:
        """What is right, as in "must be {range_words}"; "" without a range."""
        if self.minimum is None or self.maximum is None:
            return ""
        kind = "" if self.multiple_of == 1 else f"a multiple of {self.multiple_of} "
        low = f"above {number(self.minimum)}" if self.above_minimum else f"from {number(self.minimum)}"
        high = f"below {number(self.maximum)}" if self.below_maximum else \
            f"at most {number(self.maximum)}" if self.above_minimum else number(self.maximum)
        unit = f" {self.unit}" if self.unit else ""
        return f"{kind}{low} {'and' if self.above_minimum else 'to'} {high}{unit}"

    def tooltip(self) -> str:
        """What it does, its range and its default, one line each."""
        words = self.range_words().removeprefix("from ")
        if not words:
            return self.help
        return f"{self.help}\n{words[0].upper()}{words[1:]}, default {number(self.default)}"


def number(value: Any) -> str:
    """A number as the window writes it: thin space for thousands, true minus."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:,g}" if abs(value) >= 1e-4 or value == 0 \
        else f"{value:g}"
    return text.replace(",", "\u202f").replace("-", "\u2212")


def _is_bounded(info: FieldInfo, name: str) -> bool:
    return any(getattr(constraint, name, None) is not None for constraint in info.metadata)


def _bound(info: FieldInfo, *names: str) -> float | None:
    for constraint in info.metadata:
        for name in names:
            value = getattr(constraint, name, None)
            if value is not None:
                return float(value) if not isinstance(value, int) else value
    return None


def describe(model: type[Group], group: str = "") -> Iterator[Setting]:
    """All settings of a model, nested groups included, in the order of their definition."""
    for name, info in model.model_fields.items():
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, Group):
            yield from describe(annotation, name)
            continue
        if type(None) in get_args(annotation):  # a number or none
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        choices = get_args(annotation) if get_origin(annotation) is Literal else ()
        kind = type(choices[0]) if choices else (annotation if isinstance(annotation, type) else tuple)
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        step = extra.get("step")
        yield Setting(
            group=group, name=name, label=info.title or name, help=info.description or "",
            unit=str(extra.get("unit") or ""), default=info.default,
            minimum=_bound(info, "ge", "gt"), maximum=_bound(info, "le", "lt"),
            step=float(step) if isinstance(step, int | float) else None,
            choices=choices, kind=kind, live=bool(extra.get("live")),
            above_minimum=_is_bounded(info, "gt"), below_maximum=_is_bounded(info, "lt"),
            multiple_of=int(_bound(info, "multiple_of") or 1))


G = TypeVar("G", bound=Group)


def parse(model: type[G], values: Any) -> G:
    """Values checked against a model; BadSetting with one sentence for the first that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise BadSetting(explain(error, model)) from None


def explain(error: ValidationError, model: type[Group]) -> str:
    """One sentence for the first wrong value, with the range or the choices that would be right."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    known = {(s.group, s.name): s for s in describe(model)}
    key = ("", location[0]) if len(location) == 1 else (location[0], location[1]) if location else ("", "")
    found = known.get(key)
    if first["type"] == "extra_forbidden":
        return f"There is no setting called {'.'.join(location)}."
    if found is None:
        message = first["msg"].removeprefix("Value error, ")
        return f"{message[:1].upper()}{message[1:]}."
    given = first.get("input")
    if found.choices:
        return f"{found.label} must be one of {', '.join(map(str, found.choices))}; {given!r} is not."
    if found.range_words():
        return f"{found.label} must be {found.range_words()}; {number(given)} is not."
    return f"{found.label}: {first['msg'].lower()}; {given!r} is not."
