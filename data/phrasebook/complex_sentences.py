"""Sentences in which one clause depends on another, or two stand together."""

from dataclasses import replace

from phrasebook.questions import with_tense
from phrasebook.copular import be_tense, predicate, sample_adjective
from phrasebook.random_choice import RandomChoice
from phrasebook.adjuncts import adjunct
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, WANT, Constituent, Tense
from phrasebook.verb_phrases import complements, sample_clause, journey
from phrasebook.selection import NON_VOLITIONAL
from phrasebook.lexicon import BE, SAYING, STAYS, TRYING, WONDERING, verbs_with
from phrasebook.nominals import WHO, Nominal
from phrasebook.noun_phrases import human_subject
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, Word, invariant

CONJUNCTIONS = (
    ("because", "weil"),
    ("although", "obwohl"),
    ("if", "wenn"),
    ("before", "bevor"),
    ("while", "während"),
    ("so that", "damit"),
)


def short_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """A short event."""
    cases = rng.weighted({(): 4.0, ("accusative",): 5.0, ("dative",): 1.5, ("preposition",): 1.5, ("motion",): 1.5})
    return sample_clause(rng, subject=subject, cases=cases, person=True, simple=True, richness=0.15)


def copular_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Somebody is tired."""
    subject = subject or human_subject(rng, simple=True, richness=0.1)
    return Clause(subject, BE, (predicate(sample_adjective(rng, subject)),))


def subordinate(conjunction: tuple[str, str], clause: Clause) -> tuple[Node, Node]:
    """A clause behind a conjunction."""
    english, german = conjunction
    return (
        Phrase("subordinate", (*invariant(english).parts, clause.english())),
        Phrase("subordinate", (*invariant(german).parts, clause.german("last", conjunction=german))),
    )


def sequence_of_tenses(rng: RandomChoice, conjunction: str, main: Clause, dependent: Clause) -> tuple[Clause, Clause]:
    """Both clauses in tenses that suit the conjunction."""
    past = rng.bernoulli(0.45)
    state = main.verb.state or dependent.verb.state
    if conjunction == "if":
        future = not main.verb.state and rng.bernoulli(0.6)
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
    if conjunction == "because" and not state and rng.bernoulli(0.5):
        return replace(main, tense="future"), replace(dependent, modal=rng.balanced((WANT, HAVE)))
    return main, dependent


def dynamic_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """A short event that is no state."""
    clause = short_clause(rng, subject)
    while clause.verb.state:
        clause = short_clause(rng, subject)
    return clause


def volitional_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """A short event that somebody wants."""
    clause = dynamic_clause(rng, subject)
    while clause.verb.lemma in NON_VOLITIONAL:
        clause = dynamic_clause(rng, subject)
    return clause


def conjoined(rng: RandomChoice) -> Sentence:
    """I am tired because the baby cried; if it rains, we will stay."""
    conjunction = rng.balanced(CONJUNCTIONS)
    trait_fits = conjunction[0] in ("because", "although", "if")
    active = conjunction[0] in ("before", "while", "so that")
    dependent = copular_clause(rng) if trait_fits and rng.bernoulli(0.3) else dynamic_clause(rng) if active else short_clause(rng)
    main = dynamic_clause(rng) if active or conjunction[0] == "if" else short_clause(rng)
    main, dependent = sequence_of_tenses(rng, conjunction[0], main, dependent)
    deniable = conjunction[0] in ("because", "although", "if")
    main = main.negated(deniable and rng.bernoulli(0.15))
    dependent = dependent.negated(deniable and rng.bernoulli(0.15))
    english, german = subordinate(conjunction, dependent)
    if conjunction[0] != "so that" and rng.bernoulli(0.4):
        front = Constituent("front", Phrase("front", (english, COMMA)), Phrase("front", (german, COMMA)))
        return sentence("subordinate first", (main.english(front=front),), (main.german(front=front),))
    return sentence("subordinate last", (main.english(), english), (main.german(), COMMA, german))


def claiming(rng: RandomChoice) -> Sentence:
    """She knows that the boy is sleeping."""
    verb = rng.balanced(SAYING)
    content = copular_clause(rng) if rng.bernoulli(0.25) else short_clause(rng)
    content = with_tense(rng, content) if content.verb is not BE else replace(content, tense=be_tense(rng))
    content = content.negated(content.modal is None and rng.bernoulli(0.15))
    english, german = subordinate(("that", "dass"), content)
    speaker = Clause(human_subject(rng, simple=True, richness=0.1), verb, tense=be_tense(rng))
    speaker = replace(speaker, negative=verb.lemma in ("know", "believe") and rng.bernoulli(0.2))
    return sentence("that clause", (speaker.english(), english), (speaker.german(), COMMA, german))


def wondering(rng: RandomChoice) -> Sentence:
    """I do not know whether she sleeps, where she lives, who helps her."""
    verb = rng.balanced(WONDERING)
    knows = verb.lemma == "know"
    speaker = Clause(
        human_subject(rng, simple=True, richness=0.1),
        verb,
        tense=be_tense(rng),
        negative=knows and rng.bernoulli(0.7),
    )
    word = rng.weighted({"whether": 2.0, "why": 1.5, "where": 1.5, "who": 1.5, "when": 1.0})
    if word == "who":
        asked = with_tense(rng, short_clause(rng, WHO))
        english, german = subordinate(("", ""), asked)
        return sentence("embedded question", (speaker.english(), english), (speaker.german(), COMMA, german))
    content = short_clause(rng)
    if word == "where":
        content = sample_clause(
            rng, cases=rng.weighted({(): 1.0, ("accusative",): 1.0}), person=True, simple=True, richness=0.1
        )
        if rng.bernoulli(0.4):
            content = Clause(human_subject(rng, simple=True, richness=0.1), rng.balanced(STAYS))
    if word == "when":
        content = replace(dynamic_clause(rng), tense="past" if rng.bernoulli(0.5) else "future")
    else:
        content = with_tense(rng, content)
    german_word = {"whether": "ob", "why": "warum", "where": "wo", "when": "wann"}[word]
    english, german = subordinate((word, german_word), content)
    return sentence("embedded question", (speaker.english(), english), (speaker.german(), COMMA, german))


def trying(rng: RandomChoice) -> Sentence:
    """She is trying to open the window; she never promised to come."""
    content = volitional_clause(rng)
    clause = Clause(content.subject, rng.balanced(TRYING), (infinitive(content),))
    if rng.bernoulli(0.35):
        often = adjunct("frequency", *rng.balanced((("often", "oft"), ("never", "nie"), ("always", "immer"))))
        clause = replace(clause, tense="past").extended(often)
    else:
        clause = with_tense(rng, clause)
        clause = replace(clause, negative=clause.modal is None and rng.bernoulli(0.15))
    return sentence("infinitive clause", (clause.english(),), (clause.german(),))


def infinitive(content: Clause) -> Constituent:
    """To do it, es zu tun."""
    return Constituent(
        "clause",
        content.english("infinitive"),
        Phrase("infinitive", (COMMA, content.german("infinitive"))),
    )


def intending(rng: RandomChoice) -> Sentence:
    """She is going to the city in order to buy a hat."""
    purpose = volitional_clause(rng)
    subject = purpose.subject
    errand = journey(rng, subject) if rng.bernoulli(0.6) else volitional_clause(rng, subject)
    errand = with_tense(rng, errand)
    english = Phrase("purpose", (*invariant("in order").parts, purpose.english("infinitive")))
    german = Phrase("infinitive", (COMMA, Word("um"), purpose.german("infinitive")))
    return sentence("purpose", (errand.english(), english), (errand.german(), german))


def paired(rng: RandomChoice) -> Sentence:
    """The man is singing, but his wife is sleeping."""
    link = rng.balanced((("and", "und"), ("but", "aber"), ("so", "also")))
    tense: Tense = rng.weighted({"present": 1.0, "past": 1.0, "future": 0.5})
    left, right = dynamic_clause(rng), dynamic_clause(rng)
    if link[0] == "but" and rng.bernoulli(0.4):
        right = copular_clause(rng)
    left = replace(left, tense=tense).negated(link[0] != "and" and rng.bernoulli(0.25))
    right = replace(right, tense=tense).negated(link[0] == "but" and not left.negative and rng.bernoulli(0.4))
    if link[0] == "so":
        front = Constituent("front", invariant(""), invariant("deshalb"))
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


def imagining(rng: RandomChoice) -> Sentence:
    """If I had a horse, I would visit you."""
    main = replace(dynamic_clause(rng), tense="conditional")
    if rng.bernoulli(0.5):
        condition = copular_clause(rng)
    else:
        verb = next(each for each in verbs_with(("accusative",)) if each.lemma == "have")
        subject = human_subject(rng, simple=True, richness=0.1)
        condition = Clause(subject, verb, complements(rng, verb, subject, simple=True, richness=0.3))
    condition = replace(condition, counterfactual=True, tense="past", negative=rng.bernoulli(0.2))
    english, german = subordinate(("if", "wenn"), condition)
    if rng.bernoulli(0.5):
        front = Constituent("front", Phrase("front", (english, COMMA)), Phrase("front", (german, COMMA)))
        return sentence("unreal condition", (main.english(front=front),), (main.german(front=front),))
    return sentence("unreal condition", (main.english(), english), (main.german(), COMMA, german))
