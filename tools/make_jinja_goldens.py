"""Writes tests/golden/jinja/cases.json: templates, and what Jinja2 in transformers' settings makes of them.

Every case is [template, text], or [template, null] where Jinja2 raises an error. All share one context, which stands at
the top. Most cases are combinations: every filter, test, method and operator against values of every kind. What cannot
be compared is left out: addresses in a repr, integers beyond 64 bits, what depends on time or chance.

usage: make_jinja_goldens.py tests/golden/jinja/cases.json      (needs jinja2)
"""
import copy
import json
import re
import sys
import warnings
from datetime import datetime

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

warnings.simplefilter("ignore")

CONTEXT = {
    "s": "Hello World", "empty": "", "blank": "  spaced out \n", "uni": "Grüße, 世界! 🙂", "quotes": "it's \"q\" <b>&</b>",
    "lines": "one\ntwo\r\n\n  three", "num": "42", "n": 7, "zero": 0, "neg": -3, "f": 2.5, "big": 1e16, "tiny": 1.5e-7,
    "t": True, "no": False, "nil": None, "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "nested": [[1, 2], [3, [4]]],
    "d": {"b": 1, "a": "x", "items": [1], "é": None}, "rows": [{"k": "x", "v": 2, "o": {"z": 1}}, {"k": "Y", "v": 1, "o": {"z": 3}},
    {"k": "x", "v": 3, "o": {"z": 2}}], "nothing": [], "nodict": {}, "mixed": [1, "a", None, True, 2.0, [1], {"k": "v"}],
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"},
                 {"role": "assistant", "content": "Hello <there>", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1, "b": [True, None]}}}]}],
}


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    class Namespace(jinja2.utils.Namespace):  # as transformers has it: no names with an underscore in front
        def __init__(*args, **kwargs):
            attributes = dict(*args[1:], **kwargs)
            for name in attributes:
                Namespace.check(name)
            jinja2.utils.Namespace.__init__(args[0], attributes)

        def __setitem__(self, name, value):
            Namespace.check(name)
            jinja2.utils.Namespace.__setitem__(self, name, value)

        @staticmethod
        def check(name):
            if isinstance(name, str) and name.startswith("_"):
                raise jinja2.exceptions.SecurityError(name)

    env.globals["namespace"] = Namespace
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


