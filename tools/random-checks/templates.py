#!/usr/bin/env python3
"""Random chat templates through Jinja2, as transformers sets it up, and through `quire template`.

    python3 tools/random-checks/templates.py [--seed N] [--count N] [--program build/quire] [--keep FOLDER]

Statements in random order and depth around random expressions: every operator, filter, test and method of strings,
lists and objects on values of all kinds. Messages with calls of tools, tools, further variables, with and without a
generation prompt. The text must be the same byte for byte; where Jinja2 raises an error, Quire must, too. Exits with 1
when something differs. Needs from PyPI: jinja2.
"""
import json
import resource
import sys

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

import checks

REFERENCE_BYTES_MAX = 8 << 30  # 'abc' * 10000000000 is an error there, too

KNOWN = {
    "not there": "the filter random, and methods such as encode, are refused by name",
    "64 bits": "integers beyond 64 bits and texts beyond 64 MiB are refused",
    "an object's repr": "Jinja2 shows an address",
}
REFUSALS = {"no filter named 'random'": "not there", "is not supported in templates": "not there",
            "does not fit into an integer of 64 bits": "64 bits", "is too long, at most": "64 bits"}
REPRS = ("object at 0x", "<generator", "<built-in", "bound method")

CHATS = [
    [{"role": "user", "content": "Be  brief.\n"}, {"role": "assistant", "content": "ok"},
     {"role": "user", "content": "Hi <b>Ünï</b> 'q' \"d\""}, {"role": "assistant", "content": "12 little, Pigs\tran"},
     {"role": "user", "content": "why?"}],
    [{"role": "system", "content": "日本語"}, {"role": "user", "content": "weather?"},
     {"role": "assistant", "content": None, "tool_calls": [
         {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": [1, None], "ä": "<&>"}}}]},
     {"role": "tool", "tool_call_id": "c1", "content": "{\"t\": 7.5}"}],
    [{"role": "user", "content": ""}],
]
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "It's \"f\" <here>", "parameters": {
        "type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "ä": {"type": "string"}},
        "required": ["a"]}}},
    {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
]
VARIABLES = {"enable_thinking": False, "kk": [1, {"a": 2.5, "b": None}], "date": "26 Jul 2024"}

STRINGS = ["'abc'", "''", "'Hello World'", "' a b '", "'ÄÖß'", "'x,y,,z'", "'12'", "'-3.5'", "'a\\nb'", "'%s-%s'",
           "'日本語'", "messages[0].content", "messages[1]['content']", "messages[-1].role", "'aAbB'", "date", "bos_token"]
INTEGERS = ["0", "1", "-1", "7", "3", "100", "messages|length", "-12", "2**10", "10000000000"]
FLOATS = ["1.5", "-0.25", "1e3", "3.0", "1e-5", "2.675", "1e16", "123456789.123", "0.1"]
LISTS = ["[]", "[1,2,3]", "['a','b','c']", "messages", "range(5)", "[3,1,2]", "['b','A','c']", "[1,'a',none]",
         "'abc'|list", "range(2,10,3)|list", "[[1,2],[3,4]]", "(1,2)", "[1.5,2,true]", "tools", "kk",
         "messages|map(attribute='tool_calls')|list"]
DICTS = ["{}", "{'a':1,'b':2}", "messages[0]", "{'z':[1,2],'y':{'k':none}}", "{'B':1,'a':2}", "tools[0]",
         "tools[0].function.parameters", "messages[2].tool_calls[0].function"]
OTHERS = ["none", "true", "false", "undefined_thing", "messages[9]", "messages[0].nothing", "enable_thinking",
          "add_generation_prompt", "tools", "kk[1].a"]

SLICES = ["0", "-1", "1:", "::-1", ":2", "1:3", "-2:", "5", "::2", ":-1", "3:0:-1"]
STRING_METHODS = [
    "upper()", "lower()", "strip()", "title()", "capitalize()", "split(',')", "split()", "replace('a','X')",
    "startswith('a')", "endswith('c')", "find('b')", "lstrip('a ')", "rstrip()", "join(['x','y'])", "count('a')",
    "splitlines()", "isdigit()", "isalpha()", "rsplit(' ',1)", "split(' ',1)", "partition(',')", "zfill(6)",
    "center(11,'*')", "ljust(6)", "rjust(6,'-')", "index('a')", "isupper()", "swapcase()", "removeprefix('a')",
    "removesuffix('c')", "encode()", "format(1,2)", "strip('c')", "isspace()", "islower()", "replace('b','',1)",
    "rfind('b')", "expandtabs(4)", "casefold()", "istitle()", "isalnum()", "partition(' ')", "rpartition('b')",
    "startswith(('a','H'))", "isnumeric()", "rindex('a')", "splitlines(true)"]
DICT_METHODS = ["items()|list", "keys()|list", "values()|list", "get('a')", "get('q',5)", "a", "items()", "['a']"]
BLOCK_FILTERS = ["upper", "trim", "replace('a','b')", "indent(2)", "title"]
LIST_FILTERS = [
    "length", "first", "last", "join(', ')", "join", "reverse|list", "sort", "sort(reverse=true)", "unique|list",
    "list", "sum", "max", "min", "map('string')|list", "map('upper')|list", "select('number')|list",
    "reject('none')|list", "batch(2)|list", "slice(2)|list", "batch(2,'x')|list", "tojson",
    "map(attribute='role')|list", "selectattr('role','equalto','user')|list", "rejectattr('role','==','user')|list",
    "groupby('role')|list", "map(attribute='content')|join('|')", "sum(start=10)", "selectattr('role')|list|length",
    "sort(attribute='role')|map(attribute='content')|list", "join('-',attribute='role')", "string",
    "unique(case_sensitive=true)|list", "count", "dictsort", "items", "select|list", "map('int')|list",
    "map('length')|list", "sort(case_sensitive=true)", "max(attribute='role')", "random", "slice(3,'-')|list",
    "map(attribute='name',default='?')|list", "selectattr('content','string')|list", "tojson(indent=1)",
    "selectattr('tool_calls','defined')|list", "unique(attribute='role')|list", "map('replace','a','b')|list"]
STRING_FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "length", "reverse", "list", "replace('a','b')", "wordcount",
    "indent(2)", "indent(2,true)", "truncate(5)", "truncate(5,true)", "center(20)", "escape", "e", "string", "int",
    "float", "first", "last", "tojson", "urlencode", "wordwrap(5)", "striptags", "default('d')", "default('d',true)",
    "unique|list", "sort|join", "safe", "forceescape", "filesizeformat", "trim('a')", "format('x','y')", "indent('>>')",
    "wordwrap(6,true,'|')", "truncate(8,false,'~',0)", "join('.')", "max", "min", "batch(3)|list", "xmlattr",
    "replace('a','b',1)", "pprint", "urlize", "indent(1,blank=true)", "tojson(ensure_ascii=true)"]
