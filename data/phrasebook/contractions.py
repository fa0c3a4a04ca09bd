"""English contractions: do not, don't; I am, I'm; let us, let's."""

from dataclasses import replace

from phrasebook.sentence import Sentence
from phrasebook.tree import Phrase, Word, words

NEGATIVE = ("is", "are", "was", "were", "do", "does", "did", "has", "have", "had", "could", "would", "should")
IRREGULAR = {("can", "not"): "can't", ("will", "not"): "won't", ("let", "us"): "let's"}
WITH_PRONOUN = {
    **{(pronoun, "are"): f"{pronoun}'re" for pronoun in ("you", "we", "they")},
    **{(pronoun, "is"): f"{pronoun}'s" for pronoun in ("he", "she", "it", "that", "what", "where", "who")},
    **{(pronoun, "will"): f"{pronoun}'ll" for pronoun in ("I", "you", "he", "she", "it", "we", "they")},
    **{(pronoun, "have"): f"{pronoun}'ve" for pronoun in ("I", "you", "we", "they")},
    ("I", "am"): "I'm",
    ("I", "would"): "I'd",
}
CONTRACTIONS = {(verb, "not"): f"{verb}n't" for verb in NEGATIVE} | IRREGULAR | WITH_PRONOUN


def contracted(sentence: Sentence) -> Sentence:
    """Return the sentence with English contractions wherever they are usual."""
    leaves: list[Word] = []
    rest = words(sentence.english_tree)
    for index, leaf in enumerate(rest):
        previous = leaves[-1] if leaves else None
        following = rest[index + 1] if index + 1 < len(rest) else leaf
        last = following.kind == "mark" or following.text == "to"  # I know where he is; we have to go
        short = CONTRACTIONS.get((previous.text, leaf.text)) if previous else None
        if leaf.text == "cannot":
            leaves.append(replace(leaf, text="can't"))
        elif previous and short and (leaf.text in ("not", "us") or (not last and leaf.kind in ("word", "be"))):
            leaves[-1] = replace(previous, text=short)
        else:
            leaves.append(leaf)
    return replace(sentence, english_tree=Phrase("sentence", tuple(leaves)))
