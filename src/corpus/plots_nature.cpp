// Plots outdoors: animals, gardens, weather, journeys.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    {"snow_gift", "[hat|scarf|cap|coat|hood]"},
    // A hurt or sick animal is nursed and set free.
    {"plot", R"({h:=child}{p:=kin}{a:=pet}<open:h>
      // <scene> {h} [found|saw] a <small> {a} <outspot>. it [did not move|could not walk|lay
      very still| was cold and wet]. "[oh, poor thing|poor little {a}|you are hurt]," said {h}.
      [the {a} looked up with {a.his} dark eyes.|{h} did not know what to do.] {h} [took
      off|used] {h.his} scarf and [carried it home| wrapped it up].
      // "[look what I found|we must help it]!" {h} said to {h.his} {p}. "[put it near the
      stove|we need a box and some straw|first it must be warm]," said {h.his} {p}. "[what does
      a {a} eat|do you know what it eats]?" "{a.eats}!" said {h}. they [made a bed in a
      box|found a box] and gave it water. <vet>
      // [for three days|all week|every day], {h} [looked after|sat with|took care of] the {a}.
      [day by day|bit by bit] it [got better|grew strong again]. [it ate from {h.his} hand.|it
      made {h} laugh.|one morning it stood up.] {h} wanted to keep it. but {h.his} {p} said,
      "[its home is not here|a {a} is not a toy|it misses its home]. it lives in {a.home}."
      // [so they|the next day they] [took|carried] the {a} back. {h} opened the box. the {a}
      looked at {h.him} one more time and was gone. <Sad:h> [but {h.he} was glad too|but deep
      inside {h.he} was happy]. [and every year, when spring came, a {a} was seen near {h}'s
      house.|to love somebody is also to let go.|"it is home now," {h.he} said.])"},
    {"vet", ""},
    {"vet", R"([they called Dr. Paws.|Dr. Paws, the animal doctor, came over.] "[it is only
      tired|nothing is broken|it needs rest and food]," she said.)"},

    // A seed, a wait, a harvest.
    {"plot", R"({h:=hero}{f:=hero}{s:=grown}{n:=3..9}<open:h> <scene> {h} [found|got] a <small>
      seed. "[what will it be|what is in it]?" {h.he} asked. "[put it in the ground and see|wait
      and you will know]," said {f}.
      // {h} [dug|made] a <small> hole, put the seed in and [covered|closed] it with earth.
      {h.he} gave it water every [day|morning]. [one day went by. two days went by.|a week went
      by.] nothing happened. "[it is dead|it does not like me|it forgot to grow]," said {h}.
      <Sad:h> "[seeds are slow|wait, wait|it is working under the ground where you cannot see
      it]," said {f}.
      // [then|one morning], [after the rain|when the sun was warm], there was a green
      [tip|leaf]. {h} <glad:h>. it grew and grew. [first it was as high as a finger, then as
      high as {h}.|first there were two leaves, then {n}.] {bug:=land}[once a {bug} wanted to
      eat it, but {h} chased it away.|a strong wind came, and {h} tied it to a stick.|it did not
      rain for a long time, so {h} carried water from the well.]
      // at the end of summer there were {n} <look> {s.s} on it! "[so it was {s.s}|it wanted to
      be {s.s}]!" said {h}. {h} and {f} sat down and each ate one. they were {s.use}. [{h} kept
      one seed for next year.|"good things need time," said {f}.|they gave the rest to their
      friends.] <Glad:h>)"},

    // A journey with a map.
    {"plot", R"({h:=hero}{f:=hero}{p1:=place}{p2:=place}{p3:=place}{tr:=treasure}<open:h>
      // <scene> {h} found an old map [in a book|in the attic|in a bottle]. there was a
      [red|black] cross on it. "[a treasure|look at this|let us find it]!" {h} said to {h.his}
      friend {f}. "[it may be far|is it not dangerous?|what if we get lost?]," said {f}. but
      {f.he} took a [rope|lamp|bag with {*food.s}] and came along.
      // first they had to go to {p1}. they saw {p1.sights}. <onway:h> then the map said: go on
      to {p2}. {p2.where} they [rested|ate a {*food}|looked at {p2.sights}]. [it got dark in the
      trees.|the way was steep.|a fog came up.] "[I want to go home|are we lost?|my feet hurt],"
      said {f}. "[just a little more|I can see it on the map|hold my hand]," said {h}.
      // at last they came to {p3}. there was a big stone with a cross. they [pushed|pulled]
      together. one, two, three! under it was a [box|chest]. {h} opened it. [what was in it?|the
      lid creaked.] there was a {tr}! [it was made of {tr.material}.|it shone in the sun.] and
      there was a note: "for [two|those] who [go|walk] together."
      // {h} and {f} looked at each other. [they had found more than a {tr}. they had found out
      that they were brave.|"we will share it," said {h}. "one day you, one day I."|they took it
      home and kept it for ever.] <end:h,f>)"},

    // A storm; shelter with somebody unlike oneself.
    {"plot", R"({h:=beast}{f:=beast}{pl:=place}<open:h> {h.he} [lived alone|had a <small> warm
      home] near {pl}. {h} did not like [guests|others in the house]. "[my home is mine|there is
      no room for two]," {h.he} always said.
      // [one night|one evening] there was a [big|terrible] storm. the wind [howled|blew], and
      the rain [fell|came down] like [a river|stones]. somebody knocked. it was {f}, a <small>
      {f.kind}, wet [and cold|from head to tail]. "[please let me in|may I come in|my home is
      gone]," said {f}. {h} [wanted to say no|looked at the wet {f.kind}]. [but the storm was so
      loud|but {f} looked so <sad_word>]. "[well, come in|only for one night]," said {h}.
      // they sat [by the fire|close together]. {f} [told a story|sang a song|shared {f.his}
      last {*fruit}]. {h} had not [laughed|smiled] so much in a long time. [then there was a
      crash. a tree fell on the roof!|then the door flew open!] {h} was too [small|weak] to
      [hold it|push it back] alone. but {f} [pushed|held on] too, and together they [did
      it|could do it].
      // in the morning the sun [came out|was shining]. "[now I will go|thank you for the
      night]," said {f}. "[wait| stay]," said {h}. "[there is room for two|it is too quiet
      without you|alone I would have lost my home]." [and so {f} stayed.|from then on two names
      stood on the door.] <end:h,f>)"},

    // Snow or heat, and what it causes.
    {"plot", R"({h:=child}{f:=child}{t:=<snow_gift>}<open:h> one [winter|cold] morning {h} looked
      out of the window. everything was white. it had snowed all night. "snow!" {h.he}
      [cried|shouted]. {h.he} put on {h.his} coat, {h.his} boots and a <colour> scarf and ran to
      {f}. "[come out|look at the snow]!" {h} called.
      // {h} and {f} made a snowman. {f} [rolled|made] a big ball for the body and {h} a small
      one for the head. they took a carrot for the nose and {n:=2..6}{n} [stones|buttons] for
      the [coat|mouth]. "[he is cold|he looks cold|he needs something]," said {f}. so {h} gave him
      {h.his} own
      {t}. [they called him Mr. Snow.|they danced around him.]
      // but the next day the sun was hot. because the sun was hot, the snowman [got|became]
      smaller and smaller. {h} <sad:h>. "[he is melting|our snowman is going away]!" {h.he}
      said. "[he only goes on a trip|he turns into water, and the water goes to the river and
      the sea]," said {f}'s [dad|mom|grandma|grandpa]. "[and next winter he comes back as
      snow|then he will be a cloud, and one day snow again]."
      // soon only the carrot and the {t} were left. {h} [picked up|took] the {t}. "[goodbye|see
      you next winter], Mr. Snow," {h.he} said. a {r:=land}{r} came and looked at the carrot.
      [{h} let it have the carrot.|"you can have it," said {f}.] <end:h,f>)"},

    // Learning to swim, fly or climb: fear, a teacher, a first success.
    {"plot", R"({h:=beast}{f:=beast}<open:h> all the others could [swim|climb|jump over the
      brook], but {h} could not. "[come on|it is easy|try it]!" they called. {h} [shook {h.his}
      head|stayed on the bank]. "[I am too small|I will fall|I am afraid]," {h.he} said. [the
      others laughed.|then the others went on without {h.him}.] <Sad:h>
      // {f}, an old {f.kind}, had seen it. "[I was afraid once, too|when I was small, I could
      not do it either]," said {f}. "really?" asked {h}. "really. [come tomorrow when nobody is
      here|we will begin with one small step|I will show you]."
      // the next day they [started|began]. first {h} put only one foot in. [brr, it was
      cold!|it was not so bad.] then two. {n:=3..8}{n} times {h} [fell|slipped|gave up], and {n}
      times {f} said, "[again|one more time|that was better than before]." [the days went
      by.|every day it got a little easier.] and then, [one morning|all at once], {h} [did
      it|was on the other side]!
      // "[I did it|look, look|did you see that]!" [^{h} shouted.|^{h} cried.] {f} <glad:f>.
      "you were [brave|strong]," {f.he} said. "[brave does not mean that you are not afraid. it
      means that you try|you did not give up]." when the others came back, {h} went first.
      <Glad:h>)"},

    // A bee, ant or bird does a favour that comes back.
    {"plot", R"({h:=beast}{a:=small}{pl:=place}<open:h> <scene> {h} was {pl.where}. {h.he}
      heard a <small> voice. "[help| please help me]!" a {a} [was caught in a thorn bush|had
      fallen in the water|was under a stone|was tied up in some string]. {h} was [much bigger|in
      a hurry|on {h.his} way home], but {h.he} stopped. {h.he} [lifted|pulled|helped] the {a}
      out. "[thank you|you saved my life]," said the {a}. "[one day I will help you too|I will
      not forget it]." "[you are so small|how can you help me?]," {h} [laughed|said with a
      smile] and went on.
      // {n:=2..9}{n} days later, {h} [lost the way in the fog|fell into a deep hole|could not
      find food|was chased by a big dog]. {h.he} called and called. nobody came. <Sad:h> then
      there was that voice again. "[I am here!|do you remember me?]" it was the {a}! "[follow
      me|wait, I will get the others|do what I say]," it said. the {a} [knew a secret way|
      called all its friends|showed {h.him} the way], and soon {h} was [safe|out|home again].
      // "[I laughed at you|I thought that you were too small]," said {h}. "[I am sorry|I was
      wrong]." "[nobody is too small to help|a friend is a friend, big or small]," said the {a}.
      [from that day on, {h} never laughed at small ones.|{h} shared {h.his} dinner with the
      {a}: {a.eats}.] <Glad:h>)"},
};

}  // namespace

void add_nature_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
