"""Adverbial clauses (causal, concessive, temporal, conditional, final), with anaphoric pronouns."""

from dataclasses import replace

from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, WANT, Constituent, Tense, complement
from phrasebook.copular import be_tense, inanimate, predicate, sample_adjective
from phrasebook.determiners import NONE, POSSESSIVES, THE, THIS, A
from phrasebook.lexicon import BE, PEOPLE, RAIN, SNOW, adjectives_for, nouns_of, verbs_with
from phrasebook.nominals import IT, YOU, Nominal, NounPhrase, Pronoun, ProperName, anaphor, resolve
from phrasebook.noun_phrases import SUBJECTS, human_subject, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import EXCESSIVE, NON_VOLITIONAL
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, invariant
from phrasebook.verb_phrases import complements, place, sample_clause, with_aspect


def short_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Return a short clause about a person."""
    cases = rng.weighted(
        {(): 4.0, ("accusative",): 5.0, ("dative",): 1.5, ("preposition",): 1.5, ("motion",): 1.5, ("stay",): 1.0}
    )
    return sample_clause(rng, subject=subject, cases=cases, person=True, simple=True, richness=0.15)


def copular_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Return a clause with a predicative adjective: somebody is tired."""
    if subject is None:
        subject = inanimate(rng) if rng.bernoulli(0.3) else human_subject(rng, simple=True, richness=0.1)
    adjective = sample_adjective(rng, subject)
    degrees = (("", ""), ("", ""), ("", ""), ("very", "sehr"), ("so", "so"), ("really", "wirklich"))
    degree = rng.uniform((*degrees, ("too", "zu")) if adjective.adjective.english in EXCESSIVE else degrees)
    return Clause(subject, BE, (predicate(adjective, degree if adjective.adjective.superlative else ("", "")),))


def subordinate(conjunction: tuple[str, str], clause: Clause) -> tuple[Node, Node]:
    """Return the clause after a conjunction, in both languages."""
    english, german = conjunction
    return (
        Phrase("subordinate", (*invariant(english).parts, clause.english())),
        Phrase("subordinate", (*invariant(german).parts, clause.german("last", conjunction=german))),
    )


def dynamic_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Return a short clause whose verb is not stative."""
    clause = short_clause(rng, subject)
    while clause.verb.state:
        clause = short_clause(rng, subject)
    return clause


def volitional_clause(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Return a short clause about a voluntary action."""
    clause = dynamic_clause(rng, subject)
    while clause.verb.lemma in NON_VOLITIONAL:
        clause = dynamic_clause(rng, subject)
    return clause


CONJUNCTIONS = (
    ("because", "weil"),
    ("because", "weil"),
    ("because", "weil"),
    ("although", "obwohl"),
    ("if", "wenn"),
    ("when", "als"),
    ("when", "wenn"),
    ("before", "bevor"),
    ("after", "nachdem"),
    ("while", "während"),
    ("until", "bis"),
    ("as soon as", "sobald"),
    ("so that", "damit"),
)
WITH_STATES = ("because", "although", "if", "when")
ANIMALS_AND_THINGS = ("animal", "animal", "animal", "animal", "vehicle", "device", "baby", "child", "girl", "group")
THINGS = ("building", "room", "food", "clothes", "furniture", "text", "vehicle", "device", "film")


def sequence_of_tenses(
    rng: RandomChoice, conjunction: tuple[str, str], main: Clause, dependent: Clause
) -> tuple[Clause, Clause]:
    """Return both clauses in tenses that the conjunction allows."""
    english, german = conjunction
    past = rng.bernoulli(0.45)
    if german == "wenn":
        future = not main.verb.state and rng.bernoulli(0.5)
        if english == "if" and animate_dynamic(main) and rng.bernoulli(0.2):
            return replace(main, modal=rng.uniform((CAN, CAN, HAVE, WANT))), replace(dependent, habitual=True)
        return replace(main, tense="future" if future else "present", habitual=True), replace(dependent, habitual=True)
    if german == "als":
        return with_aspect(rng, replace(main, tense="past")), replace(dependent, tense="past")
    if german == "nachdem":
        if rng.bernoulli(0.75):
            return replace(main, tense="past"), replace(dependent, tense="pluperfect")
        return replace(main, tense="future"), replace(dependent, tense="perfect")
    if german in ("sobald", "bis"):
        if rng.bernoulli(0.3):
            return replace(main, tense="past"), replace(dependent, tense="past")
        return replace(main, tense="future"), replace(dependent, habitual=True)
    if german == "damit":
        can = replace(dependent, modal=CAN, tense="past" if past else "present")
        return replace(main, tense="past" if past else "present"), can
    if german == "bevor":
        if rng.bernoulli(0.35):
            return replace(main, tense="future"), replace(dependent, habitual=True)
        tense: Tense = "past" if past else "present"
        return replace(main, tense=tense, habitual=True), replace(dependent, tense=tense, habitual=True)
    if german == "während":
        if past:
            return with_aspect(rng, replace(main, tense="past")), with_aspect(rng, replace(dependent, tense="past"))
        return main, dependent
    if past:
        return with_aspect(rng, replace(main, tense="past")), with_aspect(rng, replace(dependent, tense="past"))
    if rng.bernoulli(0.15):
        return main, replace(dependent, tense="past")
    if not main.verb.state and not dependent.verb.state and rng.bernoulli(0.5):
        if rng.bernoulli(0.5):
            return with_aspect(rng, replace(main, tense="future")), replace(
                dependent, modal=rng.uniform((WANT, HAVE, CAN))
            )
        if rng.bernoulli(0.4):
            dependent = replace(dependent, modal=rng.uniform((HAVE, HAVE, WANT)))
        return replace(main, modal=rng.uniform((CAN, HAVE, WANT))), dependent
    return main, dependent


