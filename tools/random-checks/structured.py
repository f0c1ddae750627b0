#!/usr/bin/env python3
"""Random JSON schemas, regular expressions, GBNF and Lark grammars; what `quire run` writes under them must satisfy them.

    python3 tools/random-checks/structured.py [--kind all|schema|regex|grammar|lark] [--seed N] [--count N]
                                              [--program build/quire] [--keep FOLDER]

The bundled model continues a word at a high temperature, so its answers wander through the form. A schema's are judged
by jsonschema, those of expressions and grammars by regex; a grammar is drawn together with an expression of the same
meaning. An answer that the limit of tokens has cut is skipped; so is one over which the reference takes too long. What
docs/structured-output.md says is refused may be refused, and is counted; a refused expression or grammar is a fault.
Exits with 1 when something differs. Needs from PyPI: jsonschema[format], regex.
"""
import json
import sys

import jsonschema
import regex

import checks

N_TOKENS = 160
REFERENCE_SECONDS_MAX = 3
UNSUPPORTED = 5

KNOWN = {}


def answer_under(case, flags, temperature):
    """The text that the model writes under a form; Skipped when it was cut, Refused when it is refused."""
    answer = case.run("run", "tales", "Once", "-n", str(N_TOKENS), "--temp", str(temperature), "--seed",
                      str(case.index), "-t", "1", "--no-display-prompt", "--json", *flags)
    if answer.status != checks.OK:
        raise checks.Refused(f"exit {answer.status}, {answer.reason}")
    said = json.loads(answer.out)
    if said["stop_reason"] != "end_of_generation":
        raise checks.Skipped(f"the answer was cut ({said['stop_reason']})")
    return said["text"]


def matches(find, pattern, text):
    try:
        return find(pattern, text, timeout=REFERENCE_SECONDS_MAX) is not None
    except TimeoutError as late:
        raise checks.Skipped("the reference takes too long") from late


