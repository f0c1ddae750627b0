// Words and sentences that every plot may use. {x} is who it is about, {y} who or what else.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kWords[] = {
    {"colour", "[red|blue|green|yellow|pink|purple|orange|brown|white|black|silver|golden]"},
    {"size", "[little|small|tiny|big|huge|tall|round|long|wide|giant]"},
    {"small", "[little|small|tiny]"},
    {"look", "[shiny|bright|pretty|lovely|soft|smooth|new|old|nice|fine|clean|dusty|beautiful]"},
    {"bigold", "[big|old|large|tall|wide|grey|strange|quiet]"},
    {"trait",
     "[kind|brave|curious|clever|happy|cheerful|gentle|playful|careful|shy|quiet|busy|"
     "friendly|funny|polite|merry|bold|silly|patient|helpful|proud]"},
    {"badtrait", "[grumpy|bossy|lazy|selfish|greedy|rude|mean|stubborn|careless|noisy]"},
    {"glad_word", "[happy|glad|proud|cheerful|pleased|excited|delighted|joyful]"},
    {"sad_word", "[sad|upset|unhappy|worried|sorry|lonely|gloomy]"},
    {"scared_word", "[scared|afraid|frightened|nervous]"},
    {"tired_word", "[tired|sleepy|worn out|weary]"},
    {"softly",
     "[softly|gently|quietly|kindly|slowly|in a small voice|with a smile|in a soft voice]"},
    {"quickly", "[quickly|at once|right away|as fast as {x.he} could|in a hurry|very fast]"},
    {"very", "[very|so|really|quite|very, very]"},
    {"time",
     "[one day|one morning|one afternoon|one sunny day|one day after lunch|early one morning|"
     "on Monday|on Saturday|one evening|one warm day|one cold morning|one spring day|"
     "one autumn day|last summer|one windy day|on a quiet Sunday|one bright morning]"},
    {"later",
     "[later|after a while|a little later|soon|then|at last|in the end|before long|"
     "some time later|after some time|a few minutes later|next]"},
    {"suddenly", "[suddenly|just then|all at once|at that moment|out of nowhere]"},
    {"room", "[kitchen|bedroom|living room|hall|attic|cellar|bathroom]"},
    {"spot",
     "[under the bed|behind the sofa|in the kitchen|under the table|in the closet|"
     "behind the door|on the stairs|under the rug|in the bath|beside the stove|"
     "on top of the shelf|behind the curtain|in the laundry basket|in {x.his} bag]"},
    {"outspot",
     "[under a bush|behind a tree|in the tall grass|beside a stone|on a low branch|"
     "near the gate|under a pile of leaves|next to the fence|in a hollow log|by the path]"},
    {"game", "[tag|hide and seek|catch|hopscotch|pirates|school|shop|house|leapfrog|ball]"},
    {"hobby",
     "[paint|draw|sing|dance|read|run|climb trees|build towers|look for bugs|pick flowers|"
     "count the stars|play [outside|in the mud|with blocks|by the water|with friends|ball]|"
     "help in the kitchen|collect [stones|shells|leaves|feathers|buttons]|watch the clouds|"
     "tell jokes|ask questions|listen to stories|jump in puddles|splash in the [pond|"
     "puddles|bath]|make up songs|ride fast|dig holes|feed the birds|explore new places]"},
    {"flower", "[rose|daisy|tulip|sunflower|violet|buttercup|poppy|bluebell]"},
    {"season", "[spring|summer|autumn|winter]"},
    {"said", "[said|said|said|told {y.him}|answered|replied]"},
    {"weather",
     "[the sun was shining|the sun was warm|the sky was blue|the birds were singing|"
     "a soft wind was blowing|white clouds were in the sky|the air was fresh|"
     "it was [warm|cool|quiet|bright] outside|"
     "the grass was wet with dew|there was not one cloud in the sky]"},
    {"day", "[Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday]"},
};

