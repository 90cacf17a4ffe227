"""What a setting says of itself, and how its numbers are written."""

from engine.config import find_setting
from engine.settings import number


def test_tooltips_say_effect_range_and_default() -> None:
    text = find_setting("guidance_scale").tooltip()
    assert "How hard the class pulls" in text
    assert "0 to 8, default 2" in text


def test_numbers_as_the_window_writes_them() -> None:
    assert number(60000) == "60\u202f000"
    assert number(-7) == "\u22127"
    assert number(0.003) == "0.003"