NUMBER_FILTERS = [
    "int", "float", "abs", "round", "round(1)", "round(1,'floor')", "round(2,'ceil')", "string", "tojson",
    "filesizeformat", "int(5)", "float(2.5)", "int(base=16)", "round|int", "string|length", "filesizeformat(true)",
    "int(default=3)"]
DICT_FILTERS = [
    "length", "items|list", "dictsort", "dictsort(false,'value')", "tojson", "tojson(indent=2)", "list", "first",
    "string", "dictsort(reverse=true)", "tojson(sort_keys=true)", "join(',')", "tojson(separators=(',',':'))",
    "urlencode", "xmlattr", "last", "max", "map('upper')|list", "items|map('first')|list", "attr('a')"]
ANY_FILTERS = [
    "default('dd')", "default(0,true)", "string", "tojson", "length", "list", "int", "float", "d('x')",
    "string|length", "e", "pprint", "type_debug", "bool_x", "count", "upper", "join(',')", "first", "trim"]
TESTS = [
    "string", "number", "integer", "float", "mapping", "iterable", "sequence", "none", "defined", "undefined",
    "boolean", "true", "false", "odd", "even", "divisibleby(3)", "lower", "upper", "callable", "in [1,2]",
    "equalto(1)", "sameas(true)", "escaped", "eq(1)", "gt(1)", "filter", "test", "ge(0)", "ne('a')", "not string",
    "not none", "lt(2)", "le(1)", "not defined", "not in ['a']"]
LOOP_NAMES = ["index", "index0", "first", "last", "length", "revindex", "revindex0", "previtem", "nextitem", "depth",
              "depth0", "cycle(1,2)", "changed(x)"]


# Quire finds out what a template can by rendering chats with marked words (src/chat/capabilities.cpp), and describes in
# messages what it cannot. A chat with such words is shown whole, so that nothing is taken for missing.
PROBED = ("{% if 'zq' in (messages|string ~ tools|string)|lower %}"
          "{{ messages|tojson }}{{ tools|default(none)|tojson }}{% else %}")