constexpr Rule kPhrases[] = {
    // --- beginnings
    {"open", R"([once upon a time, there was|there once was|long ago, there was| once there
      was|once upon a time, in [Pebble Bay|a small village|a quiet town], there was] a
      [<small>|<trait>|<small>, <trait>] {x.kind} [named|called|whose name was] {x}.
      [<about:x>|<about:x> <about:x>])"},
    {"open", R"({x} was a [<trait>|<small>|<small> but <trait>] {x.kind} [who|that]
      [loved|liked] to <hobby>[ and <hobby>|]. [<about:x>|])"},
    {"open", R"([once upon a time,|long ago,|] a [<trait>|<small>] {x.kind} named {x} lived
      [with {x.his} family |near {*place} |in a <size> house |not far from {*place} |] [in
      Pebble Bay|in a small village|on the edge of the village]. [<about:x>|])"},
    {"open", R"(this is [the|a] story [of|about] a [<trait>|<small>] {x.kind}. {x.his} name was
      {x}. <about:x>)"},
    {"open", R"(in a [little old|small white|crooked little|cozy little|tidy little|tall
      narrow|neat little|low stone|small wooden|round little] [house|cottage|home] near {*place}
      lived a {x.kind} named {x}. {x.he} was [very|always|] <trait>. [<about:x>|])"},
    {"open", R"([every day,|every morning,|each day after breakfast,|most days,] a <small>
      {x.kind} named {x} [went out to|liked to|would] <hobby>. [<about:x>|])"},
    {"about", R"({x.he} [loved|liked|wanted] to <hobby>[ all day| every day| more than anything|
      in the sun|].)"},
    {"about", R"({x.he} [was|was always|was often] <trait> and <trait>.)"},
    {"about", R"({x.his} [favorite|best] [color was <colour>|food was {*food.s}|season was
      <season>| game was <game>|animal was the {*animal}|place was {*place}].)"},
    {"about", R"({x.he} had [<colour> [boots|ears|eyes|socks]|a [very loud|sweet|funny] laugh| a
      <look> <colour> hat|many [friends|questions|ideas]|a <small> garden].)"},
    {"about", R"([everybody|everyone|all the neighbors] [said that {x} was|thought {x.he}
      was|liked {x} because {x.he} was]
      [kind|brave|clever|cheerful|gentle|friendly|funny|polite|helpful|patient|honest|good].)"},
    {"about", R"({x} [was good at making things|knew many songs|had never been far from home|
      could run very fast|asked a lot of questions|was the youngest in the family| always [said
      please and thank you|had dirt on {x.his} nose|had a song to sing]].)"},
    {"scene", R"([one day|one morning|one afternoon|on <day>|last week|the other day],
      <weather>, and)"},
    {"scene", R"([one day|one morning|one afternoon|on <day>|early on <day>|after lunch|after
      breakfast], when <weather>,)"},
    {"scene", R"(<time>,)"},
    {"scene", R"(<time>,)"},
    {"scene", R"(it was <day>, and <weather>. [after lunch|that day|that morning|after
      breakfast|before dinner],)"},
    {"scene", R"(it was a [nice|fine|lovely|warm|cool|bright|clear|quiet|windy|grey|sunny]
      [day|morning|afternoon] in <season>.)"},
    // --- feelings. Clauses without a full stop, and whole sentences.
    {"glad", "[was|felt] [<very>|so|very|] <glad_word>"},
    {"glad", "<glad_act:x>"},
    {"glad_act",
     "[smiled|laughed|clapped [|{x.his} hands]|jumped up and down|danced with joy|"
     "gave a [big|little|wide] smile|could not stop smiling]"},
    {"Glad", "{x} <glad:x>."},
    {"Glad", "{x} [was|felt] [very|so|really|quite] <glad_word> and <glad_act:x>."},
    {"Glad", "{x} <glad_act:x>."},
    {"Glad", "[how <glad_word> {x} was!|it was [the best|a wonderful|a very good] day for {x}.]"},
    {"sad", "[was|felt] [<very>|so|a little|] <sad_word>"},
    {"sad", "<sad_act:x>"},
    {"sad_act",
     "[began to cry|started to cry|wanted to cry|had tears in {x.his} eyes|hung {x.his} head|"
     "sat down and cried|sighed|let out a long sigh]"},
    {"Sad", "{x} <sad:x>."},
    {"Sad", "{x} <sad_act:x>."},
    {"Sad", "{x} [was|felt] [very|so|really|quite] <sad_word> and <sad_act:x>."},
    {"Sad", "a [big |hot |] tear [ran|rolled|fell] down {x.his} [cheek|face|nose]."},
    {"scared", "[was|felt] [<very>|a little|so|] <scared_word>"},
    {"scared",
     "[began to shake|held {x.his} breath|did not dare to move|closed {x.his} eyes|"
     "wanted to run away|hid {x.his} face]"},
    {"hug",
     "[gave {y} a [big|warm|long|tight] hug|hugged {y}|put an arm around {y}|"
     "held {y}'s hand|smiled at {y}|kissed {y} on the [cheek|head|nose]]"},
    // --- talk. {x} speaks to {y}.
    {"asks", "[asked|asked {y}]"},
    {"ask_wrong", R"("[what is wrong|what is the matter|why are you [crying|so sad|so quiet]|
      are you all right|what happened|why do you look so sad]?" [asked {x.call}|{x.call}
      asked|{x.call} asked <softly>].)"},
    {"ask_help", R"("[can|could|will] you [please |]help me[, please|]?" [asked {x}|{x} asked|
      {x} said to {y}].)"},
    {"ask_help", R"("[please help me,|I need help,|I cannot do [this|it] alone,]" said {x}.)"},
    {"yes_help", R"("[of course|yes|sure|yes, of course|I will help you|I would love to help|
      let us do it together|do not worry, I can help][.|!|, {x}.]" [said|answered|replied] {y}[|
      <softly>| with a smile].)"},
    {"yes_help", R"({y} [nodded|smiled|nodded and smiled]. "[of course|yes|sure|I will help|let
      us try together|I know what to do][!|.|, {x}!]")"},
    {"thanks", R"("[thank you|thank you so much|thank you very much|thanks|oh, thank you][,
      {y.call}|]!" [said {x}|{x} said|cried {x}|{x} said with a smile|{x} said <softly>].)"},
    {"thanks", R"({x} [thanked {y}|said thank you to {y}|thanked {y} again and again| thanked
      {y} with a [hug|smile|song]].)"},
    {"welcome", R"("[you are welcome|I am glad to help|that is what friends are for| it was
      nothing|any time|I am happy that you are happy][, {x.call}|][.|!]" [said|answered|replied]
      {y}.)"},
    {"hello", R"("[hello|hi|good morning|hello there|hi there][, {y.call}|][.|!] [what are you
      doing|how are you|where are you going|do you want to play][ today|]?" [asked {x}|{x}
      asked|said {x}].)"},
    {"idea", R"([then|but then|suddenly|after a while], {x} had [an|a good|a clever|a great|a
      funny] idea.)"},
    {"idea", R"({x} thought [hard|for a while|and thought|about it]. [then|at last|soon] {x.he}
      [had an idea|knew what to do|smiled].)"},
    {"lets", R"("[let us|we can|we could|why don't we|shall we])"},
    // --- small episodes on the way, for anyone anywhere
    {"onway", R"(on the way, {x} saw a {pet:=land}<size> {pet}. [it [looked at {x.him}|ran
      away| sat very still|seemed [busy|tired|hungry|happy]].|"hello, {pet}!" said {x}. [the
      {pet} just looked at {x.him}.|the {pet} [ran|went] back to {pet.home}.]|])"},
    {"onway", R"(the [path|road|way] was [long|steep|narrow|muddy|dusty|full of stones], but {x}
      [did not mind|kept going|sang a song|did not stop|walked on].)"},
    {"onway", R"({x} [walked|went] past {spot1:=place}{spot1} and [saw|looked at]
      {spot1.sights}.)"},
    {"onway", R"([a <small> bird [sang|was singing] in a tree|the wind [played with|blew
      through] the leaves|a <colour> butterfly flew by|the sun [was warm on|shone on] {x.his}
      face|somewhere a dog barked]. {x} [smiled|stopped to [look|listen]|hummed a tune|felt
      good].)"},
    {"onway", R"({x} met {nb:=neighbour}{nb}, the {nb.job}. "[good morning|good day|hello],
      {x}!" said {nb}. "[it is a fine day|take care|have a nice day|you look happy today][.|!]"
      {x} waved [back|] and went on.)"},
    {"onway", R"(after some time, {x} [was|got] hungry. {x.he} [sat down|stopped] and ate a
      {snack:=food} {snack}. [it was [tasty|very good|so good]. |]then {x.he} went on.)"},
    {"maybe_onway", "<onway:x>"},
    {"maybe_onway", "<onway:x>"},
    {"maybe_onway", ""},
    {"go", "[went|walked|ran|hurried|set off|skipped]"},
    {"looked", "[looked|searched|looked and looked|hunted|peeked]"},
    // --- endings
    {"end", R"([from that day on,|from then on,|after that,|ever since that day,] {x} [and {y}
      were [best|good|great] friends|and {y} played together [every day|often]| and {y} always
      helped each other|never forgot [that day|what {y} had done for {x.him}]].)"},
    {"end", R"({x} and {y} [were both|felt] <glad_word>. [they [went home|played until
      [dark|dinner]| laughed and laughed|sang all the way home] together.|])"},
    {"end", R"(they [lived happily ever after|were happy|had a [wonderful|great|lovely]
      [day|time]]. [the end.|])"},
    {"end", R"(that night, {x} [fell asleep|went to bed|slept well] with a [smile|big smile] on
      {x.his} face. [{x.he} dreamed of [{y}|{*place}|{*food.s}|flying|the next day].|])"},
    {"end", R"([when the sun went down|in the evening|at the end of the day|before dinner], {x}
      [ran|walked|went] home [and told {x.his} family [everything|the whole story|about {y}]|
      [tired|hungry] but <glad_word>].)"},
    {"end", R"({x} [looked at|smiled at|hugged] {y} and [smiled|laughed]. "[what a [day|good
      day|lovely day]|this was fun|I am so happy|let us do this again|you are my best friend]!"
      {x.he} said.)"},
};

}  // namespace

void add_words(TaleGrammar& grammar) { add_rules(grammar, kWords); }
void add_phrases(TaleGrammar& grammar) { add_rules(grammar, kPhrases); }

}  // namespace quire
