"""Tables of verbs: English | German principal parts | semantic kinds of the subject | complements."""

# English base [past participle][+particle] | [sich] [*]German[·separable] [third person, participle] | subjects | ...
# "*" marks the perfect with sein; a complement is "case kinds" or "English preposition=German preposition case kinds".
# A subject kind with "state" keeps the verb out of the English progressive.
VERBS = """
sleep slept slept | schlafen schläft geschlafen | person animal | -
laugh | lachen | person | -
cry | weinen | person | -
sing sang sung | singen singt gesungen | person | -
dance | tanzen | person | -
work | arbeiten | person | -
smile | lächeln | person | -
cough | husten | person | -
swim swam swum | *schwimmen schwimmt geschwommen | person animal | -
get got gotten+up | *auf·stehen steht gestanden | person | -
wake woke woken+up | *auf·wachen | person animal | -
fall fell fallen+asleep | *ein·schlafen schläft geschlafen | person animal | -
arrive | *an·kommen kommt gekommen | person vehicle | -
come came come+back | *zurück·kommen kommt gekommen | person animal | -
watch+TV | fern·sehen sieht gesehen | person | -
hurry | sich beeilen | person | -
rest | sich aus·ruhen | person animal | -
get got gotten+dressed | sich an·ziehen zieht gezogen | person | -
sit sat sat+down | sich hin·setzen | person | -
begin began begun | beginnen beginnt begonnen | event | -
end | enden | event | -
leave left left | *ab·fahren fährt gefahren | vehicle | -
work | funktionieren funktioniert funktioniert | device state | -
hurt hurt hurt | weh·tun tut getan | body state | -
smoke | rauchen | person | -
cook | kochen | person | -
have had had+breakfast | frühstücken | person | -
take took taken+a shower | duschen | person | -
go went gone+shopping | ein·kaufen | person | -
go went gone+for a walk | *spazieren·gehen geht gegangen | person | -
move+out | *aus·ziehen zieht gezogen | person | -
lie lay lain+down | sich hin·legen | person | -

eat ate eaten | essen isst gegessen | person | accusative food
drink drank drunk | trinken trinkt getrunken | person | accusative drink
taste | probieren | person | accusative food drink
order | bestellen | person | accusative food drink
bake | backen backt gebacken | person | accusative baked
cut cut cut | schneiden schneidet geschnitten | person | accusative piece baked
read read read | lesen liest gelesen | person | accusative text
write wrote written | schreiben schreibt geschrieben | person | accusative text
buy bought bought | kaufen | person | accusative food drink text object instrument
sell sold sold | verkaufen | person | accusative text object instrument
need | brauchen | person state | accusative object food drink person resource medicine appointment
have had had | haben hat gehabt | person state | accusative resource room text family friend child clothes thing \
animal vehicle event topic instrument
see saw seen | sehen sieht gesehen | person animal state | accusative person animal thing vehicle building outdoors
hear heard heard | hören | person animal state | accusative song music person animal vehicle
love | lieben | person state | accusative music person animal food text event
like | mögen mag gemocht | person state | accusative person animal food drink clothes city village film song music
want | wollen will gewollt | person state | accusative food drink clothes thing device vehicle animal instrument
look looked looked+for | suchen | person animal | accusative phone apartment person animal clothes thing text
find found found | finden findet gefunden | person | accusative apartment address clothes thing text animal
lose lost lost | verlieren verliert verloren | person | accusative phone thing clothes text
forget forgot forgotten | vergessen vergisst vergessen | person | accusative address phone thing clothes text event
carry | tragen trägt getragen | person | accusative thing furniture
wash | waschen wäscht gewaschen | person | accusative hand foot
brush | putzen | person | accusative tooth shoe
wash | waschen wäscht gewaschen | person | accusative clothes vehicle fragile
clean | putzen | person | accusative opening room lamp
repair | reparieren | person | accusative device vehicle furniture
paint | malen | person | accusative person animal thing building outdoors
draw drew drawn | zeichnen | person | accusative animal thing building
photograph | fotografieren | person | accusative hand foot person animal building outdoors
visit | besuchen | person | accusative family person building
borrow | aus·leihen leiht geliehen | person | accusative text thing vehicle device
pack | packen | person | accusative suitcase bag
miss | vermissen | person state | accusative family friend girlfriend cat dog
miss | verpassen | person | accusative bus train plane tram
take took taken | nehmen nimmt genommen | person | accusative vehicle medicine
meet met met | treffen trifft getroffen | person | accusative person
know knew known | kennen kennt gekannt | person state | accusative person building outdoors song film story
understand understood understood | verstehen versteht verstanden | person state | accusative person text topic
ask | fragen | person | accusative person
feed fed fed | füttern | person | accusative animal
stroke | streicheln | person | accusative animal
catch caught caught | fangen fängt gefangen | animal person | accusative animal
greet | grüßen | person | accusative person
hug | umarmen umarmt umarmt | person | accusative person
kiss | küssen | person | accusative person
use | benutzen | person | accusative device map key knife fork spoon pencil cup plate umbrella suitcase bag
break broke broken | zerbrechen zerbricht zerbrochen | person | accusative fragile
hide hid hidden | verstecken | person | accusative thing food
steal stole stolen | stehlen stiehlt gestohlen | person animal | accusative vehicle food thing
build built built | bauen | person | accusative building furniture boat
rent | mieten | person | accusative vehicle house apartment room
play | spielen | person | accusative instrument
play | spielen | person | accusative game
cook | kochen | person | accusative soup rice meat egg potato dinner fish
pay paid paid | bezahlen | person | accusative bill hotel food drink taxi ticket
watch | sehen sieht gesehen | person | accusative film
describe | beschreiben beschreibt beschrieben | person | accusative person animal thing building outdoors event
plan | planen | person | accusative event
organize | organisieren | person | accusative event
learn | lernen | person | accusative language
speak spoke spoken | sprechen spricht gesprochen | person | accusative language
pick+up | ab·holen | person | accusative person
call | an·rufen ruft gerufen | person | accusative person
invite | ein·laden lädt geladen | person | accusative person
turn+on | ein·schalten | person | accusative device
turn+off | aus·schalten | person | accusative device
put put put+on | an·ziehen zieht gezogen | person | accusative clothes
take took taken+off | aus·ziehen zieht gezogen | person | accusative clothes
try+on | an·probieren probiert probiert | person | accusative clothes
open | auf·machen | person | accusative opening eye bottle letter gift suitcase
close | zu·machen | person | accusative opening eye suitcase box bag
clean cleaned cleaned+up | auf·räumen | person | accusative room
unpack | aus·packen | person | accusative bag suitcase basket box gift
bring brought brought+along | mit·bringen bringt gebracht | person | accusative food thing animal person
take took taken+along | mit·nehmen nimmt genommen | person | accusative thing text clothes animal
throw threw thrown+away | weg·werfen wirft geworfen | person | accusative thing clothes text
look looked looked+at | an·sehen sieht gesehen | person animal | accusative person animal thing building

help | helfen hilft geholfen | person | dative person animal
thank | danken | person | dative person
follow | *folgen | person animal | dative person animal vehicle
trust | vertrauen | person animal state | dative person
answer | antworten | person | dative person
congratulate | gratulieren | person | dative person
listen listened listened+to | zu·hören | person | dative person
belong+to | gehören | thing clothes vehicle animal text device furniture state | dative person

give gave given | geben gibt gegeben | person | dative person; accusative food thing text clothes
show showed shown | zeigen | person | dative person; accusative thing text clothes building device animal
send sent sent | schicken | person | dative person; accusative text thing
lend lent lent | leihen leiht geliehen | person | dative person; accusative text thing vehicle device
bring brought brought | bringen bringt gebracht | person | dative person; accusative food drink thing text clothes
offer | an·bieten bietet geboten | person | dative person; accusative food drink
buy bought bought | kaufen | person | dative person; accusative food drink clothes thing
tell told told | erzählen | person | dative person; accusative story

wait | warten | person animal | for=auf accusative person vehicle text
talk | sprechen spricht gesprochen | person | to=mit dative person
laugh | lachen | person | about=über accusative person film story song
write wrote written | schreiben schreibt geschrieben | person | to=an accusative person
think thought thought | denken denkt gedacht | person | of=an accusative person animal event
talk | reden | person | about=über accusative person topic event text
dream | träumen | person animal | of=von dative person animal event food
play | spielen | animal person | with=mit dative animal person
dance | tanzen | person | with=mit dative person
complain | sich beschweren | person | about=über accusative person topic event building
remember | sich erinnern | person state | =an accusative person animal event text
look looked looked+forward | sich freuen | person | to=auf accusative event person
take took taken+care | sich kümmern | person | of=um accusative person animal

eat ate eaten | essen isst gegessen | person animal | -
drink drank drunk | trinken trinkt getrunken | person animal | -
read read read | lesen liest gelesen | person | -
play | spielen | person animal | -
wait | warten | person | -
drive drove driven | *fahren fährt gefahren | person | -
pay paid paid | bezahlen | person | -
clean | putzen | person | -
come came come | *kommen kommt gekommen | person | -
go went gone | *gehen geht gegangen | person | -
call | an·rufen ruft gerufen | person | -
open | öffnen | store supermarket pharmacy museum restaurant library bakery market cinema | -
close | schließen schließt geschlossen | store supermarket pharmacy museum restaurant library bakery | -
"""

