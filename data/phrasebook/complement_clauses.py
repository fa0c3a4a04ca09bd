"""Complement clauses: that-clauses, embedded questions, infinitives, purpose and unreal conditions."""

from dataclasses import replace

from phrasebook.adjuncts import adjunct
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent
from phrasebook.copular import be_tense, inanimate, predicate, sample_adjective
from phrasebook.determiners import POSSESSIVES, THE, THIS
from phrasebook.lexicon import BE, SAYING, STAYS, TRYING, WONDERING, nouns_of, verbs_with
from phrasebook.nominals import WHAT, WHO, YOU, Nominal, resolve
from phrasebook.noun_phrases import human_subject, sample_noun_phrase
from phrasebook.questions import OPEN_OBJECTS, with_tense
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.subordination import copular_clause, dynamic_clause, short_clause, subordinate, volitional_clause
from phrasebook.tree import COMMA, Node, Phrase, Word, invariant
from phrasebook.verb_phrases import complements, journey, sample_clause


def that_clause(rng: RandomChoice, copular: float) -> tuple[Nominal, tuple[Node, Node]]:
    """Sample the subject of a main clause, and a that-clause that does not name this person again.

    Args:
        rng: Random choice.
        copular: Probability of a copular clause.
    """
    content = copular_clause(rng) if rng.bernoulli(copular) else short_clause(rng)
    content = with_tense(rng, content) if content.verb is not BE else replace(content, tense=be_tense(rng))
    subject = human_subject(rng, simple=True, richness=0.1)
    content = replace(content, subject=resolve(content.subject, subject))
    content = content.negated(content.modal is None and rng.bernoulli(0.15))
    return subject, subordinate(("that", "dass"), content)


def claiming(rng: RandomChoice) -> Sentence:
    """Generate a that-clause after a verb: She knows that the boy is sleeping."""
    verb = rng.uniform(SAYING)
    subject, (english, german) = that_clause(rng, copular=0.25)
    speaker = Clause(subject, verb, tense=be_tense(rng))
    speaker = replace(speaker, negative=verb.lemma in ("know", "believe", "think") and rng.bernoulli(0.2))
    return sentence("that clause", (speaker.english(), english), (speaker.german(), COMMA, german))


ATTITUDES = (("glad", "froh"), ("sure", "sicher"), ("sad", "traurig"), ("happy", "glücklich"))


def attitude(rng: RandomChoice) -> Sentence:
    """Generate a that-clause after an adjective: I am glad that you are here. We are sorry that you are sick."""
    experiencer, (english, german) = that_clause(rng, copular=0.35)
    adjective, adjektiv = rng.uniform(ATTITUDES)
    state = Constituent("predicate", invariant(adjective), Phrase("predicate", (Word(adjektiv, "adjective"),)))
    clause = Clause(experiencer, BE, (state,), be_tense(rng))
    return sentence("that clause", (clause.english(), english), (clause.german(), COMMA, german))


def wondering(rng: RandomChoice) -> Sentence:
    """Generate an embedded question: I do not know whether she sleeps, where she lives, who helps her."""
    verb = rng.uniform(WONDERING)
    knows = verb.lemma == "know"
    speaker = Clause(
        human_subject(rng, simple=True, richness=0.1),
        verb,
        tense=be_tense(rng),
        negative=knows and rng.bernoulli(0.7),
    )
    word = rng.weighted({"whether": 2.0, "why": 1.5, "where": 1.5, "who": 1.5, "when": 1.7})
    if word == "who":
        asked = with_tense(rng, short_clause(rng, WHO))
        english, german = subordinate(("", ""), asked)
        return sentence("embedded question", (speaker.english(), english), (speaker.german(), COMMA, german))
    if rng.bernoulli(0.25):
        return embedded_copular(rng, speaker)
    if rng.bernoulli(0.2):
        return embedded_object(rng, speaker)
    content = short_clause(rng)
    if word == "where":
        content = sample_clause(
            rng, cases=rng.weighted({(): 1.0, ("accusative",): 1.0}), person=True, simple=True, richness=0.1
        )
        if rng.bernoulli(0.4):
            content = Clause(human_subject(rng, simple=True, richness=0.1), rng.uniform(STAYS))
    if word == "when" and rng.bernoulli(0.35):
        noun = rng.balanced(nouns_of(("event", "film", "vehicle")))
        verb = rng.balanced(tuple(v for v in verbs_with((), "any") if v.lemma in ("begin", "end", "leave", "arrive")))
        kinds = ("event", "film") if verb.lemma in ("begin", "end") else ("vehicle",)
        noun = rng.balanced(nouns_of(kinds))
        starting = sample_noun_phrase(rng, noun, determiner=rng.uniform((THE, THE, *POSSESSIVES)), plural=False)
        content = Clause(starting, verb, (), rng.uniform(("present", "present", "past", "future")), habitual=True)
    elif word == "when":
        content = replace(dynamic_clause(rng), tense="past" if rng.bernoulli(0.5) else "future")
    else:
        content = with_tense(rng, content)
    german_word = {"whether": "ob", "why": "warum", "where": "wo", "when": "wann"}[word]
    english, german = subordinate((word, german_word), content)
    return embedded(rng, speaker, english, german)


