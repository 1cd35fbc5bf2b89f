"""Which errors are the user's to mend."""

import inspect

from molmeta import errors
from molmeta.errors import MolMetaError, one_line


def classes():
    return [value for value in vars(errors).values() if inspect.isclass(value)]


def test_every_error_can_be_caught_as_one():
    assert all(issubclass(cls, MolMetaError) for cls in classes())


def test_no_error_hides_behind_one_of_pythons_own():
    """So that `except ValueError` around a library's call never swallows a message for the user."""
    assert MolMetaError.__bases__ == (Exception,)


def test_the_tree_in_the_module_docstring_is_complete():
    assert all(cls.__name__ in errors.__doc__ for cls in classes())


def test_a_message_of_many_lines_becomes_a_short_one():
    assert one_line(RuntimeError("size mismatch:\n\tfirst\n\tsecond")) == (
        "size mismatch: first second"
    )
    assert len(one_line(RuntimeError("x" * 5000))) == 200


def test_every_error_is_one_line_that_a_terminal_only_displays():
    text = "a.csv: breaks off;\n\tgot '\x1b[31m\udcff', expected\r\n rows."
    shown = "a.csv: breaks off; got '\\x1b[31m\\udcff', expected rows."
    assert str(errors.TableError(text)) == shown
