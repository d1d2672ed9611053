"""What the commands of `cw titles` share: values of their options."""

import argparse


def positive(text: str) -> int:
    """A whole number from 1 to 1,000. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000")
    return int(text)
