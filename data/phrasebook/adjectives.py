"""The adjectives, as a table to read: English | German [comparative superlative] | the kinds of noun they describe."""

# "!" after the English word marks what has no degrees; a stem in brackets is the one that takes endings: teuer (teur)
ADJECTIVES = """
big | groß größer größt | person animal food text device furniture vehicle building room outdoors upright flat clothes
small | klein | person animal food text device furniture vehicle building room outdoors upright flat clothes
beautiful | schön | animal text clothes furniture vehicle building room outdoors thing instrument event film song
old | alt älter ältest | person animal clothes device furniture vehicle building room thing instrument text
new | neu | clothes device furniture vehicle building room thing instrument plan
young | jung jünger jüngst | person animal
friendly | freundlich | person
tired | müde müder müdest | person animal
sick! | krank | person animal
healthy | gesund gesünder gesündest | person animal food
happy | glücklich | person
sad | traurig | person song film text
smart | klug klüger klügst | person animal
rich | reich | person
poor | arm ärmer ärmst | person
strong | stark stärker stärkst | person animal
weak | schwach schwächer schwächst | person
brave | mutig | person animal
famous | berühmt | person building book poem novel song film
polite | höflich | person
lazy | faul | person animal
diligent | fleißig | person
curious | neugierig | person animal
hungry | hungrig | person animal
angry | wütend | person
funny | lustig | person animal text film song
honest | ehrlich | person
nervous | nervös | person
patient | geduldig | person
wild | wild | animal
fast | schnell | vehicle animal
slow | langsam | vehicle animal
dangerous | gefährlich | animal street mountain river trip
white! | weiß | animal clothes vehicle furniture building flat upright
black! | schwarz | animal clothes vehicle furniture device flat upright
red! | rot | clothes vehicle furniture flat upright apple tomato
blue! | blau | clothes vehicle furniture flat upright
green! | grün | clothes vehicle furniture flat upright apple
yellow! | gelb | clothes vehicle furniture flat upright apple pear
brown! | braun | clothes animal furniture bag suitcase egg
fresh | frisch frischer frischest | food drink
sweet | süß | drink piece cake
hot | heiß | soup tea coffee milk water sausage pizza potato
cold | kalt kälter kältest | food drink room
warm | warm wärmer wärmst | food clothes room milk water
delicious! | köstlich | food drink
cheap | billig | food clothes device thing furniture vehicle instrument hotel restaurant
expensive | teuer (teur) teurer teuerst | food drink clothes device thing furniture vehicle instrument hotel restaurant trip
heavy | schwer | furniture upright device
light | leicht | furniture upright device clothes
broken! | kaputt | device vehicle furniture upright opening instrument
clean | sauber | clothes room flat upright vehicle opening street beach city
dirty | schmutzig | clothes room flat upright vehicle opening street
empty! | leer | building room fragile bag suitcase basket box bus train street
modern | modern | building device furniture vehicle
practical | praktisch | clothes device furniture bag suitcase plan
interesting | interessant | text film building city question event
boring | langweilig | text film event
important | wichtig | letter report question event plan
strange | seltsam | text film question event person animal
exciting | spannend | story novel film trip
long | lang länger längst | text event street bridge scarf coat skirt dress river
short | kurz kürzer kürzest | text event skirt dress street
high | hoch (hoh) höher höchst | mountain bridge building cupboard shelf
dark | dunkel (dunkl) dunkler dunkelst | room forest street building
bright | hell | room building lamp
quiet | ruhig | room hotel village park street beach person
difficult | schwierig | text question problem song
"""
