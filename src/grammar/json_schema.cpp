#include "grammar/json_schema.h"

#include "format/printable.h"
#include "grammar/json_formats.h"
#include "grammar/json_text.h"
#include "grammar/parse_states.h"
#include "grammar/regex.h"
#include "grammar/schema_constraints.h"
#include "grammar/schema_disjoint.h"
#include "text/utf8.h"

#include <algorithm>
#include <deque>
#include <map>

namespace quire {
namespace {

using Kind = SchemaValue::Kind;
using Additional = Constraints::Additional;

class Compiler {
 public:
  Compiler(Grammar& grammar, const SchemaDocument& document, std::string_view name)
      : g_(grammar), json_(grammar), document_(document), reader_(document, name), name_(name) {}

  Result<ExpressionId> run() {
    const ExpressionId root = rule_of({SchemaTerm{document_.root}});
    while (!waiting_.empty() && g_.ok()) {
      const auto [rule, terms] = std::move(waiting_.front());
      waiting_.pop_front();
      g_.define(rule, TRY(write(terms)));
    }
    if (g_.error()) return fail(g_.error()->fault, "{}: {}", name_, g_.error()->text);
    return root;
  }

 private:
  // The rule of the values that satisfy all the terms; it is written later.
  ExpressionId rule_of(const Conjunction& terms) {
    const auto [at, is_new] = rules_.try_emplace(terms, 0);
    if (is_new) {
      at->second = g_.add_rule(terms.empty() ? "any" : terms[0].schema->path());
      waiting_.emplace_back(at->second, terms);
    }
    return g_.rule(at->second);
  }

  Result<ExpressionId> write(const Conjunction& terms) {
    Constraints c = TRY(reader_.read(terms));
    if (c.impossible) return g_.nothing();
    if (!c.alternatives.empty()) return write_alternatives(c);
    if (c.values) return write_values(c);
    if (c.type == types::all && is_free(c)) return json_.value();
    std::vector<ExpressionId> ways;
    if ((c.type & types::object) != 0) ways.push_back(TRY(write_object(c)));
    if ((c.type & types::array) != 0) ways.push_back(TRY(write_array(c)));
    if ((c.type & types::string) != 0) ways.push_back(TRY(write_string(c)));
    if ((c.type & types::number) != 0) ways.push_back(TRY(write_number(c)));
    if ((c.type & types::boolean) != 0) ways.push_back(json_.boolean());
    if ((c.type & types::null) != 0) ways.push_back(g_.text("null"));
    return g_.choice(ways);
  }

  static bool is_free(const Constraints& c) {
    return !c.range.min && !c.range.max && c.multiple_of == nullptr && c.length.min == 0 &&
           !c.length.max && c.pattern == nullptr && c.format == nullptr && c.prefix_items.empty() &&
           !c.has_items && c.n_items.min == 0 && !c.n_items.max && c.properties.empty() &&
           c.required.empty() && c.has_additional == Additional::not_said &&
           c.pattern_properties == nullptr && c.property_names == nullptr &&
           c.n_properties.min == 0 && !c.n_properties.max;
  }

  // One branch, then all the rest again with it.
  Result<ExpressionId> write_alternatives(const Constraints& c) {
    const Constraints::Alternatives& first = c.alternatives[0];
    if (first.exclusive) TRY(check_disjoint(reader_, *first.list));
    std::vector<ExpressionId> ways;
    for (const SchemaValue* branch : first.list->items) {
      Conjunction terms = c.terms;
      for (SchemaTerm& term : terms) term.expanded = true;
      (first.exclusive ? terms[first.term].one_of_done : terms[first.term].any_of_done) = true;
      terms.push_back({branch});
      ways.push_back(rule_of(terms));
    }
    return g_.choice(ways);
  }

  // --- enum and const

  Result<ExpressionId> write_values(const Constraints& c) {
    std::vector<ExpressionId> ways;
    for (const SchemaValue* value : *c.values)
      if (TRY(fits(c, *value))) ways.push_back(json_.exactly(*value));
    return g_.choice(ways);
  }

