"""Questions with the verb be."""

from dataclasses import replace

from phrasebook import adjuncts
from phrasebook.adjuncts import adjunct
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent
from phrasebook.copular import be_tense, inanimate, predicate, sample_adjective
from phrasebook.determiners import POSSESSIVES, THE, THIS
from phrasebook.lexicon import BE, adjectives_for, nouns_of
from phrasebook.nominals import HE, SHE, THAT, THEY, YOU, Nominal
from phrasebook.noun_phrases import human_subject, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Phrase, Word, invariant

HOW = ("expensive", "long", "heavy", "big", "difficult", "dangerous", "important", "high", "fast", "warm", "cold")


def copular_question(rng: RandomChoice) -> Sentence:
    """Where is the station? Who is that man? When is the party? How was the film? How long is the bridge?"""
    kind = rng.weighted(
        {"where": 3.0, "who": 1.0, "when": 1.0, "how": 1.2, "degree": 1.5, "why": 1.5, "whether": 3.0, "what": 0.6}
    )
    tense = be_tense(rng)
    if kind == "where":
        subject: Nominal = human_subject(rng, simple=True, richness=0.1) if rng.bernoulli(0.35) else inanimate(rng)
        if rng.bernoulli(0.3):
            noun = rng.balanced(nouns_of(("building", "room", "outdoors")))
            subject = sample_noun_phrase(rng, noun, determiner=THE, plural=False, richness=0.25)
        clause = Clause(subject, BE, (), tense)
        word = ("where", "wo")
    elif kind == "who":
        noun = rng.balanced(nouns_of(("person",)))
        determiner = rng.balanced((THIS, THE, *POSSESSIVES))
        clause = Clause(sample_noun_phrase(rng, noun, determiner=determiner, richness=0.2), BE, (), tense)
        if rng.bernoulli(0.15):
            clause = Clause(rng.balanced((HE, SHE, THEY, YOU)), BE)
        word = ("who", "wer")
    elif kind == "when":
        noun = rng.balanced(nouns_of(("event",)))
        determiner = rng.balanced((THE, *POSSESSIVES))
        clause = Clause(
            sample_noun_phrase(rng, noun, determiner=determiner, plural=False, richness=0.15), BE, (), tense
        )
        word = ("when", "wann")
    elif kind == "how":
        noun = rng.balanced(
            nouns_of(("event", "film", "food", "drink", "weather", "hotel", "restaurant", "book", "novel"))
        )
        determiner = THE if rng.bernoulli(0.7) or "weather" in noun.kinds else rng.balanced(POSSESSIVES)
        clause = Clause(sample_noun_phrase(rng, noun, determiner=determiner, plural=False, richness=0.1), BE, (), tense)
        word = ("how", "wie")
    elif kind == "what":
        number = "plural" if rng.bernoulli(0.3) else "singular"
        english = rng.balanced(("this", "that") if number == "singular" else ("these", "those"))
        clause = Clause(replace(THAT, subject=english, number=number), BE, (), tense)
        word = ("what", "was")
    elif kind == "degree":
        subject = inanimate(rng)
        adjective = next((each for each in adjectives_for(subject.noun) if each.english in HOW), None)
        if adjective is None:
            return copular_question(rng)
        adjective = rng.balanced(tuple(each for each in adjectives_for(subject.noun) if each.english in HOW))
        clause = Clause(subject, BE, (), tense)
        how = Phrase("front", (Word("how"), Word(adjective.english, "adjective")))
        wie = Phrase("front", (Word("wie"), Word(adjective.german, "adjective")))
        front = Constituent("front", how, wie)
        return sentence(
            "copular question", (clause.english("question", front),), (clause.german("second", front),), "?"
        )
    else:
        subject = human_subject(rng, simple=True) if rng.bernoulli(0.65) else inanimate(rng)
        if rng.bernoulli(0.2):
            subject = YOU
        clause = Clause(
            subject,
            BE,
            (predicate(sample_adjective(rng, subject), rng.balanced((("", ""), ("", ""), ("so", "so")))),),
            tense,
        )
        word = ("why", "warum")
        if kind == "whether":
            plain = predicate(sample_adjective(rng, subject))
            clause = replace(clause, constituents=(plain,), negative=False)
            if rng.bernoulli(0.3):
                adverb = rng.balanced(
                    (("still", "noch"), ("always", "immer"), ("already", "schon"), ("really", "wirklich"))
                )
                clause = clause.extended(adjunct("frequency", *adverb))
            elif rng.bernoulli(0.15):
                day, tag = rng.balanced(adjuncts.DAYS)
                clause = clause.extended(adjunct("time", f"on {day}", f"am {tag}"))
            return sentence("copular question", (clause.english("question"),), (clause.german("first"),), "?")
    if rng.bernoulli(0.15) and kind in ("where", "why", "how"):
        clause = clause.extended(adjuncts.time(rng, tense))
    front = Constituent("front", invariant(word[0]), invariant(word[1]))
    return sentence("copular question", (clause.english("question", front),), (clause.german("second", front),), "?")
