// Plots in and around the house. Slots: h the hero, f a friend, p a parent, t a thing.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    // Something is lost, looked for in wrong places, and found.
    {"plot", R"({h:=child}{p:=kin}{t:=toy}{c:=<colour>}<open:h> [{h} had a {c} {t} that {h.he}
      [loved|liked] very much.| {h}'s [best|favorite] toy was a {c} {t}. [it was made of
      {t.material}.|]| for {h.his} birthday, {h} had got a {c} {t}. {h.he} took it everywhere.]
      // <scene> [the {t} was gone!|{h} could not find the {t}.|{h} wanted to play with the {t},
      but it was not there.] {h} <looked> <spot:h>, but [it was not there|there was only a
      {*clothing}| there was nothing but dust]. {h.he} <looked> <spot:h>[, but the {t} was not
      there| . no {t}|. nothing]. <Sad:h>
      // <ask_wrong:p,h> "[I lost my {t}|my {t} is gone|I cannot find my {t} anywhere]," said
      {h}. "[do not cry|do not worry|we will find it]," said {h.his} {p}. "[where did you play
      with it last|where did you see it last|when did you have it last]?" {h} [thought|thought
      hard]. "[in the garden|by the big tree|in the yard|near the pond]!" [^{h.he}
      [cried|said|shouted].|]
      // they [went|ran|walked] out together. [{a:=pet}<lost_animal>|{h.his} {p} looked
      <outspot> and {h} looked <outspot>. "[here it is|I see it|look]!" {h} [shouted|cried]. the
      {c} {t} was [wet|dirty|dusty] but not broken.] <Glad:h> <thanks:h,p> [from that day on,
      {h} always put the {t} back {t.where} at night.| "now I will always put my toys away,"
      {h.he} said.|that night the {t} was {t.where} again, and {h} slept well.])"},
    {"lost_animal", R"([there sat|they saw|under a tree sat] a {a}. [next to it|beside it|under
      it] [was|lay] the {c} {t}! "[you found my {t}|that is my {t}]!" said {h}. the {a} [did not
      want the {t}. it had only slept on it|looked up and went away, back to {a.home}|let {h}
      take it].)"},

    // Afraid of the dark; the noise is something small.
    {"plot", R"({h:=hero}{p:=kin}{a:=<night_noise>}<open:h> but there was one thing {h} did not
      like. [{h.he} was afraid of the dark.|{h.he} did not like the night.|when the light went
      out, {h.he} was always <scared_word>.]
      // [one night|that night|one dark night|one stormy night], {h} was in bed. the room was
      [dark|black|dark and still]. then {h.he} heard a [sound|noise]. [tap, tap, tap|scratch,
      scratch| creak, creak|bump, bump|swish, swish]! {h} <scared:h>. "[{p.call}!
      {p.call}|{p.call}, come here|help]!" {h.he} [called|cried].
      // {h.his} {p} came in with a [lamp|small lamp|candle|light]. "[what is it|what is wrong,
      {h}| why are you awake]?" {p.he} asked <softly:p>. "there is a [monster|ghost|big
      animal|thief] [in the closet|under my bed|at the window|behind the curtain]!" said {h}.
      "[let us look together|let us go and see|come, take my hand]," said {h.his} {p}.
      // {h} [took|held] {p.his} hand. they [looked|went closer] very slowly. [and what did they
      see?| there was no monster at all.|] it was only {a}! {h} [laughed|began to laugh|had to
      laugh]. "[you see|look], [there is nothing to fear|the dark hides only small things|it is
      the same room by day and by night]," said {h.his} {p}.
      // [{p.he} left the door open a little.|{p.he} gave {h} a small light to keep by the bed.|
      {p.he} sang a soft song.] {h} [was not afraid any more|felt safe|felt brave]. [soon|before
      long] {h.he} was [asleep|fast asleep].)"},
    {"night_noise", R"([a branch that hit the window|a moth at the window|a little mouse with a
      crumb| the wind in the curtain|the cat, who wanted to come in|a coat on a hook|an old
      chair| a toy that had fallen down|drops of rain on the roof|a beetle on the floor|the dog,
      who was dreaming])"},

    // Baking with somebody; one thing is missing or goes wrong.
    {"plot", R"({h:=child}{p:=old}{t:=treat}{f:=neighbour}<open:h>
      // <scene> {h} [went to see|visited|was at the house of] {h.his} {p}. "[what shall we do
      today|what do you want to do|are you hungry]?" asked {h.his} {p}. "[let us make a|I want
      to make a|can we make a] {t}!" said {h}. [they put on their aprons.|they washed their
      hands.|{p.his} kitchen was warm and bright.]
      // [first|to begin], they [took|needed] {t.material}. {h} [stirred|mixed] with a big
      spoon. {n:=2..6}[{p.call} broke {n} eggs into the bowl.|{h} counted the [eggs|cups]: {n}
      in all.| {h.he} got flour on {h.his} nose.] [but <oops_bake>|<oops_bake>]
      // [then|after that|now] they put it in the oven. they waited and waited. [soon the
      kitchen smelled [sweet|so good|wonderful].|"is it ready?" asked {h}. "[not yet|wait a
      little|soon]," said {h.his} {p}. "good things [need|take] time."]
      // [at last|finally] the {t} was [done|ready|golden brown]. {h} took a bite.
      "[mmm|yum|oh]! it is [so good|the best {t} in the world|{t.use}]!" {h.he} said. [they
      [took|gave] a piece to {f}, the {f.job}, [who lived on {f.street}|next door]. {f}
      <glad:f>.|they ate it all, and not one crumb was left.|they kept one piece for {h.his}
      [mom|dad|brother|sister].] <Glad:h>)"},
    {"oops_bake", R"({h} [dropped|spilled] the [sugar|flour|milk]! "[oh no|oops]," said {h}.
      "[it does not matter|that can happen to anybody|we will clean it up]," said {p.call}, and
      they [swept|wiped| cleaned] the floor together.)"},
    {"oops_bake", R"(there was no [salt|butter|sugar|milk] left. {h} ran to {f}, the {f.job},
      who lived on {f.street}. {f} [gave {h.him} some|had plenty and gave {h.him} a full cup].
      "[bring me a piece|come back soon]!" said {f}.)"},
    {"oops_bake", R"({h} put in [salt|too much salt] and not sugar. "[taste it|try it]," said
      {p.call}. {h} tasted it and made a face. they both laughed and [began again|started
      again].)"},

    // A toy breaks and is mended.
    {"plot", R"({h:=child}{f:=child}{t:=toy}{p:=kin}{c:=<colour>}<open:h> {h.his} [friend|best
      friend| cousin|neighbor] {f} [often came to play|lived next door|came by every day].
      // <scene> {h} and {f} [played|were playing] with {h}'s {c} {t}. "[let me try!|can I have a
      turn?|my turn!]" said {f}. [but {f} pulled too hard.|{f} held it too tight.|it slipped out
      of {f.his} hands.] [crack|snap|crash]! the {t} [broke|broke in two|fell and broke].
      // {h} <sad:h>. "[you broke it|look what you did|my poor {t}]!" {h.he} [cried|shouted].
      {f} <sad:f>. "[I am sorry|I am so sorry|I did not mean to do it]," said {f} <softly:f>.
      [for a while they did not speak.|{h} turned away.|{h} wanted to be angry, but {f} looked
      so sad.]
      // [then {h.his} {p} came in.|{h.his} {p} heard the noise and came to see.] "[what
      happened here?|oh dear!]" [^{p.he} looked at the {t}.|] "[we can fix it|I think we can
      mend this|this is not so bad]. [bring me|{f}, please get|we need] the [glue|tape|string]."
      {f} [held the pieces|ran to get it] and {h} [helped|watched|held the other end]. [bit by
      bit|slowly|with care] they [fixed| mended] the {t}.
      // [now it had a small line on it, but it worked.|it looked [almost|nearly] as good as
      new.|it was even better than before.] "[I am sorry I shouted|I am not angry any
      more|accidents happen]," {h} said to {f}. [{f} smiled.|<Glad:f>] [a toy can be mended, and
      so can a friendship.|{h} learned that a friend is worth more than a {t}.|after that they
      were more careful.] <end:h,f>)"},

    // Bedtime: somebody does not want to sleep.
    {"plot", R"({h:=hero}{p:=kin}{t:=toy}<open:h>
      // [it was late.|it was night.|the moon was up.|the stars were out.] "[time for bed|it is
      time to sleep|good night], {h}," said {h.his} {p}. but {h} [was not tired|did not want to
      sleep|wanted to play a little more]. "[may I have|can I have|please give me] [a glass of
      water|a story|one more song|one more hug]?" {h.he} asked. so {h.his} {p} [gave {h.him}
      what {h.he} wanted|did that].
      // "[may I have|can I have|and now] [my {t}|another story|a little light]?" asked {h}.
      {h.his} {p} [smiled|sighed|laughed] and [brought|gave] it. then {h} [heard|asked about]
      the [wind|rain|owl|clock]. "[why does it|does it] [sing|make that noise|never sleep]?"
      "[it is saying good night|it is telling you to close your eyes|it is talking to the
      moon]," said {h.his} {p}.
      // [{h} listened.|{h} closed {h.his} eyes to listen better.|{h} lay very still.] {h.he}
      [thought of|counted] {n:=3..9}{a:=land}{n} {a#n} [in a row|on a hill|that jumped over a
      fence]. [one, two, three|the first one was white, the next one was brown]. {h.his} eyes
      [got|became|grew] heavy. [when|before] {h.his} {p} [looked again|could say another word],
      {h} was asleep. "[sleep well|sweet dreams|good night], {h}," {p.he} [said|whispered][ and
      turned out the light|].)"},

    // A rainy day indoors; something new is made from old things.
    {"plot", R"({h:=child}{f:=child}{p:=kin}<open:h>
      // it [rained and rained|had rained all day|was raining hard]. {h} [stood|sat] at the
      window [and watched the drops|with {h.his} friend {f}]. "[I am bored|there is nothing to
      do|I want to go out]," {h.he} said. "[rain is not the end of the world|a wet day can be a
      good day|you can play inside]," said {h.his} {p}. {p.he} [gave|brought] {h.him} a big
      [box|basket|bag] of old [things|cloth and paper|clothes].
      // {f:=child}[{h} called {f}, who lived next door.|soon {h.his} friend {f} came over with
      wet boots.] "[what can we make|what is in the box]?" asked {f}. <idea:h> "let us
      [make|build] a {w:=<rainy_thing>}{w}!" {h.he} said. they took [two chairs and a
      blanket|paper and glue|string and a sheet|an old broom and a hat]. {f} [held|cut|tied] and
      {h} [painted|folded|pushed]. [they worked all morning.|it was not easy.|once it all fell
      down, and they laughed and began again.]
      // [when|at last] it was done, they [played|sat inside|showed it to everybody]. [they ate
      {*treat.s} in it|they pretended to be on {*place}|they told stories in it].
      "[listen|look]!" said {f}. the rain had stopped. [the sun was out|there was a rainbow over
      {*place}]. but {h} [shook {h.his} head| laughed]. "[not yet|five more minutes|let us stay
      here]," {h.he} said. "[our {w} is better than the sun|this is the best rainy day]!"
      <Glad:f>)"},
    {"rainy_thing", "[castle|ship|cave|train|tent|rocket|theater|robot|shop|bus|tower|zoo]"},

    // Helping an old relative; a task, a slip, a thank you.
    {"plot", R"({h:=child}{p:=old}{t:=tool}{a:=land}<open:h> {h.his} {p} lived [on
      {*neighbour.street}|near {*place}|across the road]. {p.he} was [old|very old] and [could
      not see well|walked with a stick| had bad knees].
      // <scene> {h} [came to help|went to help {p.him}]. "[what can I do|how can I help|may I
      help you], {p.call}?" {h.he} asked. "[that is kind|how nice of you|good]," said {h.his}
      {p}. "I cannot find my {t}. I need it {t.use}." {h} looked <spot:h>. {h.he} looked
      {t.where}. [there it was|and there it was], {t.where}! "[here it is|I found it]!" said
      {h}.
      // [then|after that] {h} <chore:h>. {h.he} also <chore:h>. it was [hard|a lot of] work,
      but {h} [did not stop|sang while {h.he} worked|was happy to do it]. [once {h.he} dropped a
      {*tool}, but it did not break.|a {a} watched {h.him} from the window.|]
      // when all was done, {h.his} {p} gave {h} a {*treat} and [a kiss|a big hug|told {h.him} a
      story of long ago]. "[you are a good helper|what would I do without you?|my house has not
      been so clean in years]," {p.he} said. {h} <glad:h>. [helping made {h.him} feel warm
      inside.|"can I come again tomorrow?" {h.he} asked.|work is light when it is done with
      love.])"},
    {"chore",
     "[swept the floor with the broom|washed the cups and plates|watered the flowers|brought in "
     "the wood|fed the hens|folded the blankets|carried the basket from the market|cleaned the "
     "windows|picked up the leaves|made the bed|wiped the table|set the table for dinner]"},
};

}  // namespace

void add_home_plots(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
