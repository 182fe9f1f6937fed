# ruff: noqa: E501, SIM905 - tables of words
"""More real names and places for training, from many languages; the lists that training must not use are taken out."""

from __future__ import annotations

# fmt: off
FIRST_NAMES: list[str] = """Abigail Adrian Agnes Aidan Alastair Alice Amelia Andrew Angus Annabel Arthur Audrey Barbara
Barnaby Beatrice Benjamin Bernard Bridget Bruce Caleb Carl Cecily Charlotte Chester Christopher Clara Clifford Constance
Cynthia Daisy Daphne Deborah Dennis Derek Dorothy Douglas Duncan Edith Edmund Eleanor Elliot Elspeth Ernest Esther Ethan
Eugene Evelyn Felicity Fergus Fiona Florence Frances Gareth Geoffrey George Gillian Gordon Grace Graham Gwen Harold
Harriet Hazel Heather Hugh Imogen Irene Isaac Ivor Jack Jasper Jeremy Jessica Joan Joy Judith Keith Kenneth Lachlan
Leonard Lewis Lucinda Mabel Malcolm Margaret Matilda Mildred Murray Nathaniel Neil Nigel Olive Oscar Pamela Patrick
Penelope Percy Phoebe Quentin Rachel Ralph Rhys Rosalind Rowan Ruth Sean Sheila Sidney Stuart Susannah Theodore Timothy
Tristan Ursula Vernon Violet Walter Wendy Wilfred Winifred Zachary Alejandro Alonso Amparo Araceli Beatriz Belen Benito
Camilo Carmen Catalina Cesar Consuelo Cristobal Diego Dolores Eduardo Emilio Enrique Esperanza Esteban Fabiola Felipe
Fernanda Gonzalo Guadalupe Guillermo Hernan Ignacio Ines Isidro Jacinta Jaime Javier Jimena Joaquin Jorge Lorenzo Lupe
Marisol Mateo Mercedes Nieves Octavio Paloma Pilar Rafael Ramiro Rocio Rodrigo Santiago Soledad Teodoro Vicente Ximena
Yolanda Adelaide Agathe Alain Anatole Antoine Aurelie Bastien Benoit Bernadette Blaise Brigitte Camille Capucine Cedric
Celeste Chantal Christophe Clemence Corentin Delphine Didier Dominique Edouard Eloise Etienne Fabrice Florian Francois
Gaspard Genevieve Gilles Guillaume Helene Hortense Hugues Jacqueline Jerome Josephine Laurent Lucien Madeleine Marcel
Mathilde Maxime Monique Nadine Odette Pascal Philippe Quitterie Remy Sabine Solange Sylvie Thibault Valentin Veronique
Yves Albrecht Anselm Annegret Bernd Brunhilde Christoph Dagmar Detlef Dieter Dietrich Eberhard Elke Friedrich Gerda
Gerhard Gisela Gottfried Gudrun Hannelore Hartmut Heike Heinrich Helga Hildegard Horst Ilse Ingeborg Jochen Jutta
Karlheinz Katja Klaus Lieselotte Lothar Manfred Mechthild Norbert Otto Rainer Renate Rudiger Siegfried Sigrid Traudl
Ulrich Uwe Volker Waltraud Wolfgang Alessandra Alessio Antonella Beppe Bianca Carlo Chiara Cosimo Domenico Donatella
Edoardo Elettra Enzo Fabrizio Federica Filippo Flavia Gaetano Gennaro Giacomo Gianluca Ginevra Giorgio Giovanni Giulia
Giuseppe Ilaria Lorenza Luca Luigi Marcello Massimo Nicoletta Ottavia Paolo Pietro Raffaella Renzo Salvatore Serafina
Silvio Tommaso Umberto Vincenzo Aksel Anders Asbjorn Astrid Bjorn Birgitta Dagny Eirik Frida Gunnar Halvor Hedda Henrik
Hjalmar Ingrid Jorunn Kirsten Knut Lasse Liv Magnus Maren Nils Oddvar Ragnhild Rasmus Signe Sigurd Solveig Soren Sven
Tove Trygve Ulf Viggo Aino Eero Heikki Juhani Kaisa Mikko Paivi Seppo Tuomas Veikko Gudmundur Hrafn Sigridur Agnieszka
Aleksandr Anastasia Bogdan Boguslaw Boris Bozena Branislav Czeslaw Dmitri Dragana Dusan Ekaterina Fyodor Galina Goran
Grzegorz Halina Ivanka Jadwiga Jaroslav Jelena Kazimierz Ksenia Lubomir Ludmila Malgorzata Mariusz Milena Miroslav
Nadezhda Natalya Oksana Oleg Pavel Radoslav Roman Slavko Stanislav Svetlana Tatiana Vaclav Vladimir Vesna Wojciech
Yaroslav Yevgeny Zbigniew Zdenek Zofia Zoran Abdullah Aisha Amina Bashir Faisal Farouk Fatima Ghassan Habib Hakim Hamza
Hanan Hassan Ibrahim Jamila Karim Khadija Khalid Layla Mahmoud Mariam Mustafa Nabil Nadia Nour Omar Qasim Rashid Salma
Samir Tariq Walid Yasmin Youssef Zaynab Zahra Aarav Aditi Ajay Amrita Anil Anjali Arjun Bhavna Chandra Deepak Devika
Gaurav Gayatri Harish Indira Ishaan Jayant Kavita Kiran Lakshmi Madhuri Manish Meera Mohan Nandini Padma Pradeep
Priyanka Rajesh Ravindra Rohan Sandeep Sanjay Saraswati Shreya Suresh Usha Venkatesh Vikram Vimala Baozhai Chenguang
Dandan Fang Guowei Haoran Huiying Jianguo Jiahui Junjie Lanying Meiling Mingyu Qiang Ruolan Shuang Tingting Weiwei
Xiaoming Xiulan Yanyan Yuchen Zhihao Zhenya Akira Akiko Ayumi Chiyo Daichi Emiko Fumiko Goro Haruto Hideki Hiroshi
Hotaru Izumi Junko Kaoru Kenji Makoto Masako Michiko Naoki Noriko Osamu Reiko Ryota Sachiko Satoshi Shigeru Takashi
Tomoko Yoshiko Yuki Byungho Chaewon Daehyun Eunji Haneul Hyunwoo Jihoon Jiyoung Kyungsoo Minseo Namjoon Sangwoo Seoyeon
Soojin Taeyang Yoona Anh Binh Chau Dung Giang Hoang Huong Khanh Linh Minh Ngoc Nguyet Phuong Quang Thao Thuy Trang Tuyet
Abebe Abena Adaeze Adebayo Akua Amadi Ayodele Babajide Chidi Chinwe Chukwuemeka Desta Efua Ekene Folake Haile Ifeoma
Jabari Kagiso Kofi Kwabena Kwame Lindiwe Makena Mandla Nia Njoroge Nkechi Nomvula Oluwaseun Sipho Tendai Thabo Themba
Uche Wanjiru Zanele Zola Ahmet Aylin Aysel Burak Cemal Defne Elif Emre Fikret Gulsen Hakan Kemal Mehmet Nilufer Orhan
Selim Serkan Tulay Yavuz Zeynep Alexandros Anthi Aristides Athina Dimitra Eleni Evangelos Giorgos Haralambos Katerina
Konstantinos Kyriaki Lefteris Nikolaos Panagiotis Spyros Stavroula Theodora Vasiliki Xanthi Ariel Avigail Avi Chaim
Dvora Eitan Gidon Hadas Itzhak Menachem Moshe Noam Rivka Shlomo Shoshana Tamar Yael Zev Alana Hoku Kai Kalani Keanu
Kekoa Leilani Mahina Makoa Malia Moana Nalani Noelani Pualani Aroha Tane Wiremu Sefina Farhad Golnar Shirin Parisa
Behrouz Nino Levan Tamaz Ani Arshak Aigul Nurlan Batbayar Oyuun Suda Somchai Nattapong Putri Wayan Bayani Ligaya Rizal
Istvan Gyorgy Zsofia Laszlo Ferenc Andrei Ionela Mihai Ruxandra Janis Ilze Mindaugas Ruta Tiit Urmas Maarten Joost
Saskia Femke Pieter Thijs Joao Thiago Vasco Xavier Iker Nerea Amaia Niamh Siobhan Cormac Eoghan Ailsa Morwenna Nayeli
Itzel Tuuli Aputsiaq Dao Bo Jo Al Ed Io Mo Po""".split()