class SchemaWriter:
    """Draws schemas of every keyword that is honoured, and now and then of one that is not."""
    PATTERNS = ["^[a-z]{2,5}$", "^\\d{3}-\\d{4}$", "^(foo|bar)+$", "[A-Z]x", "^a.c$", "^[^0-9]*$",
                "^\\w+@\\w+\\.(com|org)$", "^\\s*$", "é+$", "^x_", "^$"]
    FORMATS = ["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference",
               "uuid", "json-pointer", "byte"]
    VALUES = ["a", "b c", 1, 2.5, None, True, [1], {"x": 1}, "é\"q", "\n", -7, 1e3]
    NAMES = ["a", "b", "name", "long name", "é", "x-y", "q\"t", ""]
    REFUSED = [{"not": {"type": "string"}}, {"contains": {"type": "integer"}}, {"uniqueItems": True},
               {"dependentRequired": {"a": ["b"]}}, {"if": {"type": "string"}, "then": {"minLength": 2}}]

    def __init__(self, random):
        self.random = random
        self.pick = random.choice

    def chance(self, share):
        return self.random.random() < share

    def document(self):
        schema = self.schema()
        schema["$defs"] = {"r": self.schema(2), "named": {"$anchor": "word", **self.schema(2)},
                           "tree": {"type": "object", "required": ["v"], "additionalProperties": False, "properties": {
                               "v": self.schema(3), "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/tree"}]}}}}
        return schema

    def schema(self, depth=0):
        simple = [self.text, self.pattern, self.format, self.integer, self.number, self.enum, self.const, self.types]
        nested = [self.object, self.object, self.object, self.map, self.array, self.array, self.tuple, self.any_of,
                  self.one_of, self.all_of, self.reference, self.refused]
        return self.pick(simple + nested if depth < 3 else simple)(depth + 1)

    def bounds(self, schema, low, high, most):
        """Both, one or none of two keywords that bound a count."""
        if self.chance(0.5):
            schema[low] = self.random.randint(0, most // 2)
        if self.chance(0.5):
            schema[high] = schema.get(low, 0) + self.random.randint(0, most)
        return schema

    def text(self, _depth):
        return self.bounds({"type": "string"}, "minLength", "maxLength", 9)

    def pattern(self, _depth):
        return {"type": "string", "pattern": self.pick(self.PATTERNS)}

    def format(self, _depth):
        return {"type": "string", "format": self.pick(self.FORMATS)}

    def integer(self, _depth):
        if self.chance(0.2):
            least = {"minimum": 0} if self.chance(0.4) else {}
            return {"type": "integer", "multipleOf": self.pick([1, 2, 3, 5, 7, 10, 64, 1000]), **least}
        if self.chance(0.1):
            return {"type": "integer", "format": self.pick(["int32", "int64"])}
        schema = {"type": "integer"}
        if self.chance(0.6):
            schema[self.pick(["minimum", "exclusiveMinimum"])] = low = self.random.randint(-200, 100)
            if self.chance(0.6):
                schema[self.pick(["maximum", "exclusiveMaximum"])] = low + 2 + self.random.randint(0, 300)
        elif self.chance(0.5):
            schema["maximum"] = self.random.randint(-250, 250)
        return schema

    def number(self, _depth):
        schema = {"type": "number"}
        if self.chance(0.6):
            schema[self.pick(["minimum", "exclusiveMinimum"])] = self.pick([-3.5, 0, 1, 0.25, -100, -0.001])
        if self.chance(0.6):
            schema[self.pick(["maximum", "exclusiveMaximum"])] = self.pick([3.5, 200, 1.5, 1e3, 1.001])
        return schema

    def enum(self, _depth):
        return {"enum": self.random.sample(self.VALUES, self.random.randint(1, 4))}

    def const(self, _depth):
        return {"const": self.pick(self.VALUES + [[], {}, {"a": [1, 2]}, False])}

    def types(self, _depth):
        schema = {"type": self.pick(["boolean", "null", ["string", "null"], ["integer", "boolean"],
                                     ["number", "string"], ["array", "object", "null"]])}
        if schema["type"] == ["string", "null"] and self.chance(0.5):
            schema["maxLength"] = 4
        return self.pick([schema, schema, schema, {"maximum": 5, "maxLength": 3, "maxItems": 1, "maxProperties": 1}])

    def object(self, depth):
        names = self.random.sample(self.NAMES, self.random.randint(0, 4))
        schema = {"type": "object", "properties": {name: self.schema(depth) for name in names}}
        if names and self.chance(0.7):
            schema["required"] = self.random.sample(names, self.random.randint(0, len(names)))
        self.other_members(schema, depth)
        if self.chance(0.15):
            schema["minProperties"] = self.random.randint(0, 2)
        if self.chance(0.1):
            schema["maxProperties"] = len(schema.get("required", [])) + self.random.randint(0, 2)
        return schema

    def other_members(self, schema, depth):
        way = self.random.random()
        if way < 0.4:
            schema["additionalProperties"] = False
        elif way < 0.6:
            schema["additionalProperties"] = self.schema(depth)
        elif way < 0.7:
            schema["patternProperties"] = {self.pick(["^[0-9]+$", "^x_", "z$"]): self.schema(depth)}
            schema["additionalProperties"] = False

    def map(self, depth):
        schema = {"type": "object", "additionalProperties": self.schema(depth)}
        if self.chance(0.4):
            schema["propertyNames"] = self.pick([{"pattern": "^[a-z]{1,3}$"}, {"maxLength": 2}, {"enum": ["a", "b"]}])
        return self.bounds(schema, "minProperties", "maxProperties", 3)

    def array(self, depth):
        return self.bounds({"type": "array", "items": self.schema(depth)}, "minItems", "maxItems", 4)

    def tuple(self, depth):
        schema = {"type": "array", "prefixItems": [self.schema(depth) for _ in range(self.random.randint(1, 3))]}
        if self.chance(0.6):
            schema["items"] = self.pick([False, self.schema(depth)])
        return self.bounds(schema, "minItems", "maxItems", 4) if self.chance(0.3) else schema

    def any_of(self, depth):
        schema = {"anyOf": [self.schema(depth) for _ in range(self.random.randint(1, 3))]}
        if self.chance(0.2):  # with members of its own beside it
            schema = {"type": "object", "properties": {"k": self.schema(depth)}, "required": ["k"], "anyOf": [
                {"properties": {name: self.schema(depth)}, "required": [name]} for name in ("v", "w")]}
        return schema

    def one_of(self, depth):
        if self.chance(0.4):
            return {"oneOf": [self.schema(depth) for _ in range(self.random.randint(1, 3))]}
        return {"oneOf": [{"type": "object", "properties": {"t": {"const": tag}, "x": self.schema(depth)},
                           "required": ["t", "x"]} for tag in ("one", "two")]}

    def all_of(self, depth):
        return self.pick([
            {"allOf": [self.schema(depth)]},
            {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 20}]},
            {"allOf": [{"type": "object", "properties": {name: self.schema(depth)}, "required": [name]}
                       for name in ("a", "b")]},
            {"allOf": [self.schema(depth), self.schema(depth)]}])

    def reference(self, depth):
        reference = {"$ref": self.pick(["#/$defs/r", "#/$defs/tree", "#word"])}
        return {"type": "array", "items": reference} if self.chance(0.3) else reference

    def refused(self, depth):
        return {**self.schema(depth), **self.pick(self.REFUSED)} if self.chance(0.15) else self.array(depth)


