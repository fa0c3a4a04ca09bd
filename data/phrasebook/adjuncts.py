"""Adjuncts: time, frequency, manner and place, and the prepositional phrases that verbs govern."""

from phrasebook.constituents import Constituent, Tense
from phrasebook.determiners import THE
from phrasebook.german import CONTRACTIONS, Case
from phrasebook.lexicon import CITIES, Complement, Noun, nouns_of
from phrasebook.nominals import Nominal, NounPhrase, ProperName
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import ENTERED
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
        ("this afternoon", "heute Nachmittag"),
        ("last night", "gestern Abend"),
        ("the day before yesterday", "vorgestern"),
    ),
    "future": (
        ("tomorrow", "morgen"),
        ("now", "jetzt"),
        ("soon", "bald"),
        ("tonight", "heute Abend"),
        ("today", "heute"),
        ("later", "später"),
        ("tomorrow morning", "morgen früh"),
        ("tomorrow evening", "morgen Abend"),
        ("the day after tomorrow", "übermorgen"),
    ),
    "present": (("now", "jetzt"), ("today", "heute"), ("at the moment", "im Moment")),
}


LONG_TIMES: dict[Tense, tuple[tuple[str, str], ...]] = {
    "past": (
        ("last week", "letzte Woche"),
        ("last month", "letzten Monat"),
        ("last year", "letztes Jahr"),
        ("last Sunday", "letzten Sonntag"),
        ("in May", "im Mai"),
        ("in spring", "im Frühling"),
        ("in summer", "im Sommer"),
        ("in winter", "im Winter"),
    ),
    "future": (
        ("next week", "nächste Woche"),
        ("next month", "nächsten Monat"),
        ("next year", "nächstes Jahr"),
        ("next Sunday", "nächsten Sonntag"),
        ("in May", "im Mai"),
        ("in spring", "im Frühling"),
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
    ("every Sunday", "jeden Sonntag"),
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


# English singular and plural | German accusative singular, dative singular, accusative plural, dative plural
UNITS = (
    ("an hour", "hours", "eine Stunde", "einer Stunde", "Stunden", "Stunden"),
    ("a day", "days", "einen Tag", "einem Tag", "Tage", "Tagen"),
    ("a week", "weeks", "eine Woche", "einer Woche", "Wochen", "Wochen"),
    ("a month", "months", "einen Monat", "einem Monat", "Monate", "Monaten"),
    ("a year", "years", "ein Jahr", "einem Jahr", "Jahre", "Jahren"),
)


# with the verbs of selection.py that they suit
PLACE_ADVERBS = (("at home", "zu Hause"), ("outside", "draußen"))
HERE = (("here", "hier"), ("there", "dort"))
DIRECTIONS = (
    ("home", "nach Hause"),
    ("to bed", "ins Bett"),
    ("to work", "zur Arbeit"),
    ("to school", "zur Schule"),
    ("to the doctor", "zum Arzt"),
)
MEANS = (
    ("by bus", "mit dem Bus"),
    ("by train", "mit dem Zug"),
    ("by car", "mit dem Auto"),
    ("by bicycle", "mit dem Fahrrad"),
    ("by taxi", "mit dem Taxi"),
)


MANNERS = (
    ("quickly", "schnell"),
    ("slowly", "langsam"),
    ("carefully", "vorsichtig"),
)


PLACES = ("inside", "beside", "upon", "open")


def adjunct(role: str, english: str, german: str) -> Constituent:
    """Return an adjunct of uninflected words."""
    return Constituent(role, invariant(english), Phrase(role, invariant(german).parts))


PAST_OR_TO = {
    "quarter past": "Viertel nach",
    "quarter to": "Viertel vor",
    "ten past": "zehn nach",
    "ten to": "zehn vor",
    "twenty past": "zwanzig nach",
    "five to": "fünf vor",
}


def period(rng: RandomChoice, units: tuple[tuple[str, ...], ...] = UNITS) -> tuple[str, str, str]:
    """Return a period of time in English and in the German accusative and dative: three weeks, drei Wochen."""
    one, many, accusative, dative, accusative_plural, dative_plural = rng.uniform(units)
    if rng.bernoulli(0.35):
        return one, accusative, dative
    english, german = rng.uniform(NUMBERS[:10])
    return f"{english} {many}", f"{german} {accusative_plural}", f"{german} {dative_plural}"


def time_at(rng: RandomChoice) -> Constituent:
    """Return a time of day: at nine o'clock."""
    english, german = clock(rng)
    return Constituent("time", Phrase("time", (Word("at"), english)), Phrase("time", (Word("um"), german)))


def day_and_hour(rng: RandomChoice, tense: Tense) -> Constituent:
    """Return a day with a time of day: at six o'clock tomorrow."""
    weekday, wochentag = rng.uniform(DAYS)
    days = (("yesterday", "gestern") if tense == "past" else ("tomorrow", "morgen"), ("today", "heute"))
    day, tag = rng.uniform((*days, (f"on {weekday}", f"am {wochentag}")))
    english, german = clock(rng)
    hour, stunde = Phrase("time", (Word("at"), english)), Phrase("time", (Word("um"), german))
    english_order = (hour, invariant(day)) if rng.bernoulli(0.5) else (invariant(day), hour)
    return Constituent("time", Phrase("time", english_order), Phrase("time", (*invariant(tag).parts, stunde)))


def clock(rng: RandomChoice) -> tuple[Node, Node]:
    """Return a time of day; German halb refers to the following hour."""
    at = rng.uniform(range(12))
    hour, stunde = HOURS[at]
    minutes = rng.uniform(("o'clock", "o'clock", "half past", *PAST_OR_TO))
    spoken = Word(hour, "number")
    if minutes == "o'clock":
        german = Phrase("clock", (Word("ein" if stunde == "eins" else stunde, "number"), Word("Uhr")))
        return Phrase("clock", (spoken, Word("o'clock"))), german
    words = "halb" if minutes == "half past" else PAST_OR_TO[minutes]
    counted = HOURS[(at + 1) % 12][1] if minutes == "half past" else stunde
    return (
        Phrase("clock", (*invariant(minutes).parts, spoken)),
        Phrase("clock", (*invariant(words).parts, Word(counted, "number"))),
    )


def time(rng: RandomChoice, tense: Tense, habitual: bool = False, long: bool = False) -> Constituent:
    """Return a temporal adjunct that fits the tense."""
    if habitual:
        return adjunct("time", *rng.uniform(HABITS))
    if long and tense in LONG_TIMES and LONG_TIMES[tense] and rng.bernoulli(0.5):
        return adjunct("time", *rng.uniform(LONG_TIMES[tense]))
    if tense in ("past", "future") and rng.bernoulli(0.06):
        return day_and_hour(rng, tense)
    if tense in ("past", "future") and rng.bernoulli(0.5):
        if rng.bernoulli(0.3):
            return time_at(rng)
        if rng.bernoulli(0.3):
            english, _, german = period(rng, UNITS if long else UNITS[:2])
            return adjunct(
                "time", *((f"{english} ago", f"vor {german}") if tense == "past" else (f"in {english}", f"in {german}"))
            )
        if rng.bernoulli(0.15):
            day, tag = rng.uniform(DAYS)
            part, teil = rng.uniform((("morning", "morgen"), ("evening", "abend")))
            return adjunct("time", f"on {day} {part}", f"am {tag}{teil}")
        if rng.bernoulli(0.5):
            day, tag = rng.uniform(DAYS)
            return adjunct("time", f"on {day}", f"am {tag}")
        return adjunct("time", *rng.uniform(WHENEVER))
    return adjunct("time", *rng.uniform(TIMES[tense]))


def frequency(rng: RandomChoice) -> Constituent:
    """Return an adverb of frequency."""
    return adjunct("frequency", *rng.uniform(FREQUENCIES))


def prepositional(role: str, english: str, german: str, nominal: Nominal, case: Case) -> Constituent:
    """Return a prepositional phrase, contracted where German does so: in dem, im."""
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
    """Return the prepositional object of a verb."""
    return prepositional("prepositional", taken.english_preposition, taken.german_preposition, nominal, taken.case)


LOCATIONS = {"inside": ("in", "in"), "beside": ("at", "an"), "upon": ("on", "auf"), "open": ("at", "auf")}


def sort_of_place(noun: Noun) -> str:
    """Return the kind that decides the preposition of a place: in, at or on."""
    return next(kind for kind in PLACES if kind in noun.kinds)


def location(nominal: NounPhrase) -> Constituent:
    """Return a place: im Haus, am See, auf der Straße."""
    return prepositional("place", *LOCATIONS[sort_of_place(nominal.noun)], nominal, "dative")


def destination(rng: RandomChoice, nominal: NounPhrase) -> Constituent:
    """Return a direction: zum See, ins Haus, durch den Park."""
    sort = sort_of_place(nominal.noun)
    towards: tuple[str, str, Case] = ("to", "zu", "dative")
    if nominal.noun.english in ENTERED:
        towards = ("to", "in", "accusative")
    ways: list[tuple[str, str, Case]] = [towards, towards, ("from", "von", "dative")]
    if sort == "inside":
        ways += [] if towards[1] == "in" else [("into", "in", "accusative")]
        ways += [("through", "durch", "accusative"), ("out of", "aus", "dative")]
    if sort == "upon":
        ways += [("onto", "auf", "accusative"), ("over", "über", "accusative")]
    english, german, case = rng.uniform(ways)
    return prepositional("direction", english, german, nominal, case)


def city(rng: RandomChoice, role: str) -> Constituent:
    """Return a city or a country as a place or a direction."""
    if role == "origin":
        return prepositional("direction", "from", "aus", ProperName(rng.balanced(CITIES)), "dative")
    english, german = ("in", "in") if role == "place" else rng.uniform((("to", "nach"), ("from", "aus")))
    return prepositional(role, english, german, ProperName(rng.balanced(CITIES)), "dative")


def somewhere(rng: RandomChoice, kinds: tuple[str, ...] = ("building", "outdoors", "room")) -> Noun:
    """Return a noun that denotes a place."""
    return rng.balanced(nouns_of(kinds))
