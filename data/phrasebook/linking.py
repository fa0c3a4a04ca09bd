"""Sentences in which one clause depends on another, or two stand together."""

from dataclasses import replace

from phrasebook.asking import timeless
from phrasebook.being import be_tense, predicate, quality_of
from phrasebook.chance import Chance
from phrasebook.circumstances import circumstance
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, WANT, Constituent, Tense
from phrasebook.events import complements, event, journey
from phrasebook.idiom import UNWILLED
from phrasebook.lexicon import BE, SAYING, STAYS, TRYING, WONDERING, verbs_with
from phrasebook.nominals import WHO, Nominal
from phrasebook.sampling import somebody
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, Word, plain

CONJUNCTIONS = (
    ("because", "weil"),
    ("although", "obwohl"),
    ("if", "wenn"),
    ("before", "bevor"),
    ("while", "während"),
    ("so that", "damit"),
)


def small(chance: Chance, subject: Nominal | None = None) -> Clause:
    """A short event."""
    cases = chance.weighted({(): 4.0, ("accusative",): 5.0, ("dative",): 1.5, ("preposition",): 1.5, ("motion",): 1.5})
    return event(chance, subject=subject, cases=cases, person=True, simple=True, richness=0.15)


def trait(chance: Chance, subject: Nominal | None = None) -> Clause:
    """Somebody is tired."""
    subject = subject or somebody(chance, simple=True, richness=0.1)
    return Clause(subject, BE, (predicate(quality_of(chance, subject)),))


def subordinate(conjunction: tuple[str, str], clause: Clause) -> tuple[Node, Node]:
    """A clause behind a conjunction."""
    english, german = conjunction
    return (
        Phrase("subordinate", (*plain(english).parts, clause.english())),
        Phrase("subordinate", (*plain(german).parts, clause.german("last", conjunction=german))),
    )


def matched(chance: Chance, conjunction: str, main: Clause, dependent: Clause) -> tuple[Clause, Clause]:
    """Both clauses in tenses that suit the conjunction."""
    past = chance.happens(0.45)
    state = main.verb.state or dependent.verb.state
    if conjunction == "if":
        future = not main.verb.state and chance.happens(0.6)
        return replace(main, tense="future" if future else "present", habitual=True), replace(dependent, habitual=True)
    if conjunction in ("before", "so that"):
        can = replace(dependent, modal=CAN, tense="past" if past else "present")
        if conjunction == "so that":
            return replace(main, tense="past" if past else "present"), can
        return replace(main, tense="past" if past else "present", habitual=True), replace(
            dependent, tense="past" if past else "present", habitual=True
        )
    if past:
        return replace(main, tense="past"), replace(dependent, tense="past")
    if conjunction == "because" and not state and chance.happens(0.5):
        return replace(main, tense="future"), replace(dependent, modal=chance.pick((WANT, HAVE)))
    return main, dependent


def eventful(chance: Chance, subject: Nominal | None = None) -> Clause:
    """A short event that is no state."""
    clause = small(chance, subject)
    while clause.verb.state:
        clause = small(chance, subject)
    return clause


def willed(chance: Chance, subject: Nominal | None = None) -> Clause:
    """A short event that somebody wants."""
    clause = eventful(chance, subject)
    while clause.verb.lemma in UNWILLED:
        clause = eventful(chance, subject)
    return clause


def conjoined(chance: Chance) -> Sentence:
    """I am tired because the baby cried; if it rains, we will stay."""
    conjunction = chance.pick(CONJUNCTIONS)
    trait_fits = conjunction[0] in ("because", "although", "if")
    active = conjunction[0] in ("before", "while", "so that")
    dependent = trait(chance) if trait_fits and chance.happens(0.3) else eventful(chance) if active else small(chance)
    main = eventful(chance) if active or conjunction[0] == "if" else small(chance)
    main, dependent = matched(chance, conjunction[0], main, dependent)
    deniable = conjunction[0] in ("because", "although", "if")
    main = main.denied(deniable and chance.happens(0.15))
    dependent = dependent.denied(deniable and chance.happens(0.15))
    english, german = subordinate(conjunction, dependent)
    if conjunction[0] != "so that" and chance.happens(0.4):
        front = Constituent("front", Phrase("front", (english, COMMA)), Phrase("front", (german, COMMA)))
        return sentence("subordinate first", (main.english(front=front),), (main.german(front=front),))
    return sentence("subordinate last", (main.english(), english), (main.german(), COMMA, german))


def claiming(chance: Chance) -> Sentence:
    """She knows that the boy is sleeping."""
    verb = chance.pick(SAYING)
    content = trait(chance) if chance.happens(0.25) else small(chance)
    content = timeless(chance, content) if content.verb is not BE else replace(content, tense=be_tense(chance))
    content = content.denied(content.modal is None and chance.happens(0.15))
    english, german = subordinate(("that", "dass"), content)
    speaker = Clause(somebody(chance, simple=True, richness=0.1), verb, tense=be_tense(chance))
    speaker = replace(speaker, negative=verb.lemma in ("know", "believe") and chance.happens(0.2))
    return sentence("that clause", (speaker.english(), english), (speaker.german(), COMMA, german))


