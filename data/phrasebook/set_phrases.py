"""Set phrases: greetings, thanks, congratulations, interjections and forms of address."""

from dataclasses import replace

from phrasebook.adjuncts import DAYS
from phrasebook.determiners import POSSESSIVES, THE
from phrasebook.german import Case
from phrasebook.lexicon import CITIES, PEOPLE, nouns_of
from phrasebook.nominals import ProperName
from phrasebook.noun_phrases import sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, Word, invariant

YOUR = POSSESSIVES[1]
GREETINGS = (
    ("hello", "hallo"),
    ("good morning", "guten Morgen"),
    ("good evening", "guten Abend"),
    ("good night", "gute Nacht"),
    ("good day", "guten Tag"),
    ("goodbye", "auf Wiedersehen"),
    ("bye", "tschüss"),
    ("see you soon", "bis bald"),
    ("see you later", "bis später"),
    ("see you tomorrow", "bis morgen"),
)
WISHES = (
    ("thank you", "danke"),
    ("thank you very much", "vielen Dank"),
    ("you are welcome", "gern geschehen"),
    ("excuse me", "Entschuldigung"),
    ("I am sorry", "es tut mir leid"),
    ("good luck", "viel Glück"),
    ("have fun", "viel Spaß"),
    ("enjoy your meal", "guten Appetit"),
    ("get well soon", "gute Besserung"),
    ("happy birthday", "alles Gute zum Geburtstag"),
    ("have a good trip", "gute Reise"),
    ("have a nice day", "einen schönen Tag"),
    ("have a nice evening", "einen schönen Abend"),
    ("have a nice weekend", "ein schönes Wochenende"),
    ("congratulations", "herzlichen Glückwunsch"),
    ("of course", "natürlich"),
    ("no problem", "kein Problem"),
    ("nice to meet you", "freut mich"),
)
INTERJECTIONS = (
    ("yes", "ja"),
    ("no", "nein"),
    ("hello", "hallo"),
    ("good morning", "guten Morgen"),
    ("good evening", "guten Abend"),
    ("excuse me", "Entschuldigung"),
    ("I am sorry", "es tut mir leid"),
    ("thank you", "danke"),
)


def formula(rng: RandomChoice) -> Sentence:
    """Generate a greeting, thanks or a wish: Good morning, Anna! Thank you for the flowers."""
    kind = rng.weighted({"greeting": 2.0, "wish": 2.0, "thanks": 3.0, "day": 1.0, "welcome": 0.7, "answer": 0.5})
    name = ProperName(rng.balanced(PEOPLE))
    addressed = rng.bernoulli(0.65)
    address: tuple[Node, ...] = (COMMA, name.english()) if addressed else ()
    if kind == "thanks":
        thanks = rng.uniform((("thank you", "danke"), ("thank you very much", "vielen Dank")))
        noun = rng.balanced(nouns_of(("food", "thing", "text", "drink", "event", "clothes", "resource", "idea")))
        what = sample_noun_phrase(rng, noun, determiner=rng.uniform((THE, THE, YOUR)), simple=True, richness=0.2)
        case: Case = "accusative"
        english = (*invariant(thanks[0]).parts, Word("for"), what.english(), *address)
        german = (*invariant(thanks[1]).parts, Word("für"), what.german(case), *address)
        return sentence("formula", english, german, rng.uniform((".", "!")))
    if kind == "day":
        day, tag = rng.uniform(DAYS)
        pair = (f"see you on {day}", f"bis {tag}")
    elif kind == "welcome":
        city = rng.balanced(CITIES)
        pair = (f"welcome to {city.english}", f"willkommen in {city.german}")
    elif kind == "answer":
        pair = rng.uniform(
            (("yes, please", "ja, bitte"), ("no, thank you", "nein, danke"), ("yes, of course", "ja, natürlich"))
        )
    else:
        pair = rng.uniform(GREETINGS if kind == "greeting" else WISHES)
    mark = rng.uniform(("!", "."))
    return sentence("formula", (invariant(pair[0]), *address), (invariant(pair[1]), *address), mark)


def addressed(rng: RandomChoice, composed: Sentence) -> Sentence:
    """Return a sentence after an interjection or the name of the person addressed: Anna, where is the key?"""
    if composed.construction in ("formula", "command", "request", "suggestion", "exclamation"):
        return composed
    name = ProperName(rng.balanced(PEOPLE))
    question = linearized_mark(composed) == "?"
    form = rng.weighted({"name": 2.0, "last": 1.0, "interjection": 2.0})
    if form == "last":
        return rebuilt(composed, (), (), (COMMA, name.english()), (COMMA, name.german("nominative")))
    if form == "name":
        return rebuilt(composed, (name.english(), COMMA), (name.german("nominative"), COMMA), (), ())
    if form == "interjection" and rng.bernoulli(0.3):
        english, german = rng.uniform(INTERJECTIONS)
        before = (COMMA, name.english(), COMMA)
        return rebuilt(composed, (invariant(english), *before), (invariant(german), *before), (), ())
    choices = tuple(each for each in INTERJECTIONS if not question or each[0] not in ("yes", "no", "thank you"))
    english, german = rng.uniform(choices if question or rng.bernoulli(0.3) else INTERJECTIONS[:2])
    return rebuilt(composed, (invariant(english), COMMA), (invariant(german), COMMA), (), ())


def linearized_mark(composed: Sentence) -> str:
    """Return the punctuation mark at the end."""
    last = composed.english_tree.parts[-1]
    return last.text if isinstance(last, Word) else ""


def rebuilt(
    composed: Sentence,
    english_before: tuple[Node, ...],
    german_before: tuple[Node, ...],
    english_after: tuple[Node, ...],
    german_after: tuple[Node, ...],
) -> Sentence:
    """Return the sentence with parts before it and before its final mark."""
    *english, mark = composed.english_tree.parts
    *german, _ = composed.german_tree.parts
    return replace(
        composed,
        english_tree=Phrase("sentence", (*english_before, *english, *english_after, mark)),
        german_tree=Phrase("sentence", (*german_before, *german, *german_after, mark)),
    )