class RegexWriter:
    CLASSES = ["\\d", "\\w", "\\s", "[a-f]", "[^a-z]", "[0-9a]", "\\.", "[-+]", "[\\w.]", "\\S", "\\D", "é", "[À-ÿ]",
               "日", "\\u00e9", "\\x41", "\\/", "\\-", "[\\d\\-]", "\\n", "\\t", "\\W", "\\p{L}", "\\p{Lu}", "\\P{L}",
               "[\\p{N}x]", "[^\\s]", "[\\]]", "\\\\", "\\$", "\\^", "[$^]"]
    COUNTS = ["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?", "{1,2}?"]

    def __init__(self, random):
        self.random = random
        self.pick = random.choice

    def part(self, depth=0):
        kind = self.random.randrange(12 if depth < 3 else 5)
        if kind <= 1:
            return self.pick(self.CLASSES)
        if kind == 2:
            return "."
        if kind <= 4:
            return self.pick(["ab", "foo", "X", "1"])
        if kind <= 6:
            return self.part(depth + 1) + self.part(depth + 1)
        if kind == 7:
            return f"({self.part(depth + 1)}|{self.part(depth + 1)})"
        if kind == 8:
            return f"(?:{self.part(depth + 1)}){self.pick(self.COUNTS)}"
        if kind == 9:
            return self.pick(["a", "[a-c]", "\\d", "."]) + self.pick(self.COUNTS)
        if kind == 10:
            return f"({self.part(depth + 1)})"
        return "".join(self.part(depth + 1) for _ in range(3))

    def whole(self):
        part = self.part()
        kind = self.random.random()
        if kind < 0.5:
            return f"^{part}$"
        if kind < 0.6:
            return f"^{part}"
        if kind < 0.7:
            return f"{part}$"
        if kind < 0.75:
            return f"^({part}|{self.part()})$"
        if kind < 0.8:
            return f"^{part}$|^{self.part()}$"
        return part


