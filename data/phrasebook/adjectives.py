"""Table of adjectives: English | German [comparative superlative] | the kinds of noun they modify."""

# "!" after the English word marks what has no degrees; a stem in brackets is the one that takes endings: teuer (teur)
ADJECTIVES = """
good | gut besser best | person food drink text film song hotel restaurant bed bicycle car plan idea question \
school baker weather trip concert party
bad | schlecht | person text film song hotel restaurant weather plan idea trip
nice! | nett | person
big | groß größer größt | hand foot ear eye head family object person animal piece baked text building room \
outdoors opening problem
small | klein | family object person animal piece baked text building room outdoors opening problem garden
beautiful | schön | eye hand leg weather animal text clothes furniture vehicle building room outdoors thing \
instrument event film song
old | alt älter ältest | object person animal building room instrument text opening outdoors
new | neu | object building room instrument plan opening outdoors exam
tall | groß größer größt | person
young | jung jünger jüngst | person animal
friendly | freundlich | person
tired | müde müder müdest | person animal
sick! | krank | person animal
healthy | gesund gesünder gesündest | person animal food
happy | glücklich | family person
sad | traurig | person song film text
smart | klug klüger klügst | person animal
rich | reich | family person
poor | arm ärmer ärmst | family person
strong | stark stärker stärkst | arm leg back person animal
weak | schwach schwächer schwächst | person
brave | mutig | person animal
famous | berühmt | person building book poem novel song film station park island lake garden mountain bridge market
polite | höflich | person
lazy | faul | person animal
diligent | fleißig | person
curious | neugierig | person animal
hungry | hungrig | person animal
angry | wütend | person
funny | lustig | person animal text film song plan question
honest | ehrlich | person
nervous | nervös | person
proud | stolz | person
thirsty | durstig | person animal
lonely | einsam | person
married! | verheiratet | person
worried! | besorgt | person
ready! | fertig | person food baked
patient | geduldig | person
wild | wild | animal
fast | schnell | vehicle animal
slow | langsam | vehicle animal
dangerous | gefährlich | animal street mountain river trip harbor lake plan forest
white! | weiß | tooth animal clothes vehicle furniture building flat upright opening beach
black! | schwarz | object animal
red! | rot | clothes vehicle furniture flat upright apple tomato
blue! | blau | eye knee clothes vehicle furniture flat upright
green! | grün | clothes vehicle furniture flat upright apple garden forest park opening island
yellow! | gelb | clothes vehicle furniture flat upright apple pear
brown! | braun | eye clothes animal furniture bag suitcase egg opening
fresh | frisch frischer frischest | food drink
sweet | süß | drink piece cake
hot | heiß | soup tea coffee milk water sausage pizza potato
cold | kalt kälter kältest | hand foot ear food drink room weather
warm | warm wärmer wärmst | hand foot food clothes room milk water weather
delicious! | köstlich | food drink
cheap | billig | object food instrument hotel restaurant market
expensive | teuer (teur) teurer teuerst | object food drink instrument hotel restaurant trip market
heavy | schwer | furniture upright device
light | leicht | furniture upright device clothes
broken! | kaputt | shoe device vehicle furniture upright opening instrument
clean | sauber | hand foot tooth clothes room flat upright vehicle opening street beach city park station lake \
playground harbor airport
dirty | schmutzig | hand foot ear knee clothes room flat upright vehicle opening street city station harbor market \
river
empty! | leer | building room fragile bag suitcase basket box bus train street station beach market
modern | modern | building device furniture vehicle station airport harbor playground city
practical | praktisch | clothes device furniture bag suitcase plan
interesting | interessant | text film building city question event topic
boring | langweilig | text film event plan city village
important | wichtig | letter report question event plan problem wedding exam
strange | seltsam | text film question event person animal topic
exciting | spannend | story novel film trip event island
long | lang länger längst | text event street bridge scarf coat skirt dress river
short | kurz kürzer kürzest | text event skirt dress street film song
high | hoch (hoh) höher höchst | mountain bridge building cupboard shelf
dark | dunkel (dunkl) dunkler dunkelst | room forest street building
bright | hell | room building lamp
quiet | ruhig | room hotel village park street beach person lake island harbor garden
difficult | schwierig | text question problem song plan exam
easy | einfach | question problem song exam
loud | laut | person room street city party music radio
comfortable | bequem | furniture shoe coat jacket sweater car train
open! | geöffnet | building opening market
closed! | geschlossen | building opening market
full | voll | bus train restaurant cup glass bottle bag suitcase cupboard box basket
free! | frei | room table chair taxi
right! | richtig | address bus train street key door room book suitcase bag hotel
wrong! | falsch | address bus train street key door room book suitcase bag hotel
"""
