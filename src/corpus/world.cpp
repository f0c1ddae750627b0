#include "corpus/world.h"

namespace quire {
namespace {

using enum ThingKind;

constexpr Thing kThings[] = {
    // name, kind, price, material, shop, use, where
    {"ball", toy, 3, "rubber", "the toy shop", "to throw and catch", "in the toy box"},
    {"kite", toy, 5, "paper", "the toy shop", "to fly in the wind", "behind the door"},
    {"doll", toy, 7, "cloth", "the toy shop", "to dress and hug", "on the pillow"},
    {"drum", toy, 8, "wood", "the toy shop", "to make a loud beat", "under the bed"},
    {"toy boat", toy, 6, "wood", "the toy shop", "to float on the pond", "by the bath"},
    {"toy train", toy, 9, "tin", "the toy shop", "to pull along the floor", "on the toy shelf"},
    {"toy car", toy, 4, "tin", "the toy shop", "to race down a ramp", "in the toy box"},
    {"top", toy, 2, "wood", "the toy shop", "to spin on the floor", "in the toy box"},
    {"teddy bear", toy, 10, "wool", "the toy shop", "to cuddle at night", "on the bed"},
    {"puzzle", toy, 6, "card", "the toy shop", "to put together", "on the toy shelf"},
    {"whistle", toy, 2, "tin", "the toy shop", "to call a friend", "on a hook"},
    {"robot", toy, 12, "tin", "the toy shop", "to march up and down", "on the toy shelf"},
    {"jump rope", toy, 3, "string", "the toy shop", "to skip and jump", "on a hook"},
    {"hoop", toy, 4, "wood", "the toy shop", "to roll down a hill", "behind the door"},
    {"puppet", toy, 8, "cloth", "the toy shop", "to put on a show", "in the toy box"},
    {"yo-yo", toy, 2, "wood", "the toy shop", "to go up and down", "in a pocket"},
    {"kettle", tool, 4, "copper", "the pot shop", "to boil water", "on the stove"},
    {"pot", tool, 5, "iron", "the pot shop", "to cook soup", "on the stove"},
    {"pan", tool, 6, "iron", "the pot shop", "to fry eggs", "on a hook"},
    {"cup", tool, 1, "clay", "the pot shop", "to drink from", "on the kitchen shelf"},
    {"bowl", tool, 2, "clay", "the pot shop", "to hold soup", "on the kitchen shelf"},
    {"plate", tool, 2, "clay", "the pot shop", "to hold dinner", "on the kitchen shelf"},
    {"vase", tool, 6, "glass", "the pot shop", "to hold flowers", "on the table"},
    {"jar", tool, 2, "glass", "the pot shop", "to keep jam", "in the cupboard"},
    {"spoon", tool, 1, "wood", "the pot shop", "to stir", "in the drawer"},
    {"hammer", tool, 7, "iron", "the tool shop", "to hit nails", "in the shed"},
    {"saw", tool, 9, "iron", "the tool shop", "to cut wood", "in the shed"},
    {"spade", tool, 8, "iron", "the tool shop", "to dig holes", "in the shed"},
    {"rake", tool, 6, "wood", "the tool shop", "to gather leaves", "in the shed"},
    {"bucket", tool, 4, "tin", "the tool shop", "to carry water", "by the well"},
    {"ladder", tool, 15, "wood", "the tool shop", "to climb up high", "behind the shed"},
    {"lamp", tool, 9, "glass", "the tool shop", "to give light", "by the bed"},
    {"broom", tool, 3, "straw", "the tool shop", "to sweep the floor", "in the corner"},
    {"basket", tool, 3, "straw", "the tool shop", "to carry fruit", "by the door"},
    {"rope", tool, 4, "string", "the tool shop", "to tie things", "in the shed"},
    {"lantern", tool, 11, "glass", "the tool shop", "to light the way", "by the door"},
    {"needle", tool, 1, "steel", "the cloth shop", "to sew", "in the sewing box"},
    {"brush", tool, 2, "hair", "the tool shop", "to paint", "in the drawer"},
    {"clock", tool, 18, "brass", "the tool shop", "to tell the time", "on the wall"},
    {"bell", tool, 7, "brass", "the tool shop", "to ring", "above the door"},
    {"blanket", tool, 9, "wool", "the cloth shop", "to keep warm", "on the bed"},
    {"pillow", tool, 5, "feathers", "the cloth shop", "to rest a head", "on the bed"},
    {"umbrella", tool, 8, "cloth", "the cloth shop", "to keep dry", "by the door"},
    {"bag", tool, 4, "cloth", "the cloth shop", "to carry books", "on a hook"},
    {"pencil", tool, 1, "wood", "the book shop", "to draw", "in the drawer"},
    {"book", tool, 5, "paper", "the book shop", "to read", "on the book shelf"},
    {"map", tool, 3, "paper", "the book shop", "to find the way", "in the drawer"},
    {"hat", clothing, 5, "felt", "the cloth shop", "to cover a head", "on a hook"},
    {"scarf", clothing, 4, "wool", "the cloth shop", "to warm a neck", "on a hook"},
    {"coat", clothing, 14, "wool", "the cloth shop", "to wear in winter", "behind the door"},
    {"shirt", clothing, 6, "cotton", "the cloth shop", "to wear every day", "in the closet"},
    {"dress", clothing, 10, "cotton", "the cloth shop", "to wear at a party", "in the closet"},
    {"boot", clothing, 8, "leather", "the cloth shop", "to walk in mud", "by the door"},
    {"sock", clothing, 1, "wool", "the cloth shop", "to warm a foot", "in the drawer"},
    {"mitten", clothing, 2, "wool", "the cloth shop", "to warm a hand", "in the drawer"},
    {"apron", clothing, 3, "cotton", "the cloth shop", "to keep clean", "in the kitchen"},
    {"belt", clothing, 4, "leather", "the cloth shop", "to hold up pants", "in the closet"},
    // Fruit: what it grows on, its taste, its colour.
    {"apple", fruit, 1, "a tree", "the fruit stall", "sweet", "red"},
    {"pear", fruit, 1, "a tree", "the fruit stall", "soft and sweet", "green"},
    {"plum", fruit, 1, "a tree", "the fruit stall", "juicy", "purple"},
    {"cherry", fruit, 1, "a tree", "the fruit stall", "sweet and tart", "red"},
    {"lemon", fruit, 1, "a tree", "the fruit stall", "sour", "yellow"},
    {"orange", fruit, 2, "a tree", "the fruit stall", "fresh and sweet", "orange"},
    {"peach", fruit, 2, "a tree", "the fruit stall", "soft and juicy", "pink"},
    {"banana", fruit, 2, "a tall plant", "the fruit stall", "soft", "yellow"},
    {"strawberry", fruit, 1, "a low plant", "the fruit stall", "very sweet", "red"},
    {"blueberry", fruit, 1, "a bush", "the fruit stall", "small and sweet", "blue"},
    {"carrot", fruit, 1, "a root in the ground", "the fruit stall", "crunchy", "orange"},
    {"pumpkin", fruit, 4, "a long vine", "the fruit stall", "mild", "orange"},
    {"melon", fruit, 3, "a long vine", "the fruit stall", "cool and sweet", "green"},
    {"tomato", fruit, 1, "a plant with a stick", "the fruit stall", "fresh", "red"},
    {"potato", fruit, 1, "a root in the ground", "the fruit stall", "plain", "brown"},
    // Treats: main ingredient, taste.
    {"cake", treat, 8, "flour, eggs and sugar", "the bakery", "sweet", "on a big plate"},
    {"cookie", treat, 1, "flour and butter", "the bakery", "crisp", "in the cookie jar"},
    {"bun", treat, 1, "flour and milk", "the bakery", "soft", "in a basket"},
    {"pie", treat, 6, "flour and apples", "the bakery", "warm and sweet", "on the window sill"},
    {"muffin", treat, 2, "flour and berries", "the bakery", "soft and sweet", "on a tray"},
    {"pancake", treat, 2, "flour, milk and eggs", "the bakery", "warm and soft", "in the pan"},
    {"loaf of bread", treat, 3, "flour and water", "the bakery", "plain and good",
     "in the bread box"},
    {"pretzel", treat, 2, "flour and salt", "the bakery", "salty", "on a stick"},
    {"jar of honey", treat, 5, "nectar", "the bakery", "very sweet", "in the cupboard"},
    {"sandwich", treat, 3, "bread and cheese", "the bakery", "tasty", "in the lunch box"},
    // Treasures: things of value to somebody.
    {"ring", treasure, 20, "gold", "the gold shop", "to wear on a finger", "in a little box"},
    {"necklace", treasure, 17, "silver", "the gold shop", "to wear around a neck",
     "in a little box"},
    {"button", treasure, 1, "shell", "the cloth shop", "to close a coat", "in the sewing box"},
    {"key", treasure, 3, "iron", "the tool shop", "to open a lock", "under the mat"},
    {"watch", treasure, 19, "silver", "the gold shop", "to tell the time", "in a pocket"},
    {"flute", treasure, 13, "wood", "the gold shop", "to play a tune", "in a long box"},
    {"mirror", treasure, 12, "glass", "the gold shop", "to see one's own face", "on the wall"},
    {"music box", treasure, 16, "brass", "the gold shop", "to play a soft song", "on the shelf"},
    {"medal", treasure, 10, "bronze", "the gold shop", "to honor a winner", "on a ribbon"},
    {"picture frame", treasure, 7, "wood", "the gold shop", "to hold a picture", "on the wall"},
};

constexpr Animal kAnimals[] = {
    // name, young, eats, home, sound, cover, legs
    {"cat", "kitten", "fish", "a warm house", "meows", "soft fur", 4},
    {"dog", "puppy", "meat and bones", "a kennel", "barks", "fur", 4},
    {"rabbit", "baby rabbit", "carrots and grass", "a burrow", "thumps", "soft fur", 4},
    {"mouse", "baby mouse", "seeds and cheese", "a hole in the wall", "squeaks", "grey fur", 4},
    {"fox", "cub", "mice and berries", "a den", "yaps", "red fur", 4},
    {"bear", "cub", "honey and fish", "a cave", "growls", "thick brown fur", 4},
    {"wolf", "cub", "meat", "a den", "howls", "grey fur", 4},
    {"squirrel", "baby squirrel", "nuts", "a hollow tree", "chatters", "a bushy tail", 4},
    {"hedgehog", "baby hedgehog", "beetles and worms", "a pile of leaves", "snuffles", "spines", 4},
    {"duck", "duckling", "weeds and snails", "a nest in the reeds", "quacks", "feathers", 2},
    {"goose", "gosling", "grass and grain", "the farm pond", "honks", "white feathers", 2},
    {"hen", "chick", "corn", "a hen house", "clucks", "feathers", 2},
    {"owl", "owlet", "mice", "an old oak", "hoots", "brown feathers", 2},
    {"robin", "chick", "worms", "a nest in the hedge", "sings", "feathers and a red breast", 2},
    {"crow", "chick", "seeds and bugs", "a nest in a tall tree", "caws", "black feathers", 2},
    {"parrot", "chick", "nuts and fruit", "a cage with an open door", "talks", "green feathers", 2},
    {"horse", "foal", "hay and oats", "a stable", "neighs", "a smooth coat", 4},
    {"cow", "calf", "grass", "a barn", "moos", "a spotted coat", 4},
    {"pig", "piglet", "corn and scraps", "a sty", "oinks", "pink skin", 4},
    {"sheep", "lamb", "grass and clover", "a fold", "bleats", "wool", 4},
    {"goat", "kid", "leaves and twigs", "a shed on the hill", "bleats", "rough hair", 4},
    {"donkey", "foal", "hay and thistles", "a stable", "brays", "grey hair", 4},
    {"frog", "tadpole", "flies", "the pond", "croaks", "wet green skin", 4},
    {"turtle", "baby turtle", "leaves and snails", "the river bank", "hisses", "a hard shell", 4},
    {"snail", "baby snail", "lettuce", "its own shell", "makes no sound", "a shell", 0},
    {"bee", "grub", "nectar", "a hive", "buzzes", "yellow and black stripes", 6},
    {"ant", "grub", "crumbs and seeds", "an ant hill", "makes no sound", "a hard black coat", 6},
    {"spider", "baby spider", "flies", "a web", "makes no sound", "tiny hairs", 8},
    {"butterfly", "caterpillar", "nectar", "the meadow", "makes no sound", "bright wings", 6},
    {"fish", "baby fish", "weeds and tiny bugs", "the river", "makes no sound", "shiny scales", 0},
    {"crab", "baby crab", "weeds and scraps", "a pool in the rocks", "clicks", "a hard shell", 10},
    {"seal", "pup", "fish", "the sea", "barks", "smooth wet fur", 0},
    {"otter", "pup", "fish and crabs", "a hole in the river bank", "whistles", "thick fur", 4},
    {"beaver", "kit", "bark and twigs", "a lodge of sticks", "slaps its tail", "brown fur", 4},
    {"badger", "cub", "worms and roots", "a sett under the hill", "grunts", "black and white fur",
     4},
    {"bat", "pup", "moths", "the church tower", "squeaks", "thin wings", 2},
    {"deer", "fawn", "leaves and grass", "the forest", "calls", "a brown coat", 4},
    {"swan", "cygnet", "water plants", "the lake", "hisses", "white feathers", 2},
    {"pony", "foal", "hay and apples", "a stable", "neighs", "a shaggy coat", 4},
    {"mole", "baby mole", "worms", "a tunnel", "squeaks", "soft black fur", 4},
};

constexpr Neighbour kNeighbours[] = {
    // name, job, street, pet, door, gender, work
    {"Mrs. Hobb", "baker", "Mill Lane", "cat", "red", 'f', "bakes bread and cakes"},
    {"Mr. Tinker", "toy maker", "Bell Street", "parrot", "blue", 'm', "makes and mends toys"},
    {"Mrs. Clay", "potter", "River Road", "goose", "brown", 'f', "makes pots from clay"},
    {"Mr. Steel", "blacksmith", "Bell Street", "dog", "black", 'm', "makes tools from iron"},
    {"Mrs. Thread", "tailor", "Rose Street", "rabbit", "purple", 'f', "sews coats and shirts"},
    {"Mr. Page", "book seller", "Rose Street", "owl", "green", 'm', "sells books and maps"},
    {"Mrs. Plum", "fruit seller", "Market Square", "pony", "orange", 'f',
     "sells fruit from her garden"},
    {"Mr. Gold", "goldsmith", "Market Square", "swan", "yellow", 'm', "makes rings from gold"},
    {"Mr. Fields", "farmer", "Hill Road", "cow", "white", 'm', "grows corn and keeps cows"},
    {"Mrs. Fields", "milkmaid", "Hill Road", "goat", "white", 'f', "milks the cows"},
    {"Dr. Reed", "doctor", "Church Street", "turtle", "blue", 'f', "helps people who are sick"},
    {"Mr. Post", "mailman", "Church Street", "donkey", "red", 'm', "brings letters to every door"},
    {"Miss Bright", "teacher", "School Lane", "frog", "yellow", 'f', "teaches children to read"},
    {"Captain Shore", "fisherman", "Harbor Road", "seal", "blue", 'm', "catches fish in the sea"},
    {"Mrs. Shore", "boat builder", "Harbor Road", "crab", "green", 'f', "builds small boats"},
    {"Mr. Wood", "carpenter", "Forest Path", "squirrel", "brown", 'm', "makes tables and chairs"},
    {"Miss Green", "gardener", "Park Street", "hedgehog", "green", 'f', "looks after the park"},
    {"Mr. Bell", "fireman", "Bell Street", "dog", "red", 'm', "puts out fires"},
    {"Mrs. Song", "music teacher", "School Lane", "robin", "pink", 'f', "teaches songs"},
    {"Mr. Light", "lighthouse keeper", "Cliff Path", "cat", "white", 'm',
     "keeps the big light burning"},
    {"Dr. Paws", "animal doctor", "Park Street", "otter", "orange", 'f', "helps sick animals"},
    {"Mr. Miller", "miller", "Mill Lane", "mouse", "grey", 'm', "grinds corn into flour"},
    {"Miss Honey", "bee keeper", "Hill Road", "bee", "yellow", 'f', "takes honey from the hives"},
    {"Mr. Stone", "mason", "Cliff Path", "badger", "grey", 'm', "builds walls of stone"},
};

constexpr Shop kShops[] = {
    {"the bakery", "Mill Lane", "bread and cakes", "Mrs. Hobb"},
    {"the toy shop", "Bell Street", "toys", "Mr. Tinker"},
    {"the pot shop", "River Road", "pots and cups", "Mrs. Clay"},
    {"the tool shop", "Bell Street", "tools", "Mr. Steel"},
    {"the cloth shop", "Rose Street", "clothes", "Mrs. Thread"},
    {"the book shop", "Rose Street", "books and pencils", "Mr. Page"},
    {"the fruit stall", "Market Square", "fruit", "Mrs. Plum"},
    {"the gold shop", "Market Square", "fine things", "Mr. Gold"},
};

constexpr Place kPlaces[] = {
    // name, preposition, what one sees there, what lies to the north
    {"the park", "in", "green grass and a tall slide", "the meadow"},
    {"the meadow", "in", "long grass and wild flowers", "the forest"},
    {"the forest", "in", "tall trees and soft moss", "the hill"},
    {"the hill", "on", "round stones and a lone tree", "the cave"},
    {"the cave", "in", "dark walls and dripping water", "the snowy mountain"},
    {"the beach", "on", "white sand and pink shells", "the harbor"},
    {"the harbor", "at", "small boats and fishing nets", "the market"},
    {"the market", "at", "bright stalls and busy people", "the park"},
    {"the pond", "at", "tall reeds and lily pads", "the garden"},
    {"the garden", "in", "neat rows of beans and roses", "the orchard"},
    {"the orchard", "in", "apple trees and plum trees", "the farm"},
    {"the farm", "at", "a red barn and a muddy yard", "the old mill"},
    {"the old mill", "at", "a big wheel that turns in the water", "the lake"},
    {"the lake", "at", "blue water and white swans", "the waterfall"},
    {"the river", "by", "fast water and smooth stones", "the wooden bridge"},
    {"the wooden bridge", "on", "old boards and a strong rail", "the corn field"},
    {"the corn field", "in", "yellow corn and a scarecrow", "the berry bushes"},
    {"the berry bushes", "by", "ripe berries and sharp thorns", "the lighthouse"},
    {"the school yard", "in", "swings and a big chestnut tree", "the library"},
    {"the library", "in", "many books and quiet corners", "the church"},
};

constexpr Cause kCauses[] = {
    {"it rained all night", "the path was muddy"},
    {"it rained all night", "the river was high"},
    {"the sun was hot", "the ice melted"},
    {"the sun was hot", "the puddle dried up"},
    {"the sun was hot", "the grass turned brown"},
    {"the wind was strong", "the leaves fell down"},
    {"the wind was strong", "the hat flew away"},
    {"the wind was strong", "the kite flew high"},
    {"it was very cold", "the pond froze"},
    {"it was very cold", "the children wore mittens"},
    {"it snowed all day", "the roofs were white"},
    {"it snowed all day", "the road was closed"},
    {"the glass fell on the floor", "it broke"},
    {"the ball hit the window", "the window broke"},
    {"the bread was in the oven too long", "it burned"},
    {"the milk was left in the sun", "it went sour"},
    {"nobody watered the flowers", "they dried out"},
    {"somebody watered the seeds", "they grew"},
    {"the lamp had no oil", "the room was dark"},
    {"the baby was tired", "she cried"},
    {"the baby was hungry", "she cried"},
    {"the dog heard a noise", "it barked"},
    {"the cat saw a mouse", "it ran"},
    {"the boy ate too much cake", "his tummy hurt"},
    {"the girl did not sleep", "she was tired"},
    {"the boy forgot his coat", "he was cold"},
    {"the girl forgot her umbrella", "she got wet"},
    {"the rope was old", "it snapped"},
    {"the boat had a hole", "it filled with water"},
    {"the bag had a hole", "the apples fell out"},
    {"the gate was open", "the sheep ran away"},
    {"the door was shut", "the cat could not get in"},
    {"the fire was warm", "the wet socks dried"},
    {"the stone was heavy", "nobody could lift it"},
    {"the stone was heavy", "it sank in the pond"},
    {"the leaf was light", "it floated on the water"},
    {"the soup was hot", "it burned his tongue"},
    {"the floor was wet", "the man slipped"},
    {"the clock stopped", "everybody was late"},
    {"the key was lost", "the door stayed locked"},
    {"the bees were angry", "the bear ran away"},
    {"the moon was bright", "the night was not dark"},
    {"the cook added too much salt", "the soup tasted bad"},
    {"the wheel came off", "the cart stopped"},
    {"the battery was empty", "the toy did not move"},
    {"the string broke", "the kite was gone"},
    {"the balloon touched a thorn", "it popped"},
    {"the children shared the cake", "everybody had some"},
    {"the girl practiced every day", "she got better"},
    {"the boy told a lie", "nobody believed him"},
    {"the boy told the truth", "his mother trusted him"},
    {"the farmer planted corn", "there was food in autumn"},
    {"the hen sat on her eggs", "the chicks hatched"},
    {"the fog was thick", "the boats stayed in the harbor"},
};

}  // namespace

std::string_view kind_name(ThingKind kind) {
  switch (kind) {
    case toy:
      return "toy";
    case tool:
      return "tool";
    case clothing:
      return "piece of clothing";
    case fruit:
      return "fruit";
    case treat:
      return "treat";
    case treasure:
      return "treasure";
  }
  return "";
}

std::span<const Thing> things() { return kThings; }
std::span<const Animal> animals() { return kAnimals; }
std::span<const Neighbour> neighbours() { return kNeighbours; }
std::span<const Shop> shops() { return kShops; }
std::span<const Place> places() { return kPlaces; }
std::span<const Cause> causes() { return kCauses; }

}  // namespace quire