# the verbs of place: English | German | subjects
MOTIONS = """
go went gone | *gehen geht gegangen | person
drive drove driven | *fahren fährt gefahren | person
run ran run | *laufen läuft gelaufen | person animal
come came come | *kommen kommt gekommen | person
hike | *wandern | person
"""
JOURNEYS = """
travel | *reisen | person
fly flew flown | *fliegen fliegt geflogen | person
drive drove driven | *fahren fährt gefahren | person
"""
POSITIONS = """
lie lay lain | liegen liegt gelegen | flat
stand stood stood | stehen steht gestanden | upright furniture vehicle
sit sat sat | sitzen sitzt gesessen | person animal
"""
PLACINGS = """
put put put | legen | flat
place | stellen | upright
"""
STAYS = """
live | wohnen | person state
stay | *bleiben bleibt geblieben | person
sit sat sat | sitzen sitzt gesessen | person
wait | warten | person
"""

# linking verbs, whose complement is an adjective
LINKING = """
feel felt felt | sich fühlen | person state | -
look | aus·sehen sieht gesehen | person animal thing clothes building furniture vehicle food flower state | -
get got gotten | *werden wird geworden | person animal weather | -
smell | riechen riecht gerochen | food drink state | -
taste | schmecken | food drink state | -
"""

# what takes a clause: that or whether, and an infinitive with to
SAYING = """
know knew known | wissen weiß gewusst | person state | -
hope | hoffen | person state | -
say said said | sagen | person state | -
believe | glauben | person state | -
think thought thought | denken denkt gedacht | person state | -
hear heard heard | hören | person state | -
"""
WONDERING = """
wonder | sich fragen | person state | -
know knew known | wissen weiß gewusst | person state | -
"""
TRYING = """
try | versuchen | person | -
hope | hoffen | person state | -
forget forgot forgotten | vergessen vergisst vergessen | person | -
promise | versprechen verspricht versprochen | person | -
decide | beschließen beschließt beschlossen | person | -
"""
