"""When, how often, how and where: the parts of a sentence that it could do without."""

from phrasebook.random_choice import RandomChoice
from phrasebook.constituents import Constituent, Tense
from phrasebook.determiners import THE
from phrasebook.german import CONTRACTIONS, Case
from phrasebook.lexicon import CITIES, Complement, Noun, nouns_of
from phrasebook.nominals import NounPhrase, ProperName, Nominal
from phrasebook.tree import Node, Phrase, Word, invariant

DAYS = tuple(
    zip(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        strict=True,
    )
)


HOURS = tuple(
    zip(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"],
        strict=True,
    )
)


NUMBERS = HOURS[1:] + tuple(
    zip(
        ["fifteen", "twenty", "twenty-five", "thirty", "forty", "fifty", "eighty", "ninety"],
        ["fünfzehn", "zwanzig", "fünfundzwanzig", "dreißig", "vierzig", "fünfzig", "achtzig", "neunzig"],
        strict=True,
    )
)


WHENEVER = (
    ("in the morning", "am Morgen"),
    ("in the afternoon", "am Nachmittag"),
    ("in the evening", "am Abend"),
    ("at night", "in der Nacht"),
    ("on the weekend", "am Wochenende"),
)


TIMES: dict[Tense, tuple[tuple[str, str], ...]] = {
    "past": (
        ("yesterday", "gestern"),
        ("today", "heute"),
        ("this morning", "heute Morgen"),
        ("two hours ago", "vor zwei Stunden"),
    ),
    "future": (
        ("tomorrow", "morgen"),
        ("soon", "bald"),
        ("tonight", "heute Abend"),
        ("in two hours", "in zwei Stunden"),
    ),
    "present": (("now", "jetzt"), ("today", "heute"), ("at the moment", "im Moment")),
}


LONG_TIMES: dict[Tense, tuple[tuple[str, str], ...]] = {
    "past": (
        ("last week", "letzte Woche"),
        ("last month", "letzten Monat"),
        ("last year", "letztes Jahr"),
        ("two days ago", "vor zwei Tagen"),
        ("three weeks ago", "vor drei Wochen"),
        ("in summer", "im Sommer"),
        ("in winter", "im Winter"),
    ),
    "future": (
        ("next week", "nächste Woche"),
        ("next month", "nächsten Monat"),
        ("next year", "nächstes Jahr"),
        ("in three days", "in drei Tagen"),
        ("in summer", "im Sommer"),
        ("in winter", "im Winter"),
    ),
    "present": (),
}


HABITS = (
    ("every day", "jeden Tag"),
    ("every morning", "jeden Morgen"),
    ("every evening", "jeden Abend"),
    ("every week", "jede Woche"),
    ("every year", "jedes Jahr"),
    *WHENEVER,
    ("in summer", "im Sommer"),
    ("in winter", "im Winter"),
)


FREQUENCIES = (
    ("always", "immer"),
    ("often", "oft"),
    ("never", "nie"),
    ("sometimes", "manchmal"),
    ("rarely", "selten"),
    ("usually", "meistens"),
)


MANNERS = (
    ("quickly", "schnell"),
    ("slowly", "langsam"),
    ("carefully", "vorsichtig"),
)


PLACES = ("inside", "beside", "upon", "open")


def adjunct(role: str, english: str, german: str) -> Constituent:
    """A constituent of words that never change."""
    return Constituent(role, invariant(english), Phrase(role, invariant(german).parts))


def clock(rng: RandomChoice) -> tuple[Node, Node]:
    """The time of day; German counts the half hour towards the hour that comes."""
    at = rng.balanced(range(12))
    hour, stunde = HOURS[at]
    minutes = rng.balanced(("o'clock", "half past", "quarter past", "quarter to"))
    spoken = Word(hour, "number")
    if minutes == "o'clock":
        german = Phrase("clock", (Word("ein" if stunde == "eins" else stunde, "number"), Word("Uhr")))
        return Phrase("clock", (spoken, Word("o'clock"))), german
    words = {"half past": "halb", "quarter past": "Viertel nach", "quarter to": "Viertel vor"}[minutes]
    counted = HOURS[(at + 1) % 12][1] if minutes == "half past" else stunde
    return (
        Phrase("clock", (*invariant(minutes).parts, spoken)),
        Phrase("clock", (*invariant(words).parts, Word(counted, "number"))),
    )