LAST_NAMES: list[str] = """Ashworth Barlow Beckett Blackwood Bradshaw Brockman Calloway Carmichael Chadwick Clayton
Crabtree Cromwell Dalrymple Dawson Drummond Eastwood Ellsworth Fairbanks Farquhar Fletcher Gallagher Goodwin Greenhalgh
Hargreaves Hathaway Holloway Hutchinson Ingham Jarvis Kilpatrick Kirkwood Langley Lockhart MacGregor Maddox McAllister
McBride Montague Mulligan Naylor Oakley Osborne Pemberton Pickering Prescott Quigley Radcliffe Rutherford Saunders
Shackleton Sinclair Stapleton Sutcliffe Thackeray Thornton Underhill Vaughan Wainwright Whitaker Winslow Wolfe Yardley
Aguilar Arroyo Ballesteros Barrios Cabrera Calderon Cardenas Castellanos Cervantes Cordero Espinoza Fuentes Gallegos
Guerrero Hinojosa Ibarra Jaramillo Landa Machado Medina Montoya Navarro Ochoa Palacios Quintero Rosales Saavedra Salazar
Trujillo Urrutia Valdivia Velazquez Villanueva Zambrano Zuniga Beaumont Bouchard Charpentier Chevalier Delacroix
Desjardins Duchamp Fontaine Fournier Gauthier Giroux Guerin Lachance Lefebvre Lemaire Levesque Marchand Mercier Moreau
Pelletier Perrault Rousseau Thibodeau Vasseur Bachmann Baumgartner Dietz Eichhorn Engelhardt Faulhaber Fuchs Grunwald
Hoffmann Hirsch Jaeger Kaufmann Klopstock Kruger Lindemann Muehlbauer Oberholzer Pfeiffer Reinhardt Rothschild
Schumacher Schwarzkopf Steinbach Trautmann Vogel Wagenknecht Weissmann Zimmerer Bellini Bianchi Caruso Cavallo DiStefano
Esposito Falcone Ferraro Galli Lombardi Mancini Marchetti Mazzini Palumbo Pellegrini Rinaldi Santoro Scarpa Tagliaferri
Vitale Zanetti Aaltonen Andreassen Bergstrom Blomqvist Christoffersen Dahl Edvardsen Ekholm Haugen Hakala Jorgensen
Kjeldsen Korhonen Lindqvist Lundgren Mikkelsen Nordstrom Nyberg Rasmussen Sorensen Soderberg Tuominen Virtanen
Thorvaldsen Babic Chekhov Dostal Dvorak Gorecki Grabowski Horvat Ivanov Jankowski Jovanovic Kaminski Kovalenko Kuznetsov
Lewandowski Markovic Mazur Nowak Pavlov Petrenko Popov Romanenko Shevchenko Sikorski Sokolov Stankovic Svoboda Tkachenko
Volkov Wisniewski Zelenka Abboud Darwish Haddad Hamdan Hussein Khoury Mansour Nasser Qureshi Saleh Shaheen Sayegh Zaidi
Agarwal Banerjee Bhattacharya Chakraborty Deshpande Gupta Iyer Joshi Kapoor Krishnamurthy Malhotra Mukherjee Nair Patel
Raghunathan Sengupta Srinivasan Trivedi Varma Cheung Feng Guo Huang Jiang Liang Ouyang Qian Shen Xie Xu Yuan Zhao Zhou
Zhuang Fujimoto Hasegawa Ishikawa Kobayashi Kurosawa Matsuda Miyazaki Mori Nakamura Ogawa Okada Saito Shimizu Takahashi
Uchida Watanabe Yamaguchi Baek Choi Hwang Jeong Kang Namgung Seo Yoon Bui Dang Duong Nguyen Pham Trinh Vo Achebe Adeyemi
Afolabi Asante Boateng Chukwu Diallo Dlamini Eze Kamara Keita Khumalo Mbeki Mensah Mwangi Ndlovu Nkosi Ochieng Okafor
Okonkwo Sow Tesfaye Traore Zulu Aydin Celik Demir Erdogmus Kaya Ozturk Polat Sahin Yildirim Alexopoulos Dimitriou
Georgiou Karamanlis Kostas Papadakis Stavros Theodorakis Vlachos Abramovich Friedlander Goldstein Levi Mizrahi Peretz
Shapiro Kahale Kealoha Mahoe Tuilagi Parata Takahata Kalama Nakoa Hosseini Petrosyan Kvaratskhelia Reyes Santos Wibowo
Suharto Lim Somboon Almeida Cardoso Carvalho Figueiredo Magalhaes Nascimento Oliveira Teixeira DeVries Hoogland
Vandenberg Szabo Nemeth Ionescu Popescu Kalnins Jankauskas Tamm""".split()