def wondering(chance: Chance) -> Sentence:
    """I do not know whether she sleeps, where she lives, who helps her."""
    verb = chance.pick(WONDERING)
    knows = verb.lemma == "know"
    speaker = Clause(
        somebody(chance, simple=True, richness=0.1),
        verb,
        tense=be_tense(chance),
        negative=knows and chance.happens(0.7),
    )
    word = chance.weighted({"whether": 2.0, "why": 1.5, "where": 1.5, "who": 1.5, "when": 1.0})
    if word == "who":
        asked = timeless(chance, small(chance, WHO))
        english, german = subordinate(("", ""), asked)
        return sentence("embedded question", (speaker.english(), english), (speaker.german(), COMMA, german))
    content = small(chance)
    if word == "where":
        content = event(
            chance, cases=chance.weighted({(): 1.0, ("accusative",): 1.0}), person=True, simple=True, richness=0.1
        )
        if chance.happens(0.4):
            content = Clause(somebody(chance, simple=True, richness=0.1), chance.pick(STAYS))
    if word == "when":
        content = replace(eventful(chance), tense="past" if chance.happens(0.5) else "future")
    else:
        content = timeless(chance, content)
    german_word = {"whether": "ob", "why": "warum", "where": "wo", "when": "wann"}[word]
    english, german = subordinate((word, german_word), content)
    return sentence("embedded question", (speaker.english(), english), (speaker.german(), COMMA, german))


def trying(chance: Chance) -> Sentence:
    """She is trying to open the window; she never promised to come."""
    content = willed(chance)
    clause = Clause(content.subject, chance.pick(TRYING), (infinitive(content),))
    if chance.happens(0.35):
        often = circumstance("frequency", *chance.pick((("often", "oft"), ("never", "nie"), ("always", "immer"))))
        clause = replace(clause, tense="past").having(often)
    else:
        clause = timeless(chance, clause)
        clause = replace(clause, negative=clause.modal is None and chance.happens(0.15))
    return sentence("infinitive clause", (clause.english(),), (clause.german(),))


def infinitive(content: Clause) -> Constituent:
    """To do it, es zu tun."""
    return Constituent(
        "clause",
        content.english("infinitive"),
        Phrase("infinitive", (COMMA, content.german("infinitive"))),
    )


def intending(chance: Chance) -> Sentence:
    """She is going to the city in order to buy a hat."""
    purpose = willed(chance)
    subject = purpose.subject
    errand = journey(chance, subject) if chance.happens(0.6) else willed(chance, subject)
    errand = timeless(chance, errand)
    english = Phrase("purpose", (*plain("in order").parts, purpose.english("infinitive")))
    german = Phrase("infinitive", (COMMA, Word("um"), purpose.german("infinitive")))
    return sentence("purpose", (errand.english(), english), (errand.german(), german))


def paired(chance: Chance) -> Sentence:
    """The man is singing, but his wife is sleeping."""
    link = chance.pick((("and", "und"), ("but", "aber"), ("so", "also")))
    tense: Tense = chance.weighted({"present": 1.0, "past": 1.0, "future": 0.5})
    left, right = eventful(chance), eventful(chance)
    if link[0] == "but" and chance.happens(0.4):
        right = trait(chance)
    left = replace(left, tense=tense).denied(link[0] != "and" and chance.happens(0.25))
    right = replace(right, tense=tense).denied(link[0] == "but" and not left.negative and chance.happens(0.4))
    if link[0] == "so":
        front = Constituent("front", plain(""), plain("deshalb"))
        return sentence(
            "consequence",
            (left.english(), COMMA, Word("so"), right.english()),
            (left.german(), COMMA, right.german(front=front)),
        )
    comma = (COMMA,) if link[0] == "but" else ()
    return sentence(
        "coordination",
        (left.english(), COMMA, Word(link[0]), right.english()),
        (left.german(), *comma, Word(link[1]), right.german()),
    )


def imagining(chance: Chance) -> Sentence:
    """If I had a horse, I would visit you."""
    main = replace(eventful(chance), tense="conditional")
    if chance.happens(0.5):
        condition = trait(chance)
    else:
        verb = next(each for each in verbs_with(("accusative",)) if each.lemma == "have")
        subject = somebody(chance, simple=True, richness=0.1)
        condition = Clause(subject, verb, complements(chance, verb, subject, simple=True, richness=0.3))
    condition = replace(condition, unreal=True, tense="past", negative=chance.happens(0.2))
    english, german = subordinate(("if", "wenn"), condition)
    if chance.happens(0.5):
        front = Constituent("front", Phrase("front", (english, COMMA)), Phrase("front", (german, COMMA)))
        return sentence("unreal condition", (main.english(front=front),), (main.german(front=front),))
    return sentence("unreal condition", (main.english(), english), (main.german(), COMMA, german))
