"""The clause: one predication, linearized by the word order rules of each language."""

from dataclasses import dataclass, replace
from typing import Literal

from phrasebook import english, german
from phrasebook.constituents import ENGLISH_ORDER, GERMAN_ORDER, Constituent, Modal, Tense
from phrasebook.lexicon import Verb
from phrasebook.nominals import Nominal, Pronoun
from phrasebook.tree import Node, Phrase, Word

FIXED_PARTICLES = (  # never behind the object
    *("at", "for", "to", "TV", "asleep", "dressed", "care", "forward", "breakfast", "shopping"),
    *("a shower", "for a walk"),
)


MID_POSITION = ("frequency", "please")


BE, HAVE_FORMS, DO = (
    english.VerbForms("be", "was", "been"),
    english.VerbForms("have", "had", "had"),
    english.VerbForms("do", "did", "done"),
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A subject, a verb with its constituents, tense, aspect, mood and polarity, independent of the language."""

    subject: Nominal
    verb: Verb
    constituents: tuple[Constituent, ...] = ()
    tense: Tense = "present"
    modal: Modal | None = None
    negative: bool = False
    habitual: bool = False  # reads, not is reading
    progressive: bool = False  # in a past tense: was reading, has been reading
    going_to: bool = False  # the future with going to instead of will
    passive: bool = False
    counterfactual: bool = False  # if I had, wenn ich hätte

    def extended(self, *constituents: Constituent) -> "Clause":
        """Return the clause with further constituents."""
        return replace(self, constituents=self.constituents + constituents)

    def find(self, role: str) -> Constituent | None:
        """Return the first constituent of a role, or None."""
        return next((each for each in self.constituents if each.role == role), None)

    def negated(self, wanted: bool = True) -> "Clause":
        """Return the clause with negative polarity if wanted, and if its German negation is unmarked.

        With an indefinite dative or prepositional object it is marked: sie wartet auf keinen Bus.
        """
        awkward = any(each.negated and each.role in ("dative", "prepositional") for each in self.constituents)
        return replace(self, negative=wanted and not awkward)

    def with_no(self) -> "Clause | None":
        """Return the English form with no before the object instead of not, if the object is indefinite."""
        found = self.find("accusative")
        if not self.negative or found is None or found.english_negated is None:
            return None
        rest = tuple(each for each in self.constituents if each is not found)
        no = replace(found, english=found.english_negated)
        return replace(self, negative=False, constituents=(no, *rest))

    # English

    def english_finite(self, verb: english.VerbForms) -> str:
        """Return the finite form that agrees with the subject."""
        person, number = self.subject.person, self.subject.number
        past = self.tense in ("past", "pluperfect")
        if self.counterfactual and verb.base == "be":
            return "were"
        if verb.base == "be":
            return english.BE["past" if past else "present"][german.index(person, number)]
        return verb.past if past else verb.third if (person, number) == (3, "singular") else verb.base

    def english_verb_group(self) -> tuple[list[Word], english.VerbForms | None]:
        """Return the verb group, and its first verb if it needs do-support in questions and negations."""
        verb, modal = self.verb.english, self.modal
        kind = "be" if verb.base == "be" else "verb"
        bare = [Word("be"), Word(verb.participle, kind)] if self.passive else [Word(verb.base, kind)]
        if modal:
            to = [Word("like")] * (modal.english == "would") + [Word("to")] * modal.to
            if modal.auxiliary:
                return [Word(modal.english_past if self.tense == "past" else modal.english), *to, *bare], None
            forms = english.VerbForms(modal.english, modal.english_past, modal.english_past)
            return [Word(self.english_finite(forms)), *to, *bare], forms
        if self.tense == "future" and self.going_to:
            return [Word(self.english_finite(BE)), Word("going"), Word("to"), *bare], None
        if self.tense in ("future", "conditional"):
            return [Word("will" if self.tense == "future" else "would"), *bare], None
        if self.tense in ("perfect", "pluperfect"):
            participle = (
                [Word("been"), Word(verb.progressive, kind)] if self.progressive else [Word(verb.participle, kind)]
            )
            return [Word(self.english_finite(HAVE_FORMS)), *participle], None
        if self.passive:
            being = [Word("being")] if self.tense == "present" and not self.habitual else []
            return [Word(self.english_finite(BE)), *being, Word(verb.participle, kind)], None
        if verb.base == "be":
            return [Word(self.english_finite(verb), kind)], None
        ambiguous = verb.past == verb.base == self.english_finite(verb)  # I read: now or then?
        present_progressive = self.tense == "present" and (ambiguous or not self.habitual)
        if not self.verb.state and (present_progressive or (self.progressive and self.tense == "past")):
            return [Word(self.english_finite(BE)), Word(verb.progressive, kind)], None
        return [Word(self.english_finite(verb), kind)], verb

    def english_complements(self, front: Constituent | None) -> list[Node]:
        """Return what follows the verb group: particle, objects and adjuncts."""
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
        """Return the English clause, after the fronted constituent."""
        rest = self.english_complements(front)
        frequency: list[Node] = [
            each.english for each in self.constituents if each.role in MID_POSITION and each is not front
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
        if self.negative and chain[0].text == "can":
            negation, chain = [], [Word("cannot"), *chain[1:]]
        return Phrase("clause", (*opening, subject, chain[0], *negation, *frequency, *chain[1:], *rest))

    # German

    def german_verbs(self) -> tuple[str, tuple[Word, ...], bool]:
        """Return the finite verb, the right bracket, and whether the bracket is the particle of the finite verb."""
        verb, modal = self.verb.german, self.modal
        person, number = self.subject.person, self.subject.number
        infinitive: tuple[Word, ...] = (Word(verb.full_infinitive, "verb"),)
        if self.passive:
            infinitive = (Word(verb.participle, "verb"), Word("werden"))
        if modal and modal.german:
            if self.negative and modal.german_negated:
                finite = german.VerbForms(modal.german_negated).present(person, number)
            elif modal.subjunctive:
                finite = german.with_past_ending(german.SUBJUNCTIVE_STEMS[modal.german], person, number)
            elif self.tense == "past":
                finite = german.with_past_ending(german.PAST_STEMS[modal.german], person, number)
            else:
                finite = german.VerbForms(modal.german).present(person, number)
            return finite, infinitive, False
        if self.tense == "future":
            return german.VerbForms("werden").present(person, number), infinitive, False
        if self.tense == "conditional" and verb.infinitive in german.SUBJUNCTIVE_STEMS:
            return german.with_past_ending(german.SUBJUNCTIVE_STEMS[verb.infinitive], person, number), (), False
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
        if self.tense in ("past", "perfect", "pluperfect"):
            auxiliary = german.VerbForms("sein" if verb.sein_perfect else "haben")
            finite = auxiliary.present(person, number)
            if self.tense == "pluperfect":
                finite = german.with_past_ending(german.PAST_STEMS[auxiliary.infinitive], person, number)
            return finite, (Word(verb.participle, "verb"),), False
        particle = (Word(verb.particle, "particle"),) if verb.particle else ()
        return verb.present(person, number), particle, bool(particle)

    def german_middle(self, front: Constituent | None) -> list[Node]:
        """Return the middle field: the constituents between the finite verb and the right bracket, by rank."""
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
        """Return the reflexive pronoun of the subject."""
        person, number = self.subject.person, self.subject.number
        text = ("mich", "dich", "sich", "uns", "euch", "sich")[german.index(person, number)]
        return Word(text, "reflexive", {"person": str(person), "number": number})

    def features(self, order: str, conjunction: str) -> dict[str, str]:
        """Return the features that annotate the German clause."""
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
        """Return the German clause with the finite verb second, first or last, or without one."""
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