  Result<bool> fits(const Constraints& c, const SchemaValue& value) {
    const bool others = c.pattern != nullptr || c.format != nullptr || c.multiple_of != nullptr;
    const auto refuse = [&]() -> Result<bool> {
      return reader_.fail_at(Fault::unsupported, value,
                             "what else is said about the values of 'enum' or 'const' here is not "
                             "checked: leave out the values that do not fit");
    };
    switch (value.kind) {
      case Kind::null:
        return (c.type & types::null) != 0;
      case Kind::boolean:
        return (c.type & types::boolean) != 0;
      case Kind::string: {
        if ((c.type & types::string) == 0) return false;
        if (others) return refuse();
        size_t n = 0;
        for (const char byte : value.text) n += (byte & 0xC0) != 0x80 ? 1 : 0;
        return n >= c.length.min && n <= c.length.max.value_or(UINT32_MAX);
      }
      case Kind::number: {
        const auto number = Decimal::parse(value.text);
        if (!number || others) return refuse();
        const auto within = [&](const std::optional<NumberBound>& bound, int sign) {
          if (!bound) return true;
          const int order = sign * compare(*number, bound->value);
          return order > 0 || (order == 0 && !bound->exclusive);
        };
        const TypeSet wanted = number->is_integer() ? types::integer : types::fraction;
        return (c.type & wanted) != 0 && within(c.range.min, 1) && within(c.range.max, -1);
      }
      case Kind::array:
        if ((c.type & types::array) == 0) return false;
        if (c.has_items || !c.prefix_items.empty() || c.n_items.min > 0 || c.n_items.max)
          return refuse();
        return true;
      case Kind::object:
        break;
    }
    if ((c.type & types::object) == 0) return false;
    if (!c.properties.empty() || !c.required.empty() || c.pattern_properties != nullptr ||
        c.has_additional != Additional::not_said || c.property_names != nullptr ||
        c.n_properties.min > 0 || c.n_properties.max)
      return refuse();
    return true;
  }

  // --- numbers and strings

  Result<ExpressionId> write_number(const Constraints& c) {
    NumberRange range = c.range;
    bool integer = (c.type & types::fraction) == 0;
    if (c.format != nullptr && (c.type & types::string) == 0) {
      const std::string& format = c.format->text;
      if (format == "int32" || format == "int64") {
        integer = true;
        const bool wide = format == "int64";
        at_least(range, {{true, wide ? "9223372036854775808" : "2147483648", ""}});
        at_most(range, {{false, wide ? "9223372036854775807" : "2147483647", ""}});
      } else if (format != "float" && format != "double") {
        return reader_.fail_at(Fault::unsupported, *c.format,
                               "the format '{}' of a number is not known; there are int32, int64, "
                               "float and double",
                               printable(format, 40));
      }
    }
    if (c.multiple_of != nullptr) {
      const Decimal of = *Decimal::parse(c.multiple_of->text);
      if (of.whole != "1" || !of.fraction.empty()) return write_multiples(c, range, of);
      integer = true;
    }
    if (integer && !range.min && !range.max) {
      if (!integer_) integer_ = g_.as_rule("integer", integers(g_, {}));
      return *integer_;
    }
    if (!range.min && !range.max) return json_.number();
    return integer ? integers(g_, range) : numbers(g_, range);
  }

  static void at_least(NumberRange& range, const NumberBound& bound) {
    if (!range.min || compare(bound.value, range.min->value) > 0) range.min = bound;
  }
  static void at_most(NumberRange& range, const NumberBound& bound) {
    if (!range.max || compare(bound.value, range.max->value) < 0) range.max = bound;
  }

