"""What is shipped: one small program, without the stand-in and the command line."""

import pytest

from programs import BOOTSTRAP, CONNECT_PROVISIONER

# Words that only the command line and the stand-in have.
FOREIGN = [
    b"/_standin",
    b"Basic Routing Profile",
    b"500-after",
    b"VGhpcyBrZXkgaXMga25vd24g",
    b"Usage:",
    b"okta-user-created",
]


@pytest.mark.parametrize("words", FOREIGN)
def test_the_function_holds_no_word_of_the_command_line_or_the_stand_in(words):
    assert words not in BOOTSTRAP.read_bytes()


@pytest.mark.parametrize("words", FOREIGN[:-1])
def test_the_words_looked_for_are_those_of_the_command_line(words):
    """Else their absence from the function would prove nothing."""
    assert words in CONNECT_PROVISIONER.read_bytes()


def test_the_function_is_small():
    assert BOOTSTRAP.stat().st_size <= 12 * 1024 * 1024
