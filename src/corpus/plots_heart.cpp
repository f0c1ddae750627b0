// Plots of the heart: truth, sharing, anger, patience, wishes.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    // Something breaks; the truth is hard and then light.
    {"plot", R"({h:=child}{p:=kin}{t:=tool}{f:=child}<open:h>
      // <scene> {h} was alone in the <room>. {h.he} [played with a ball| danced|ran around the
      table], although {h.his} {p} had said, "[not in the house|be careful]." then
      [bump|crash|bang]! {h} [hit|knocked over] the {t}. it fell on the floor and [broke|was
      broken].
      // {h} <scared:h>. {h.he} [pushed the pieces <spot:h>|hid the pieces|ran to {h.his} room].
      when {h.his} {p} came home, {p.he} asked, "[where is my {t}|what happened to the {t}|who
      broke the {t}]?" "[I do not know|it was the cat|the wind did it|maybe it was {f}]," said
      {h}. {h.his} {p} [said nothing|only looked at {h.him}].
      // that evening {h} could not [eat|sleep|play]. {h.his} tummy [hurt|felt heavy]. [the lie
      was like a stone.|{h.he} thought about it again and again.] at last {h.he} [got up|went to
      {h.his} {p}]. "[I have to tell you something|I told a lie]," {h.he} said. "it was me. I
      broke the {t}. I am sorry." and {h} began to cry.
      // {h.his} {p} [took {h.him} in {p.his} arms|sat down beside {h.him}]. "[a {t} can be
      bought again|I am sad about the {t}], but [I am glad that you told the truth|it was brave
      to tell me]. [do you know what a {t} costs?|how much is a new one?] {t.price}." "[I will
      pay for it with my own money|I will help you every day until it is paid]," said {h}. [they
      went to {t.shop} together.|and {h.he} did.] and {h}'s tummy did not hurt any more. [the
      truth is sometimes hard to say, but it makes you light.|after that {h} always told the
      truth.|])"},

    // One treat, two hungry friends.
    {"plot", R"({h:=hero}{f:=hero}{t:=treat}<open:h> <scene> {h} had a {t}. it was
      [big|fresh|still warm] and [smelled so good|{t.use}]. {h} wanted to eat it [all alone|in
      peace], so {h.he} went <outspot>. [just as {h.he} opened {h.his} mouth|then], {f} came by.
      {f} looked at the {t}. "[I have not eaten today|that looks good|I am so hungry]," said
      {f}.
      // {h} [held the {t} behind {h.his} back|turned away]. "[it is mine|it is too small for
      two|I was hungry first]," said {h}. {f} nodded and [went away|sat down far away]. {f.he}
      did not [say a word|ask again]. {h} took a bite. [but it did not taste good.| strange, it
      was not so good any more.] {h.he} looked at {f}. <Sad:f>
      // {h} [got up|sighed]. {h.he} broke the {t} in two. one half was [bigger|a little
      bigger]. {h} gave {f} the bigger half. "[here|this is for you|eat with me]," {h.he} said.
      <thanks:f,h> they sat [side by side|in the sun] and ate. now the {t} was [sweet|good]
      again.
      // "[half a {t} with a friend is better than a whole one alone|why does it taste so good
      now?]," said {h}. {f} [laughed|smiled]. "[that is because we share|I know]." [the next day
      {f} came with two {*fruit.s}. one was for {h}.|and the crumbs were for the birds.]
      <end:h,f>)"},

    // Anger and making up.
    {"plot", R"({h:=child}{f:=child}{t:=toy}<open:h> {h} and {f} were best friends. but <time>
      they both wanted the same {t}. "I had it first!" said {h}. "no, I did!" said {f}. {h}
      pulled, and {f} pulled. "[you are not my friend any more|go away|I do not like you]!"
      [^{h} shouted.| ^{f} shouted.] {f} [ran home|went away with red eyes]. now {h} had the {t}
      for {h.himself}.
      // {h} played with it. [but alone it was no fun.|{h.he} did one thing, then another.]
      there was nobody to [laugh with|play with|talk to]. <Sad:h> "[are you not going to
      {f}|where is {f} today]?" asked {h.his} [mom|dad|grandma|grandpa]. "we had a fight," said
      {h}. "[and what would you like to do now|which is better, a {t} or a friend]?" {h} [knew
      the answer|thought for a long time].
      // {h} took the {t} and [went|ran] to {f}'s house. at the corner {h.he} [ran into|met]
      {f}, who was on the way to {h}! {f} had a {g:=toy}{g} in {f.his} hand. "[I wanted to give
      you this|I am sorry]," they both said at the same time. then they [looked at each other
      and laughed|laughed].
      // "[you can have it first|let us take turns|today you, tomorrow me]," said {h}. "no, you
      first," said {f}. "[now we have a new fight!|are we going to fight again?]" said {h}, and
      they laughed [even more|until they fell down]. [a fight is like rain: it comes, and it
      goes.|] <end:h,f>)"},

    // Three wishes or a magic thing that does not help; the simple way does.
    {"plot", R"({h:=hero}{nm:=<fairy>}<open:h> <scene> {h} met a {nm} <outspot>. "[you have a
      good heart|because you were kind to me| I have waited for you]," said the {nm}. "I give
      you one wish. [think well|but only one]." {h} [was amazed|could not believe it]. one wish!
      // {h} thought. {h.he} could wish for [a house of {*treat.s}|a hundred {*toy.s}|a boat
      that flies]. or {h.he} could wish to be [big|strong|as fast as the wind]. {h.he} asked
      [everybody|{f:=neighbour}{f}, the {f.job}]. "wish for gold!" said one. "wish for a long
      life!" said another. {h} [could not sleep|was more and more confused].
      // on the way back {h.he} saw {g:=hero}{g}, a <small> {g.kind}. {g} [could not walk|was
      sick|was crying]. "[what is wrong|what happened]?" asked {h}. "[I cannot find my family|I
      have been ill for a long time|my house burned down]," said {g}. {h} did not think any
      more. "I wish that {g} is [well and happy|happy again|safe]," {h.he} said. there was a
      [soft|bright] light, and {g} [smiled|jumped up]!
      // "[now your wish is gone|are you sorry]?" asked the {nm}. "no," said {h}. "[I have never
      felt so good|I did not know what I needed. now I know]." the {nm} [smiled and was
      gone|laughed like a <small> bell]. {h} and {g} [became friends|went home hand in hand],
      and that was better than gold.)"},
    {"fairy",
     "[tiny fairy|old woman|talking fish|<small> man|golden bird|kind witch|white horse|friendly "
     "dragon|star child|wise owl|silver swan]"},
    // Patience: wanting it now, waiting, getting it right.
    {"plot", R"({h:=child}{p:=kin}{t:=<craft>}<open:h> {h} wanted to learn to {t}. <scene>
      {h.he} [sat down|tried it] for the first time. it was [very|] bad. {h.he} tried again. it
      was [still bad|even worse]. "[I cannot do it|I will never learn it|this is stupid]!"
      {h.he} said and [threw everything on the floor|stamped {h.his} foot].
      // {h.his} {p} [picked it up|came in]. "[do you know how you learned to walk|how many
      times did you fall when you learned to walk]?" {p.he} asked. "[no|I was too small]," said
      {h}. "[you fell down a hundred times|you fell, you got up, you fell again]. and today you
      run. [nobody can do it at once|everything is hard before it is easy]." {h} [thought about
      that|wiped {h.his} eyes].
      // so {h} tried every day[, only a little|]. on Monday it was bad. on Tuesday it was a
      little better. on Wednesday {h.he} [laughed at {h.his} mistakes|made only two mistakes].
      {n:=2..8}[after {n} weeks|when {n} weeks had gone by], {h} could [really|] {t}!
      {nb:=neighbour}{nb}, the {nb.job}, [heard about it|saw it] and said, "[how well you
      {t}|who taught you to {t} like that]!"
      // "[I fell down a hundred times|I did not give up]," said {h}, and {h.his} {p} laughed.
      <Glad:h>)"},
    {"craft",
     "[play the flute|ride a pony|tie a knot|swim|write|sew|draw a "
     "horse|whistle|dance|skate|read|juggle|bake bread|row a boat|play the drum]"},

    // Somebody small is jealous of a new baby.
    {"plot", R"({h:=child}{b:=child}{p:=kin}{t:=toy}<open:h>
      // [one day|in spring|last week] there was a new baby in the house. the baby's name was
      {b}. everybody came to see {b}. "[how small|how sweet|look at those tiny hands]!" they
      said. nobody looked at {h}. {h} <sad:h>. "[they do not need me any more|babies are
      boring|{b} cannot even talk]," {h.he} thought, and hid <spot:h>.
      // then {b} began to cry. {h.his} {p} [carried|rocked] {b} and sang, but {b} cried and
      cried. [nothing helped.|even the neighbors heard it.] {h} [came out|put {h.his} hands on
      {h.his} ears]. "[may I try?|let me]," said {h}. {h.he} [made a funny face|showed {b} the
      {t}|sang a silly song about a {*animal}]. and what did {b} do? {b} stopped and
      [smiled|laughed|looked at {h.him} with big eyes].
      // "[how did you do that?|only you can do that!]" said {h.his} {p}. "[{b} loves you|you are
      the best big {h.sibling} in the world]." {h} felt [warm|tall| proud]. the baby took
      {h.his} finger and did not let go.
      // "[when you are bigger, I will show you {*place}|one day we will play with my {t}]," {h}
      [said|whispered]. [a heart is like a house: there is always one more room.|that evening
      {h.his} {p} read a story just for {h}.] <Glad:h>)"},
};

}  // namespace

void add_heart_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