def time(rng: RandomChoice, tense: Tense, habitual: bool = False, long: bool = False) -> Constituent:
    """When something happens, to go with a tense."""
    if habitual:
        return adjunct("time", *rng.balanced(HABITS))
    if long and tense in LONG_TIMES and LONG_TIMES[tense] and rng.bernoulli(0.5):
        return adjunct("time", *rng.balanced(LONG_TIMES[tense]))
    if tense in ("past", "future") and rng.bernoulli(0.5):
        if rng.bernoulli(0.3):
            english, german = clock(rng)
            return Constituent("time", Phrase("time", (Word("at"), english)), Phrase("time", (Word("um"), german)))
        if rng.bernoulli(0.5):
            day, tag = rng.balanced(DAYS)
            return adjunct("time", f"on {day}", f"am {tag}")
        return adjunct("time", *rng.balanced(WHENEVER))
    return adjunct("time", *rng.balanced(TIMES[tense]))


def frequency(rng: RandomChoice) -> Constituent:
    """How often something happens."""
    return adjunct("frequency", *rng.balanced(FREQUENCIES))


def prepositional(role: str, english: str, german: str, nominal: Nominal, case: Case) -> Constituent:
    """A preposition and what it governs; in dem becomes im."""
    governed = nominal.german(case)
    parts: tuple[Node, ...] = (Word(german, "preposition"), governed)
    if isinstance(governed, Phrase) and isinstance(nominal, NounPhrase) and nominal.determiner is THE:
        article = governed.parts[0]
        contracted = CONTRACTIONS.get((german, article.text)) if isinstance(article, Word) else None
        if contracted:
            rest = Phrase(governed.kind, governed.parts[1:], {**governed.features, "contracted": contracted})
            parts = (Word(contracted, "preposition"), rest)
    features = {"case": case, "preposition": german}
    negated = nominal.negated() if role == "prepositional" else None
    return Constituent(
        role,
        Phrase(role, (*invariant(english).parts, nominal.english())),
        Phrase(role, parts, features),
        Phrase(role, (Word(german, "preposition"), negated.german(case)), features) if negated else None,
        head=nominal.head,
    )


def governed(taken: Complement, nominal: Nominal) -> Constituent:
    """The prepositional object that a verb takes."""
    return prepositional("prepositional", taken.english_preposition, taken.german_preposition, nominal, taken.case)


LOCATIONS = {"inside": ("in", "in"), "beside": ("at", "an"), "upon": ("on", "auf"), "open": ("at", "auf")}


def sort_of_place(noun: Noun) -> str:
    """Whether one is in it, at it or on it."""
    return next(kind for kind in PLACES if kind in noun.kinds)


def location(nominal: NounPhrase) -> Constituent:
    """Where something happens: im Haus, am See, auf der Straße."""
    return prepositional("place", *LOCATIONS[sort_of_place(nominal.noun)], nominal, "dative")


def destination(rng: RandomChoice, nominal: NounPhrase) -> Constituent:
    """Where something goes: zum See, ins Haus, durch den Park."""
    sort = sort_of_place(nominal.noun)
    ways: list[tuple[str, str, Case]] = [("to", "zu", "dative"), ("from", "von", "dative")]
    if sort == "inside":
        ways += [("into", "in", "accusative"), ("through", "durch", "accusative"), ("out of", "aus", "dative")]
    if sort == "upon":
        ways += [("onto", "auf", "accusative"), ("over", "über", "accusative")]
    if sort == "beside":
        ways += [("to", "zu", "dative")]
    english, german, case = rng.balanced(ways)
    return prepositional("direction", english, german, nominal, case)


def city(rng: RandomChoice, role: str) -> Constituent:
    """In a city or a country (place), or to one (direction)."""
    english, german = ("in", "in") if role == "place" else rng.balanced((("to", "nach"), ("from", "aus")))
    return prepositional(role, english, german, ProperName(rng.balanced(CITIES)), "dative")


def somewhere(rng: RandomChoice, kinds: tuple[str, ...] = ("building", "outdoors", "room")) -> Noun:
    """A place."""
    return rng.balanced(nouns_of(kinds))