PROBED_END = "{% endif %}"


def environment():
    """As transformers has it."""
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


class Writer:
    """Draws templates."""

    def __init__(self, random):
        self.random = random
        self.pick = random.choice

    def atom(self):
        return self.pick(self.pick([STRINGS, INTEGERS, FLOATS, LISTS, DICTS, OTHERS]))

    def string(self, depth):
        return self.pick(STRINGS) if self.random.random() < 0.7 else f"({self.expression(depth + 1)}|string)"

    def expression(self, depth=0):
        if depth > 3 or self.random.random() < 0.25:
            return self.atom()
        return self.pick([self.operation, self.operation, self.operation, self.operation, self.choice, self.membership,
                          self.subscript, self.method, self.filtered, self.filtered, self.filtered, self.filtered,
                          self.filtered, self.tested, self.member, self.negated, self.call])(depth)

    def operation(self, depth):
        operator = self.pick(self.pick([["+", "-", "*", "/", "//", "%", "~"], ["==", "!=", "<", ">", "<=", ">="],
                                        ["and", "or"], ["not"]]))
        right = self.expression(depth + 1)
        return f"(not {right})" if operator == "not" else f"({self.expression(depth + 1)} {operator} {right})"

    def choice(self, depth):
        one, condition, other = (self.expression(depth + 1) for _ in range(3))
        return f"({one} if {condition} else {other})" if self.random.random() < 0.8 else f"({one} if {condition})"

    def membership(self, depth):
        return f"({self.expression(depth + 1)} {self.pick(['in', 'not in'])} {self.pick(LISTS + STRINGS + DICTS)})"

    def subscript(self, _depth):
        return f"{self.pick(STRINGS + LISTS)}[{self.pick(SLICES)}]"

    def method(self, depth):
        return f"{self.string(depth)}.{self.pick(STRING_METHODS)}"

    def filtered(self, depth):
        value, filters = self.pick([
            (self.pick(LISTS), LIST_FILTERS), (self.string(depth), STRING_FILTERS),
            (self.pick(INTEGERS + FLOATS + STRINGS), NUMBER_FILTERS), (self.pick(DICTS), DICT_FILTERS),
            (self.expression(depth + 1), ANY_FILTERS)])
        return f"({value}|{self.pick(filters)})"

    def tested(self, depth):
        return f"({self.expression(depth + 1)} is {self.pick(TESTS)})"

    def member(self, _depth):
        method = self.pick(DICT_METHODS)
        return self.pick(DICTS) + ("" if method.startswith("[") else ".") + method

    def negated(self, _depth):
        return f"(-{self.pick(INTEGERS + FLOATS)})"

    def call(self, depth):
        value = self.expression(depth + 1)
        return self.pick([f"dict(a={value}, b=1)", f"namespace(a={value}).a", f"range({self.pick(INTEGERS[:6])})|list",
                          f"[{value}, {self.atom()}]", f"{{'k': {value}}}", f"({value}, 1)"])

    def template(self):
        return "".join(self.statement() for _ in range(self.random.randint(1, 3)))

    def body(self, depth):
        if depth >= 2:
            return "{{ " + self.expression(2) + " }}"
        return "".join(self.statement(depth + 1) for _ in range(self.random.randint(1, 2)))

    def tag(self, text):
        return f"{self.pick(['{%', '{%-'])} {text} {self.pick(['%}', '-%}'])}"

    def gap(self):
        return self.pick(["", "\n", " \n  ", "x "])

    def statement(self, depth=0):
        kinds = [self.output] * 5 + [self.condition, self.loop, self.assignment, self.captured, self.counted,
                                     self.macro, self.filter_block, self.loop_over_members, self.scope,
                                     self.raw, self.called_macro]
        return self.pick(kinds)(depth)

    def output(self, _depth):
        opening, closing = self.pick(["{{ ", "{{- "]), self.pick([" }}", " -}}"])
        return self.gap() + opening + self.expression() + closing

    def condition(self, depth):
        gap = self.gap()
        return (gap + self.tag(f"if {self.expression()}") + gap + self.body(depth)
                + self.tag(f"elif {self.expression()}") + self.body(depth)
                + self.tag("else") + self.body(depth) + gap + self.tag("endif"))

    def loop(self, depth):
        otherwise = self.tag("else") + self.body(depth) if self.random.random() < 0.5 else ""
        condition = self.pick(["", "", " if x", " if x is string"])
        return (self.gap() + self.tag(f"for x in {self.pick(LISTS)}{condition}") + self.gap()
                + f"{{{{ loop.{self.pick(LOOP_NAMES)} }}}}:{{{{ x }}}};" + self.body(depth) + otherwise
                + self.tag("endfor"))

    def assignment(self, _depth):
        if self.random.random() < 0.3:
            return self.tag(f"set v, w = {self.expression()}, {self.expression()}") + "{{ v }}{{ w }}"
        return self.tag(f"set v = {self.expression()}") + self.gap() + "{{ v }}"

    def captured(self, depth):
        return (self.tag("set v") + self.body(depth) + self.tag("endset")
                + "{{ v|" + self.pick(["trim", "upper", "length"]) + " }}")

    def counted(self, _depth):
        return (self.tag(f"set ns = namespace(a={self.expression()}, b=0)")
                + self.tag("for m in messages if m.role != 'user'") + self.tag("set ns.b = ns.b + loop.index")
                + self.tag("endfor") + "{{ ns.a }},{{ ns.b }}")

    def macro(self, _depth):
        return (self.tag(f"macro mm(a, b={self.expression()})") + "[{{ a }}/{{ b }}/{{ varargs|length }}]"
                + self.tag("endmacro") + f"{{{{ mm({self.expression()}) }}}}{{{{ mm(1, {self.expression()}) }}}}"
                + "{{ mm(b=2) }}")

    def called_macro(self, depth):
        return (self.tag("macro outer(a)") + "<{{ caller() }}{{ a }}>" + self.tag("endmacro")
                + self.tag(f"call outer({self.expression()})") + self.body(depth) + self.tag("endcall"))

    def filter_block(self, depth):
        return self.tag(f"filter {self.pick(BLOCK_FILTERS)}") + self.body(depth) + self.tag("endfilter")

    def loop_over_members(self, _depth):
        return (self.tag(f"for k, w in {self.pick(DICTS)}.items()") + "{{ k }}={{ w }}," + self.tag("if loop.index > 1")
                + self.tag(self.pick(["break", "continue"])) + self.tag("endif") + self.tag("endfor"))

    def scope(self, _depth):
        return ("{# c #}" + self.gap() + self.tag(f"with w = {self.expression()}") + "{{ w }}" + self.tag("endwith")
                + self.gap())

    def raw(self, _depth):
        return self.tag("raw") + " {{ a }} {% b %}" + self.gap() + self.tag("endraw")