class Generation(jinja2.ext.Extension):
    """{% generation %}, which marks the assistant's words and writes them as they are."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller):
        return caller()


NAMES = ["s", "empty", "blank", "uni", "quotes", "lines", "num", "n", "zero", "neg", "f", "big", "tiny", "t", "no", "nil", "list",
         "words", "nested", "d", "rows", "nothing", "nodict", "mixed", "missing", "range(4)", "(1, 'a')", "'3.7'", "d.items()",
         "list|map('string')"]
FILTERS = ["abs", "attr('x')", "batch(2)|list", "batch(2, '-')|list", "capitalize", "center(20)", "count", "d('dflt')", "default('x', true)",
           "default(boolean=true)", "dictsort", "dictsort(by='value')", "dictsort(true)", "dictsort(reverse=true)", "e", "escape", "e|e",
           "filesizeformat", "filesizeformat(true)", "first", "float", "float(1.5)", "forceescape", "format(1)", "indent", "indent(2, true)",
           "indent('> ', blank=true)", "int", "int(5)", "int(base=16)", "items|list", "join", "join(', ')", "join('-', attribute='k')", "last",
           "length", "list", "lower", "map('upper')|list", "map(attribute='k')|list", "map(attribute='q', default='?')|list", "max", "min",
           "max(attribute='v')", "min(case_sensitive=true)", "reject|list", "reject('none')|list", "select|list", "select('string')|list",
           "select('gt', 1)|list", "selectattr('k')|list", "selectattr('k', 'equalto', 'x')|list", "rejectattr('k', 'eq', 'x')|list",
           "selectattr('o.z', '>', 1)|map(attribute='v')|list", "replace('l', 'L')", "replace('', '.', 3)", "reverse|list", "reverse", "round",
           "round(1)", "round(1, 'floor')", "round(0, 'ceil')", "round(-1)", "safe", "slice(2)|list", "slice(3, 'f')|list", "sort",
           "sort(reverse=true)", "sort(case_sensitive=true)", "sort(attribute='v')|map(attribute='k')|list", "sort(attribute='k,v')|list", "string",
           "string|length", "striptags", "sum", "sum(attribute='v')", "sum(start=10)", "title", "trim", "trim('Hd ')", "truncate(5)",
           "truncate(5, true, '…')", "truncate(8, false, '...', 0)", "unique|list", "unique(attribute='k')|list", "upper", "urlencode", "urlize", "wordcount",
           "wordwrap(5)",
           "tojson", "tojson(indent=2)", "tojson(indent=1, ensure_ascii=true)", "tojson(sort_keys=true)", "tojson(separators=(',', ':'))",
           "groupby('k')", "groupby('k')|map(attribute='grouper')|list", "groupby('q', default='z')|list", "xmlattr", "nosuchfilter"]
TESTS = ["defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence", "iterable",
         "callable", "lower", "upper", "odd", "even", "divisibleby 3", "divisibleby(0)", "sameas none", "sameas true", "eq 7", "equalto('x')",
         "ne 7", "gt 2", "lt 'x'", "ge 7", "le none", "in [7, 'Hello World', none]", "in 'Hello World!'", "not none", "not defined", "escaped",
         "filter", "nosuchtest"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
OPERANDS = ["s", "empty", "n", "zero", "neg", "f", "t", "nil", "list", "d", "missing", "'a'", "'%s|'", "(1, 2)", "[3, 1, 2]", "3", "2.5", "'World'"]
METHODS = {
    "s": ["upper()", "lower()", "title()", "capitalize()", "swapcase()", "casefold()", "split()", "split('o')", "split('o', 1)", "rsplit('o', 1)",
          "split(maxsplit=1)", "split(' ', maxsplit=1)", "split('')", "strip('Hd')", "lstrip('H')", "rstrip('d')", "startswith('He')",
          "startswith(('x', 'He'))", "endswith('ld')", "startswith('W', 6)", "find('o')", "find('o', 5)", "rfind('o')", "find('zz')", "index('o')",
          "index('zz')", "count('l')", "count('')", "replace('o', '0')", "replace('o', '0', 1)", "replace('', '-')", "join(['a', 'b'])",
          "join([1])", "join('abc')", "ljust(14)", "rjust(14, '.')", "center(16, '*')", "center(17, '*')", "zfill(14)", "isalpha()", "isdigit()",
          "isspace()", "isupper()", "islower()", "istitle()", "isalnum()", "isidentifier()", "isprintable()", "isnumeric()", "partition(' ')",
          "rpartition('o')", "partition('zz')", "splitlines()", "expandtabs()", "removeprefix('Hello ')", "removesuffix('World')", "format(1)",
          "__class__", "upper", "nosuch", "nosuch()", "[0]", "[-1]", "[20]", "[1:4]", "[::-1]", "[::2]", "[-3:]", "[:100]", "[5:2]", "['upper']()",
          "[1.0]", "[true]", "isascii()", "isdecimal()", "0", "encode", "translate"],
    "uni": ["upper()", "lower()", "title()", "[0]", "[2:5]", "[::-1]", "[-1]", "find('世')", "rfind('!')", "center(20, '·')", "split(', ')", "zfill(20)",
            "isalpha()", "isprintable()", "casefold()", "swapcase()", "count('')", "partition('ß')"],
    "lines": ["splitlines()", "splitlines(true)", "split('\\n')", "strip()", "rsplit(none, 1)", "split(none, 2)", "expandtabs(4)", "isspace()"],
    "blank": ["strip()", "lstrip()", "rstrip()", "split()", "isspace()", "splitlines()", "rsplit()"],
    "d": ["get('b')", "get('q')", "get('q', 5)", "items()", "keys()", "values()", "items", "b", "['items']", "nosuch", "['nosuch']", "[0]", "copy()",
          "update({'x': 1})", "pop('b')", "setdefault('q', 1)", "__class__", "items()|list", "keys()|join(',')", "get([])", "['get']('b')", "get",
          "é", "[[1]]", "clear()", "values()|list|length", "items()|length", "get(key='b')"],
    "list": ["append(1)", "pop()", "count(1)", "index(2)", "index(9)", "[0]", "[-1]", "[5]", "['x']", "[1:]", "[::-1]", "[::0]", "[:'a']", "sort()", "copy()",
             "0", "__len__()", "extend([1])", "[0:2][1]", "[none:none]", "reverse()", "insert(0, 1)", "nosuch.x", "[1.5]", "index(1, 1)"],
    "rows": ["[0].k", "[0]['k']", "[0].o.z", "[1:]|length", "[-1].v", "[9].k", "[9]['k'].x"],
    "n": ["real", "[0]", "foo", "foo.bar", "bit_length()", "__class__"], "f": ["is_integer()", "foo"], "nil": ["foo", "foo.bar", "['x']", "[0]", "foo()", "[1:]"],
    "t": ["foo", "bit_length()"], "missing": ["foo", "['foo']", "foo()", "[1:]", "__class__"],
}
EXPRESSIONS = """
1 if true
1 if false
1 if false else 2
'a' if nil else 'b' if t else 'c'
(1 if false) is defined
-2 ** 2
2 ** 3 ** 2
2 ** -1
2 ** 62
7 // 2
-7 // 2
7 // -2
-7 % 3
7 % -3
7.5 % 2
-7.5 // 2
-7.5 % 2
1 / 3
10 / 5
1 / 0
1 % 0
1.0 / 0
0.1 + 0.2
1e300 * 1e10
1e22
1e21 + 1
123456789012345678
1_000_000
0x1F
0o17
0b101
1.5e3
1E3
.5
1.
0.00001
0.0001
123456789.123456789
1e15
1e16
-0.0
3.0
5 // 0.3
true + true
true == 1
1 == 1.0
'1' == 1
none == false
[1, 2] == [1, 2]
[1, 2] == (1, 2)
{'a': 1} == {'a': 1.0}
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
[1, 2] < [1, 3]
[1] < [1, 0]
(1, 'a') < (1, 'b')
'a' < 'B'
'ä' > 'z'
1 < 2 < 3
1 < 3 < 2
1 == 1 != 2
1 < 'a'
[1] < [none]
'ell' in s
5 in list
none in mixed
'b' in d
1 in d.values()
('b', 1) in d.items()
1 in missing
missing in list
missing == missing
missing != nil
missing == none
not missing
missing ~ 'x'
missing + 'x'
'x' + missing
missing.x
missing|default('y')
missing.x|default('y')
d.nosuch|default('y')
d.nosuch.deeper|default('y')
d.nosuch is defined
missing is none
[missing]
{'k': missing}
missing|length
missing|list
missing|tojson
missing|upper
missing|int
missing(1)
for_
'a' 'b' "c"
'\\n\\t\\\\\\'x\\''
'\\x41\\u00e9\\U0001F642'
'\\101\\q\\é'
"\\d+"
'a\\
b'
'tab\\there'|tojson
'\\x00\\x1f\\x7f\\u2028'|tojson
'\\x00\\x1f\\x7f\\u2028\\xa0'|list
['\\n', "'", '"', "'\\"", '\\\\']
[1, 2.0, 'a', none, true, [], {}, (), (1,)]
{'a': 1, 2: 'b', none: [], true: false, 1.5: (1, 2)}
{'a': 1, 'a': 2}
{1: 'a', true: 'b', 1.0: 'c'}
{[]: 1}
{(1, 2): 3}
{(1, [2]): 3}
{(1, 2): 3}[1, 2]
(1, 2, 3)
1, 2
(1)
()
[]
[1, 2,]
{'a': 1,}
{}
[[[]]]
'%s and %s' % ('a', 1)
'%s' % 'a'
'%s' % (1,)
'%d items' % 3
'%d' % 3.9
'%d' % '3'
'%5d|%-5d|%05d|%+d' % (1, 2, 3, 4)
'%x %X %o %#x' % (255, 255, 8, 255)
'%.2f %5.1f %e %g' % (1.005, 2.25, 12345.678, 0.00001234)
'%.3s|%10s|%-10s|' % ('abcdef', 'r', 'l')
'%(a)s %(b)d' % {'a': 'x', 'b': 2}
'%(a)s' % 5
'%%'
'%%' % ()
'%s'
'%s %s' % ('a',)
'%s' % ('a', 'b')
'%r' % 'q'
'%c%c' % ('a', 66)
'%5.1f%%' % 12.345
'%s' % none
'%s' % [1, 2]
'%*d' % (5, 3)
'%s %s' % [1, 2]
'%s'|format('x')
'%s-%s'|format('x', 2)
'%(a)s'|format(a=1)
'{}, {}!'.format('a', 1)
'{0} {1} {0}'.format('a', 'b')
'{x} {y.k} {z[0]}'.format(x=1, y={'k': 2}, z=[3])
'{:>5}|{:<5}|{:^5}|{:*^7}'.format('a', 'b', 'c', 'd')
'{:05d} {:+d} {:,} {:x} {:#b}'.format(42, 1, 1234567, 255, 5)
'{:.2f} {:8.3f} {:e} {:g} {:%}'.format(1.005, 2.5, 12345.678, 0.0001, 0.25)
'{:.3}|{:10.2}|'.format('abcdef', 'xyz')
'{!r} {!s}'.format('a', 'b')
'{{}} {}'.format(1)
'{} {}'.format(1)
'{'.format(1)
'{:d}'.format('a')
'{:{w}}|'.format('a', w=5)
'{a}'.format_map({'a': 1})
'{0.__class__}'.format('a')
range(5)|list
range(2, 8, 3)|list
range(5, 0, -2)|list
range(0)|list
range(3)
range(1, 10, 2)
range(5)[2]
range(10)[2:8:2]|list
range(10)[::-1]|first
range(1, 2, 0)
range('a')
range(1000000000)
range(100001)
range(3) == range(3)
range(5)|length
3 in range(5)
dict(a=1, b=2)
dict([('a', 1), ('b', 2)])
dict({'a': 1}, b=2)
dict(d, a=5).a
dict(1)
namespace(a=1).a
namespace({'x': 2}).x
namespace(_a=1)
namespace().nosuch
namespace(a=1)
cycler('a', 'b').next()
cycler('a', 'b').current
joiner()()
raise_exception('stop')
list|sum / list|length
list|sort|first
list|map('multiply')|list
words|map('upper')|join('-')
words|sort|join
words|sort(case_sensitive=true)|join
rows|map(attribute='o.z')|list
rows|sum(attribute='v')
rows|map('tojson')|join(',')
rows|selectattr('v', 'ge', 2)|list|length
rows|groupby('k')|length
rows|map(attribute='k')|unique|list
messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|first
messages[-1].tool_calls[0].function.arguments|tojson
messages[-1].tool_calls[0].function.arguments|tojson(indent=4)
messages[1:]|map(attribute='role')|join(',')
messages|map(attribute='tool_calls', default=[])|map('length')|list
messages|last|attr('items')
messages[0]|items|list
messages[0]|length
messages|first
s[0]
s[0].lower() + s[1:]
s.split(' ')[1]
s.split(' ')|last
s|replace(' ', '_')|lower
s|upper|lower|title
'a-b c(d e[f'|title
"they're bill's"|title
'hello WORLD'|capitalize
'ß ŉ ﬁ İ Σας ΣΑΣ'|upper
'ß ŉ ﬁ İ Σας ΣΑΣ'|lower
'ǆ ß ﬁx'|title
'ΑΣ ΑΣ. Σ'.lower()
'ẞ'.casefold()
'x'.isidentifier()
'9x'.isidentifier()
'²'.isdigit()
'½'.isnumeric()
'  a  b  '.split(' ')
'a,b,,c'.split(',')
'a,b,,c'.rsplit(',', 2)
'aXbXc'.rpartition('X')
'aaa'.replace('a', 'b', 2)
'abc'.center(6, '-') ~ 'abcd'.center(7, '-')
'abc'|center(6) ~ '|'
'-5'.zfill(5)
'a\\tb'.expandtabs()
42.55|round
42.55|round(1)
42.55|round(1, 'floor')
2.5|round
3.5|round
0.5|round|int
1234|round(-2)
1250|round(-2)
1350|round(-2)
1234.5|round(-2)
5|round(2)
true|round
'5'|round
'0x1A'|int(base=16)
'1A'|int(0, 16)
'0b11'|int(base=0)
'077'|int(base=8)
' 42 '|int
'4_2'|int
'42.9'|int
'1e3'|int
'inf'|int
'nan'|int(3)
'abc'|int(-1)
nil|int
1.9|int
-1.9|int
'1e400'|float
'nan'|float
' 1.5 '|float
'1_0.5'|float
'x'|float(2)
[]|int
1000|filesizeformat
1|filesizeformat
999|filesizeformat
1024|filesizeformat(true)
123456789|filesizeformat
-0.25|filesizeformat
-7.9|filesizeformat
'-inf'|filesizeformat
'nan'|filesizeformat
1e30|filesizeformat
'a b&c=d/e?é'|urlencode
{'a': 1, 'b c': 'd&e'}|urlencode
[('a', 1)]|urlencode
'<p>a  <b>b</b>\\n c &amp; &lt;</p><!-- x -->'|striptags
'Look, goof-ball -- use the -b option! It is state-of-the-art, is it not?'|wordwrap(12)
'Look, goof-ball -- use the -b option! It is state-of-the-art, is it not?'|wordwrap(12, break_on_hyphens=false)
'Look, goof-ball--use the--b a--b e-mail x-y-z a-b-c ab-cd 1-2 a1-b2 ----x'|wordwrap(4)
'Look, goof-ball--use the--b a--b e-mail x-y-z a-b-c ab-cd 1-2 a1-b2 ----x'|wordwrap(1)
'Look, goof-ball--use the--b a--b e-mail x-y-z a-b-c ab-cd 1-2 a1-b2 ----x'|wordwrap(6, false)
'averylongword-withhyphen another-verylongword'|wordwrap(10)
'averylongword-withhyphen another-verylongword'|wordwrap(10, break_on_hyphens=1)
'averylongword-withhyphen another-verylongword'|wordwrap(10, break_on_hyphens=0)
'---longer-than-that and----- so'|wordwrap(3)
'abc     averylongword'|wordwrap(3)
'abc     averylongword'|wordwrap(8, false)
'  two  leading, three   inside and trailing   '|wordwrap(8)
'one two\\n\\nthree four five\\r\\n six'|wordwrap(9)
'one two three'|wordwrap(5, wrapstring='<br>')
'one two three'|wordwrap(5, true, '')
'one two three'|wordwrap(wrapstring=none, width=3)
'one'|wordwrap(0)
''|wordwrap(0)
'one'|wordwrap('a')
'Grüße, 世界 an-alle été-là! ½-x 世界-世界-世界'|wordwrap(7)
'a\\u00a0b \\u00a0 c\\u2003d'|wordwrap(3)
('<b> c d'|e)|wordwrap(4)
lines|wordwrap(3)
'don\\'t "quote--me" it\\'s (a--b) 5--six'|wordwrap(4)
'see http://example.com/a?b=c#d, (https://x.org/(y)) and <www.z.net>.'|urlize
'example.com, foo.example.org: bar.edu/x y.museum z.info. a.com'|urlize
'mail me@here.example.com or mailto:you@x.y, not @a@b.c nor a:b@c.d'|urlize
'a@b.c- a@-b.c a@b..c a@b. me@x.y. (me@x.y) www.a@b.cd a@b@c.de'|urlize
'http://1.2.3.4:80/ http://1.2.3.4.5 http://1234.5.6.7 http://[::1]/ http://[1:2:3:4:5:6:7:8] http://[12345::]'|urlize
'http://localhost http://a https://x-y.z%41.com:123456 http://x.com:12345/q http://x.com: http://x.c1'|urlize
'http://xn--80ak6aa92e.com http://a.xn--p1ai www.xn--p1 HTTP://UP.COM WwW.Up.Com WWW.up'|urlize
'http://example.com/a_very_long_path'|urlize(12)
'http://example.com/a_very_long_path www.b.com'|urlize(-5, true)
'http://e.com'|urlize(target='_blank', rel='x nofollow a')
'http://e.com'|urlize(nofollow=true, target='a"b')
'tel:12 ftp://x.y foo:bar tel:'|urlize(extra_schemes=['tel:', 'ftp://'])
'tel:12'|urlize(extra_schemes=['tel'])
'tel:12'|urlize(extra_schemes='tel:')
'  two\\tblanks\\nhttp://a.b/c \\u2003 www.d.ee\\n'|urlize
'(((http://a.bc/x(y(z))))) ((www.a.bc) <http://a.bc> &lt;www.a.bc&gt;'|urlize
('<http://a.bc>)'|safe)|urlize
'http://exam\\u017fple.com/é?ü=世 http://世界.com/ www.世界.org 世界.com'|urlize
'-- .com a.com. .. x,com http:// https://. www. www..com'|urlize
'foo bar baz qux'|truncate(9)
'foo bar baz qux'|truncate(9, true)
'foo bar baz qux'|truncate(11)
'foo bar baz qux'|truncate(11, false, '...', 0)
'foo bar baz qux'|truncate(1)
'a\\nb\\n\\nc'|indent
'a\\nb\\n\\nc'|indent(2, first=true, blank=true)
'a'|indent(width='..')
{'class': 'a b', 'id': none, 'x': '<'}|xmlattr
{'a b': 1}|xmlattr
'<a>'|e
'<a>'|e|e
'<a>'|safe|e
('<a>'|e) ~ '<b>'
('<a>'|e) + '<b>'
'<b>' + ('<a>'|e)
('<a>'|e)|upper
('<a>'|safe) is escaped
['<'|e]
'abc'|first
'abc'|last
''|first
''|first is defined
[]|last
{}|first
d|first
d|list
'abc'|list
'abc'|reverse
[1, 2]|reverse|list
'abc'|sort
'cab'|sort|join
d|dictsort|first
'abc'|batch(2)|map('join')|list
range(7)|slice(3)|map('list')|list
[1, [2, 3]]|sum(start=0)
[[1], [2]]|sum(start=[])
['a']|sum
[1, 'a']|sum
['a', 'b']|sum(start='')
[1, 2, 3]|max
['a', 'B']|max
[]|max
[1, 'a']|max
[none, 1]|sort
[3, 1.5, true]|sort
[[2, 1], [1, 9]]|sort
'a' is in 'abc'
'a' is in('abc')
3 is divisibleby 3
3 is odd and 4 is even
'x' is string is true
not 'x' is string
n is not none
n is defined and n
'upper' is filter
'nosuch' is filter
'odd' is test
s is upper
'ABC' is upper
s is sameas s
1 is sameas 1
list is sameas list
[] is sameas []
range is callable
s is callable
missing is callable
missing is sequence
missing is iterable
missing is mapping
n.foo is defined
(1).foo
1.5.foo
1 .foo
list.0
d.items().0
[1, 2].0.x
'a'.upper().lower()
'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1]
'a' * 3
3 * 'a'
[1] * 2
'a' * -1
'a' * 2.0
[1] + [2]
(1,) + (2,)
[1] + (2,)
{} + {}
'a' - 'b'
'a' + 1
1 + 'a'
none + 1
-'a'
+true
-true
- -1
not not 1
not 1 == 2
1 and 0 or 'x'
'' or 'default'
nil and nil.x
[1, 2][true]
[1, 2][1.0]
{'a': {'b': {'c': 1}}}.a.b.c
{'a': {'b': {'c': 1}}}['a']['b']['c']
s['__class__']
s.__class__.__mro__
d.__class__ is defined
''.__class__|string
list.append
list.append is defined
d.update is callable
s.format is callable
list|attr('append')
d|attr('b')
d|attr('get')
x if x is defined else 'none'
(x if x is defined else 'none')|upper
[x for x in list]
lambda
1 +
(1
1)
{1: 2
'abc
a b
1 2
|upper
s|
s|upper(
s|1
s is
s is 1
s..x
s.
s[
s[]
f(x
*list
s = 1
{% if %}
@
$x
1 ? 2 : 3
!true
a && b
'a' if
if true
d.b if d.b else d.a
dict(**{'a': 1}).a
dict(*[[('a', 2)]]).a
range(*[1, 4])|list
range(**{'stop': 3})
'x'.join(list|map('string'))
list|join(',')|length
none|string
true|string
1.0|string
[1]|string
'1,2'.split(',')|map('int')|sum
((1))
((1, 2), 3)
-list|first
-1|abs
(-1)|abs
-n|abs
2 - -2
2--2
1if true else 2
'a'in'abc'
n>5and n<10
true and not false
True and None
none is none
None is none
loop
caller
varargs
1_0
1__0
0_1
01
00
0x
1e
1e+5
1.e5
9223372036854775807
-9223372036854775807 - 1
[0, 1, 2, 3][-2:]
'abc'[::-1][::-1]
[1, 2, 3][::-2]
(1, 2, 3)[1:]
'é'|tojson(ensure_ascii=true)
'🙂'|tojson(ensure_ascii=true)
'</script>\\''|tojson
[1.0, 1e100, true, none, (1, 2)]|tojson
{1: 2, none: 3, true: 4, 1.5: 5}|tojson
{(1, 2): 3}|tojson
[[], {}, [[]]]|tojson(indent=2)
[1, {'a': [2]}]|tojson(indent='--')
[1, 2]|tojson(2)
range(3)|tojson
range|tojson
d.items()|tojson
{'b': 1, 'a': {'d': 1, 'c': 2}}|tojson(sort_keys=true)
{'b': 1, 'a': 2}|tojson(separators=(',', ':'), indent=1)
"""
TEMPLATES = r"""
a{% if t %}b{% endif %}c
a {%- if t -%} b {%- endif -%} c
  {% if t %}
  x
  {% endif %}
y
--
  {%+ if t %}
  x
  {%+ endif %}
y
--
a
  {%- if t %}
b
  {%- endif +%}
c
--
{% if t +%}
x
{% endif %}
--
{{ s }}
{{ s -}}
   z
--
x   {{- s -}}   y
--
{{+ n }}{{-n}}|{{ -n }}
--
{# comment #}
a
--
  {# comment #}
a {# c #} b {#- c -#} d
--
a {#- c #}
b
--
{% raw %}{{ s }} {% if %}{% endraw %}
c
--
  {%- raw -%}
  {{ x }}
  {%- endraw -%}
  y
--
{% raw %}
 a
{% endraw %}
b
--
{% for i in list %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}
--
{% for i in list %}
{{ loop.index }}/{{ loop.length }} {{ loop.index0 }} {{ loop.revindex }} {{ loop.revindex0 }} {{ loop.first }} {{ loop.last }} {{ loop.previtem }} {{ loop.nextitem }} {{ loop.depth }}
{% endfor %}
--
{% for i in nothing %}x{% else %}empty{% endfor %}
--
{% for i in missing %}x{% else %}empty{% endfor %}
--
{% for i in nil %}x{% else %}empty{% endfor %}
--
{% for i in 5 %}x{% endfor %}
--
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}
--
{% for k in d %}{{ k }}{% endfor %}
--
{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}
--
{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}
--
{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
--
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
--
{% for a, b in ['xy', 'zw'] %}{{ a }}-{{ b }} {% endfor %}
--
{% for c in uni %}[{{ c }}]{% endfor %}
--
{% for i in range(6) if i is even %}{{ i }}{{ loop.index }}{{ loop.last }} {% endfor %}
--
{% for i in range(6) if i is even %}{{ loop.length }}{{ loop.revindex }} {% else %}none{% endfor %}
--
{% for i in range(6) if i > 9 %}{{ i }}{% else %}none{% endfor %}
--
{% set ns = namespace(go=true) %}{% for i in range(6) if ns.go %}{{ i }}{% if i == 2 %}{% set ns.go = false %}{% endif %}{% endfor %}
--
{% set ns = namespace(go=true) %}{% for i in range(6) if ns.go %}{{ i }}{{ loop.last }}{% if i == 2 %}{% set ns.go = false %}{% endif %}{% endfor %}
--
{% for i in range(10) %}{% if i == 3 %}{% break %}{% endif %}{% if i is odd %}{% continue %}{% endif %}{{ i }}{% endfor %}
--
{% for i in range(3) %}{% break %}{% else %}else{% endfor %}
--
{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}
--
{% break %}
--
{% for i in [1, 2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}
--
{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}
--
{% set x = 0 %}{% if t %}{% set x = 1 %}{% endif %}{{ x }}
--
{% if t %}{% set y = 1 %}{% endif %}{{ y }}
--
{% set n = 1 %}{{ n }}{% for i in [1] %}{{ n }}{% set n = 5 %}{{ n }}{% endfor %}{{ n }}
--
{% if no %}{% set n = 1 %}{% endif %}{{ n }}
--
{% for i in [1, 2] %}{% if i == 2 %}{% set z = 'set' %}{% endif %}{{ z|default('unset') }} {% endfor %}
--
{% set ns = namespace(x=0, l=[]) %}{% for i in list %}{% set ns.x = ns.x + i %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.x }} {{ ns.l }}
--
{% set ns.x = 1 %}
--
{% set d.x = 1 %}
--
{% set ns = namespace() %}{% set ns.__x = 1 %}
--
{% set a, b = 1, 2 %}{{ a }}{{ b }}
--
{% set a, b = list %}{{ a }}
--
{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }}
--
{% set x %}a{{ n }}b{% endset %}{{ x }}|{{ x|length }}
--
{% set x | upper | replace('A', 'z') %}a{{ n }}b{% endset %}{{ x }}
--
{% set x = 1, 2 %}{{ x }}
--
{% set s.x = 1 %}
--
{% macro m(a, b=2, c='x') %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c=4) }}{{ m(b=1, a=2) }}{{ m() }}
--
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
--
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
--
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
--
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}{{ m() }}
--
{% macro m(a) %}{{ a }}{{ varargs|join('-') }}{% endmacro %}{{ m(1, 2, 3) }}
--
{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}
--
{% macro m(a=1, b) %}{% endmacro %}
--
{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}
--
{% macro m(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ m() }}
--
{% macro f(n) %}{% if n > 1 %}{{ n * f(n - 1)|int }}{% else %}1{% endif %}{% endmacro %}{{ f(5) }}
--
{% macro m() %}{{ q }}{% endmacro %}{{ m() }}{% set q = 9 %}{{ m() }}
--
{% macro m() %}{% set q = 1 %}{{ q }}{% endmacro %}{{ m() }}{{ q }}
--
{% macro m(x) %}{{ caller() }}{{ x }}{% endmacro %}{% call m(1) %}body{{ n }}{% endcall %}
--
{% macro m() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}
--
{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}
--
{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}
--
{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}
--
{% macro m(a, b) %}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{{ m }}
--
{% macro m() %}a{% endmacro %}{{ m()|upper }}{{ m() ~ m() }}{{ m() is string }}
--
{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
--
{% with a=1, b=2 %}{{ a }}{{ b }}{% endwith %}{{ a }}
--
{% set a = 5 %}{% with a=1, b=a %}{{ a }}{{ b }}{% endwith %}{{ a }}
--
{% with %}{% set a = 1 %}{{ a }}{% endwith %}{{ a }}
--
{% filter upper %}a{{ s }}{% endfilter %}
--
{% filter replace('l', '1')|upper %}{{ s }}{% endfilter %}
--
{% for i in nested recursive %}{% if i is iterable %}({{ loop(i) }}){% else %}{{ i }}.{{ loop.depth }}{% endif %}{% endfor %}
--
{% for i in nested %}{{ loop(i) }}{% endfor %}
--
{% for i in [1, 2] %}{% for j in [3, 4] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
--
{% for i in [1, 2] %}{% set outer = loop %}{% for j in [3, 4] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}
--
{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{{ loop.cycle('a', 'b') }} {% endfor %}
--
{% for i in [1] %}{{ loop }}{{ loop.nosuch }}{% endfor %}
--
{% for i in list|map('string') %}{{ i }}{{ loop.last }}{{ loop.length }}{% endfor %}
--
{% set x = list|map('string') %}{{ x|join }}{{ x|join }}
--
{% set x = list|select %}{{ x|first }}{{ x|list }}
--
{% for m in messages %}{{ m.role }}{{ m['content'] }}{% if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function|tojson }}{% endfor %}{% endif %}{% endfor %}
--
{% if n > 5 and s %}a{% elif n %}b{% else %}c{% endif %}{% if no %}a{% elif n == 7 %}b{% else %}c{% endif %}
--
{% if missing %}a{% else %}b{% endif %}
--
{% if missing.x %}a{% endif %}
--
{% if no %}{{ s|nosuch }}{% endif %}ok
--
{% if t %}{{ s|nosuch }}{% endif %}ok
--
{{ s|nosuch if no else 'ok' }}
--
{% for i in nothing %}{{ i|nosuch }}{% endfor %}
--
{% if 'nosuch' is filter %}{{ s|nosuch }}{% else %}no filter{% endif %}
--
{% generation %}a{{ n }}{% endgeneration %}b
--
{% for i in [1] %}{% generation %}{{ i }}{% endgeneration %}{% endfor %}
--
{% block b %}x{{ n }}{% endblock %}y
--
{% print n, s %}
--
{% include 'x' %}
--
{% if no %}{% include 'x' %}{% endif %}ok
--
{% nosuchtag %}
--
{% if t %}
--
{% endif %}
--
{% for i in list %}{% endif %}
--
{{ s
--
{% if t
--
{# open
--
{% raw %}open
--
{{ s }} }} %} #} { } {x {
--
{{ '}}' }}{{ "%}" }}{{ {'a': {'b': 1}}['a']['b'] }}
--
{%if t%}x{%endif%}
--
{%- for i in [1] -%}
{{ i }}
{%- endfor -%}
--
{% set x = '
' %}{{ x|length }}
--
a
{% if t %}

b

{% endif %}

c
--
{{ s }}{# c #}
{{ n }}
--
	{% if t %}	tab
	{% endif %}	x
--
{% for message in messages %}
    {%- if message.role == 'user' %}
        {{- '<|user|>\n' + message.content + '<|end|>\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|assistant|>\n' + message.content + '<|end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\n' }}
{%- endif %}
--
{% set loop_messages = messages[1:] if messages[0].role == 'system' else messages %}{% for m in loop_messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{{ m.content|trim }}{% endfor %}
--
{% macro render(x) %}{% if x is mapping %}{ {%- for k, v in x.items() %}{{ k }}:{{ render(v) }}{% if not loop.last %},{% endif %}{% endfor -%} }{% elif x is string %}"{{ x }}"{% elif x is sequence %}[{% for i in x %}{{ render(i) }}{% endfor %}]{% else %}{{ x }}{% endif %}{% endmacro %}{{ render(rows) }}
--
{% set x = namespace(a=1) %}{% set y = x %}{% set y.a = 2 %}{{ x.a }}{{ x == y }}{{ x['a'] }}{{ x.b is defined }}
--
{% set ns = namespace(items=[]) %}{{ ns.items }}{{ ns['items'] }}
--
{% set range = 5 %}{{ range }}
--
{% set true = 5 %}
--
{% autoescape false %}{{ quotes }}{% endautoescape %}
--
{% set c = cycler('odd', 'even') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}
--
{% set j = joiner('; ') %}{% for i in list %}{{ j() }}{{ i }}{% endfor %}
--
{% for x in x %}{{ x }}{% else %}none{% endfor %}
--
{% for s in list %}{{ s }}{% endfor %}{{ s }}
--
{% with s = s|upper %}{{ s }}{% endwith %}
--
{% for i in list %}{{ i }}{{ "," if not loop.last }}{% endfor %}
--
{{ "a" "b" }}{{ 'x' if t }}{{ 'y' if no }}|
--
{% set a = [1, 2] %}{% set b = a + [3] %}{{ a }}{{ b }}
--
{% if s is string and s|length > 3 -%} long {%- else -%} short {%- endif %}
--
{%- set x = 1 -%}   {%- set y = 2 %}   {{ x }}{{ y }}
--
line1\nline2 {{ 'a\nb' }}
"""


def templates():
    for name in NAMES:
        yield "{{ %s }}" % name
        for one in FILTERS:
            yield "{{ %s|%s }}" % (name, one)
        for one in TESTS:
            yield "{{ %s is %s }}" % (name, one)
    for left in OPERANDS:
        for op in OPERATORS:
            for right in OPERANDS:
                yield "{{ %s %s %s }}" % (left, op, right)
    for name, calls in METHODS.items():
        for call in calls:
            yield "{{ %s%s }}" % (name, call if call.startswith("[") else "." + call)
    expressions = EXPRESSIONS.strip("\n").replace("\\\n", "\\\0").split("\n")
    for expression in expressions:
        yield "{{ %s }}" % expression.replace("\0", "\n")
    yield from TEMPLATES.strip("\n").split("\n--\n")


def main():
    env = environment()
    cases, seen = [], set()
    for source in templates():
        if source in seen:
            continue
        seen.add(source)
        try:
            text = env.from_string(source).render(**copy.deepcopy(CONTEXT))  # indent changes a list
        except (Exception, RecursionError):
            text = None
        if text is not None and (re.search(r"0x[0-9a-f]{6,}|<generator|iterator object|<built-in|<class '|<function|bound method", text)
                                 or re.search(r"\d{19,}|0X[0-9A-F]{6}|\dj\)", text)
                                 or re.search(r"map\('string'\)\|(string\|length|wordcount)", source)):
            continue
        cases.append([source, text])
    with open(sys.argv[1], "w") as file:
        file.write('{"context": %s,\n"cases": [\n' % json.dumps(CONTEXT, ensure_ascii=False))
        file.write(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases))
        file.write("\n]}\n")
    print(f"{len(cases)} cases, {sum(1 for c in cases if c[1] is None)} of them errors")


if __name__ == "__main__":
    main()
