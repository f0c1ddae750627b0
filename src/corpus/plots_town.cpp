// Plots in the village: shops, prices, letters, neighbors. Prices are those of the world.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    // Shopping with a price and change.
    {"plot", R"({h:=child}{p:=kin}{t:=thing}{cost:=t.price}{left:=1..6}{paid:=cost+left}<open:h>
      // <scene> {h.his} {p} said, "[please go to|I want you to go to|{h}, run to] {t.shop} and
      buy a
      {t}. here [is some money|is money|you have {paid.coins}]." {h} had {paid.coins} in {h.his}
      [pocket|bag| hand]. <maybe_onway:h>
      // {t.shop} was on {t.street}. [inside, {t.call} stood behind the table.|{t.call} was
      there.|a bell rang when {h} opened the door.] "[good morning|hello], {h}. what do you
      need?" asked {t.call}. "[I want|I would like|please give me] a {t}[, please|]. how much is
      it?" said {h}. "a {t} costs {cost.coins}," said {t.call}.
      // {h} [gave|paid] {paid.coins}. {t.call} counted. "{paid} take away {cost} is {left}.
      here is your change: {left.coins}." {h} [put the money in {h.his} pocket|counted it again.
      {left.coins}. it was right|said thank you]. then {h.he} [carried|took] the {t} home.
      // "[well done|thank you|you did it all alone]!" said {h.his} {p}. "[and how much is
      left|how much change did you get]?" "{left.coins}," said {h}[ and put the money on the
      table|]. "you may keep [it|the change]," said {h.his} {p}. <Glad:h>)"},

    // Saving up for something.
    {"plot", R"({h:=child}{t:=ware}{cost:=t.price}{nb:=neighbour}{a:=1..4}<open:h>
      // <scene> {h} saw a <look> {t} in the window of {t.shop}. "[how much is|what does it
      cost, that] {t}?" {h.he} asked {t.call}. "{cost.coins}," said {t.call}. {h} [looked in
      {h.his} pocket|turned {h.his} pockets inside out]. there was [nothing|not one coin] in it.
      <Sad:h>
      // "[you can work for it|you could earn the money]," said {h.his}
      [mom|dad|grandma|grandpa]. so {h} went to {nb}, the {nb.job}, on {nb.street}. "[do you
      have work for me|can I help you]?" asked {h}. "[yes| oh yes]," said {nb}. "[I need help
      today|there is much to do|my back hurts, so I need young hands]." {h} <chore:h> and
      <chore:h>. [it took all day.|{h.he} worked for many days.|every day {h.he} came back.]
      {nb} gave {h.him} [one coin for each job|a few coins each time|some coins]. {h} put them
      in a jar.
      // [one day|at last|after a week] {h} counted. there were {cost.coins}! {h.he} ran to
      {t.shop}. "[one {t}, please|now I can buy the {t}]!" {h.he} said and put the money down.
      {t.call} [smiled| nodded]. "[you worked hard for it|good things are worth the wait|take
      good care of it]," said {t.call}. <Glad:h> [the {t} was dear to {h.him} because {h.he} had
      earned it.|{h} took very good care of it.|it was the first thing {h.he} had bought with
      {h.his} own money.])"},

    // A letter at the wrong door.
    {"plot", R"({h:=child}{nb:=neighbour}{nc:=neighbour}{f:=child}<open:h>
      // <scene> there was a letter [on the mat|at the door|in the box]. {h} [picked it
      up|looked at it]. it was not for {h.his} family. on it stood: {nb}, {nb.street}. "Mr. Post
      made a mistake," said {h}. "[I will bring it to {nb}|it must be important]."
      // {h} [took|put on] {h.his} {*clothing} and <go>. <maybe_onway:h> {h} did not know which
      house was the right one. {h.he} knocked at a {nc.colour} door. {nc}, the {nc.job}, opened.
      "[is this the house of|are you] {nb}?" asked {h}. "no," said {nc}, "{nb} lives on
      {nb.street}. look for the {nb.colour} door."
      // {h} went on. there it was, the {nb.colour} door! {nb} [opened|came out][ with a
      {nb.young}|]. "a letter for you," said {h}. {nb} read it and <glad:nb>. "it is from my
      [sister|brother|son|daughter|old friend]! [we will meet next week|I have waited so long
      for this|there is good news in it]. thank you, {h}!"
      // {nb} gave {h} a {*treat}[ and showed {h.him} the {nb.young}|]. <Glad:h> [a letter is a
      small thing, but it can make a whole day bright.|"I like to be a mailman," said {h}.|on
      the way home {h} thought: tomorrow I will write a letter too.])"},

    // Somebody lost finds the way by asking.
    {"plot", R"({h:=child}{p:=kin}{nb:=neighbour}{w:=land}<open:h>
      // <scene> {h} went to the market with {h.his} {p}. there were [so many|many] people. {h}
      stopped to look at [a {w}|some {*toy.s}|a man who sang|a tall cake|a big pile of
      {*fruit.s}]. when {h.he} turned around, {h.his} {p} was gone. "{p.call}?" [^{h.he}
      called.|^{h} called.] nobody answered. {h} <scared:h>.
      // [{h} wanted to run, but then {h.he} remembered: if you are lost, stay where you are and
      ask for help.|{h} took a deep breath.] {h.he} saw {nb}, the {nb.job}. {h} knew {nb.him}[,
      because {nb.he} {nb.use}| ]. "please, I am lost," said {h}. "[do not worry|you did the
      right thing], {h}," said {nb}. "[what does your {p} wear today|what does {p.he} look
      like]?" "a <colour> [coat|hat|scarf]," said {h}.
      // {nb} [lifted {h} up high|called in a loud voice|rang a bell]. "[I see {p.him}|there
      {p.he} is]!" {h} [cried|shouted]. {h.his} {p} came running. "[I looked everywhere|I was so
      worried|there you are]!" {p.he} said and <hug:p,h>. {h} <glad:h>.
      // "[next time I will hold your hand|I will not let go again]," said {h}. [and {h.he}
      did.|{h.his} {p} thanked {nb} and bought {h} a {*food}.])"},

    // A bargain at the market: swapping one thing for another, and another.
    {"plot",
     R"({h:=child}{t1:=fruit}{t2:=ware}{t3:=ware}{n1:=neighbour}{n2:=neighbour}{f:=child}<open:h>
      // <scene> {h} had a {t1}. [it was a very nice {t1}.|{h.he} wanted to eat it.] on the way
      {h.he} met {n1}, the {n1.job}. "[oh|ah], a {t1}!" said {n1}. "I am so hungry. will you
      give it to me for this {t2}?" {h} [thought for a moment|looked at the {t2}] and said yes.
      now {h} had a {t2}.
      // [a little later|then] {h.he} met {n2}, the {n2.job}. {n2} looked <sad_word>. "my {t2}
      is [broken|lost], and I need one {t2.use}," said {n2}. "[take mine|you can have this
      one]," said {h}. "[then take this {t3}| in return I give you my {t3}]," said {n2}. now {h}
      had a {t3}.
      // at home, {h.his} friend {f} was waiting. "[today is my birthday|I wish I had a {t3}|I
      have always wanted a {t3}]," said {f}. {h} [smiled|did not think long] and gave {f} the
      {t3}. {f} <glad:f> and <hug:f,h>. "but now you have nothing," said {f}. "[I have a happy
      friend|I began with a {t1}, and now I have your smile|a friend is better than a {t3}],"
      said {h}. <end:h,f>)"},

    // A wrong guess: somebody seems unfriendly and is not.
    {"plot", R"({h:=child}{f:=child}{nb:=neighbour}{t:=toy}<open:h> {h.his} friend was {f}. on
      {nb.street} there was a house with a {nb.colour} door. {nb}, the {nb.job}, lived there.
      {nb} [never smiled|always looked <badtrait>|did not talk much]. the children were [a
      little|] afraid of {nb.him}.
      // <scene> {h} and {f} were playing with a {t}. [it flew over the fence|it landed in the
      garden] of {nb}. "[oh no|now it is gone]!" said {f}. "{nb} will be angry." "[I will
      ask|let us ask|I will go]," said {h}, but {h.his} knees [shook|were weak]. {h.he} knocked.
      knock, knock. the {nb.colour} door opened.
      // "[yes|what do you want]?" said {nb}. "please, our {t} is in your garden," said {h}
      <softly:h>. {nb} looked at {h.him} [for a long time|]. then {nb.he} smiled! "[come in|let
      us get it]. [nobody ever comes to see me|I was only sad because I am so often alone|I
      thought children did not like me]. do you want to see my {nb.young}?" they [saw|played
      with] the {nb.young} and ate {*treat.s}.
      // "[we were wrong about you|we thought you were mean]," said {f}. "[you are nice|you are
      not scary at all]." {nb} laughed. [after that the children came every week.|from then on
      the {nb.colour} door was always open for them.] {h} learned that you [should not judge a
      person by the face|only know somebody when you talk to {nb.him}].)"},

    // A visit to somebody at work.
    {"plot", R"({h:=child}{nb:=neighbour}{t:=ware}{n:=2..9}<open:h> {h} wanted to know what
      [grown-ups|big people] do all day. <scene> {h.he} [visited|went to see] {nb}. {nb} was a
      {nb.job}. {nb.he} {nb.use}.
      // "[may I watch|can I see what you do|can I stay a while]?" asked {h}. "[of course|come
      in|sure]," said {nb}. "but first put on this {*clothing}." {h} [watched|looked at
      everything]. "[is it hard|do you like your work|who taught you this]?" {h.he} asked. "[it
      was hard at first|I learned it from my mother|I like it very much]," said {nb}. "[I began
      when I was as small as you|I have done it for {n} years|every day I learn something new]."
      // then [a man|a woman|an old lady|a farmer] came in [a hurry|with a long face]. "[please
      help|I need you today|can you do it before dark], {nb}!" "I have only two hands," said
      {nb}. "{h} has two more!" said {h}. so {h} helped. {h.he} [held|carried|brought] the {t}
      and [counted|cleaned|packed] the rest. [it went much faster.|together they were done in
      time.]
      // "[you are a fine helper|one day you will be a {nb.job} too|thank you, {h}]," said {nb},
      and gave {h.him} {n.coins}. {h} <glad:h>. at home {h.he} said, "when I grow up, I want to
      be a {nb.job}!" [the next day {h.he} wanted to be a {*neighbour.job}.|^{h.his} mom smiled.
      "yesterday it was a {*neighbour.job}," she said.|])"},
};

}  // namespace

void add_town_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