CITIES: list[str] = """Aberdeen Aylesbury Barnsley Bath Blackpool Bournemouth Bradford Brighton Bristol Cardiff Carlisle
Chester Colchester Coventry Derby Doncaster Dover Dundee Durham Exeter Falmouth Galway Glasgow Gloucester Grimsby
Harrogate Hereford Huddersfield Inverness Ipswich Keswick Kilkenny Lancaster Leeds Lerwick Limerick Lincoln
Middlesbrough Norwich Oban Oxford Penzance Perth Plymouth Reading Rochdale Salisbury Sheffield Sligo Stirling Stornoway
Swansea Swindon Truro Wakefield Whitby Winchester Worcester Wrexham Albany Albuquerque Amarillo Anchorage Annapolis
Austin Bakersfield Bangor Bismarck Boise Buffalo Burlington Charleston Chattanooga Cheyenne Cincinnati Cleveland
Columbus Dallas Denver Detroit Duluth Eugene Fairbanks Flagstaff Fresno Galveston Hartford Honolulu Houston Indianapolis
Juneau Kalamazoo Knoxville Lubbock Memphis Milwaukee Minneapolis Missoula Mobile Nashville Omaha Orlando Pasadena
Philadelphia Phoenix Pittsburgh Pocatello Providence Reno Richmond Sacramento Savannah Spokane Tacoma Tallahassee Topeka
Tucson Tulsa Wichita Yuma Calgary Charlottetown Edmonton Fredericton Halifax Iqaluit Kelowna Kingston Moncton Montreal
Ottawa Regina Saskatoon Sudbury Vancouver Whitehorse Winnipeg Yellowknife Acapulco Antofagasta Arequipa Asuncion
Barranquilla Bogota Brasilia Cali Campinas Cancun Caracas Cartagena Cochabamba Cuenca Curitiba Cusco Fortaleza
Guadalajara Guayaquil Havana Iquique Iquitos Lima Managua Manaus Maracaibo Medellin Mendoza Merida Monterrey Montevideo
Nassau Oaxaca Potosi Quito Recife Rosario Salvador Sucre Tijuana Tegucigalpa Trujillo Ushuaia Valdivia Valparaiso
Veracruz Ajaccio Amiens Angers Annecy Arles Avignon Bayonne Besancon Bordeaux Brest Caen Cannes Colmar Dijon Grenoble
Lille Limoges Lyon Marseille Metz Montpellier Nantes Nice Nimes Orleans Perpignan Poitiers Quimper Reims Rennes Rouen
Strasbourg Toulouse Tours Valence Aachen Augsburg Bamberg Bayreuth Bonn Bremen Chemnitz Cottbus Dortmund Dresden
Duisburg Eisenach Emden Erfurt Essen Flensburg Freiburg Fulda Goslar Graz Hamburg Hannover Heidelberg Ingolstadt
Innsbruck Jena Karlsruhe Kassel Kiel Klagenfurt Koblenz Konstanz Leipzig Linz Mainz Mannheim Marburg Munich Passau
Potsdam Regensburg Rostock Salzburg Schwerin Stralsund Stuttgart Trier Ulm Villach Weimar Wuppertal Basel Bern Chur
Davos Geneva Lausanne Lucerne Lugano Zermatt Zurich Ancona Bari Bergamo Bologna Bolzano Cagliari Catania Ferrara
Florence Genoa Lecce Lucca Mantua Matera Messina Modena Naples Padua Palermo Parma Perugia Pescara Pisa Ravenna Siena
Syracuse Taranto Trento Trieste Turin Udine Verona Alicante Almeria Badajoz Bilbao Burgos Cadiz Cordoba Girona Granada
Huesca Lugo Malaga Murcia Oviedo Pamplona Salamanca Santander Segovia Seville Soria Tarragona Toledo Valencia Valladolid
Zaragoza Aveiro Braga Coimbra Evora Faro Funchal Lisbon Porto Amsterdam Antwerp Arnhem Bruges Delft Eindhoven Ghent
Groningen Haarlem Leiden Leuven Liege Maastricht Namur Rotterdam Utrecht Aalborg Aarhus Bergen Bodo Copenhagen Espoo
Gothenburg Hammerfest Helsinki Jyvaskyla Kiruna Lillehammer Linkoping Malmo Narvik Odense Oslo Oulu Reykjavik Rovaniemi
Stavanger Stockholm Tampere Tromso Trondheim Turku Umea Uppsala Akureyri Belgrade Bratislava Brno Bucharest Budapest
Burgas Bydgoszcz Constanta Debrecen Dubrovnik Gdansk Katowice Kaunas Kharkiv Klaipeda Kosice Krakow Kyiv Liberec
Ljubljana Lodz Lublin Lviv Maribor Minsk Mostar Odesa Olomouc Ostrava Plovdiv Poltava Poznan Prague Riga Sarajevo Sibiu
Skopje Sofia Split Szczecin Szeged Tallinn Tartu Timisoara Tirana Torun Varna Vilnius Warsaw Wroclaw Zadar Zagreb
Arkhangelsk Irkutsk Kazan Khabarovsk Murmansk Novosibirsk Omsk Samara Tomsk Vladivostok Yakutsk Athens Corinth Heraklion
Kalamata Patras Thessaloniki Volos Nicosia Limassol Valletta Adana Ankara Antalya Bursa Izmir Konya Trabzon Aleppo Amman
Baghdad Basra Beirut Damascus Doha Dubai Haifa Isfahan Jeddah Jerusalem Mashhad Muscat Riyadh Sanaa Shiraz Tabriz Tehran
Baku Batumi Tbilisi Yerevan Almaty Ashgabat Bishkek Bukhara Dushanbe Samarkand Tashkent Herat Kabul Kandahar Karachi
Lahore Multan Peshawar Agra Ahmedabad Amritsar Bengaluru Bhopal Chandigarh Chennai Coimbatore Dhaka Guwahati Hyderabad
Indore Jaipur Jodhpur Kathmandu Kochi Kolkata Lucknow Madurai Mumbai Mysore Nagpur Patna Pokhara Pune Ranchi Shimla
Surat Thimphu Udaipur Varanasi Colombo Kandy Galle Beijing Changsha Chengdu Chongqing Dalian Guangzhou Guilin Hangzhou
Harbin Kunming Lanzhou Lhasa Nanjing Ningbo Qingdao Shanghai Shenzhen Suzhou Taipei Tainan Tianjin Urumqi Wuhan Xiamen
Ulaanbaatar Aomori Fukuoka Hakodate Hiroshima Kagoshima Kanazawa Kobe Kumamoto Kyoto Matsumoto Nagasaki Nagoya Naha
Niigata Okayama Osaka Sapporo Sendai Shizuoka Yokohama Busan Daegu Gwangju Incheon Jeonju Pyongyang Seoul Ulsan Bandung
Bangkok Cebu Dalat Danang Davao Denpasar Hanoi Hue Jakarta Kuching Makassar Malacca Mandalay Manila Medan Penang Phuket
Surabaya Vientiane Yangon Abuja Accra Agadir Alexandria Algiers Antananarivo Asmara Aswan Bamako Bangui Benghazi
Blantyre Bulawayo Cairo Casablanca Conakry Cotonou Dakar Dodoma Douala Durban Entebbe Freetown Gaborone Harare Ibadan
Johannesburg Kampala Kano Khartoum Kigali Kimberley Kinshasa Kisumu Kumasi Lagos Libreville Lilongwe Lome Luanda Lusaka
Luxor Maputo Marrakesh Maseru Mombasa Monrovia Nairobi Niamey Nouakchott Oran Ouagadougou Polokwane Pretoria Rabat Sfax
Tamale Tangier Timbuktu Tunis Windhoek Yaounde Zanzibar Zinder Adelaide Auckland Ballarat Bendigo Brisbane Cairns
Canberra Christchurch Darwin Dunedin Geelong Hobart Invercargill Launceston Melbourne Napier Nelson Newcastle Noumea
Papeete Rotorua Suva Sydney Tauranga Townsville Wellington Whangarei Apia Hilo""".split()