def draw_context(case):
    """What the template is told, and the flags that say the same to the program."""
    context = {"messages": case.random.choice(CHATS), "tools": case.random.choice([None, TOOLS]), **VARIABLES,
               "add_generation_prompt": case.random.random() < 0.7}
    flags = ["--messages", case.write("messages.json", json.dumps(context["messages"], ensure_ascii=False)),
             "--kwargs", json.dumps(VARIABLES)]
    if context["tools"]:
        flags += ["--tools", case.write("tools.json", json.dumps(TOOLS))]
    if not context["add_generation_prompt"]:
        flags += ["--no-generation-prompt"]
    return context, flags


def reference(template, context):
    """The text and None, or None and the error."""
    bos = "<|endoftext|>"  # of the model 'tales'
    try:
        return environment().from_string(template).render(bos_token=bos, eos_token=bos, **context), None
    except Exception as error:  # any class: templates can call what they like
        return None, f"{type(error).__name__}: {error}"


def check(case):
    template = PROBED + Writer(case.random).template() + PROBED_END
    context, flags = draw_context(case)
    wanted, error = reference(template, context)
    answer = case.run("template", "tales", "--chat-template-file", case.write("template.jinja", template), *flags)
    if error is not None and answer.status == checks.OK:
        raise checks.Differs("no error", template=template, wanted=error, got=answer.out)
    if error is not None or (answer.status == checks.OK and answer.out == wanted):
        return
    if any(text in wanted for text in REPRS):
        raise checks.Known("an object's repr")
    for text, name in REFUSALS.items():
        if answer.status != checks.OK and text in answer.error:
            raise checks.Known(name)
    raise checks.Differs("another text", template=template, wanted=wanted, got=answer.out, stderr=answer.error)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (REFERENCE_BYTES_MAX, resource.RLIM_INFINITY))
    sys.exit(checks.main(__doc__, "templates", check, KNOWN))
