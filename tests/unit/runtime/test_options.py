"""Groups of options: what is refused, and that the message says where the mistake is."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from molmeta.errors import ConfigError
from molmeta.runtime.options import Options, Share, Sizes, one_of, text_like


class Oven(Options):
    section = "oven"
    renamed: ClassVar = {"temperature": "degrees"}

    degrees: Annotated[int, Field(ge=50)] = 180
    """Degrees."""
    humidity: Share | Literal["dry"] | None = None
    sizes: Sizes = (2,)
    colour: Annotated[str, *one_of({"red": 1, "green": 2})] = "red"
    name: Annotated[str, *text_like("[a-z]+", "must be lower case")] = "oven"
    fan: bool = False


class Kitchen(Options):
    section = "kitchen"

    ovens: Annotated[tuple[Oven, ...], Field(strict=False)] = ()
    floor: str


def test_values_that_were_not_given_are_the_defaults():
    assert Oven(degrees=200).model_dump() == {**Oven().model_dump(), "degrees": 200}


def test_a_list_becomes_a_tuple():
    assert Oven.from_mapping({"sizes": [16, 32]}).sizes == (16, 32)


def test_options_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Oven().degrees = 5


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("degrees", 49), ("degrees", 180.5), ("degrees", "180"), ("degrees", True),
        ("degrees", None), ("humidity", 1.0), ("humidity", float("nan")), ("humidity", "wet"),
        ("sizes", ()), ("sizes", "16"), ("sizes", (1,)), ("colour", "gren"), ("name", "a\n"),
        ("fan", 1), ("fan", "yes"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_or_range_is_refused_in_one_line(option, value):
    with pytest.raises(ConfigError, match=f"oven: .*{option}") as caught:
        Oven.from_mapping({option: value})
    assert "\n" not in str(caught.value)


def test_a_message_names_all_that_a_value_may_be():
    with pytest.raises(ConfigError, match=r"less than 1 .*'dry'; got 1\.5"):
        Oven(humidity=1.5)


def test_an_unknown_option_is_refused_with_the_closest():
    with pytest.raises(ConfigError, match=r"'degres'.*'degrees'"):
        Oven.from_mapping({"degres": 200})


def test_a_renamed_option_is_refused_with_its_new_name():
    with pytest.raises(ConfigError, match=r"'temperature'.*'degrees'"):
        Oven.from_mapping({"temperature": 200})


@pytest.mark.parametrize("values", [None, 5, "text", [1]])
def test_what_is_not_a_mapping_is_refused(values):
    with pytest.raises(ConfigError, match="kitchen: "):
        Kitchen.from_mapping(values)


@pytest.mark.parametrize(
    ("oven", "place"),
    [({"degrees": 1}, r"ovens\[1\]\.degrees"), ({"degres": 1}, r"ovens\[1\]: .*degres")],
)
def test_a_mistake_in_a_nested_group_is_placed_from_the_outermost(oven, place):
    with pytest.raises(ConfigError, match=f"kitchen: '?{place}"):
        Kitchen.from_mapping({"floor": "tiles", "ovens": [{}, oven]})


def test_a_missing_option_is_named():
    with pytest.raises(ConfigError, match="'floor'"):
        Kitchen.from_mapping({})


def test_descriptions_are_the_docstrings_of_the_options():
    assert Oven.model_json_schema()["properties"]["degrees"]["description"] == "Degrees."
