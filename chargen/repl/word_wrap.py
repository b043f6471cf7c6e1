"""Text that is printed in pieces, broken into lines at words."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.formatted_text import StyleAndTextTuples

from chargen.text.display import extends, text_width

_INDENT = "  "  # of a continued line: a newline of the text itself starts at the left
_TAB = 8


class WordWrap:
    """Breaks styled text into lines. A word is held back until its end is known.

    A word that no line can hold is broken, but never between a letter and its marks or in an emoji.

    columns: returns the width of the terminal. The last column stays empty, since terminals differ
    in what they do after it.

    A break is a newline, and a terminal copies it as one. When a terminal itself breaks a word at
    the last column, it copies no newline, but no escape sequence marks a newline as such a break.
    Spaces up to the last column would be copied too, and would be misplaced when the window is
    resized. `/save` writes the text without breaks.
    """

    def __init__(self, columns: Callable[[], int]) -> None:
        self._columns = columns
        self._column = 0
        self._spaces: StyleAndTextTuples = []
        self._word: StyleAndTextTuples = []
        self._word_width = 0
        self._cluster: StyleAndTextTuples = []  # the last one, which may continue

    @property
    def at_line_start(self) -> bool:
        """Whether nothing has been added since the last newline."""
        return not (self._column or self._spaces or self._word or self._cluster)

    def add(self, text: str, style: str = "") -> StyleAndTextTuples:
        """Add a text and return what can be printed."""
        done: StyleAndTextTuples = []
        for character in text:
            if character in " \t":
                done += self._end_word()
                self._spaces.append((style, character))
            elif character == "\n":
                done += [*self.end(), ("", "\n")]
                self._column = 0
            else:
                if not extends(_text(self._cluster), character):
                    done += self._end_cluster()
                self._cluster.append((style, character))
        return done

    def end(self) -> StyleAndTextTuples:
        """Return what is held back."""
        done = self._end_word()
        for space in self._spaces:
            if self._column + self._width_of(space[1]) <= self._limit:
                self._column += self._width_of(space[1])
                done.append(space)
        self._spaces = []
        return done

    @property
    def _limit(self) -> int:
        return max(len(_INDENT) + 2, self._columns() - 1)

    def _width_of(self, space: str) -> int:
        return _TAB - self._column % _TAB if space == "\t" else 1

    def _end_cluster(self) -> StyleAndTextTuples:
        if not self._cluster:
            return []
        width = text_width(_text(self._cluster))
        # A Chinese character is a word, and so is an emoji.
        breaks = width > 1 or self._word_width + width > self._limit - len(_INDENT)
        done = self._flush_word() if breaks else []
        self._word += self._cluster
        self._word_width += width
        self._cluster = []
        return done

    def _end_word(self) -> StyleAndTextTuples:
        return [*self._end_cluster(), *self._flush_word()]

    def _flush_word(self) -> StyleAndTextTuples:
        if not self._word:
            return []
        column = self._column
        for _, space, *_ in self._spaces:
            self._column += self._width_of(space)
        done = self._spaces
        if self._column + self._word_width > self._limit and column:
            done = [("", "\n" + _INDENT)]
            self._column = len(_INDENT)
        done = [*done, *self._word]
        self._column += self._word_width
        self._spaces, self._word, self._word_width = [], [], 0
        return done


def _text(fragments: StyleAndTextTuples) -> str:
    return "".join(text for _, text, *_ in fragments)