  Result<ExpressionId> write_multiples(const Constraints& c, const NumberRange& range,
                                       const Decimal& of) {
    const bool from_zero = range.min && range.min->value.is_zero() && !range.min->exclusive;
    if (range.max || (range.min && !from_zero))
      return reader_.fail_at(Fault::unsupported, *c.multiple_of,
                             "'multipleOf' together with bounds other than 'minimum': 0 cannot be "
                             "enforced while generating");
    if (!of.is_integer() || compare_digits(of.whole, std::to_string(multiple_max)) > 0)
      return reader_.fail_at(Fault::unsupported, *c.multiple_of,
                             "'multipleOf' {}: only whole numbers up to {} can be enforced while "
                             "generating",
                             printable(c.multiple_of->text, 40), multiple_max);
    return multiples(g_, static_cast<uint32_t>(std::stoul(of.whole)),
                     from_zero ? Negative::no : Negative::yes);
  }

  Result<ExpressionId> write_string(const Constraints& c) {
    const SchemaValue* what = c.pattern != nullptr ? c.pattern : c.format;
    std::string_view regex;
    if (c.pattern == nullptr && c.format != nullptr) {
      const auto known = format_regex(c.format->text);
      if (!known)
        return reader_.fail_at(Fault::unsupported, *c.format,
                               "the format '{}' is not known; there are {}",
                               printable(c.format->text, 40), known_formats());
      regex = *known;
      if (regex.empty()) what = nullptr;
    }
    const bool sized = c.length.min > 0 || c.length.max;
    if (what == nullptr && !sized) return json_.string();
    if (what == nullptr) {
      if (c.length.max && *c.length.max < c.length.min) return g_.nothing();
      return json_.quoted(
          g_.repeat(json_.character(), c.length.min, c.length.max.value_or(Grammar::unbounded)));
    }
    if (sized || (c.pattern != nullptr && c.format != nullptr))
      return reader_.fail_at(Fault::unsupported, *what,
                             "'pattern' or 'format' together with {} cannot be enforced while "
                             "generating: put it into the pattern",
                             sized ? "'minLength' or 'maxLength'" : "one another");
    const std::string where = fmt::format("{}: {}", name_, what->path());
    const auto spell = [this](Grammar&, const std::vector<CodeRange>& r) {
      return json_.one_of(r);
    };
    if (c.pattern != nullptr) regex = c.pattern->text;
    return json_.quoted(TRY(regex_expression(
        g_, regex, where, c.pattern != nullptr ? RegexSpan::anywhere : RegexSpan::whole, spell)));
  }

  // --- arrays

  Result<ExpressionId> write_array(const Constraints& c) {
    const size_t n = c.prefix_items.size();
    const uint32_t min = c.n_items.min, max = c.n_items.max.value_or(Grammar::unbounded);
    if (max < min) return g_.nothing();
    // Without `items` more may follow; it does only where there is nothing else, or has to.
    uint32_t more_max =
        max == Grammar::unbounded ? max : max - std::min(max, static_cast<uint32_t>(n));
    const uint32_t more_min = min > n ? min - static_cast<uint32_t>(n) : 0;
    if (!c.has_items && n > 0) more_max = std::min(more_max, more_min);
    if (more_max > 0 && n == 0 && !c.has_items && min == 0 && max == Grammar::unbounded)
      return json_.array();
    ExpressionId rest = g_.empty();
    if (more_max > 0) {
      const ExpressionId item =
          g_.sequence({c.has_items ? rule_of(c.items) : json_.value(), json_.space()});
      rest = n > 0 ? g_.repeat(g_.sequence({json_.comma(), item}), more_min, more_max)
                   : listed(item, more_min, more_max);
    }
    for (size_t i = std::min<size_t>(n, max); i-- > 0;) {
      std::vector<ExpressionId> parts;
      if (i > 0) parts.push_back(json_.comma());
      parts.insert(parts.end(), {rule_of({c.prefix_items[i]}), json_.space(), rest});
      rest = g_.sequence(parts);
      if (i >= min) rest = g_.optional(rest);
      rest = g_.as_rule("items", rest);
    }
    return json_.enclosed("[", rest, "]");
  }

