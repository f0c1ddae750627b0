// Fact sheets: short documents that say what is true in the world, as descriptions, as questions
// with answers, as sums and as causes.
#include "corpus/plots.h"

namespace quire {
namespace {

constexpr Rule kRules[] = {
    // --- sentences about one thing t
    {"ware_fact", R"([a {t} costs {t.price}.|the price of a {t} is {t.price}.|you can buy a {t}
      for {t.price}.|you pay {t.price} for a {t}.])"},
    {"ware_fact", R"([it|a {t}|every {t} in Pebble Bay] is made of {t.material}.)"},
    {"ware_fact", R"([you use a {t}|people use it|a {t} is there|it is good] {t.use}.)"},
    {"ware_fact", R"([it is kept|you find it|people keep it|at home it is] {t.where}.)"},
    {"ware_fact", R"([{t.shop} sells it.|you can buy it at {t.shop}.|it comes from {t.shop} on
      {t.street}.|{t.call} sells it.])"},
    {"fruit_fact", R"([a {t} costs {t.price}.|one {t} is {t.price}.|{t.price} will buy a {t}.])"},
    {"fruit_fact", R"([a ripe {t} is {t.colour}.|the color of a {t} is {t.colour}.])"},
    {"fruit_fact", R"([it tastes {t.use}.|a {t} tastes {t.use}.])"},
    {"fruit_fact", R"([it grows on {t.material}.|a {t} grows on {t.material}.])"},
    {"fruit_fact", R"([you can buy it at {t.shop}.|{t.call} sells {t.s} at {t.shop}.])"},
    {"treat_fact", R"([a {t} costs {t.price}.|the price of a {t} is {t.price}.])"},
    {"treat_fact", R"([it is made of {t.material}.|for a {t} you need {t.material}.])"},
    {"treat_fact", R"([it tastes {t.use}.|a {t} tastes {t.use}.])"},
    {"treat_fact", R"([you can buy it at {t.shop}.|{t.call} sells it at {t.shop} on {t.street}.])"},
    {"animal_fact", R"([a {t} eats {t.eats}.|{t.s} eat {t.eats}.|what does a {t} eat? it eats
      {t.eats}.])"},
    {"animal_fact", R"([a {t} lives in {t.home}.|its home is {t.home}.|the home of a {t} is
      {t.home}.])"},
    {"animal_fact", R"([a {t} {t.sound}.|when you listen to a {t}, it {t.sound}.])"},
    {"animal_fact", R"([a {t} has {t.d} legs.|it has {t.d} legs.])"},
    {"animal_fact", R"([a young {t} is called a {t.young}.|the little one of a {t} is a
      {t.young}.])"},
    {"animal_fact", R"([a {t} has {t.material}.|it has {t.material}.])"},
    {"person_fact", R"([{t} lives on {t.street}.|the house of {t} is on {t.street}.])"},
    {"person_fact", R"([{t.he} has a {t.young}.|{t}'s pet is a {t.young}.|{t} keeps a
      {t.young}.])"},
    {"person_fact", R"([the door of {t.his} house is {t.colour}.|{t} has a {t.colour} door.])"},
    {"person_fact", R"([{t.he} {t.use}.|{t} {t.use}.|every day {t} {t.use}.])"},
    {"place_fact", R"([{t.where} there are {t.sights}.|{t.where} you can see {t.sights}.])"},
    {"place_fact", R"([north of {t} is {t.north}.|if you go north from {t}, you come to
      {t.north}.|{t} lies south of {t.north}.])"},
    {"shop_fact", R"([{t} is on {t.street}.|you find {t} on {t.street}.])"},
    {"shop_fact", R"([{t} sells {t.use}.|you go to {t} to buy {t.use}.])"},
    {"shop_fact", R"([{t.call} works at {t}.|the owner of {t} is {t.call}.])"},

    // --- descriptions. The first sentence of each names its subject.
    {"ware_sheet", R"({t:=ware}[a {t} is a {t.kind}.|do you know what a {t} is? it is a
      {t.kind}.|every child knows a {t}.|this is about a {t}.] <ware_fact> <ware_fact>
      <ware_fact> [<ware_fact>|])"},
    {"fruit_sheet", R"({t:=fruit}[I like {t.s}.|here is a {t}.|do you want a {t}?|this is a
      {t}.|a {t} is good to eat.] <fruit_fact> <fruit_fact> [<fruit_fact>|])"},
    {"treat_sheet", R"({t:=treat}[I like {t.s}.|here is a {t}.|do you want a {t}?|children love
      {t.s}.|a {t} is a treat.] <treat_fact> <treat_fact> [<treat_fact>|])"},
    {"animal_sheet", R"({t:=animal}[a {t} is an animal.|do you know the {t}?|look, there is a
      {t}!|this is a {t}.|here comes a {t}.] <animal_fact> <animal_fact> <animal_fact>
      [<animal_fact>|])"},
    {"person_sheet", R"({t:=neighbour}{t} is a {t.job} in Pebble Bay. <person_fact>
      <person_fact> [<person_fact>|])"},
    {"place_sheet", R"({t:=place}[do you know {t}?|I like {t}.|come with me to {t}.|this is
      {t}.] <place_fact> <place_fact>)"},
    {"shop_sheet", R"({t:=shop}[do you know {t}?|let us go to {t}.|many people go to {t}.|this
      is {t}.] <shop_fact> <shop_fact>)"},
    {"sheet", "<ware_sheet>"},
    {"sheet", "<fruit_sheet>"},
    {"sheet", "<treat_sheet>"},
    {"sheet", "<animal_sheet>"},
    {"sheet", "<animal_sheet>"},
    {"sheet", "<person_sheet>"},
    {"sheet", "<place_sheet>"},
    {"sheet", "<shop_sheet>"},
    {"sheet", "<ware_sheet>"},
    {"facts", "<sheet> // <sheet>"},
    {"facts", "<sheet> // <sheet> // <sheet>"},
    {"facts", "<animal_sheet> // <animal_sheet>"},
    {"facts", "<person_sheet> // <sheet>"},
    {"facts", R"({a:=ware}{b:=ware}{c:=food}a {a} costs {a.price}, a {b} costs {b.price} and a
      {c} costs {c.price}. {x1:=a.price}{x2:=b.price}{all:=x1+x2}[if you buy the {a} and the
      {b}, you pay {all.coins}.|the {a} and the {b} together cost {all.coins}.] [the {a} is made
      of {a.material} and the {b} of {b.material}.|you use the {a} {a.use} and the {b}
      {b.use}.|you can buy the {c} at {c.shop}.])"},

    // --- questions and answers
    {"qa", R"({t:=ware}[how much is a {t}? a {t} costs {t.price}.|what does a {t} cost? it costs
      {t.price}.])"},
    {"qa", R"({t:=ware}what is a {t} made of? it is made of {t.material}.)"},
    {"qa", R"({t:=ware}[what do you use a {t} for? you use it {t.use}.|what is a {t} good for?
      it is good {t.use}.])"},
    {"qa", R"({t:=ware}where do people keep a {t}? they keep it {t.where}.)"},
    {"qa", R"({t:=thing}[where can I buy a {t}? you can buy a {t} at {t.shop}.|who sells a {t}?
      {t.call} sells it.])"},
    {"qa", R"({t:=fruit}what color is a ripe {t}? it is {t.colour}.)"},
    {"qa", R"({t:=fruit}what does a {t} grow on? it grows on {t.material}.)"},
    {"qa", R"({t:=animal}what does a {t} eat? it eats {t.eats}.)"},
    {"qa", R"({t:=animal}where does a {t} live? it lives in {t.home}.)"},
    {"qa", R"({t:=animal}how many legs does a {t} have? it has {t.d} legs.)"},
    {"qa", R"({t:=animal}what do you call a young {t}? it is called a {t.young}.)"},
    {"qa", R"({t:=neighbour}where does {t} live? {t.he} lives on {t.street}.)"},
    {"qa", R"({t:=neighbour}what is the job of {t}? {t.he} is a {t.job}.)"},
    {"qa", R"({t:=neighbour}which pet does {t} have? {t.he} has a {t.young}.)"},
    {"qa", R"({t:=neighbour}what color is the door of {t}? it is {t.colour}.)"},
    {"qa", R"({t:=place}what is north of {t}? {t.north} is north of {t}.)"},
    {"qa", R"({t:=shop}where is {t}? it is on {t.street}.)"},
    {"qa", R"({t:=cause}what happened when {t}? {t.use}.)"},
    {"qa", R"({n:=0..20}{m:=0..20}{s:=n+m}[what is {n} and {m}? it is {s}.|how much is {n.d}
      plus {m.d}? it is {s.d}.])"},
    {"qa", R"({n:=1..20}{m:=0..n}{s:=n-m}[what is {n} take away {m}? it is {s}.|how much is
      {n.d} minus {m.d}? it is {s.d}.])"},
    {"facts", "<qa> // <qa> // <qa> // <qa>"},
    {"facts", "<qa> // <qa> // <qa> // <qa> // <qa> // <qa>"},

    // --- sums
    {"sum", R"({n:=1..20}{m:=1..20}{s:=n+m}{t:=thing}[{n} {t#n} and {m} {t#m} make {s} {t#s}.|if
      you have {n} {t#n} and get {m} more, you have {s} {t#s}.])"},
    {"sum", R"({n:=2..20}{m:=1..n}{s:=n-m}{t:=thing}[{n} {t#n} take away {m} {t#m} leaves {s}
      {t#s}.|if you have {n} {t#n} and give away {m}, you have {s} left.])"},
    {"sum", R"({n:=0..20}{m:=0..20}{s:=n+m}[{n.d} + {m.d} = {s.d}.|{n} plus {m} is {s}.|{n} and
      {m} is {s}.])"},
    {"sum", R"({n:=0..30}{m:=0..n}{s:=n-m}[{n.d} - {m.d} = {s.d}.|{n} minus {m} is {s}.])"},
    {"sum", R"({n:=2..9}{m:=2..9}{s:=n*m}[{n} times {m} is {s}.|{n.d} x {m.d} = {s.d}.])"},
    {"sum", R"({t:=thing}{n:=2..9}{p:=t.price}{s:=n*p}one {t} costs {p.coins}. {n} {t.s} cost
      {s.coins}.)"},
    {"sum", R"({t:=thing}{p:=t.price}{m:=1..9}{s:=p+m}{h:=child}{h} has {s.coins} and buys a {t}
      for {p.coins}. {h} has {m.coins} left.)"},
    {"facts", "<sum> <sum> <sum> <sum>"},
    {"facts", "<sum> <sum> <sum> <sum> <sum> <sum>"},

    // --- causes
    {"because", R"({t:=cause}[because {t}, {t.use}.|{t.use} because {t}.|{t}. that is why
      {t.use}.|{t}, so {t.use}.])"},
    {"facts", "<because> <because> <because> <because>"},
    {"facts",
     "{h:=child}{h} looked around and asked why. // <because> <because> <because> now {h} knew."},
};

}  // namespace

void add_fact_sheets(TaleGrammar& grammar) { add_rules(grammar, kRules); }

}  // namespace quire
