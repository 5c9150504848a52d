"""Somebody else's text made harmless: for a terminal, and as a short line."""

from __future__ import annotations


def harmless(text: str) -> str:
    """Text of a stranger for a terminal: nothing but line ends acts on it, whatever else does stands as its escape."""
    return "".join(letter if letter == "\n" or letter.isprintable() else repr(letter)[1:-1] for letter in text)


def plain(text: str, most: int = 200) -> str:
    """Somebody else's text as one short line: nothing in it that moves a cursor or is no character, at most so many."""
    seen = text[: 4 * most]
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in seen).split())
    return flat if len(flat) <= most and len(seen) == len(text) else f"{flat[: most - 3]}..."