class GrammarWriter:
    """Draws a GBNF grammar and an expression of the same meaning, side by side."""
    TEXTS = ["a", "foo", "x\n", "q'", "é", "日本", "\\", "a b", "", "\t", "]", "^-", "\"", "😀"]
    CLASSES = [("[a-z]", "[a-z]"), ("[^a-z]", "[^a-z]"), ("[0-9a-fA-F]", "[0-9a-fA-F]"), ("[\\n\\t ]", "[\\n\\t ]"),
               ("[\\x41-\\x43]", "[A-C]"), ("[\\u00e9é]", "[é]"), ("[-a]", "[-a]"), ("[\\]\\[]", "[\\]\\[]"),
               ("[^\\n]", "[^\\n]"), (".", "(?s:.)"), ("[日-本]", "[日-本]"), ("[\"\\\\]", "[\"\\\\]"),
               ("[\\U0001F600-\\U0001F64F]", "[😀-🙏]"), ("\"\\x41\\u00e9\"", "Aé")]
    COUNTS = ["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"]
    ESCAPES = {"\n": "\\n", "\"": "\\\"", "\\": "\\\\", "\t": "\\t"}

    def __init__(self, random):
        self.random = random
        self.pick = random.choice
        self.rules = []

    def grammar(self):
        body, meaning = self.node()
        lines = [f"root ::= {body}"]
        lines += [f"{name} ::= {text}{self.pick(['', ' # comment'])}" for name, text in self.rules]
        self.random.shuffle(lines)
        return self.pick(["\n", "\n\n"]).join(lines) + self.pick(["", "\n"]), meaning

    def node(self, depth=0):
        leaves = [self.text, self.character_class, self.letter]
        inner = [self.sequence, self.sequence, self.alternatives, self.counted, self.counted, self.rule, self.rule,
                 self.recursive]
        return self.pick(leaves + inner if depth < 4 else leaves)(depth + 1)

    def text(self, _depth):
        text = self.pick(self.TEXTS)
        return "\"" + "".join(self.ESCAPES.get(c, c) for c in text) + "\"", regex.escape(text)

    def character_class(self, _depth):
        return self.pick(self.CLASSES)

    def letter(self, _depth):
        return "\"k\"", "k"

    def nodes(self, depth, least):
        return zip(*(self.node(depth) for _ in range(self.random.randint(least, 3))))

    def sequence(self, depth):
        bodies, meanings = self.nodes(depth, 1)
        return " ".join(bodies), "".join(meanings)

    def alternatives(self, depth):
        bodies, meanings = self.nodes(depth, 2)
        return "(" + self.pick([" | ", "|", " |\n  "]).join(bodies) + ")", "(?:" + "|".join(meanings) + ")"

    def counted(self, depth):
        body, meaning = self.node(depth)
        count = self.pick(self.COUNTS)
        return f"({body}){count}", f"(?:{meaning}){count}"

    def new_rule(self, text):
        name = f"r{len(self.rules)}{self.pick(['', '-x'])}"
        self.rules.append((name, text.replace("SELF", name)))
        return name

    def rule(self, depth):
        body, meaning = self.node(depth)
        return self.new_rule(body), f"(?:{meaning})"

    def recursive(self, depth):
        """A rule that names itself, on the left or on the right, as a repetition."""
        (last, last_meaning), (more, more_meaning) = self.node(depth), self.node(depth)
        if self.pick([True, False]):
            return self.new_rule(f"{last} | SELF {more}"), f"(?:(?:{last_meaning})(?:{more_meaning})*)"
        return self.new_rule(f"{last} | {more} SELF"), f"(?:(?:{more_meaning})*(?:{last_meaning}))"