def animate_dynamic(clause: Clause) -> bool:
    """Return whether a modal verb suits the clause."""
    return not clause.verb.state and not (isinstance(clause.subject, NounPhrase) and not clause.subject.noun.human)


def main_clause(rng: RandomChoice, dynamic: bool, anaphoric: bool) -> Clause:
    """Return a main clause; its subject is a noun or a name if a pronoun shall refer to it."""
    if not anaphoric:
        return dynamic_clause(rng) if dynamic else short_clause(rng)
    if not dynamic and rng.bernoulli(0.12):
        thing = sample_noun_phrase(rng, rng.balanced(nouns_of((rng.uniform(THINGS),))), simple=True, richness=0.1)
        return copular_clause(rng, replace(thing, determiner=THE) if thing.determiner in (A, NONE) else thing)
    if rng.bernoulli(0.5):
        noun = rng.balanced(nouns_of((rng.uniform(ANIMALS_AND_THINGS),)))
        subject: Nominal = sample_noun_phrase(rng, noun, simple=True, richness=0.3)
        if not noun.human and not dynamic and rng.bernoulli(0.3):
            return copular_clause(rng, subject)
        if not noun.human:
            kind = next(kind for kind in ("animal", "vehicle", "device") if kind in noun.kinds)
            frames = [
                (frame, verb)
                for frame in ((), ("accusative",), ("preposition",))
                for verb in verbs_with(frame, kind)
                if not (dynamic and verb.state)
            ]
            if not frames or (kind == "device" and dynamic):
                return main_clause(rng, dynamic, anaphoric)
            _, verb = rng.uniform(tuple(frames))
            return Clause(subject, verb, complements(rng, verb, subject, simple=True, richness=0.1))
    elif rng.bernoulli(0.4):
        subject = rng.weighted(SUBJECTS)
    elif rng.bernoulli(0.35):
        subject = ProperName(rng.balanced(PEOPLE))
    else:
        subject = sample_noun_phrase(rng, rng.balanced(nouns_of(("person",))), simple=True, richness=0.2)
    if not dynamic and rng.bernoulli(0.35):
        return state_clause(rng, subject)
    return dynamic_clause(rng, subject) if dynamic else short_clause(rng, subject)


def state_clause(rng: RandomChoice, subject: Nominal) -> Clause:
    """Return a copular clause: somebody is tired, or is at home."""
    if rng.bernoulli(0.6):
        return copular_clause(rng, subject)
    return Clause(subject, BE, (place(rng, argument=True),))


def conjoined(rng: RandomChoice) -> Sentence:
    """Generate a sentence with an adverbial clause: The dog is sleeping because it is tired."""
    conjunction = rng.uniform(CONJUNCTIONS)
    english_word, german_word = conjunction
    stative = english_word in WITH_STATES
    anaphoric = rng.bernoulli(0.7)
    main = main_clause(rng, dynamic=not stative or german_word in ("wenn", "als"), anaphoric=anaphoric)
    subject = anaphor(main.subject) if anaphoric else None
    if stative and rng.bernoulli(0.4):
        state_subject = main.subject if anaphoric else human_subject(rng, simple=True, richness=0.1)
        dependent = state_clause(rng, state_subject) if main.verb is not BE else copular_clause(rng, state_subject)
    elif not anaphoric and english_word in ("because", "although", "if", "when", "while") and rng.bernoulli(0.2):
        dependent = Clause(IT, rng.uniform((RAIN, SNOW)))
    elif isinstance(main.subject, NounPhrase) and not main.subject.noun.human and anaphoric:
        if main.subject.noun.kinds.isdisjoint(("animal", "vehicle", "device")):
            return conjoined(rng)
        verbs = tuple(
            verb
            for verb in verbs_with((), next(k for k in ("animal", "vehicle", "device") if k in main.subject.noun.kinds))
            if verb.lemma != main.verb.lemma and not (verb.state and not stative)
        )
        if not verbs:
            return conjoined(rng)
        dependent = Clause(main.subject, rng.balanced(verbs))
    else:
        dependent = short_clause(rng, subject) if stative and german_word != "als" else dynamic_clause(rng, subject)
    main, dependent = sequence_of_tenses(rng, conjunction, main, dependent)
    deniable = english_word in ("because", "although", "if")
    main = main.negated(deniable and rng.bernoulli(0.5 if main.modal is CAN else 0.15))
    dependent = dependent.negated(deniable and rng.bernoulli(0.15))
    if german_word in ("wenn", "sobald", "bis", "bevor") and english_word != "until" and rng.bernoulli(0.2):
        return requested(rng, conjunction, dependent)
    return attached(rng, conjunction, main, dependent, anaphoric)