WORDS: list[str] = """abbey absent accent acorn active actor adapt admire advice afraid agree airport alarm album alive
alley almond amazing amber anchor ancient angry ankle answer anvil apple apron arch arrive arrow asleep attic autumn
average awake awkward axle bacon badge baggage bake balance balcony bamboo banana bandage banner bargain barley barrel
basin basket battle beach beacon beard beauty bedroom believe bench berry better bicycle birch birthday biscuit bitter
blanket blaze blind blink blossom blunt boast bold bonfire borrow bottle bottom bounce bowl bracelet brave bread breathe
breeze brick bridge bright brisk broken bronze broom bubble bucket buckle budget bundle burrow bushel butter button buzz
cabbage cabin cactus calm camera campfire canal candle canoe canvas capture careful carpet carrot cart carve castle
catch cause cautious cave ceiling cellar cement cereal chain chalk channel chase cheap cheese cherry chess chest chew
chimney chisel choose circle clap clay clever cliff climb cloak cloudy clover clumsy coast cobweb coconut coffee collar
collect comb comfort common compass confuse copper coral corner cottage cotton cough count courage cradle crawl crayon
crisp crooked crowd crumb crust cupboard curious curtain curve cushion cycle daily damp dance danger daring dawn dazzle
deaf debate decide deep defend delay delight deny depth desert dessert diamond diet different digest dinner direct dirty
distant ditch dive dizzy doorbell double dough dozen draft drawer dream drift drizzle drum dusty dwell eager earn earth
easy echo edge edible effort elbow elegant empty endless engine enjoy enter envelope equal errand escape evening evil
exact exhaust exotic expect explore extra eyebrow fabric factory fade faint fairy faithful false famous fancy farewell
fasten feast feather fence fetch fever fiddle fierce figure final finger firm flag flame flannel flat flavour flexible
float flour flute foggy folder follow foolish forest forget fortune fossil fountain fragile freckle freeze fresh friend
frost frozen fruit funnel furry fuzzy gadget gallery gallop garage garlic gate gather gentle ghost giant giggle ginger
glacier glance glass glide glitter gloomy glove glow glue golden gossip grain grape grass gravel greedy greet grief
grocery grumble guard guess guitar gutter habit hail hammer hammock handle handsome happen harbour harmless harvest
hasty hatch haunt healthy heap heavy hedge helmet herb hesitate hidden hiccup hollow honest honey hood hopeful horizon
horn hotel howl huge humble hungry hurdle hurry icicle idea idle ignore imagine improve inch infant inkwell insect
invent invite iron island itchy ivory jacket jagged jelly jewel jigsaw join jolly journey joyful juggle juice jumble
jungle junior keen kennel kettle keyhole kidney kindness kingdom kitchen kneel knife knight knot knuckle label ladder
lagoon lamp lantern laptop large laugh laundry lava lawn lazy leaf leather lecture lemon lesson letter level liberty
library lick likely linen liquid listen lively loaf lobby locket lonely loose loud loyal lucky luggage lullaby lumber
lunch machine magic magnet mallet mango manner maple marble march market marry marvel mattress meadow measure medal
mellow melody memory mention merry metal middle midnight mild mineral minute mirror misty mitten mixture modern modest
moist moment money monument moonlight mosquito mountain muddy muffin mumble muscle museum mushroom music mustard mystery
narrow nasty nation nature naughty neat necklace needle nervous nephew nest neutral nibble nickel nimble noble noisy
noodle normal nostril notice novel number nutmeg oatmeal obey object obvious occur ocean offer office olive onion open
opinion orange orchard order organ ornament outfit oven overcoat owner oxygen oyster package paddle pail painful palace
pancake panic paper parade parcel pardon parsley partner passage pasture patch patient pattern pause pavement peace
peach peanut pearl pebble pencil pepper perfect perfume permit phrase piano picnic pillow pinch pioneer pirate pitch
planet plaster plate playful pleasant plenty plough plum pocket poem polish polite pond popular porch portrait postpone
potato pottery powder practise praise prefer pretty previous prickly private problem promise proper protect proud puddle
pull pumpkin puppet purple purse puzzle pyramid quarrel quarter quest queue quick quiet quilt quiver quota radish raft
railway rainbow raise rapid rare raven reach ready reason recipe record refuse regret relax remain remind repair repeat
rescue rest return reward rhythm ribbon rice riddle right ripe river roast robust rocket rope rotten rough royal rubber
rude rugged ruler rumble rust saddle salad salty sample sandal sandwich sausage savage scarce scarf scatter school
scissors scold scorch scrape scratch season secret selfish sensible serious settle shadow shallow shampoo sharp shelf
shelter shiver shoulder shovel shrink shuffle sigh signal silent silver simple single sketch sleepy slice slippery
sloppy smooth sneeze snore soap soccer socket soft soil solid sorrow soup spare sparkle special spice spinach splash
spoon spray square squeak squeeze stable staircase stamp station steady steam steep sticky stiff stir stormy strange
straw stream stretch strict stubborn sudden sugar suitcase summer sunrise supper surface surprise swamp sweater swift
swing symbol syrup system table tailor tangle target taste teacup tease temper temple tender terrace thank theatre thick
thief thimble thirsty thorn thread threshold throat thumb thunder ticket tidy tiger timber timid tiny tissue toast
tomato tongue torch tough towel traffic trail treasure tremble triangle trick trophy trousers trumpet tulip tunnel twist
typical ugly umbrella uncle uneven unique upset urgent useful usual utter vacant valley valuable vanilla vanish velvet
venture victory village violin visible vivid voice volcano volume voyage waffle wagon waist walnut wander warm waterfall
weapon weather weave wedding weekend weird welcome wheat wheel whisper whistle wicked width willing window winter wisdom
wobble wonder wooden woolly worry wound wrap wreath wrinkle wrist wrong yacht yawn yearly yellow yoghurt youth zigzag
zipper""".split()