def embedded_copular(rng: RandomChoice, speaker: Clause) -> Sentence:
    """Generate an embedded copular question: Do you know where Paul is? I do not know who that man is."""
    word = rng.uniform((("where", "wo"), ("who", "wer"), ("how", "wie"), ("when", "wann"), ("why", "warum")))
    subject: Nominal = human_subject(rng, simple=True, richness=0.1)
    if word[0] == "who":
        determiner = rng.uniform((THIS, THE, *POSSESSIVES))
        subject = sample_noun_phrase(rng, rng.balanced(nouns_of(("person",))), determiner=determiner, richness=0.2)
    elif word[0] == "when":
        determiner = rng.uniform((THE, *POSSESSIVES))
        subject = sample_noun_phrase(rng, rng.balanced(nouns_of(("event",))), determiner=determiner, plural=False)
    elif word[0] == "how" or rng.bernoulli(0.5):
        subject = inanimate(rng)
    constituents: tuple[Constituent, ...] = ()
    if word[0] == "why":
        constituents = (predicate(sample_adjective(rng, subject)),)
    elif word[0] == "how":
        adjective = sample_adjective(rng, subject).adjective
        clause = Clause(subject, BE, (), be_tense(rng))
        how = Phrase("subordinate", (Word("how"), Word(adjective.english, "adjective"), clause.english()))
        wie = Phrase("subordinate", (Word("wie"), Word(adjective.german, "adjective"), clause.german("last")))
        return embedded(rng, speaker, how, wie)
    english, german = subordinate(word, Clause(subject, BE, constituents, be_tense(rng)))
    return embedded(rng, speaker, english, german)


def embedded_object(rng: RandomChoice, speaker: Clause) -> Sentence:
    """Generate an embedded question for the object: I do not know what he wants. She wonders who you are helping."""
    person = rng.bernoulli(0.4)
    kinds = frozenset(("person",)) if person else OPEN_OBJECTS
    frames = (("accusative",), ("dative",)) if person else (("accusative",),)
    verb = rng.balanced(
        tuple(v for frame in frames for v in verbs_with(frame) if not kinds.isdisjoint(v.complements[0].kinds))
    )
    clause = with_tense(rng, Clause(human_subject(rng, simple=True, richness=0.1), verb))
    pronoun = WHO if person else WHAT
    english = Phrase("subordinate", (Word("who" if person else "what"), clause.english()))
    german = Phrase("subordinate", (pronoun.german(verb.complements[0].case), clause.german("last")))
    return embedded(rng, speaker, english, german)


def embedded(rng: RandomChoice, speaker: Clause, english: Node, german: Node) -> Sentence:
    """Return an embedded question in a statement, or in a question that begins with do you know."""
    if speaker.verb.lemma == "know" and rng.bernoulli(0.35):
        asking = Clause(YOU if rng.bernoulli(0.7) else speaker.subject, speaker.verb)
        return sentence(
            "embedded question", (asking.english("question"), english), (asking.german("first"), COMMA, german), "?"
        )
    return sentence("embedded question", (speaker.english(), english), (speaker.german(), COMMA, german))


def trying(rng: RandomChoice) -> Sentence:
    """Generate an infinitive clause: She is trying to open the window; she never promised to come."""
    content = volitional_clause(rng)
    clause = Clause(content.subject, rng.uniform(TRYING), (infinitive(content),))
    if rng.bernoulli(0.35):
        often = adjunct("frequency", *rng.uniform((("often", "oft"), ("never", "nie"), ("always", "immer"))))
        clause = replace(clause, tense="past").extended(often)
    else:
        clause = with_tense(rng, clause)
        clause = replace(clause, negative=clause.modal is None and rng.bernoulli(0.15))
    return sentence("infinitive clause", (clause.english(),), (clause.german(),))


def infinitive(content: Clause) -> Constituent:
    """Return an infinitive clause: to do it, es zu tun."""
    return Constituent(
        "clause",
        content.english("infinitive"),
        Phrase("infinitive", (COMMA, content.german("infinitive"))),
    )


def intending(rng: RandomChoice) -> Sentence:
    """Generate a purpose clause: She is going to the city in order to buy a hat."""
    purpose = volitional_clause(rng)
    subject = purpose.subject
    errand = journey(rng, subject) if rng.bernoulli(0.6) else volitional_clause(rng, subject)
    errand = with_tense(rng, errand)
    english = Phrase("purpose", (*invariant("in order").parts, purpose.english("infinitive")))
    german = Phrase("infinitive", (COMMA, Word("um"), purpose.german("infinitive")))
    return sentence("purpose", (errand.english(), english), (errand.german(), german))


def imagining(rng: RandomChoice) -> Sentence:
    """Generate an unreal condition: If I had a horse, I would visit you."""
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
