// Plots of wonder and work: the moon, music, the sea, machines, dreams, jobs well done.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    // Wanting to reach the moon.
    {"plot", R"({h:=beast}{f:=beast}{t:=tool}<open:h> every night {h} [looked up at|gazed
      at|talked to] the moon. "[it is so round and bright|it looks so lonely|I think it is made
      of cheese]," {h.he} said. "[I want to touch it|I will bring it down|I wonder how it
      tastes]!" {f}, a <trait> {f.kind}, [shook {f.his} head|laughed]. "[nobody can reach the
      moon|it is too far|that is a silly dream]."
      // but {h} [had made up {h.his} mind|did not listen]. {h.he} climbed [the highest hill|the
      tallest tree|on the roof of the barn]. {h.he} stood on {h.his} toes. the moon was as far
      away as before. {h} took a {t} and [held it up|waved it|reached higher]. {h.he} jumped,
      and [bump|plop|thud]! {h.he} fell down into the [wet grass|bushes|hay]. <Sad:h>
      // then {f} called from the pond. "[come here|come quickly|look what I have found], {h}!"
      {h} came down to the water. and there, in the [still|dark|quiet] pond, was the moon! it
      [shook|danced] a little when the wind blew. {h} put out one paw and touched it. [it was
      cool and wet.|the moon broke into a hundred silver pieces and then was whole again.]
      // "[I touched the moon|it came to me]!" said {h}. {f} sat down beside {h.him}.
      "[sometimes the thing you look for up there is down here|you do not have to own a thing to
      love it]," said {f}. they [watched|looked at] the two moons, one above and one below,
      until they were <tired_word>. <end:h,f>)"},

    // Music: the one who plays badly, and the one who listens.
    {"plot", R"({h:=hero}{f:=hero}{nb:=neighbour}{i:=<instrument>}<open:h> {h} had a new {i}.
      {h.he} played it in the morning, at noon and at night. [toot, toot|plink, plonk|screech,
      squeak]! it sounded [terrible|like a sick {*animal}|like a door that needs oil]. "[please
      stop|my ears hurt|not again]!" called {nb}, the {nb.job}. [the birds flew away.|even the
      {*animal} ran off.] <Sad:h>
      // {h} took {h.his} {i} and went to {pl:=place}{pl}. there [nobody could hear {h.him}|it
      was quiet]. {h.he} played slowly, one note, then two. when {h.he} stopped, somebody
      clapped. it was {f}, a <small> {f.kind}. "[play more|that was nice|do not stop]," said
      {f}. "[you like it?|really?|it is all wrong]," said {h}. "[you will get better|I heard
      three good notes|every song begins with one note]," said {f}.
      // from then on {f} came every day. {h} played, and {f} [sang|listened|tapped {f.his}
      foot|danced]. {n:=3..9}after {n} weeks {h} could play {m:=2..6}{m} songs. then it was time
      for the [village feast|spring fair|harvest party]. the [drummer|singer|band] was ill.
      "[who will make music now|we cannot dance without music]?" the people asked.
      // {h.his} [knees|hands] shook, but {f} [pushed {h.him} forward|gave {h.him} a nod]. {h}
      closed {h.his} eyes and played. [one after the other, they began to dance.|it was so still
      that you could hear a leaf fall. then everyone clapped.] "is that {h}?" said {nb}. "[how
      beautiful|I want to hear it every day|I am sorry I shouted]!" <Glad:h> [and {h} played the
      last song for {f}.|"a good listener makes a good player," {h} said.])"},
    {"instrument", "[flute|drum|horn|fiddle|whistle|trumpet|guitar|piano]"},

    // A message in a bottle or a day at sea.
    {"plot", R"({h:=child}{p:=kin}{a:=<sea_animal>}<open:h> <scene> {h} and {h.his} {p} went
      [out in|for a ride in] a <colour> boat. the water was [blue|smooth|green and clear]. {h}
      [put one hand in the water|counted the waves|looked for fish]. "[sit still|do not stand
      up|hold on tight]," said {h.his} {p}. [but {h} saw something and jumped up.|then a big
      wave came.] the boat [rocked|tipped], and splash! one oar fell into the sea and [floated
      away|was gone].
      // "oh no!" cried {h}. "[how do we get home now?|it is my fault!|I did not listen!]"
      ^{h.his} {p} [looked at the sky|sighed]. "[we must think|crying does not row a boat], {h}.
      [what do we have]?" they had [a blanket|a coat|a sheet], a rope and a stick. the wind blew
      [to the shore|from the sea]. <idea:h> "[a sail|we can make a sail]!" {h.he} said.
      // they tied the [cloth|corners] to the stick and held it up. the wind [filled it|blew
      into it]. slowly, very slowly, the boat [moved|began to move]. a {a} swam next to them [as
      if to show the way|and looked at them with big eyes]. "[faster|that way|follow it]!" [^{h}
      laughed.|^{h} called.] {h.his} {p} [held the rope|steered with the other oar].
      // when the sun went down they [saw the lighthouse|came to the beach|heard the bell of the
      harbor]. {nb:=neighbour}{nb}, the {nb.job}, [helped them out of the boat|stood there with
      a lamp]. "[we were worried about you|what a strange sail|who thought of that]?" {nb} said.
      "[{h} did|my clever sailor]," said {h.his} {p}. <Glad:h> [and the next time, {h} sat very
      still in the boat.|"next time I will listen," said {h}.])"},
    {"sea_animal", "[seal|dolphin|turtle|big fish|small whale|gull|swan]"},

    // A robot or snow figure wakes up for one night.
    {"plot", R"({h:=child}{t:=<doll>}{nm:=<pet_name>}<open:h> {h} had a {t}. its name was {nm}.
      by day, {nm} sat on the shelf and did not move. but one night, when the clock [struck
      twelve|said midnight], {h} heard a [tiny|thin|squeaky] voice. "[are you awake|can you hear
      me|wake up], {h}?" {h} [opened {h.his} eyes|sat up]. {nm} was standing on the bed!
      // "[you can talk|you are alive]!" said {h}. "[only tonight|once a year|until the sun
      comes up]," said {nm}. "[what do you want to do?|what would you like to see?]" asked {h}.
      {nm} thought. "[I have seen only this room|I have always looked out of that window]. [I
      want to see|please show me] {pl:=place}{pl}." so {h} put {nm} in {h.his} pocket and
      [climbed out of the window|tiptoed down the stairs].
      // {pl.where} it was [dark and still|bright in the moonlight]. {nm} saw {pl.sights}. {nm}
      [ran through the grass|touched everything|asked a hundred questions]. "[what is that|who
      sings there]?" "a {w:=land}{w}. it {w.sound}," said {h}. {nm} [laughed|turned around and
      around]. [they lay on their backs and looked at the stars.|they danced until they were out
      of breath.] "[now I have something to think about on my shelf|the world is so big]," said
      {nm}.
      // then the sky [turned pink|got lighter]. {h} [ran|hurried] home. {nm} said, "[thank
      you|good night], {h}," and was still. in the morning {h} [thought it was a dream|rubbed
      {h.his} eyes]. but there was a bit of [grass|moss|sand|mud] on {nm}'s foot. {h}
      [smiled|kissed the {t}] and said nothing. <Glad:h>)"},
    {"doll",
     "[wooden soldier|tin robot|rag doll|toy rabbit|teddy bear|little puppet|stuffed elephant|toy "
     "knight]"},
    {"pet_name", "[Pim|Bobo|Tiko|Zip|Lulu|Mop|Nono|Fips|Kiki|Dodo|Bim|Tumble]"},

    // A machine stops working; somebody small finds why.
    {"plot", R"({h:=child}{nb:=neighbour}{mc:=<machine>}{a:=land}<open:h> <scene> the {mc} did not
      work. it only went [click|hum|clonk] and stopped. {nb}, the {nb.job}, came to look at
      it. [^{nb.he} hit it with a hammer.|^{nb.he} pulled here and pushed there.] nothing
      happened. "[it is too old|I do not understand it|we need a new one]," said {nb}. the
      people [were worried|shook their heads], because without the {mc} [nobody could work|nobody
      knew what to do].
      // {h} [came closer|bent down]. "[may I look?|what is in there?]" {h.he} asked. "[go and
      play|this is not for children|be careful]," said {nb}. but {h} was [small enough to look
      inside|curious]. {h.he} put {h.his} ear on it. {h.he} heard a [soft sound|tiny noise].
      "[there is something in it|somebody is in there]!" said {h}.
      // {h} put {h.his} arm in, deeper and deeper. [it was dusty.|"I can feel something warm!"]
      and then {h.he} pulled out [some straw, a leaf, and|a bit of wool, and] a <small>
      [mouse|bird|squirrel|bat]! it had [built a nest|fallen asleep] between the wheels. {h}
      [carried it to a tree|found it a better home|put it in {h.his} hat].
      // {nb} turned the handle. [whirr|clack, clack, clack]! the {mc} [began to turn|was
      working again]! [all the people cheered.|everyone clapped.] "[how did you know?|you have
      good ears!|I should have listened to you!]" said {nb}. "[I only listened|big people look,
      but small people listen|it told me what was wrong]," said {h}. <Glad:h>)"},
    {"machine",
     "[mill|big clock|water pump|old bus|church bell|merry-go-round|printing press|train|oven of "
     "the bakery]"},

    // Two neighbours quarrel over a tree; a child settles it.
    {"plot", R"({h:=child}{n1:=neighbour}{n2:=neighbour}{t:=treefruit}<open:h> between the house of
      {n1} and the house of {n2} there was a tree with many {t.s}. "[it is mine|the tree
      is on my side]!" said {n1}, the {n1.job}. "no, it is mine!" said {n2}, the {n2.job}. every
      day they [shouted over the fence|argued]. nobody picked the {t.s}, and they [fell
      down|went bad].
      // {h} [walked by on the way to school|heard it every morning]. "[why do you fight?|what
      are you fighting about?]" {h.he} asked. they both talked at the same time. {h} [held up
      one hand|waited until they were out of breath]. "[who planted it?|who waters it?]" asked
      {h}. they [did not know|were quiet]. "[the bees do, and the rain|nobody did]," said {h}.
      "[so it belongs to nobody|so it belongs to everybody]!"
      // "[and who eats the {t.s}?|and what do you want with so many?]" asked {h}. {n1} said,
      "[I wanted to make a pie|I like them with milk]." {n2} said, "[I wanted to make jam|I
      wanted to sell them]." "[you have flour, and you have sugar|one of you can pick, and one
      can cook|a pie needs two cooks]," said {h}. "[why not do it together?]"
      // they [looked at each other|thought about it]. then they [took down the fence|got one
      ladder and one basket]. soon it smelled [sweet|wonderful] on {n1.street}. they [put a
      table under the tree|asked all the neighbors to come], and {h} got the first piece. it was
      [still warm|{t.use}]. "[it is better than fighting|we should have asked a child sooner],"
      said {n1}. {n2} [laughed|nodded]. <Glad:h>)"},

    // A cold: a day in bed and visitors.
    {"plot", R"({h:=hero}{f:=hero}{g:=hero}{p:=kin}<open:h> <time> {h} woke up and [sneezed|felt
      hot|could not stand up]. "[my head hurts|I feel so strange|everything is spinning],"
      {h.he} said. {h.his} {p} put a hand on {h.his} [head|nose]. "[you are ill|you have a
      cold]. [you must stay in bed|no playing outside today]." <Sad:h> [today was the day of the
      fair!|{h.he} had wanted to play with {f} and {g}.]
      // {p.call} brought [hot soup|tea with honey|a warm blanket|a cold cloth]. Dr. [Reed
      came|Reed looked in], [listened to {h.his} chest|looked in {h.his} mouth] and said,
      "[{n:=2..4}{n} days in bed|sleep, soup and more sleep]." {h} [looked at the
      ceiling|counted the cracks in the wall|listened to the clock]. outside the others were
      laughing. it was so [boring|long].
      // then something [tapped|knocked] on the window. it was {f}! {f} held up a [paper|sign].
      on it was a picture of [{h} with a big red nose|a {*animal} in a {*clothing}]. {h} had to
      laugh, and then to cough. now {g} came, too, and [made faces|danced|stood on {g.his}
      head|put on a puppet show] behind the glass. [they could not come in, but they stayed all
      afternoon.|they wrote jokes on paper and held them up.]
      // [on the third day|a few days later], {h} [was well again|jumped out of bed]. {h.he} ran
      out to {f} and {g}. "[you were the best medicine|thank you for coming|I was ill, but I was
      not alone]!" said {h}. "atchoo!" said {f}. "[oh no, now you have it|your turn to stay in
      bed]," said {h}. "[I know some good faces|wait until you see my puppet show]!" <end:h,g>)"},

    // The first day of school.
    {"plot", R"({h:=child}{f:=child}{p:=kin}{t:=ware}<open:h> today was {h}'s first day at
      school. {h.he} had a new <colour> bag with a [book|pencil|sandwich] in it. [{h.he} had not
      slept much.|{h.his} tummy felt funny.] {h.his} {p} [walked with {h.him}|held {h.his}
      hand]. "[what if nobody likes me?|what if I do everything wrong?|do I have to go?]" asked
      {h}. "[you will see|everyone is a little afraid on the first day|I was afraid, too]," said
      {h.his} {p}.
      // Miss Bright, the teacher, [stood at the door|shook every child's hand]. "[welcome|come
      in|good morning], {h}," she said. {h} sat down next to a {f.kind} with [red hair|long
      hair|a <colour> shirt|big glasses]. they did not [talk|look at each other]. then Miss
      Bright asked, "who can count to ten?" {h} knew it, but {h.his} mouth [was dry|did not
      open]. [somebody else said it.|the {f.kind} beside {h.him} did not say it, either.]
      // at noon {h} wanted to eat, but {h.his} [lunch was|sandwich was] still at home on the
      table! {h} <sad:h>. "[do you want half of mine?|you can have some of this]," said the
      {f.kind}. it was [a {fd:=treat}{fd}|bread with cheese]. "[I am|my name is] {f}. [I was too
      scared to say anything|I also knew how to count to ten, but I was shy]." "[me too!|so was
      I]," said {h}, and they both laughed.
      // when {h.his} {p} came to the gate, {h} [did not want to go home|waved and kept on
      playing]. "[how was it?|well, was it so bad?]" asked {h.his} {p}. "[it was fine|not at
      all], [I have a friend|I know {f}], [and tomorrow I will say it out loud|and Miss Bright
      has a {pt:=land}{pt} at home]," said {h}. and all the way home {h.he} counted: one, two,
      three, up to ten. <Glad:h>)"},

    // Feeding the wrong thing; what does it eat?
    {"plot", R"({h:=child}{a:=pet}{w1:=food}{w2:=food}{nb:=neighbour}<open:h> <scene> a {a} came
      to {h}'s [door|window|garden]. it looked hungry. {h} had never fed a {a} before.
      "[what do you eat?|are you hungry?|wait, I will get you something]," {h.he} said. {h.he}
      gave it a {w1}. the {a} [sniffed at it|pushed it away] and did not eat it. {h.he} gave it
      a {w2}. the {a} [turned its back|only looked sad].
      // "[you have to eat something|I do not know what you like]," said {h}. {h.he} asked {nb},
      the {nb.job}. "[a {a}? I think it eats soap|give it some paper]," said {nb}, [who did not
      know much about {a.s}|and laughed]. that was a wrong guess. so {h} went to [Dr. Paws|the
      library and looked in a big book|Miss Bright, the teacher]. and now {h} knew: a {a} eats
      {a.eats}!
      // {h} [ran home|hurried back]. the {a} was still there. {h.he} had brought {a.eats}. the
      {a} ate and ate, [until nothing was left|and then it licked the plate]. after that it
      [slept in the sun|{a.sound}|looked at {h.him} as if to say thank you]. [{h} wrote it down,
      so that {h.he} would not forget it.|"now I know you," said {h}.]
      // in the evening the {a} went back to {a.home}. but it came again the next day, and the
      day after. [you must ask what others need, and not only give what you like.|"everyone
      likes something else," said {h}.] <Glad:h>)"},

    // A picture, a mistake that becomes something better.
    {"plot", R"({h:=hero}{f:=hero}{c1:=<colour>}{c2:=<colour>}<open:h> <scene> {h} [painted|was
      painting] a picture of {pl:=place}{pl}. {h.he} used [{c1} for the sky|a lot of {c1}] and
      {c2} for the [flowers|houses|trees]. it was [almost done|going to be a present for {h.his}
      [mom|dad|grandma]]. {f} came in to look. {f} [tripped over a chair|bumped into the table],
      and [a drop|a big drop] of black paint fell right in the middle.
      // "[my picture!|oh no!|it is ruined!]" cried {h}. {h} <sad:h>. "[I am sorry|I am so
      clumsy|I will make you a new one]," said {f}. {h} [wanted to tear it up|turned it over].
      but {f} [looked and looked at the spot|held {h.his} hand]. "[wait|stop]. [do you see
      that?|it looks like something.] [give it legs|give it a tail|give it two eyes], and it is
      a {a:=land}{a}!" said {f}.
      // {h} [wiped {h.his} eyes|took a deep breath]. {h.he} looked, too. it was true! {h.he}
      took the [smallest brush|black paint] and drew {n:=2..5}{n} quick lines. now a {a}
      [sat|stood] in the middle of the picture. [it looked as if it had always been there.|it
      was the best part of all.] "[without the {a} it was a bit empty|now it is alive]," said
      {h}.
      // [everybody who saw it said, "what a nice {a}!"|the picture got a place on the wall.]
      {h} and {f} [looked at each other and laughed|never told anyone]. [a mistake is sometimes
      a beginning.|"next time I will spill <colour>," said {f}.] <Glad:h>)"},
};

}  // namespace

void add_wonder_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
