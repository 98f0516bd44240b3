"""The line at the prompt as a shell has it: its words, and how what is put into the one at the cursor is quoted."""

from typing import NamedTuple

from track.model.expressions import expression

_PLAIN = expression(r"[\w./@%+,=:-]")
"""What stands for itself in every shell wherever it is in a word; `~` does not at its beginning."""
_IN_DOUBLE = '"$`\\'


class Line(NamedTuple):
    """The words before the one at the cursor, and that one: as it is meant, as it is typed, and in which quotes."""

    before: tuple[str, ...]
    word: str
    typed: str
    quote: str

    def rest(self, wanted: str, text: str) -> str | None:
        """What bash has to put in the place of `text`, the end of what is typed, for the word to be `wanted`.

        None where it cannot stand in these quotes.
        """
        if not self.typed.endswith(text):
            return None
        kept = parsed(self.typed[: len(self.typed) - len(text)]).word
        return quoted(wanted[len(kept) :], self.quote) if wanted.startswith(kept) else None


def parsed(typed: str) -> Line:
    """The words of a line that may end inside of quotes, as a shell without expansions reads it."""
    words: list[str] = []
    word, begin, quote, at = "", -1, "", 0
    while at < len(typed):
        letter, here = typed[at], at
        at += 1
        if quote == "'":
            quote, word = ("", word) if letter == "'" else (quote, word + letter)
        elif letter == "\\" and (not quote or typed[at : at + 1] in _IN_DOUBLE):
            word += typed[at : at + 1]
            at += 1
        elif quote:
            quote, word = ("", word) if letter == '"' else (quote, word + letter)
        elif letter in "'\"":
            quote = letter
        elif letter.isspace():
            if begin >= 0:
                words.append(word)
            word, begin = "", -1
            continue
        else:
            word += letter
        begin = here if begin < 0 else begin
    return Line(tuple(words), word, typed[begin:] if begin >= 0 else "", quote)


def quoted(text: str, quote: str) -> str | None:
    """The text for a shell, inside of quotes that are open or of none; None where it cannot stand in these."""
    if quote == "'":
        return None if "'" in text else text
    if quote:
        return None if "!" in text else "".join(f"\\{each}" if each in _IN_DOUBLE else each for each in text)
    return "".join(each if _PLAIN.fullmatch(each) else f"\\{each}" for each in text)
