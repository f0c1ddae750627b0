// Plots of play: races, hiding, building, parties.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    // A race that is won by stopping to help, or by not stopping.
    {"plot", R"({h:=hero}{f:=hero}{g:=hero}{pl:=place}<open:h> <scene> there was a race [to|from
      the well to|from the old mill to] {pl}. {h}, {f} and {g} wanted to win. "[I am the
      fastest|nobody can beat me|I will win]!" said {g}. {h} [said nothing|only smiled|was a
      little <scared_word>].
      // "[ready? go|one, two, three, go|on your marks, get set, go]!" they all ran. {g} was
      first, {f} was second, and {h} was last. [they ran over the bridge.|dust flew up.|the
      others cheered.] {suddenly:=<suddenly>}{suddenly}, {f} [fell|slipped|hurt {f.his} foot].
      "ow!" cried {f}. {g} [looked back and ran on|did not stop]. but {h} stopped. "[are you
      hurt|can you stand|give me your hand]?" asked {h}. "[you will lose the race|run on]," said
      {f}. "[a race is only a race|you are more important]," said {h}.
      // {h} helped {f} to stand up, and they walked [arm in arm|slowly together]. {g} was
      already there. "I won! I won!" {g.he} shouted. but [nobody looked at {g.him}|it was very
      quiet]. everybody clapped when {h} and {f} came. {nb:=neighbour}{nb}, the {nb.job}, had [a
      medal|a prize|a big cake] for the winner. {nb} thought and then [gave it to {h}|cut it in
      three].
      // {g} <sad:g>. "[I should have stopped too|I am sorry, {f}|winning alone is not much
      fun]," {g.he} said. "[next time we all run together|it is all right|come and eat with
      us]," said {h}. <end:h,f>)"},

    // Hide and seek; somebody hides too well.
    {"plot", R"({h:=hero}{f:=hero}{g:=hero}{n:=10..20}<open:h> <scene> {h}, {f} and {g} played
      hide and seek [in the garden| near {*place}|at {h}'s house]. "I count to {n}," said {f},
      and closed {f.his} eyes. "one, two, three, four, five."
      // {g} hid <outspot>. {h} looked for a better place. {h.he} [crept|climbed] into a [big
      basket|hollow tree|barrel|dark shed]. "[nobody will find me here|this is the best place],"
      {h.he} thought. "{n}! I am coming!" called {f}. very soon {f.he} found {g}. but where was
      {h}? they <looked> <outspot> and <outspot>. "[{h}, where are you|come out, you have won]!"
      they called.
      // {h} [laughed softly|kept very still]. it was [warm|dark and warm] in there, and {h}
      [closed {h.his} eyes for a moment|was so comfortable]. [zzz.|and then {h.he} fell asleep!]
      the sun went down. {f} and {g} [were worried|ran to get help|began to be <scared_word>].
      {d:=land}[then they heard something. it was a snore!|a {d} looked at the hiding place
      and would not go away.|{g} saw a foot.] "there you are!" they [cried|shouted]. {h} [woke
      up|opened {h.his} eyes]. "[did I win|is it morning|have you found me]?" {h.he} asked.
      // they all [laughed|laughed until their tummies hurt]. "[you won, but please do not do it
      again|you are the best hider and the best sleeper]," said {f}. [from then on they had a
      rule: who hides must stay awake.|<Glad:h>] <end:h,f>)"},

    // Building something together after failing alone.
    {"plot", R"({h:=hero}{f:=hero}{b:=<building>}{m:=<stuff>}<open:h> {h} wanted to build a {b}.
      <scene> {h.he} got some {m} and [began|started]. "[do you need help|can I help|may I build
      with you]?" asked {f}. "no, I can do it alone," said {h}. {h.he} [worked and worked|put
      one piece on the other]. [it looked good.|it got higher and higher.] then [the wind blew|a
      {*animal} ran by|{h} sneezed], and [crash|boom|bump]! it all fell down.
      // <Sad:h> "[I will never finish it|I am no good at this]," {h.he} said. {f} did not
      laugh. {f.he} [picked up the pieces|sat down next to {h.him}]. "[you are strong and I am
      careful|you have good ideas, and I have two free hands]," said {f}. "[let us try it
      together|two are better than one]." {h} [looked at {f}|thought about it] and nodded.
      // {f} held the {m} and {h} [tied|put] them [in place|together]. [first they made a strong
      floor. then they made the walls. at last they made the roof.|{h} measured and {f}
      counted.] "[higher|a little to the left|careful]!" said {f}. when the sun went down, the
      {b} was ready. it was [strong|<colour>|as high as a {*animal}], and it did not fall, not
      even when [the wind blew|they jumped].
      // "[we did it|look what we made|it is ours]!" said {h}. "I was silly to [send you
      away|say no]." [they painted both their names on it.|they ate {*food.s} in front of it.]
      <Glad:h> <end:h,f>)"},
    {"building", "[tree house|tower|boat|bridge|castle|hut|raft|nest|fort|wagon|bird house|dam]"},
    {"stuff", "[sticks|stones|boards|boxes|branches|old planks|logs]"},

    // A birthday everybody seems to have forgotten.
    {"plot", R"({h:=child}{f:=child}{p:=kin}{t:=ware}{n:=4..9}<open:h> [today|the next day] was
      {h}'s birthday. {h.he} [would be|was going to be] {n} years old. {h} [woke up early|jumped
      out of bed|could not wait]. but [in the kitchen nobody said anything|{h.his} {p} only said
      good morning|there was no cake and no song]. {h} went to {f}. "[do you know what day it
      is|is today not special]?" asked {h}. "[it is <day>|a day like any other]," said {f} and
      [ran away|closed the door fast].
      // {h} <sad:h>. "[they all forgot me|nobody thinks of me]," {h.he} thought. {h.he} walked
      to {pl:=place}{pl} and sat there [alone|on a stone]. {a:=land}[a {a} came by.|a {a}
      looked at {h.him}.] "[at least you are here|do you know that it is my birthday?]," said
      {h}.
      // when [it got dark|{h.he} was hungry], {h} went home. the house was [dark|quiet]. {h.he}
      opened the door. "surprise!" ^there [they all were|stood everybody]: {h.his} {p}, {f} and
      all {h.his} friends. there was a big cake with {n} candles. "[we had to keep it a
      secret|did you think we forgot you?|happy birthday, {h}!]," said {f}, and gave {h.him} a
      box. in it was a <look> {t}! it was [just what {h.he} had wanted|made of {t.material}].
      // {h} [blew|blew and blew] until all {n} candles were out. {n} little clouds of smoke
      went up. "[did you make a wish|what did you wish for]?" asked {f}. "[I need no wish. I
      have you|I cannot say it|that there is more cake]," said {h}, and everybody laughed.
      <Glad:h>)"},

    // A new child in the village.
    {"plot", R"({h:=child}{f:=child}{t:=toy}{p:=kin}<open:h>
      // <scene> a new family came to live [next door|on {*neighbour.street}]. there was a
      {f.kind}, too. {f.his} name was {f}. {f} [stood at the fence|looked out of the window|sat
      on the steps] and said nothing. {f.he} [did not know anybody|missed {f.his} old home].
      "[why does {f.he} not play|is {f.he} sad]?" {h} asked {h.his} {p}. "[it is hard to be
      new|go and ask {f.him}]," said {h.his} {p}.
      // {h} took {h.his} {t} and [went over|walked to the fence]. <hello:h,f> {f} looked down.
      [{f.he} was very shy.|{f.he} only shook {f.his} head.] {h} did not know what to say, so
      {h.he} began to play alone. {h.he} [dropped the {t}|made a funny face|fell over {h.his}
      own feet]. {f} [laughed|had to laugh|began to smile]. "you are funny," said {f}. "[do you
      want to try|do you know how this works|your turn]?" asked {h}.
      // and so they played. {f} [showed {h} a new game|could whistle with two fingers|knew how
      to draw a {*animal}]. {h} showed {f} {pl:=place}{pl}. [they saw {pl.sights}.|] when it was
      time to go home, {f} said, "[will you come tomorrow?|are you my friend now?|I am not so
      sad any more.]" "[yes|of course|tomorrow and every day]," said {h}.
      // [that is how {h} and {f} became friends.|a {t} and a smile are enough to make a
      friend.] <end:h,f>)"},

    // A contest where being different helps.
    {"plot", R"({h:=beast}{f:=beast}{g:=beast}<open:h> {h} [had very long ears|had a crooked
      tail|was the smallest of all|had big feet|had a spot on {h.his} nose|could not sing]. {g},
      a <badtrait> {g.kind}, [always laughed at {h.him}|made fun of {h.him}]. "[look at you|you
      look silly|you can never play with us]!" said {g}. <Sad:h> only {f} was [kind|nice] to
      {h.him}. "[I like you as you are|do not listen to {g.him}]," said {f}.
      // <scene> they all went to {pl:=place}{pl}. {g} ran ahead as always and did not look.
      [splash! {g} fell into the water|crack! {g} fell into a deep hole|{g} got stuck between
      two stones]. "[help|get me out]!" cried {g}. [everybody tried|{f} tried first], but nobody
      could [reach {g.him}|get to {g.him}]. "[let me try|I think I can do it]," said {h}. and
      just because {h} was [so different| not like the others], {h.he} [could do it|knew how].
      {h} [held out a branch|pulled and pulled|let down a rope], and {g} was [free| safe].
      // {g} was [wet|dirty] and very quiet. "[why did you help me?|I was so mean to you],"
      {g.he} said. "[you needed help|because I know how it feels to be alone]," said {h}. {g}
      [looked at the ground|was ashamed]. "I am sorry, {h}. [you are great as you are|I will
      never laugh at you again]." [and {g.he} kept {g.his} word.|and so the three became
      friends.] <Glad:h>)"},
};

}  // namespace

void add_play_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