def attached(
    rng: RandomChoice, conjunction: tuple[str, str], main: Clause, dependent: Clause, anaphoric: bool
) -> Sentence:
    """Return both clauses in either order; the subject of the second is a pronoun if it is that of the first."""
    initial = conjunction[0] != "so that" and rng.bernoulli(0.4)
    first, second = (dependent, main) if initial else (main, dependent)
    if anaphoric:
        first = replace(first, subject=main.subject)
        second = replace(second, subject=anaphor(main.subject))
    else:
        second = replace(second, subject=resolve(second.subject, first.subject))
    main, dependent = (second, first) if initial else (first, second)
    english, german = subordinate(conjunction, dependent)
    if initial:
        front = Constituent("front", Phrase("front", (english, COMMA)), Phrase("front", (german, COMMA)))
        return sentence("subordinate first", (main.english(front=front),), (main.german(front=front),))
    return sentence("subordinate last", (main.english(), english), (main.german(), COMMA, german))


def requested(rng: RandomChoice, conjunction: tuple[str, str], dependent: Clause) -> Sentence:
    """Generate an imperative with an adverbial clause: Call me when you arrive!"""
    main = dynamic_clause(rng, YOU)
    if main.verb.lemma in NON_VOLITIONAL:
        return requested(rng, conjunction, dependent)
    if rng.bernoulli(0.5) and not (dependent.verb is BE and not isinstance(dependent.subject, Pronoun)):
        dependent = replace(dependent, subject=YOU)
    dependent = replace(dependent, tense="present", modal=None, habitual=True)
    english, german = subordinate(conjunction, dependent)
    please, bitte = (invariant("please"), invariant("bitte")) if rng.bernoulli(0.5) else (invariant(""), invariant(""))
    return sentence(
        "imperative with a subordinate clause",
        (please, main.english("imperative"), english),
        (bitte, main.german("imperative"), COMMA, german),
    )


def about_object(rng: RandomChoice) -> Sentence:
    """Generate an adverbial clause about the object: I bought the coat because it was cheap."""
    verbs = tuple(each for each in verbs_with(("accusative",)) if each.lemma not in ("have", "break", "hear"))
    verb = rng.balanced(verbs)
    noun = rng.balanced(nouns_of(verb.complements[0].kinds))
    if noun.human or "bare" in noun.kinds or not adjectives_for(noun):
        return about_object(rng)
    determiner = rng.uniform((THE, THE, THIS, *POSSESSIVES[:3]))
    plural = noun.countable and rng.bernoulli(0.25)
    what = sample_noun_phrase(rng, noun, determiner=determiner, plural=plural, richness=0.0)
    what = replace(what, possessor=None)
    subject = human_subject(rng, simple=True, richness=0.1)
    main = Clause(subject, verb, (complement("accusative", what, "accusative"),))
    conjunction = rng.uniform((("because", "weil"), ("because", "weil"), ("although", "obwohl")))
    degree = rng.uniform((("", ""), ("", ""), ("very", "sehr"), ("too", "zu"), ("so", "so")))
    dependent = Clause(anaphor(what), BE, (predicate(sample_adjective(rng, what), degree),))
    tense: Tense = rng.weighted({"past": 2.0, "present": 1.0, "future": 0.7})
    main = with_aspect(rng, replace(main, tense=tense)) if not verb.state else replace(main, tense=be_tense(rng))
    if tense == "present" and not verb.state and rng.bernoulli(0.5):
        main = replace(main, modal=rng.uniform((WANT, CAN, HAVE)))
    dependent = replace(dependent, tense="past" if main.tense == "past" and rng.bernoulli(0.8) else "present")
    main = main.negated(rng.bernoulli(0.2))
    dependent = dependent.negated(not degree[0] and rng.bernoulli(0.15))
    english, german = subordinate(conjunction, dependent)
    return sentence("pronoun for an object", (main.english(), english), (main.german(), COMMA, german))