  // From min to max of them, commas between.
  ExpressionId listed(ExpressionId item, uint32_t min, uint32_t max) {
    if (max == 0) return g_.empty();
    const ExpressionId more = g_.sequence({json_.comma(), item});
    const ExpressionId some = g_.sequence(
        {item, g_.repeat(more, min > 0 ? min - 1 : 0, max == Grammar::unbounded ? max : max - 1)});
    return min == 0 ? g_.optional(some) : some;
  }

  // --- objects

  struct Member {
    ExpressionId text;
    bool required;
  };

  Result<ExpressionId> write_object(const Constraints& c) {
    const bool nothing_said = c.properties.empty() && c.required.empty() &&
                              c.has_additional == Additional::not_said &&
                              c.pattern_properties == nullptr;
    if (nothing_said && c.property_names == nullptr && c.n_properties.min == 0 &&
        !c.n_properties.max)
      return json_.object();
    std::vector<std::string> names;
    std::vector<Member> members;
    const auto is_required = [&](const std::string& name) {
      return std::find(c.required.begin(), c.required.end(), name) != c.required.end();
    };
    for (const PropertyTerms& property : c.properties) {
      names.push_back(property.name);
      const bool required = is_required(property.name);
      if (TRY(reader_.read(property.value)).impossible) {
        if (required) return g_.nothing();
        continue;
      }
      members.push_back({member(property.name, rule_of(property.value)), required});
    }
    for (const std::string& name : c.required) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      if (c.has_additional == Additional::none && c.pattern_properties == nullptr)
        return g_.nothing();
      if (c.pattern_properties != nullptr)
        return reader_.fail_at(Fault::unsupported, *c.pattern_properties,
                               "'{}' is required but not in 'properties': name it there",
                               printable(name, 40));
      names.push_back(name);
      members.push_back({member(name, additional_value(c)), true});
    }
    if (c.property_names != nullptr && !names.empty())
      return reader_.fail_at(Fault::unsupported, *c.property_names,
                             "'propertyNames' together with 'properties' or 'required' cannot be "
                             "enforced while generating");
    std::optional<ExpressionId> other;
    if (c.pattern_properties != nullptr)
      other = TRY(write_pattern_member(c, names));
    else if (c.has_additional == Additional::schema || nothing_said)
      other = json_.member(TRY(write_name(c, names)), additional_value(c));
    return json_.enclosed("{", write_members(members, other, c.n_properties), "}");
  }

  ExpressionId member(const std::string& name, ExpressionId value) {
    return g_.as_rule("member", json_.member(json_.exactly(name), value));
  }
  ExpressionId additional_value(const Constraints& c) {
    return c.additional.empty() ? json_.value() : rule_of(c.additional);
  }

  Result<ExpressionId> write_name(const Constraints& c, const std::vector<std::string>& names) {
    if (c.property_names == nullptr)
      return names.empty() ? json_.string() : json_.string_but(names);
    Constraints name = TRY(reader_.read({SchemaTerm{c.property_names}}));
    name.type &= types::string;
    if (name.impossible || name.type == 0) return g_.nothing();
    if (!name.alternatives.empty())
      return reader_.fail_at(Fault::unsupported, *c.property_names,
                             "alternatives in 'propertyNames' cannot be enforced while generating");
    return name.values ? write_values(name) : write_string(name);
  }

