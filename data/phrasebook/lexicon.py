"""The lexicon: nouns, adjectives, verbs and names in both languages, parsed from the tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from phrasebook import adjectives, english, german, nouns, verbs
from phrasebook.german import Case, Gender


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """A noun in both languages, with its semantic kinds."""

    english: str
    english_plural: str
    german: german.NounForms
    kinds: frozenset[str]

    @property
    def countable(self) -> bool:
        """Whether it has a plural."""
        return self.german.plural != "-"

    @property
    def human(self) -> bool:
        """Whether it denotes a person, or several."""
        return not self.kinds.isdisjoint(("person", "parents", "group"))

    @property
    def natural_gender(self) -> Gender:
        """The gender of the referent, which decides the English pronoun."""
        if not self.human or self.english in ("child", "baby", "family"):
            return "neuter"
        return "feminine" if self.english == "girl" else self.german.gender


@dataclass(frozen=True, slots=True, eq=False)
class Adjective:
    """An adjective in both languages, and the kinds of noun that it can modify."""

    english: str
    german: str  # as a predicate
    stem: str  # before a noun
    comparative: str
    superlative: str  # empty where there are no degrees
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Complement:
    """A complement of a verb: its case, its preposition if any, and the kinds of noun."""

    case: Case
    kinds: tuple[str, ...]
    english_preposition: str = ""
    german_preposition: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """A verb in both languages, with its subjects and complements."""

    english: english.VerbForms
    german: german.VerbForms
    subjects: tuple[str, ...] = ("person",)
    complements: tuple[Complement, ...] = ()
    state: bool = False
    lemma: str = field(init=False)  # the English base form with its particle

    def __post_init__(self) -> None:
        object.__setattr__(self, "lemma", f"{self.english.base} {self.english.particle}".strip())


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """The name of a person, a city or a country."""

    english: str
    german: str
    gender: Gender = "neuter"


GENDERS: dict[str, Gender] = {"der": "masculine", "die": "feminine", "das": "neuter"}
CASES: dict[str, Case] = {"accusative": "accusative", "dative": "dative"}


def rows(table: str) -> Iterator[list[str]]:
    """Return the cells of every line of a table that is not empty."""
    return ([cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.strip())


def read_nouns(table: str) -> Iterator[Noun]:
    """Parse nouns: their kinds are those of the heading above and, as the narrowest, their English singular."""
    kinds: list[str] = []
    for row in rows(table):
        if row[0].startswith("["):
            kinds = row[0].strip("[]").split()
            continue
        singular, _, plural = row[0].partition("/")
        article, _, forms = row[1].partition(" ")
        german_singular, german_plural, *genitive = forms.split(", ")
        noun_forms = german.NounForms(german_singular, GENDERS[article], german_plural, *genitive)
        yield Noun(singular, plural or english.with_s(singular), noun_forms, frozenset([*kinds, singular]))


def read_adjectives(table: str) -> Iterator[Adjective]:
    """Parse adjectives."""
    for name, forms, kinds in rows(table):
        base, *others = forms.split()
        stem = others.pop(0).strip("()") if others and others[0].startswith("(") else base
        link = "e" if stem.endswith(("d", "t", "s", "ß", "z", "eu")) and not stem.endswith("end") else ""
        comparative, superlative = others or (f"{stem.removesuffix('e')}er", f"{stem.removesuffix('e')}{link}st")
        if name.endswith("!"):
            comparative = superlative = ""
        yield Adjective(
            name.rstrip("!"), base, stem.removesuffix("e"), comparative, superlative, frozenset(kinds.split())
        )


def read_english_verb(cell: str) -> english.VerbForms:
    """Parse an English verb: `get got gotten+up`, or `pick+up` where it is regular."""
    forms, _, particle = cell.partition("+")
    base, *others = forms.split()
    past, participle = others or [english.with_ed(base)] * 2
    return english.VerbForms(base, past, participle, particle)


def read_german_verb(cell: str) -> german.VerbForms:
    """Parse a German verb: `sich *auf·stehen steht gestanden`, without its regular forms."""
    reflexive = cell.startswith("sich ")
    infinitive, *others = cell.removeprefix("sich ").split()
    third, perfect = others or ("", "")
    particle, _, rest = infinitive.lstrip("*").rpartition("·")
    regular = german.VerbForms(rest).present(3, "singular")
    third = "" if third == regular else third
    return german.VerbForms(
        rest, third, perfect.lstrip("*"), particle, "*" in cell, reflexive, german.PAST_STEMS.get(rest, "")
    )


def read_complement(text: str) -> Complement:
    """Parse a complement: `accusative food drink`, or `for=auf accusative person`."""
    preposition, rest = text.split(" ", 1) if "=" in text else ("", text)
    case, *kinds = rest.split()
    english_preposition, _, german_preposition = preposition.partition("=")
    return Complement(CASES[case], tuple(kinds), english_preposition, german_preposition)


def read_verbs(table: str) -> Iterator[Verb]:
    """Parse verbs."""
    for name, german_forms, subjects, *complements in rows(table):
        kinds = [kind for kind in subjects.split() if kind != "state"]
        taken = [read_complement(each) for each in "".join(complements).split("; ") if each not in ("", "-")]
        yield Verb(
            read_english_verb(name),
            read_german_verb(german_forms),
            tuple(kinds),
            tuple(taken),
            len(kinds) < len(subjects.split()),
        )


NOUNS = tuple(read_nouns(nouns.NOUNS))
PEOPLE = tuple(Name(name, spelled, GENDERS[article]) for name, spelled, article in rows(nouns.PEOPLE))
CITIES = tuple(Name(name, spelled) for name, spelled in rows(nouns.CITIES))
ADJECTIVES = tuple(read_adjectives(adjectives.ADJECTIVES))
VERBS = tuple(read_verbs(verbs.VERBS))
MOTIONS = tuple(read_verbs(verbs.MOTIONS))
JOURNEYS = tuple(read_verbs(verbs.JOURNEYS))
POSITIONS = tuple(read_verbs(verbs.POSITIONS))
PLACINGS = tuple(read_verbs(verbs.PLACINGS))
STAYS = tuple(read_verbs(verbs.STAYS))
LINKING = tuple(read_verbs(verbs.LINKING))
SAYING = tuple(read_verbs(verbs.SAYING))
WONDERING = tuple(read_verbs(verbs.WONDERING))
TRYING = tuple(read_verbs(verbs.TRYING))


@cache
def nouns_of(kinds: tuple[str, ...]) -> tuple[Noun, ...]:
    """Return the nouns of any of these kinds."""
    return tuple(noun for noun in NOUNS if not noun.kinds.isdisjoint(kinds))


@cache
def adjectives_for(noun: Noun, with_degrees: bool = False) -> tuple[Adjective, ...]:
    """Return the adjectives that can modify a noun."""
    return tuple(
        adjective
        for adjective in ADJECTIVES
        if not adjective.kinds.isdisjoint(noun.kinds) and (adjective.superlative or not with_degrees)
    )


@cache
def verbs_with(cases: tuple[str, ...], subject: str = "person") -> tuple[Verb, ...]:
    """Return the verbs with these complements; "preposition" is any prepositional object, "any" any subject."""
    return tuple(
        verb
        for verb in VERBS
        if (subject == "any" or subject in verb.subjects)
        and tuple("preposition" if each.german_preposition else each.case for each in verb.complements) == cases
    )


BE = Verb(
    english.VerbForms("be", "was", "been"),
    german.VerbForms("sein", perfect="gewesen", sein_perfect=True, simple_past="war"),
    state=True,
)
EXIST = Verb(
    english.VerbForms("be", "was", "been"), german.VerbForms("geben", "gibt", "gegeben", simple_past="gab"), state=True
)
BE_FROM = Verb(
    english.VerbForms("be", "was", "been"),
    german.VerbForms("kommen", perfect="gekommen", sein_perfect=True),
    state=True,
)
BE_CALLED = Verb(english.VerbForms("be", "was", "been"), german.VerbForms("heißen", "heißt", "geheißen"), state=True)
WISH = Verb(english.VerbForms("like", "liked", "liked"), german.VerbForms("mögen", "mag", "gemocht"), state=True)
GO_BY = Verb(  # go by bus, mit dem Bus fahren
    english.VerbForms("go", "went", "gone"), german.VerbForms("fahren", "fährt", "gefahren", sein_perfect=True)
)
DO = Verb(english.VerbForms("do", "did", "done"), german.VerbForms("machen"))
COST = Verb(english.VerbForms("cost", "cost", "cost"), german.VerbForms("kosten"), state=True)
RAIN = Verb(english.VerbForms("rain", "rained", "rained"), german.VerbForms("regnen"))
SNOW = Verb(english.VerbForms("snow", "snowed", "snowed"), german.VerbForms("schneien"))
