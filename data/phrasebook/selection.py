"""What suits what, so that a sentence of the grammar is also one that somebody might say."""


def listed(text: str) -> frozenset[str]:
    """The members of a list, separated by commas."""
    return frozenset(text.split(", "))


# verbs that one asks about in the present; any verb at the front of a question would make each form rare
COMMON = listed(
    "read, sleep, work, eat, drink, buy, help, need, have, know, love, see, wait, sing, play, go, come, live"
)
# what one says of weeks and years, too
LONG = listed(
    "travel, fly, hike, drive, visit, build, buy, sell, rent, paint, repair, photograph, learn, plan, organize, work, "
    "see, meet, write"
)
# what is done quickly, slowly or carefully
CAREFUL = listed(
    "eat, drink, read, write, cut, wash, clean, repair, paint, draw, unpack, work, run, go, drive, hike, build, carry, "
    "open, close"
)
# what nobody asks for, tries or intends
NON_VOLITIONAL = listed(
    "cough, dream, lose, forget, find, break, remember, live, hurry, cry, smile, laugh, arrive, complain, "
    "look forward, fall asleep, wake up, steal, belong to"
)
# what is seldom said of its object: it is being found
NO_PASSIVE = listed(
    "look for, look at, have, love, know, see, hear, need, understand, meet, lose, find, forget, put on, take off, "
    "learn, speak"
)
# states that can hold at a time, not only always
TIMED_STATES = listed("have, need, see, hear")
# adjectives that are compared before their noun: a bigger house, the oldest book
COMPARED = listed("big, small, old, new, beautiful, cheap, expensive, modern, long, important, interesting, fast")
# adjectives that come first of two
FIRST = listed("big, small, old, young, new, beautiful")
# what something can be too much of
EXCESSIVE = listed(
    "big, small, old, young, expensive, heavy, hot, cold, long, short, dark, slow, difficult, boring, tired, warm, "
    "bright, fast"
)
# what one rather does with somebody
SHARED = listed(
    "sing, dance, work, swim, eat, drink, play, visit, bake, repair, build, paint, clean, clean up, learn, rent, plan, "
    "organize, watch TV"
)
# what one does in a place
SITUATED = listed("sleep, laugh, cry, sing, dance, work, swim, rest, arrive")
# adjectives that shut each other out
OPPOSITES = tuple(
    listed(group)
    for group in (
        "big, small",
        "old, new, young",
        "friendly, angry",
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
HOMES = ("city", "village", "house", "hotel", "castle", "island", "street", "forest")


def clash(first: str, second: str) -> bool:
    """Whether two adjectives cannot both be true of one thing."""
    return first == second or any({first, second} <= group for group in OPPOSITES)
