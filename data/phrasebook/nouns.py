"""Tables of nouns and proper names: English | German with gender and plural, grouped by semantic kind."""

# English singular[/irregular plural] | German article singular, plural[, genitive]; "-" where there is no plural
NOUNS = """
[person]
woman/women | die Frau, Frauen
man/men | der Mann, Männer
child/children | das Kind, Kinder
boy | der Junge, Jungen, Jungen
girl | das Mädchen, Mädchen
teacher | der Lehrer, Lehrer
student | der Student, Studenten, Studenten
doctor | der Arzt, Ärzte
nurse | die Krankenschwester, Krankenschwestern
neighbor | der Nachbar, Nachbarn, Nachbarn
friend | der Freund, Freunde
baker | der Bäcker, Bäcker
farmer | der Bauer, Bauern, Bauern
policeman/policemen | der Polizist, Polizisten, Polizisten
lawyer | der Anwalt, Anwälte
artist | der Künstler, Künstler
guest | der Gast, Gäste
tourist | der Tourist, Touristen, Touristen
waiter | der Kellner, Kellner
singer | die Sängerin, Sängerinnen
gardener | der Gärtner, Gärtner
colleague | der Kollege, Kollegen, Kollegen
boss | der Chef, Chefs, Chefs
baby | das Baby, Babys, Babys

[person family]
mother | die Mutter, Mütter
father | der Vater, Väter
wife/wives | die Frau, Frauen
husband | der Mann, Männer
brother | der Bruder, Brüder
sister | die Schwester, Schwestern
son | der Sohn, Söhne
daughter | die Tochter, Töchter
aunt | die Tante, Tanten
uncle | der Onkel, Onkel
grandmother | die Großmutter, Großmütter
grandfather | der Großvater, Großväter
cousin | der Cousin, Cousins, Cousins
girlfriend | die Freundin, Freundinnen

[parents]
parents/parents | die Eltern, Eltern

[group]
family | die Familie, Familien

[animal]
dog | der Hund, Hunde
cat | die Katze, Katzen
horse | das Pferd, Pferde
cow | die Kuh, Kühe
bird | der Vogel, Vögel
mouse/mice | die Maus, Mäuse
rabbit | das Kaninchen, Kaninchen
bear | der Bär, Bären, Bären
monkey | der Affe, Affen, Affen
duck | die Ente, Enten
pig | das Schwein, Schweine
goat | die Ziege, Ziegen
donkey | der Esel, Esel
frog | der Frosch, Frösche

[food piece]
apple | der Apfel, Äpfel
banana | die Banane, Bananen
pear | die Birne, Birnen
tomato | die Tomate, Tomaten
carrot | die Karotte, Karotten
egg | das Ei, Eier, Eies
potato | die Kartoffel, Kartoffeln
sausage | die Wurst, Würste
cookie | der Keks, Kekse
roll | das Brötchen, Brötchen
sandwich | das Sandwich, Sandwiches, Sandwiches

[food baked]
cake | der Kuchen, Kuchen
pizza | die Pizza, Pizzas
bread | das Brot, -

[food]
soup | die Suppe, Suppen
fish | der Fisch, -
steak | das Steak, Steaks, Steaks
salad | der Salat, Salate
cheese | der Käse, -
meat | das Fleisch, -
rice | der Reis, -
chocolate | die Schokolade, -
butter | die Butter, -
sugar | der Zucker, -
salt | das Salz, -
fruit | das Obst, -
breakfast | das Frühstück, -
dinner | das Abendessen, -

[drink]
water | das Wasser, -
milk | die Milch, -
tea | der Tee, -
coffee | der Kaffee, -
juice | der Saft, -
beer | das Bier, -
wine | der Wein, -
lemonade | die Limonade, -

[text flat]
book | das Buch, Bücher
letter | der Brief, Briefe
story | die Geschichte, Geschichten
poem | das Gedicht, Gedichte
novel | der Roman, Romane
report | der Bericht, Berichte
postcard | die Postkarte, Postkarten
newspaper | die Zeitung, Zeitungen

[clothes object]
coat | der Mantel, Mäntel
shirt | das Hemd, Hemden
skirt | der Rock, Röcke
hat | der Hut, Hüte
dress | das Kleid, Kleider
jacket | die Jacke, Jacken
sweater | der Pullover, Pullover
scarf/scarves | der Schal, Schals, Schals
blouse | die Bluse, Blusen
cap | die Mütze, Mützen
shoe | der Schuh, Schuhe

[device object]
lamp | die Lampe, Lampen
radio | das Radio, Radios
television | der Fernseher, Fernseher
computer | der Computer, Computer
oven | der Ofen, Öfen
camera | die Kamera, Kameras
washing machine | die Waschmaschine, Waschmaschinen
printer | der Drucker, Drucker
phone | das Handy, Handys, Handys

[thing flat object]
key | der Schlüssel, Schlüssel
knife/knives | das Messer, Messer
fork | die Gabel, Gabeln
spoon | der Löffel, Löffel
pencil | der Bleistift, Bleistifte
ball | der Ball, Bälle
ring | der Ring, Ringe
ticket | die Fahrkarte, Fahrkarten
pillow | das Kissen, Kissen
doll | die Puppe, Puppen
coin | die Münze, Münzen
photo | das Foto, Fotos
flower | die Blume, Blumen
passport | der Pass, Pässe
map | die Karte, Karten
bill | die Rechnung, Rechnungen

[thing upright fragile object]
cup | die Tasse, Tassen
plate | der Teller, Teller
bottle | die Flasche, Flaschen
glass | das Glas, Gläser
vase | die Vase, Vasen

[thing upright object]
candle | die Kerze, Kerzen
clock | die Uhr, Uhren
umbrella | der Regenschirm, Regenschirme
gift | das Geschenk, Geschenke
bag | die Tasche, Taschen
suitcase | der Koffer, Koffer
basket | der Korb, Körbe
box | die Kiste, Kisten

[instrument]
guitar | die Gitarre, Gitarren
piano | das Klavier, Klaviere
violin | die Geige, Geigen
flute | die Flöte, Flöten

[furniture object]
table | der Tisch, Tische
chair | der Stuhl, Stühle
bed | das Bett, Betten
cupboard | der Schrank, Schränke
sofa | das Sofa, Sofas
desk | der Schreibtisch, Schreibtische
armchair | der Sessel, Sessel
bench | die Bank, Bänke
shelf/shelves | das Regal, Regale

[vehicle object]
car | das Auto, Autos
bicycle | das Fahrrad, Fahrräder
bus | der Bus, Busse, Busses
train | der Zug, Züge
ship | das Schiff, Schiffe
boat | das Boot, Boote
truck | der Lastwagen, Lastwagen
tram | die Straßenbahn, Straßenbahnen
taxi | das Taxi, Taxis
plane | das Flugzeug, Flugzeuge

[opening]
door | die Tür, Türen
window | das Fenster, Fenster
gate | das Tor, Tore

[inside building]
house | das Haus, Häuser
hotel | das Hotel, Hotels
restaurant | das Restaurant, Restaurants, Restaurants
church | die Kirche, Kirchen
hospital | das Krankenhaus, Krankenhäuser
museum | das Museum, Museen, Museums
office | das Büro, Büros
school | die Schule, Schulen
library | die Bibliothek, Bibliotheken
theater | das Theater, Theater
cinema | das Kino, Kinos
bakery | die Bäckerei, Bäckereien
factory | die Fabrik, Fabriken
castle | das Schloss, Schlösser
supermarket | der Supermarkt, Supermärkte
pharmacy | die Apotheke, Apotheken
store | das Geschäft, Geschäfte

[inside room]
kitchen | die Küche, Küchen
room | das Zimmer, Zimmer
cellar | der Keller, Keller
bathroom | das Badezimmer, Badezimmer
apartment | die Wohnung, Wohnungen

[inside outdoors]
park | der Park, Parks, Parks
garden | der Garten, Gärten
city | die Stadt, Städte
village | das Dorf, Dörfer
forest | der Wald, Wälder

[beside outdoors]
station | der Bahnhof, Bahnhöfe
lake | der See, Seen, Sees
river | der Fluss, Flüsse
beach | der Strand, Strände
harbor | der Hafen, Häfen
airport | der Flughafen, Flughäfen

[upon outdoors]
street | die Straße, Straßen
bridge | die Brücke, Brücken
island | die Insel, Inseln
mountain | der Berg, Berge
playground | der Spielplatz, Spielplätze

[open outdoors]
market | der Markt, Märkte

[event]
concert | das Konzert, Konzerte
party | die Feier, Feiern
meeting | die Besprechung, Besprechungen
trip | die Reise, Reisen
exam | die Prüfung, Prüfungen
wedding | die Hochzeit, Hochzeiten
birthday | der Geburtstag, Geburtstage
appointment | der Termin, Termine
game | das Spiel, Spiele

[topic]
film | der Film, Filme
problem | das Problem, Probleme
question | die Frage, Fragen
song | das Lied, Lieder
plan | der Plan, Pläne
idea | die Idee, Ideen
music | die Musik, -
address | die Adresse, Adressen
language | die Sprache, Sprachen

[body]
head | der Kopf, Köpfe
hand | die Hand, Hände
arm | der Arm, Arme
leg | das Bein, Beine
foot/feet | der Fuß, Füße
back | der Rücken, Rücken
tooth/teeth | der Zahn, Zähne
eye | das Auge, Augen
ear | das Ohr, Ohren
knee | das Knie, Knie
stomach | der Bauch, Bäuche

[resource]
time | die Zeit, -
money | das Geld, -
work | die Arbeit, -
help | die Hilfe, -

[remedy]
medicine | das Medikament, Medikamente

[weather]
weather | das Wetter, -

[measure]
cup of/cups of | die Tasse, Tassen
glass of/glasses of | das Glas, Gläser
bottle of/bottles of | die Flasche, Flaschen
piece of/pieces of | das Stück, Stück
kilo of/kilos of | das Kilo, Kilo

[game bare]
soccer | der Fußball, -
tennis | das Tennis, -
chess | das Schach, -

[language bare]
German | das Deutsch, -
English | das Englisch, -
French | das Französisch, -
Spanish | das Spanisch, -
Italian | das Italienisch, -
Polish | das Polnisch, -
"""

# English | German | the article of the gender
PEOPLE = """
Anna | Anna | die
Paul | Paul | der
Emma | Emma | die
Peter | Peter | der
Lena | Lena | die
Karl | Karl | der
Maria | Maria | die
Otto | Otto | der
Clara | Clara | die
Emil | Emil | der
Julia | Julia | die
Tom | Tom | der
Sarah | Sarah | die
Max | Max | der
"""

CITIES = """
Berlin | Berlin
Hamburg | Hamburg
London | London
Vienna | Wien
Munich | München
Rome | Rom
Cologne | Köln
Austria | Österreich
France | Frankreich
Italy | Italien
Spain | Spanien
Germany | Deutschland
Paris | Paris
Poland | Polen
"""
