"""Selectional restrictions: which words go together, so that a sentence makes sense."""


def listed(text: str) -> frozenset[str]:
    """Parse a list separated by commas."""
    return frozenset(text.split(", "))


# frequent verbs
COMMON = listed(
    "give, buy, have, need, see, eat, drink, help, know, love, like, find, forget, read, write, sleep, work, play, "
    "speak, call, visit, wait, want, look for, bring, show, meet, learn, open, close, take, order, get up, cook, pay, "
    "come, go, understand, arrive, begin, talk, come back"
)
# verbs that go with weeks and years, too
LONG = listed(
    "travel, fly, hike, drive, visit, build, buy, sell, rent, paint, repair, photograph, learn, plan, organize, work, "
    "see, meet, write"
)
# verbs that go with quickly, slowly and carefully
CAREFUL = listed(
    "eat, drink, read, write, cut, wash, clean, repair, paint, draw, unpack, work, run, go, drive, hike, build, carry, "
    "open, close"
)
# verbs without volition, which take no imperative and no purpose
NON_VOLITIONAL = listed(
    "cough, dream, lose, forget, find, miss, begin, end, leave, like, move out, break, remember, live, hurry, cry, "
    "smile, laugh, arrive, complain, look forward, fall asleep, wake up, steal, belong to"
)
# verbs that are rare in the passive
NO_PASSIVE = listed(
    "look for, look at, have, love, know, see, hear, need, understand, meet, lose, find, forget, put on, take off, "
    "learn, speak, want, like, miss, take, watch, play"
)
# states that go with a time
TIMED_STATES = listed("have, need, see, hear")
# adjectives with attributive degrees: a bigger house, the oldest book
COMPARED = listed("big, small, old, new, good, beautiful, cheap, expensive, modern, long, important, interesting, fast")
# adjectives that come first of two
FIRST = listed("big, small, old, young, new, good, beautiful")
# adjectives that go with too
EXCESSIVE = listed(
    "big, small, old, young, expensive, heavy, hot, cold, long, short, dark, slow, difficult, boring, tired, warm, "
    "bright, fast, sweet, loud, easy, full, dirty, quiet, tall, warm, strong, weak, fresh"
)
# verbs that go with a companion
SHARED = listed(
    "sing, dance, work, swim, eat, drink, play, visit, bake, repair, build, paint, clean, clean up, learn, rent, plan, "
    "organize, watch TV, cook, go shopping, go for a walk, have breakfast, read, talk, wait"
)
# verbs that go with a place
SITUATED = listed(
    "sleep, laugh, cry, sing, dance, work, swim, rest, arrive, eat, read, play, wait, cook, smoke, have breakfast, "
    "buy, meet, see, find, lose, forget, learn, pay"
)
WELL = listed("sing, dance, cook, swim, sleep, play, speak, drive, work, paint, draw, know, understand")
# manner adverbs and the verbs that they modify
MANNERS_OF = (
    ("well", "gut", WELL),
    ("very well", "sehr gut", WELL),
    ("loudly", "laut", listed("sing, laugh, cry, speak, dream")),
    ("a lot", "viel", listed("work, eat, drink, read, smoke, sleep, travel")),
    ("together", "zusammen", listed("sing, eat, cook, work, play, dance, clean, live, travel, drive, go, read")),
    ("alone", "allein", listed("live, travel, eat, work, sleep, drive, wait, go, dance")),
    (
        "again",
        "wieder",
        listed(
            "sing, eat, visit, read, see, buy, call, arrive, come, forget, lose, break, repair, meet, cry, cough, "
            "help, invite, play, travel, fall asleep, smoke, ask"
        ),
    ),
    ("very much", "sehr", listed("like, love, miss")),
)
# verbs that go with a beneficiary: for somebody
BENEFACTIVE = listed("buy, cook, bake, write, order, build, draw, paint, look for, sing, play, work, pay")
# places that one enters: to the cinema, ins Kino
ENTERED = listed(
    "theater, cinema, museum, restaurant, park, garden, city, village, forest, kitchen, room, cellar, bathroom, "
    "supermarket, church, library, office, hospital, hotel, apartment"
)
# measures and the nouns that they measure
MEASURES = (
    ("cup of", listed("tea, coffee, milk, chocolate")),
    ("glass of", listed("water, milk, juice, wine, beer, lemonade")),
    ("bottle of", listed("water, juice, beer, wine, lemonade, milk")),
    ("piece of", listed("cake, pizza, bread, cheese, meat, chocolate, fruit, fish")),
    ("kilo of", listed("apple, tomato, potato, rice, meat, cheese, sugar, carrot, pear, fruit, fish, banana")),
)
# adjectives that shut each other out
OPPOSITES = tuple(
    listed(group)
    for group in (
        "big, small",
        "old, new, young",
        "friendly, angry, nice, bad",
        "good, bad, broken",
        "open, closed",
        "full, empty, free",
        "right, wrong",
        "easy, difficult, nice",
        "loud, quiet",
        "sick, healthy",
        "happy, sad, angry",
        "rich, poor",
        "strong, weak",
        "lazy, diligent",
        "fast, slow",
        "hot, cold, warm, fresh",
        "cheap, expensive",
        "heavy, light",
        "clean, dirty",
        "broken, new, modern",
        "old, modern, fresh",
        "interesting, boring",
        "exciting, boring",
        "funny, boring, sad",
        "long, short",
        "dark, bright",
        "white, black, red, blue, green, yellow, brown",
    )
)
PROFESSIONS = tuple(
    sorted(
        listed("teacher, student, doctor, nurse, baker, farmer, policeman, lawyer, artist, singer, waiter, gardener")
    )
)
HOMES = ("apartment", "city", "village", "house", "hotel", "castle", "island", "street", "forest")


def clash(first: str, second: str) -> bool:
    """Return whether two adjectives contradict each other."""
    return first == second or any({first, second} <= group for group in OPPOSITES)
