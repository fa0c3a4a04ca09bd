"""Relative clauses, whose pronoun agrees with the noun before it."""

from dataclasses import replace

from phrasebook.adjuncts import governed
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, complement
from phrasebook.copular import be_tense, predicate, sample_adjective
from phrasebook.determiners import THE
from phrasebook.lexicon import BE, Noun, Verb, nouns_of, verbs_with
from phrasebook.nominals import NounPhrase, relative_pronoun
from phrasebook.noun_phrases import human_subject, sample_noun_phrase
from phrasebook.questions import with_tense
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Node, Phrase, Word
from phrasebook.verb_phrases import sample_clause


def relative_to(rng: RandomChoice, noun: Noun, number: str, trait: float) -> tuple[Node, Node]:
    """Return a relative clause, whose pronoun is its subject, object or prepositional object."""
    pronoun = relative_pronoun(noun, "plural" if number == "plural" else "singular")
    human = "person" in noun.kinds
    if rng.bernoulli(0.5 if human else trait):
        if human:
            clause = sample_clause(
                rng,
                subject=pronoun,
                cases=rng.weighted(
                    {
                        (): 1.0,
                        ("accusative",): 2.0,
                        ("motion",): 0.4,
                        ("preposition",): 0.5,
                        ("stay",): 0.8,
                        ("dative",): 0.4,
                    }
                ),
                simple=True,
                richness=0.1,
            )
            clause = with_tense(rng, clause)
            clause = replace(clause, modal=None) if clause.modal is not CAN else clause
        else:
            clause = Clause(pronoun, BE, (predicate(sample_adjective(rng, NounPhrase(noun))),), be_tense(rng))
        return clause.english(), Phrase("relative", (clause.german("last"),), {"noun": noun.english})
    verb = rng.balanced(takers(noun))
    taken = verb.complements[0]
    clause = Clause(human_subject(rng, simple=True, richness=0.0), verb)
    clause = replace(clause, tense="past" if rng.bernoulli(0.55) else "present", habitual=True)
    english = Phrase("relative", (pronoun.english(), clause.english()))
    if taken.english_preposition:
        english = Phrase("relative", (*english.parts, Word(taken.english_preposition)))
    case = taken.case
    before = (Word(taken.german_preposition),) if taken.german_preposition else ()
    features = {"noun": noun.english}
    return english, Phrase("relative", (*before, pronoun.german(case), clause.german("last")), features)


def takers(noun: Noun) -> tuple[Verb, ...]:
    """Return the verbs with one object that can be this noun."""
    fitting = (
        verb
        for cases in (("accusative",), ("dative",), ("preposition",))
        for verb in verbs_with(cases)
        if not noun.kinds.isdisjoint(verb.complements[0].kinds)
        and (verb.complements[0].english_preposition or not verb.complements[0].german_preposition)
    )
    return tuple(fitting)


def related(rng: RandomChoice) -> Sentence:
    """Generate a relative clause: The man who lives here is tired; I know the man whom she is helping."""
    kinds = (
        ("person",) if rng.bernoulli(0.55) else ("clothes", "text", "animal", "thing", "vehicle", "building", "food")
    )
    noun = rng.balanced(nouns_of(kinds))
    plural = noun.countable and rng.bernoulli(0.3)
    number = "plural" if plural else "singular"
    phrase = sample_noun_phrase(rng, noun, determiner=THE, plural=plural, richness=0.15)
    on_subject = rng.bernoulli(0.5)
    relative = relative_to(rng, noun, number, trait=0.0 if on_subject else 0.3)
    phrase = replace(phrase, possessor=None, relative=relative)
    if on_subject:
        clause = Clause(phrase, BE, (predicate(sample_adjective(rng, phrase)),), be_tense(rng))
        return sentence("relative clause on the subject", (clause.english(),), (clause.german(),))
    verb = rng.balanced(tuple(each for each in takers(noun) if not each.german.particle))
    taken = verb.complements[0]
    clause = Clause(human_subject(rng, simple=True, richness=0.1), verb)
    if taken.german_preposition:
        clause = clause.extended(governed(taken, phrase))
    else:
        clause = clause.extended(complement(taken.case, phrase, taken.case))
    return sentence("relative clause on the object", (clause.english(),), (clause.german(),))
