"""The clause: one meaning, put in order by each language's own rules."""

from dataclasses import dataclass, replace
from typing import Literal

from phrasebook import english, german
from phrasebook.constituents import ENGLISH_ORDER, GERMAN_ORDER, Constituent, Modal, Tense
from phrasebook.lexicon import Verb
from phrasebook.nominals import Nominal, Pronoun
from phrasebook.tree import Node, Phrase, Word

FIXED_PARTICLES = ("at", "for", "to", "TV", "asleep", "dressed", "care", "forward")  # never behind the object


BE, HAVE_FORMS, DO = (
    english.VerbForms("be", "was", "been"),
    english.VerbForms("have", "had", "had"),
    english.VerbForms("do", "did", "done"),
)


@dataclass(frozen=True, slots=True)
class Clause:
    """Who does what, when and how, before any language has put it into words."""

    subject: Nominal
    verb: Verb
    constituents: tuple[Constituent, ...] = ()
    tense: Tense = "present"
    modal: Modal | None = None
    negative: bool = False
    habitual: bool = False  # reads, not is reading
    passive: bool = False
    counterfactual: bool = False  # if I had, wenn ich hätte

    def extended(self, *constituents: Constituent) -> "Clause":
        """The clause with more in it."""
        return replace(self, constituents=self.constituents + constituents)

    def find(self, role: str) -> Constituent | None:
        """The constituent of a role."""
        return next((each for each in self.constituents if each.role == role), None)

    def negated(self, wanted: bool = True) -> "Clause":
        """The clause negated, where that is wanted and German has a plain way to say it.

        It has none for an indefinite dative or one behind a preposition: sie wartet auf keinen Bus.
        """
        awkward = any(each.negated and each.role in ("dative", "prepositional") for each in self.constituents)
        return replace(self, negative=wanted and not awkward)

    # English

    def english_finite(self, verb: english.VerbForms) -> str:
        """A verb that agrees with the subject."""
        person, number = self.subject.person, self.subject.number
        past = self.tense == "past"
        if self.counterfactual and verb.base == "be":
            return "were"
        if verb.base == "be":
            return english.BE["past" if past else "present"][german.index(person, number)]
        return verb.past if past else verb.third if (person, number) == (3, "singular") else verb.base

    def english_verb_group(self) -> tuple[list[Word], english.VerbForms | None]:
        """The verbs in a row, and the first of them where it needs do in questions and negations."""
        verb, modal = self.verb.english, self.modal
        kind = "be" if verb.base == "be" else "verb"
        bare = [Word("be"), Word(verb.participle, kind)] if self.passive else [Word(verb.base, kind)]
        if modal:
            to = [Word("like")] * modal.subjunctive + [Word("to")] * modal.to
            if modal.auxiliary:
                return [Word(modal.english_past if self.tense == "past" else modal.english), *to, *bare], None
            forms = english.VerbForms(modal.english, modal.english_past, modal.english_past)
            return [Word(self.english_finite(forms)), *to, *bare], forms
        if self.tense in ("future", "conditional"):
            return [Word("will" if self.tense == "future" else "would"), *bare], None
        if self.tense == "perfect":
            return [Word(self.english_finite(HAVE_FORMS)), Word(verb.participle, kind)], None
        if self.passive:
            being = [Word("being")] if self.tense == "present" and not self.habitual else []
            return [Word(self.english_finite(BE)), *being, Word(verb.participle, kind)], None
        if verb.base == "be":
            return [Word(self.english_finite(verb), kind)], None
        ambiguous = verb.past == verb.base == self.english_finite(verb)  # I read: now or then?
        if self.tense == "present" and not self.verb.state and (ambiguous or not self.habitual):
            return [Word(self.english_finite(BE)), Word(verb.progressive, kind)], None
        return [Word(self.english_finite(verb), kind)], verb

    def english_complements(self, front: Constituent | None) -> list[Node]:
        """What follows the verbs: particle, objects, and the adjuncts."""
        particle: list[Node] = [Word(word) for word in self.verb.english.particle.split()]
        late = self.verb.english.particle not in FIXED_PARTICLES
        rest = sorted(
            (each for each in self.constituents if each is not front and each.role in ENGLISH_ORDER),
            key=lambda each: ENGLISH_ORDER.index(each.role),
        )
        objects: list[Node] = []
        for each in rest:
            if particle and not (late and each.pronoun and each.role in ("accusative", "dative")):
                objects += particle
                particle = []
            objects.append(each.english)
        return objects + particle

    def english(
        self,
        order: Literal["statement", "question", "infinitive", "imperative"] = "statement",
        front: Constituent | None = None,
    ) -> Node:
        """The English clause; a fronted constituent opens it."""
        rest = self.english_complements(front)
        frequency: list[Node] = [
            each.english for each in self.constituents if each.role == "frequency" and each is not front
        ]
        if order in ("infinitive", "imperative"):
            negation = [Word("do"), Word("not")] if self.negative else []
            to = [Word("to")] if order == "infinitive" else []
            kind = "be" if self.verb.english.base == "be" else "verb"
            return Phrase("clause", (*negation, *frequency, *to, Word(self.verb.english.base, kind), *rest))
        chain, full = self.english_verb_group()
        if full and (self.negative or order == "question"):
            base = Word(full.base, chain[0].kind)
            chain = [Word(self.english_finite(DO)), base, *chain[1:]]
            full = None
        negation = [Word("not")] if self.negative else []
        opening: list[Node] = [front.english] if front else []
        subject = self.subject.english(subject=True)
        if order == "question":
            return Phrase("clause", (*opening, chain[0], subject, *negation, *frequency, *chain[1:], *rest))
        if full:
            return Phrase("clause", (*opening, subject, *frequency, *chain, *rest))
        return Phrase("clause", (*opening, subject, chain[0], *negation, *frequency, *chain[1:], *rest))

    # German

    def german_verbs(self) -> tuple[str, tuple[Word, ...], bool]:
        """The finite verb, what closes the clause, and whether that is the particle of the finite verb."""
        verb, modal = self.verb.german, self.modal
        person, number = self.subject.person, self.subject.number
        infinitive: tuple[Word, ...] = (Word(verb.full_infinitive, "verb"),)
        if self.passive:
            infinitive = (Word(verb.participle, "verb"), Word("werden"))
        if modal and modal.german:
            if modal.subjunctive:
                finite = german.with_past_ending(german.SUBJUNCTIVE_STEMS[modal.german], person, number)
            elif self.tense == "past":
                finite = german.with_past_ending(german.PAST_STEMS[modal.german], person, number)
            else:
                finite = german.VerbForms(modal.german).present(person, number)
            return finite, infinitive, False
        if self.tense == "future":
            return german.VerbForms("werden").present(person, number), infinitive, False
        if self.tense == "conditional":
            return german.with_past_ending("würde", person, number), infinitive, False
        if self.passive:
            werden = german.VerbForms("werden").present(person, number)
            finite = german.with_past_ending("wurde", person, number) if self.tense == "past" else werden
            return finite, (Word(verb.participle, "verb"),), False
        if self.counterfactual:
            return german.with_past_ending(german.SUBJUNCTIVE_STEMS[verb.infinitive], person, number), (), False
        if self.tense == "past" and verb.simple_past:
            return german.with_past_ending(verb.simple_past, person, number), (), False
        if self.tense in ("past", "perfect"):
            auxiliary = german.VerbForms("sein" if verb.sein_perfect else "haben").present(person, number)
            return auxiliary, (Word(verb.participle, "verb"),), False
        particle = (Word(verb.particle, "particle"),) if verb.particle else ()
        return verb.present(person, number), particle, bool(particle)

    def german_middle(self, front: Constituent | None) -> list[Node]:
        """What stands between the finite verb and the end, in the order that German prefers."""
        placed: list[tuple[int, Node]] = []
        negation = self.negative
        for each in self.constituents:
            if each is front or each.role == "clause":
                continue
            node = each.german
            if negation and each.negated:
                node, negation = each.negated, False
            placed.append((each.rank, node))
        if negation:
            placed.append((GERMAN_ORDER.index("not"), Word("nicht", "negation")))
        if self.modal and self.modal.adverb:
            placed.append((GERMAN_ORDER.index("frequency"), Word(self.modal.adverb)))
        if self.verb.german.reflexive:
            placed.append((GERMAN_ORDER.index("pronoun accusative"), self.reflexive()))
        return [node for _, node in sorted(placed, key=lambda pair: pair[0])]

    def reflexive(self) -> Word:
        """The pronoun that goes back to the subject."""
        person, number = self.subject.person, self.subject.number
        text = ("mich", "dich", "sich", "uns", "euch", "sich")[german.index(person, number)]
        return Word(text, "reflexive", {"person": str(person), "number": number})

    def features(self, order: str, conjunction: str) -> dict[str, str]:
        """What the tree of the German clause remembers."""
        objects = [each for role in ("accusative", "dative", "prepositional") if (each := self.find(role))]
        return {
            "order": order,
            "verb": self.verb.lemma,
            "german verb": self.verb.german.infinitive,
            "object": objects[0].head if objects else "",
            "conjunction": conjunction,
            "person": str(self.subject.person),
            "number": self.subject.number,
            "tense": self.tense,
            "modal": self.modal.german if self.modal else "",
            "particle": self.verb.german.particle,
            "passive": "yes" if self.passive else "",
        }

    def german(
        self,
        order: Literal["second", "first", "last", "infinitive", "bare", "imperative"] = "second",
        front: Constituent | None = None,
        conjunction: str = "",
    ) -> Node:
        """The German clause: the finite verb second, first (before it may stand a question word) or last."""
        middle = self.german_middle(front)
        after = [each.german for each in self.constituents if each.role == "clause"]
        features = self.features(order, conjunction)
        if order == "infinitive":
            zu = tuple(Word(word, "zu") for word in self.verb.german.zu_infinitive)
            return Phrase("clause", (*middle, *zu, *after), features)
        if order == "bare":
            return Phrase("clause", (*middle, Word(self.verb.german.full_infinitive, "verb"), *after), features)
        form, bracket, stranded = self.german_verbs()
        if order == "imperative":
            form = self.verb.german.imperative
        subject: tuple[Node, ...] = (self.subject.german("nominative"),)
        if self.verb.german.reflexive and not isinstance(self.subject, Pronoun) and (order != "second" or front):
            subject, middle = (middle[0], *subject), middle[1:]  # sich goes before a noun
        if order == "last":
            if stranded:
                form, bracket = bracket[0].text + form, ()
            finite = Word(form, "finite")
            return Phrase("clause", (*subject, *middle, *bracket, finite, *after), features)
        finite = Word(form, "finite")
        if order == "imperative":
            return Phrase("clause", (finite, *middle, *bracket, *after), features)
        if order == "first":
            return Phrase("clause", (finite, *subject, *middle, *bracket, *after), features)
        if front:
            return Phrase("clause", (front.german, finite, *subject, *middle, *bracket, *after), features)
        return Phrase("clause", (*subject, finite, *middle, *bracket, *after), features)
