"""Constituent trees: words with features at the leaves, phrases with features above them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Features = Mapping[str, str]
OPEN_CLASSES = ("noun", "verb", "adjective", "name", "number")


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a punctuation mark with its category (noun, article, finite ...) and grammatical features."""

    text: str
    kind: str = "word"
    features: Features = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a category: its words and phrases, and grammatical features."""

    kind: str
    parts: tuple["Node", ...]
    features: Features = field(default_factory=dict)


Node = Word | Phrase
COMMA = Word(",", "mark")


def words(node: Node) -> list[Word]:
    """Return the leaves of a tree, from left to right."""
    if isinstance(node, Word):
        return [node]
    return [word for part in node.parts for word in words(part)]


def phrases(node: Node, kind: str) -> Iterator[Phrase]:
    """Yield every phrase of a category, in pre-order."""
    if isinstance(node, Word):
        return
    if node.kind == kind:
        yield node
    for part in node.parts:
        if isinstance(part, Phrase):
            yield from phrases(part, kind)


def invariant(text: str, kind: str = "word") -> Phrase:
    """Return a phrase of uninflected words, such as an adverb."""
    return Phrase("plain", tuple(Word(word, kind) for word in text.split()))


def punctuated(node: Node) -> list[Word]:
    """Return the leaves without a comma that another mark follows."""
    leaves: list[Word] = []
    for leaf in words(node):
        if leaf.kind == "mark" and leaves and leaves[-1].kind == "mark":
            leaves.pop()
        leaves.append(leaf)
    return leaves


def linearize(node: Node) -> str:
    """Return the text: a capital at the start of each sentence, marks without a space before them."""
    text, initial = "", True
    for leaf in punctuated(node):
        if leaf.kind == "mark":
            text += leaf.text
            initial = initial or leaf.text in ".?!"
        else:
            text += " " + (leaf.text[0].upper() + leaf.text[1:] if initial else leaf.text)
            initial = False
    return text.lstrip()


def frame(node: Node) -> str:
    """Return the sentence with its open-class words replaced by their category."""
    return " ".join(leaf.kind.upper() if leaf.kind in OPEN_CLASSES else leaf.text for leaf in punctuated(node))