  Result<ExpressionId> write_pattern_member(const Constraints& c,
                                            const std::vector<std::string>& names) {
    const SchemaValue& patterns = *c.pattern_properties;
    const auto refuse = [&](std::string_view why) -> Result<ExpressionId> {
      return reader_.fail_at(Fault::unsupported, patterns, "{}", why);
    };
    if (patterns.items.size() != 1)
      return refuse("more than one pattern for names cannot be enforced while generating");
    if (c.property_names != nullptr)
      return refuse("'patternProperties' together with 'propertyNames' cannot be enforced");
    const std::string where = fmt::format("{}: {}", name_, patterns.path());
    const auto plain = [](Grammar& g, const std::vector<CodeRange>& r) { return g.characters(r); };
    const auto spell = [this](Grammar&, const std::vector<CodeRange>& r) {
      return json_.one_of(r);
    };
    const std::string& pattern = patterns.keys[0];
    if (!names.empty()) {
      Grammar test(g_.limits());
      const RuleId root = test.add_rule("name");
      test.define(root, TRY(regex_expression(test, pattern, where, RegexSpan::anywhere, plain)));
      test.set_root(root);
      ParseStates states(TRY(Automaton::compile(test, where)));
      for (const std::string& name : names) {
        StateId at = states.start();
        for (const char byte : name) at = states.next(at, static_cast<uint8_t>(byte));
        if (at != dead_state && states.accepts(at))
          return refuse(
              fmt::format("the name '{}' of 'properties' has the pattern '{}', too; "
                          "make them different",
                          printable(name, 40), printable(pattern, 40)));
      }
    }
    const ExpressionId name =
        json_.quoted(TRY(regex_expression(g_, pattern, where, RegexSpan::anywhere, spell)));
    return json_.member(name, rule_of({SchemaTerm{patterns.items[0]}}));
  }

  // A rule for each place in the list of members and number of those written so far: as many as
  // matter, which is whether a comma is needed, and how many are missing or still allowed.
  ExpressionId write_members(const std::vector<Member>& members,
                             const std::optional<ExpressionId>& other, const SizeRange& n) {
    const auto n_members = static_cast<uint32_t>(members.size());
    const uint32_t n_counted = std::max(1u, n.max ? n_members : std::min(n.min, n_members));
    const uint32_t max = n.max.value_or(Grammar::unbounded);
    std::vector<ExpressionId> next;  // behind the member that is being written, by count
    for (uint32_t count = 0; count <= n_counted; ++count)
      next.push_back(write_others(other, count, n.min, max));
    for (size_t i = members.size(); i-- > 0 && g_.ok();) {
      std::vector<ExpressionId> here(n_counted + 1);
      for (uint32_t count = 0; count <= n_counted; ++count) {
        std::vector<ExpressionId> ways;
        std::vector<ExpressionId> parts;
        if (count > 0) parts.push_back(json_.comma());
        parts.insert(parts.end(), {members[i].text, next[std::min(count + 1, n_counted)]});
        if (count < max) ways.push_back(g_.sequence(parts));
        if (!members[i].required) ways.push_back(next[count]);
        here[count] = g_.as_rule("members", g_.choice(ways));
      }
      next = std::move(here);
    }
    return next[0];
  }

  // The same name may be written twice, which is one member: so only one of these counts for min.
  ExpressionId write_others(const std::optional<ExpressionId>& other, uint32_t count, uint32_t min,
                            uint32_t max) {
    const uint32_t missing = min > count ? min - count : 0;
    if (missing > 1 || (missing == 1 && !other) || count > max) return g_.nothing();
    if (!other) return g_.empty();
    const uint32_t more = max == Grammar::unbounded ? max : max - count;
    if (more < missing) return g_.nothing();
    if (count == 0) return listed(*other, missing, more);
    return g_.repeat(g_.sequence({json_.comma(), *other}), missing, more);
  }

  Grammar& g_;
  JsonText json_;
  const SchemaDocument& document_;
  SchemaReader reader_;
  std::string name_;
  std::map<Conjunction, RuleId> rules_;
  std::deque<std::pair<RuleId, Conjunction>> waiting_;
  std::optional<ExpressionId> integer_;
};

}  // namespace

Result<ExpressionId> json_schema_expression(Grammar& grammar, std::string_view schema,
                                            std::string_view name) {
  if (schema.size() > grammar.limits().text_bytes_max)
    return fail(Fault::limit, "{}: a schema of {} bytes, at most {} are supported", name,
                schema.size(), grammar.limits().text_bytes_max);
  const auto document = TRY(parse_schema_document(schema, name, grammar.limits().depth_max));
  return Compiler(grammar, *document, name).run();
}

}  // namespace quire
