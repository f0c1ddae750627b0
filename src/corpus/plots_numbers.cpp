// Plots with numbers in them: counting, sharing out, adding and taking away. Every sum is right.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    {"marker", "[stones|shells|nuts|buttons|acorns|sticks|beads]"},
    // Gathering and counting together.
    {"plot", R"({h:=hero}{f:=hero}{t:=fruit}{n:=2..12}{m:=2..12}{all:=n+m}<open:h> <scene> {h}
      and {f} went to [pick|gather|look for] {t.s}. "[who finds the most?|let us see who finds
      more!|let us fill the basket!]" said {f}. {h} [looked high|went left] and {f} [looked
      low|went right]. <onway:h>
      // [after an hour|when the sun was high|later] they came back. {h} had {n} {t#n}. {f} had
      {m} {t#m}. "[how many is that together|how many do we have]?" asked {h}. {f} put them [in
      a row|in the grass] and counted. "{n} and {m} make {all}. [we have {all} {t#all}|{all}
      {t#all} in all]!" they [were amazed|danced around them].
      // then {g:=hero}{g} came by. {g} had [found none|an empty basket and a long face]. {h}
      and {f} looked at each other. {away:=1..3}"[take some of ours|here are {away} for you|we
      have enough]," said {h}, and gave {g} {away} {t#away}. "{all} take away {away}," said {f}.
      "{left:=all-away}now we have {left}. [that is still a lot|that is enough for us]." [so
      everybody had some.|they ate until they were full.|{g} sang a song to thank them.]
      <end:h,f>)"},

    // Fair shares: dividing so that everybody has the same.
    {"plot", R"({h:=child}{f:=child}{g:=child}{p:=kin}{t:=food}{k:=2..6}{all:=k*3}<open:h>
      {h.his} {p} gave {h} a [bag|basket|box] with {all} {t.s}. "[share them with your
      friends|they are for all of you]," {p.he} said[ with a smile|]. {h} called {f} and {g}.
      // "[I want the most, I am the tallest|I am the oldest, so I get more]," said {f}. "[I
      want the biggest|no, I do]," said {g}. [they all talked at once.|it got loud.]
      "[stop|wait|quiet]!" said {h}. "[there are three of us. let us share like this:|I know
      what is fair:] one for you, one for you, one for me." and {h} [gave them out|put them
      down] one by one, until all {all} were gone.
      // "[count yours|how many do you have], {f}." "{k}," said {f}. "and I have {k} too," said
      {g}. "and I have {k}," said {h}. {k} and {k} and {k} make {all}. [everybody had the
      same.|nobody had more and nobody had less.] they were <glad_word>. "[that was fair|next
      time I will count|it tastes better without a fight]," said {f}. [and when {a:=land}a {a}
      came, each gave it one {t}.|they ate them in the sun.] <end:h,g>)"},

    // Counting days to something.
    {"plot", R"({h:=child}{p:=old}{n:=3..7}{t:=treat}{pl:=place}<open:h> {h.his} {p} lived far
      away, near {pl}. "[I will come in|I am coming in] {n} days," {p.he} [wrote| said on the
      phone]. {h} <glad:h>. but {n} days are long! {h} [took|found] {n} {w:=<marker>}{w} and put
      them [in a row|on the table]. each night {h.he} took one away.
      // on the first day {h} <chore:h>. then there were {b:=n-1}{b} left. on the second day it
      rained and {h} [drew a {*animal} for {h.his} {p}|looked out of the window]. then there
      were {c:=n-2}{c}. [{h} asked, "can the days go faster?" "if you sleep, they do," said
      {h.his} mom.|"the clock is slow," said {h}.] [every day {h.he} went to the gate to
      look.|{h.he} learned a poem for {h.his} {p}.]
      // at last there were no more {w}. {h} [was up before the sun|stood at the gate]. there
      came [the bus|a cart|a boat]! {h.his} {p} [got out|climbed down] with a big bag. in the
      bag was a {t}. "[how you have grown!|come here, my dear!|did you wait long?]" said
      {p.call}. {h} ran into {p.his} arms. "[only {n} days, but they were long|I counted every
      day]," {h.he} said. <Glad:h>)"},

    // A clever child finds the mistake in a sum.
    {"plot",
     R"({h:=child}{nb:=neighbour}{t1:=food}{t2:=ware}
      {a:=t1.price}{b:=t2.price}{sum:=a+b}{wrong:=sum+2}<open:h>
      {h} was good with numbers. <scene> {h.he} went to the market with {h.his}
      [mom|dad|grandma|grandpa]. {nb}, the {nb.job}, was there too and wanted to buy a {t1} and
      a {t2}. [the man behind the table|the seller] was [tired|in a hurry]. "a {t1} is
      {a.coins}, and a {t2} is {b.coins}. that makes {wrong.coins}," he said.
      // {nb} [began to pay|took out the money]. "[wait|excuse me|stop]!" said {h}. "[that is
      not right|there is a mistake]. {a} and {b} make {sum}." the man [looked at {h}| frowned].
      "[who is this?|you are small]," he said. "[let us count|count with me]," said {h}. they put
      {a.coins} on the table, and then {b.coins} more. they counted all of them. there were
      {sum}.
      // "[you are right|I am sorry, I made a mistake]," said the man[, and his ears turned
      red|]. "[that can happen to anybody|everybody makes mistakes]," said {h}. {nb} paid
      {sum.coins} and [laughed|thanked {h}]. "[without you I would have paid two coins too
      much|you are a clever {h.kind}], {h}. here are the two coins. they are yours now." {h}
      <glad:h>. [it pays to count twice.|on the way home {h.he} counted everything: trees, dogs
      and clouds.])"},

    // Ten little things, one by one fewer.
    {"plot", R"({h:=hero}{a:=land}{n:=4..7}{b:=n-1}{c:=n-2}{d:=n-3}{pl:=place}<open:h>
      {pl.where} lived {n} {a.s}. every day {h} [came to see|visited] them and counted: {n}. but
      <time> {h} counted only {b}. "[one is gone|one is missing]," said {h}. {h.he}
      [looked|searched] <outspot>. there it was! it [slept|was asleep] in the sun.
      // the next day there were only {c}. "now two are gone," said {h}. one had [gone to
      drink|gone to look for food]. {a.s} eat {a.eats}. and the other? it was stuck in the
      fence. {h} [helped it out|pulled it free]. then the day after there were {d}. {h} <sad:h>.
      "[where do you all go|will they all go away]?" {h.he} asked {f:=neighbour}{f}, the
      {f.job}.
      // {f} [laughed|smiled] and [took {h.him} by the hand|showed {h.him} the way]. "[be very
      quiet|come and look]," said {f}. behind {*place} were all the lost ones. and with them was
      [something small|a secret]: a {a.young}! they had [come|gone] there to see it. {h} counted
      again: {n} and one make {e:=n+1}{e}. <Glad:h> [from now on {h} counted to {e}.|sometimes
      you lose one and find two.])"},
};

}  // namespace

void add_number_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
