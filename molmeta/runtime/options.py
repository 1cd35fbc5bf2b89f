"""Base class of option groups: one declaration gives types, ranges, messages and JSON schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from molmeta.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


Share = Annotated[float, Field(gt=0, lt=1)]
"""A part of a whole: more than none and less than all of it."""
Size = Annotated[int, Field(ge=2)]
"""Number of compounds in a support set or a query set."""
Sizes = Annotated[tuple[Size, ...], Field(min_length=1, strict=False)]
"""One or more support sizes; a YAML list is accepted as well as a tuple."""

T = TypeVar("T")

_MISTAKE = "mistake"
"""Type of the errors whose messages are written here and not by pydantic."""
_RULES = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}
"""Plain wording for the types of errors whose message names a Python type."""


class Options(BaseModel):
    """Options that are checked on creation and cannot be changed afterwards.

    Numbers must be numbers: neither text nor `true` is converted. A subclass declares its options
    as pydantic fields, with a docstring below each. `section` is the name of the group in messages,
    and `renamed` lists former names of options.

    Raises:
        ConfigError: an unknown option, a value of the wrong type or out of range. The message is
            one line about the first mistake.

    Example:
        >>> class Oven(Options):
        ...     section = "oven"
        ...     degrees: Annotated[int, Field(ge=50, le=250)] = 180
        >>> Oven(degrees=300)
        Traceback (most recent call last):
        molmeta.errors.ConfigError: oven: 'degrees' must be less than or equal to 250; got 300.
        >>> Oven.from_mapping({"degres": 200})
        Traceback (most recent call last):
        molmeta.errors.ConfigError: oven: unknown key 'degres'; did you mean 'degrees'?
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
    section: ClassVar[str] = "options"
    renamed: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - subclasses declare the types
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(f"{self.section}: {_first_mistake(error, values)}") from None

    # With this mark pydantic validates nested groups without calling `__init__`, so that the
    # message of the outermost group can say where the mistake is.
    vars()["__init__"].__pydantic_base_init__ = True

    @classmethod
    def from_mapping(cls, values: object) -> Self:
        """Return the options in a mapping that was read from YAML or JSON.

        Raises:
            ConfigError: `values` is not a mapping, or holds a mistake as above.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{cls.section}: {_first_mistake(error, values)}") from None

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: object) -> object:
        if not issubclass(type(values), dict):
            return values
        for key in map(str, cast("Mapping[object, object]", values)):
            if key in cls.renamed:
                raise mistake(f"key '{key}' has a new name; use '{cls.renamed[key]}'.")
            if key not in cls.model_fields:
                raise mistake(unknown_name("key", key, cls.model_fields))
        return values


def mistake(problem: str) -> PydanticCustomError:
    """Return the error for a validator to raise; the message goes to the user as it is."""
    return PydanticCustomError(_MISTAKE, "{problem}", {"problem": problem})


def one_of(names: Collection[T]) -> tuple[AfterValidator, WithJsonSchema]:
    """Return the constraints that restrict an option to names known only at run time.

    Example:
        >>> class Paint(Options):
        ...     colour: Annotated[str, *one_of({"red": 1, "green": 2})] = "red"
        >>> Paint(colour="gren")
        Traceback (most recent call last):
        molmeta.errors.ConfigError: options: colour: unknown value 'gren'; did you mean 'green'?
    """

    def check(value: T) -> T:
        if value not in names:
            raise mistake(unknown_name("value", value, names))
        return value

    return AfterValidator(check), WithJsonSchema({"enum": list(names)})


def text_like(pattern: str, rule: str) -> tuple[AfterValidator, WithJsonSchema]:
    """Return the constraints for text that matches a regular expression as a whole.

    Args:
        pattern: regular expression.
        rule: the same in words, as in "must start with a letter".
    """

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise mistake(f"{rule}; got {value!r}.")
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


def distinct(values: Sequence[T]) -> Sequence[T]:
    """Return the values if none occurs twice; for `AfterValidator`."""
    for value in values:
        if values.count(value) > 1:
            raise mistake(f"{value!r} occurs twice; remove one of them.")
    return values


def _first_mistake(error: ValidationError, values: object) -> str:
    details = error.errors(include_url=False)
    first, path = details[0], _path(details[0], values)
    if first["type"] == _MISTAKE:
        return f"{path}: {first['msg']}" if path else first["msg"]
    if first["type"] == "missing":
        name = str(first["loc"][-1])
        return f"'{f'{path}.{name}' if path else name}' is missing."
    # A value that may have several types has one error for each of them, all at the same path.
    rules = dict.fromkeys(_rule(item) for item in details if _path(item, values) == path)
    rule = " or ".join(rules).replace(" or must be ", " or ")
    value = repr(first["input"])
    return f"'{path}' {rule}; got {value if len(value) <= 60 else f'{value[:57]}...'}."


def _path(item: ErrorDetails, values: object) -> str:
    """Return where in `values` an error is, such as `screens[0].top`.

    The location that pydantic gives may end in words that are not keys, such as the type that was
    tried. These words are dropped.
    """
    path, inner = "", cast("Any", values)
    for step in item["loc"]:
        try:
            inner = inner[step]
        except (LookupError, TypeError):
            break
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _rule(item: ErrorDetails) -> str:
    return _RULES.get(item["type"]) or re.sub(r"^\w+ should ", "must ", item["msg"])
