"""Sentences as trees: words with features at the leaves, phrases with features above them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

Features = Mapping[str, str]
OPEN_CLASSES = ("noun", "verb", "adjective", "name", "number")


@dataclass(frozen=True, slots=True)
class Word:
    """One word or one mark: what is written, its kind (noun, article, finite ...) and what a test may want to know."""

    text: str
    kind: str = "word"
    features: Features = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words and phrases that belong together."""

    kind: str
    parts: tuple["Node", ...]
    features: Features = field(default_factory=dict)


Node = Word | Phrase
COMMA = Word(",", "mark")


def words(node: Node) -> list[Word]:
    """The leaves of a tree, from left to right."""
    if isinstance(node, Word):
        return [node]
    return [word for part in node.parts for word in words(part)]


def phrases(node: Node, kind: str) -> Iterator[Phrase]:
    """Every phrase of one kind in a tree, the outer before the inner."""
    if isinstance(node, Word):
        return
    if node.kind == kind:
        yield node
    for part in node.parts:
        if isinstance(part, Phrase):
            yield from phrases(part, kind)


def invariant(text: str, kind: str = "word") -> Phrase:
    """A phrase of words that never change, such as an adverb."""
    return Phrase("plain", tuple(Word(word, kind) for word in text.split()))


def punctuated(node: Node) -> list[Word]:
    """The leaves, without a comma that another mark follows or that nothing precedes."""
    leaves: list[Word] = []
    for leaf in words(node):
        if leaf.kind == "mark" and leaves and leaves[-1].kind == "mark":
            leaves.pop()
        leaves.append(leaf)
    return leaves


def linearize(node: Node) -> str:
    """The sentence as a reader expects it: a capital first, marks close to the word before."""
    text = "".join(leaf.text if leaf.kind == "mark" else " " + leaf.text for leaf in punctuated(node)).lstrip()
    return text[0].upper() + text[1:]


def frame(node: Node) -> str:
    """The sentence with its open-class words replaced by their class."""
    return " ".join(leaf.kind.upper() if leaf.kind in OPEN_CLASSES else leaf.text for leaf in punctuated(node))


def capitalized(node: Node) -> Node:
    """Return a tree whose first word has a capital, for a second sentence on the same line."""
    if isinstance(node, Word):
        return replace(node, text=node.text[0].upper() + node.text[1:])
    first = next(index for index, part in enumerate(node.parts) if words(part))
    return replace(node, parts=(*node.parts[:first], capitalized(node.parts[first]), *node.parts[first + 1 :]))
