#include "grammar/regex.h"

#include "format/printable.h"
#include "grammar/regex_parser.h"

namespace quire {
namespace {

using Kind = RegexNode::Kind;

// Whether a place in the expression is at an end of the whole text: `^` there is the empty text,
// elsewhere nothing.
struct Ends {
  bool begin, end;
};

class Writer {
 public:
  Writer(Grammar& grammar, const RegexTree& tree, const WriteCharacters& write)
      : grammar_(grammar), tree_(tree), write_(write) {
    // Children come before their parents.
    for (const RegexNode& node : tree.nodes) {
      Facts facts;
      facts.begins = node.kind == Kind::begin;
      facts.ends = node.kind == Kind::end;
      facts.may_be_empty = node.kind != Kind::characters && node.kind != Kind::choice;
      facts.always_empty = facts.may_be_empty;
      for (const uint32_t child : node.children) {
        const Facts& part = facts_[child];
        facts.begins |= part.begins;
        facts.ends |= part.ends;
        facts.always_empty &= part.always_empty;
        if (node.kind == Kind::choice)
          facts.may_be_empty |= part.may_be_empty;
        else
          facts.may_be_empty &= part.may_be_empty;
      }
      if (node.kind == Kind::repeat && node.min == 0) facts.may_be_empty = true;
      facts_.push_back(facts);
    }
  }

  bool has_anchors() const { return facts_[tree_.root].has_anchors(); }
  bool sound() const { return sound_; }

  // The depth is that of groups, which the parser has bounded.
  ExpressionId write(uint32_t id, Ends ends) {
    const RegexNode& node = tree_.nodes[id];
    switch (node.kind) {
      case Kind::characters:
        return write_(grammar_, node.ranges);
      case Kind::begin:
        return ends.begin ? grammar_.empty() : grammar_.nothing();
      case Kind::end:
        return ends.end ? grammar_.empty() : grammar_.nothing();
      case Kind::repeat: {
        // Behind its first copy a repetition no longer is at the beginning.
        if (facts_[node.children[0]].has_anchors()) sound_ = false;
        return grammar_.repeat(write(node.children[0], ends), node.min, node.max);
      }
      case Kind::choice: {
        std::vector<ExpressionId> parts;
        parts.reserve(node.children.size());
        for (const uint32_t child : node.children) parts.push_back(write(child, ends));
        return grammar_.choice(parts);
      }
      case Kind::sequence:
        break;
    }
    return write_sequence(node, ends);
  }

 private:
  struct Facts {
    bool begins = false, ends = false;  // whether `^` and `$` are in it
    bool may_be_empty = false, always_empty = false;
    bool has_anchors() const { return begins || ends; }
  };

  ExpressionId write_sequence(const RegexNode& node, Ends ends) {
    const size_t n = node.children.size();
    std::vector<Ends> at(n);
    // Once a part that may be empty or not stands before, it is not known where a part begins.
    const auto walk = [&](bool Ends::* side, bool Facts::* anchors, bool at_end, bool backwards) {
      bool known = true;
      for (size_t i = 0; i < n; ++i) {
        const size_t k = backwards ? n - 1 - i : i;
        const Facts& facts = facts_[node.children[k]];
        if (!known && facts.*anchors) sound_ = false;
        at[k].*side = at_end;
        if (facts.always_empty) continue;
        if (facts.may_be_empty && at_end) known = false;
        if (!facts.may_be_empty) known = true, at_end = false;
      }
    };
    walk(&Ends::begin, &Facts::begins, ends.begin, false);
    walk(&Ends::end, &Facts::ends, ends.end, true);
    std::vector<ExpressionId> parts;
    parts.reserve(n);
    for (size_t i = 0; i < n; ++i) parts.push_back(write(node.children[i], at[i]));
    return grammar_.sequence(parts);
  }

  Grammar& grammar_;
  const RegexTree& tree_;
  const WriteCharacters& write_;
  std::vector<Facts> facts_;
  bool sound_ = true;
};

}  // namespace

Result<ExpressionId> regex_expression(Grammar& grammar, std::string_view regex,
                                      std::string_view name, RegexSpan span,
                                      const WriteCharacters& write, const RegexFlags& flags) {
  const RegexTree tree = TRY(parse_regex(regex, name, grammar.limits(), flags));
  Writer writer(grammar, tree, write);
  if (flags.refuse_anchors && writer.has_anchors())
    return fail(Fault::unsupported,
                "{}: the regular expression '{}' has ^ or $, which a part of a text cannot have",
                name, printable(regex, 60));
  ExpressionId result = writer.write(tree.root, {true, true});
  if (span == RegexSpan::anywhere) {
    const ExpressionId any = grammar.as_rule("any", write(grammar, {{0, code_point_max}}));
    if (!writer.has_anchors()) {
      const ExpressionId rest = grammar.repeat(any, 0, Grammar::unbounded);
      result = grammar.sequence({rest, result, rest});
    } else {
      const ExpressionId rest = grammar.repeat(any, 1, Grammar::unbounded);
      result =
          grammar.choice({result, grammar.sequence({rest, writer.write(tree.root, {false, true})}),
                          grammar.sequence({writer.write(tree.root, {true, false}), rest}),
                          grammar.sequence({rest, writer.write(tree.root, {false, false}), rest})});
    }
  }
  if (!writer.sound())
    return fail(Fault::unsupported,
                "{}: the regular expression '{}' has ^ or $ where it may or may not be at an end "
                "of the text; put it at the beginning or end of an alternative",
                name, printable(regex, 60));
  return result;
}

}  // namespace quire