class LarkWriter(GrammarWriter):
    """The same in Lark's notation; rules that name no other may be terminals."""
    CLASSES = [("/[a-z]/", "[a-z]"), ("/[^a-z]/", "[^a-z]"), ("/[0-9a-fA-F]/", "[0-9a-fA-F]"), ("/[\\n\\t ]/", "[\\n\\t ]"),
               ("\"A\"..\"C\"", "[A-C]"), ("/[\\u00e9é]/", "[é]"), ("/[-a]/", "[-a]"), ("/[\\]\\[]/", "[\\]\\[]"),
               ("/./", "[^\\n]"), ("/./s", "(?s:.)"), ("\"日\"..\"本\"", "[日-本]"), ("/[\"\\\\]/", "[\"\\\\]"),
               ("/[\\U0001F600-\\U0001F64F]/", "[😀-🙏]"), ("\"\\x41\\u00e9\"", "Aé"), ("/ab|c{2}/i", "(?i:ab|c{2})"),
               ("\"xy\"i", "(?i:xy)"), ("/\\/\\d/", "/[0-9]")]
    COUNTS = {"*": "*", "+": "+", "?": "?", "~2": "{2}", "~1..3": "{1,3}", "~0..2": "{0,2}", "{2,}": "{2,}"}

    def grammar(self):
        body, meaning = self.node()
        lines = [f"{self.pick(['', '?', '!'])}start: {body}"]
        lines += [f"{name}{self.pick(['', '.2'])}: {text}{self.pick(['', ' // comment', ' # comment'])}" for name, text in self.rules]
        self.random.shuffle(lines)
        return self.pick(["\n", "\n\n"]).join(lines) + self.pick(["", "\n"]), meaning

    def alternatives(self, depth):
        bodies, meanings = self.nodes(depth, 2)
        return "(" + self.pick([" | ", "|", "\n  | "]).join(bodies) + ")", "(?:" + "|".join(meanings) + ")"

    def counted(self, depth):
        body, meaning = self.node(depth)
        if self.pick([False, False, False, True]):
            return f"[{body}]", f"(?:{meaning})?"
        count = self.pick(list(self.COUNTS))
        return f"({body}){count}", f"(?:{meaning}){self.COUNTS[count]}"

    def new_rule(self, text):
        plain = "SELF" not in text and not regex.search(r"r\d", text)
        name = f"{self.pick(['', '_'])}{self.pick(['r', 'R']) if plain else 'r'}{len(self.rules)}"
        self.rules.append((name, text.replace("SELF", name)))
        return name


def check_schema(case):
    schema = SchemaWriter(case.random).document()
    shown = json.dumps(schema, ensure_ascii=case.random.random() < 0.5)
    text = answer_under(case, ["--json-schema-file", case.write("schema.json", shown)], 1.3)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    try:
        validator.validate(json.loads(text))
    except (jsonschema.ValidationError, ValueError) as error:
        message = error.message if isinstance(error, jsonschema.ValidationError) else str(error)
        raise checks.Differs("an answer against the schema", schema=shown, answer=text, message=message) from error


def check_regex(case):
    pattern = RegexWriter(case.random).whole()
    schema = json.dumps({"type": "string", "pattern": pattern})
    try:
        text = answer_under(case, ["--json-schema-file", case.write("schema.json", schema)], 1.3)
    except checks.Refused as refused:
        raise checks.Differs(str(refused), pattern=pattern) from refused
    if not matches(regex.search, pattern, json.loads(text)):
        raise checks.Differs("an answer that the expression does not match", pattern=pattern, answer=text)


def check_grammar(case, writer=GrammarWriter):
    grammar, meaning = writer(case.random).grammar()
    try:
        text = answer_under(case, ["--grammar-file", case.write("grammar.txt", grammar)], 1.5)
    except checks.Refused as refused:
        raise checks.Differs(str(refused), grammar=grammar) from refused
    if not matches(regex.fullmatch, meaning, text):
        raise checks.Differs("an answer outside the grammar", grammar=grammar, meaning=meaning, answer=text)


def check_lark(case):
    check_grammar(case, LarkWriter)


CHECKS = {"schema": check_schema, "regex": check_regex, "grammar": check_grammar, "lark": check_lark}


def check(case):
    kind = case.options.kind
    CHECKS[list(CHECKS)[case.index % len(CHECKS)] if kind == "all" else kind](case)


def add_flags(parser):
    parser.add_argument("--kind", choices=["all", *CHECKS], default="all", help="one of them; all: in turns [all]")


if __name__ == "__main__":
    sys.exit(checks.main(__doc__, "structured", check, KNOWN, add_flags))