JOBS: list[str] = """accountant actor actress analyst animator announcer archaeologist architect archivist artist
astronaut astronomer author baker banker barber bartender beekeeper biologist blacksmith bookbinder bookseller botanist
bricklayer broker builder butcher butler captain caretaker carpenter cashier chauffeur chemist choreographer cleaner
clerk clown coach cobbler comedian composer conductor cook courier curator dancer decorator dentist designer detective
dietitian diplomat diver doctor driver drummer economist editor electrician engineer farmer firefighter fisherman
florist forester gardener geologist glassblower goldsmith governor guard guide guitarist hairdresser historian
housekeeper hunter illustrator inspector interpreter inventor janitor jeweller journalist judge juggler lawyer lecturer
librarian lifeguard locksmith magician manager mason mathematician mayor mechanic merchant midwife miller miner musician
navigator novelist nurse optician painter paramedic pharmacist photographer physicist pianist pilot plasterer plumber
poet policeman porter postman potter president printer producer professor programmer psychologist publisher ranger
receptionist reporter roofer sailor salesman scientist sculptor seamstress secretary shepherd shoemaker singer soldier
surgeon surveyor tailor teacher technician translator typist umpire undertaker veterinarian violinist waiter waitress
watchmaker weaver welder writer zookeeper zoologist""".split()
# fmt: on
