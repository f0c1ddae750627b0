#!/usr/bin/env python3
"""Which texts follow which grammars, as Lark's own Earley parser says (PyPI: lark):
tests/golden/grammar/lark.json.

Each case is [grammar, texts that follow, texts that do not]. The texts are chosen here, the parser
sorts them. A grammar that Lark itself refuses is [grammar, null, null].

  python3 tools/make_lark_goldens.py tests/golden/grammar/lark.json
"""
import json
import sys

import lark

ARITHMETIC = r'''
?start: sum
?sum: product
    | sum "+" product   -> add
    | sum "-" product   -> sub
?product: atom
    | product "*" atom  -> mul
    | product "/" atom  -> div
?atom: NUMBER           -> number
     | "-" atom         -> neg
     | NAME             -> var
     | "(" sum ")"
%import common.CNAME -> NAME
%import common.NUMBER
%import common.WS_INLINE
%ignore WS_INLINE
'''
JSON = r'''
?start: value
?value: object | array | string
      | SIGNED_NUMBER      -> number
      | "true" | "false" | "null"
array  : "[" [value ("," value)*] "]"
object : "{" [pair ("," pair)*] "}"
pair   : string ":" value
string : ESCAPED_STRING
%import common.ESCAPED_STRING
%import common.SIGNED_NUMBER
%import common.WS
%ignore WS
'''
SQL = r'''
start: select_statement
select_statement: "SELECT" column "FROM" table "WHERE" condition
column: "col_1" | "col_2"
table: "table_1" | "table_2"
condition: column "=" number
number: "1" | "2"
%ignore " "
'''
CASES = [
    (ARITHMETIC, ["1", "1+2*3", " ( a_1 - 2.5e3 ) / -x", "1+", "(1", "1 2", "a b", "--3", "1e5", ".5", "5.", "1.e", "_x+é", "\n1"]),
    (JSON, ["{}", "[]", '{"a": [1, -2.5e+10, true], "b": {"c": null}}', '"x\\"y"', '"x', "[1,]", "{1: 2}", " \n[ \t]\r\n", "tru e",
            '"a\nb"', '"\\\\"', "+1", "01", "1 1"]),
    (SQL, ["SELECT col_1 FROM table_1 WHERE col_1 = 1", "SELECTcol_1FROMtable_2WHEREcol_2=2", "SELECT col_1", "select col_1 from table_1",
           " SELECT col_1 FROM table_1 WHERE col_1 = 1 ", "SELECT col_3 FROM table_1 WHERE col_1 = 1"]),
    ('start: "a"~3 "b"~1..2 ("c" | "d")+', ["aaabc", "aaabbcd", "aabc", "aaabbbc", "aaab", "aaabd"]),
    ('start: ["a"] "b"? [("c")]', ["", "a", "b", "ab", "abc", "ac", "c", "ba", "aa"]),
    ('start: "hi"i /th[er]+e/i "É"i', ["hitherÉ", "HItherrEeé", "hithereÉ", "HITHEREé", "HItherE", "HITHERRREé", "hIThEé", "hite"]),
    ('start: "a".."f" "0".."9"+', ["a0", "f99", "g0", "a", "b12x"]),
    ('start: A B\nA: "x" | "y" C\nB.2: /[0-9]/ C?\nC: "z"', ["x1", "yz2z", "y1", "x1z", "x1zz", "yzz"]),
    ('start: _pair+\n_pair: X ":" X\nX: /[a-z]/', ["a:b", "a:bc:d", "a:bc", "a:b c:d", ""]),
    ('!start: a | b\n!?a: "1" -> one\n  | "2" -> two\nb.5: "3"  // a comment\n   | "4" # another\n', ["1", "2", "3", "4", "5", "12"]),
    ('start: x\nx: "a" x "b" | "c"', ["c", "acb", "aacbb", "acbb", "ab"]),
    ('start: start "a" | "b"', ["b", "ba", "baaa", "a", "ab"]),
    ('start: "\\n" "\\t" "\\"" "\\\\" "\\x41\\u00e9" "\\q"', ["\n\t\"\\Aé\\q", "\n\t\"\\Aéq"]),
    ('start: /a.c/ /d.f/s', ["abcd\nf", "a\ncdef", "abcdef", "aécd\rf", "a\rcdef"]),
    ('start: /[^a-c\\/]+\\/x/', ["d/x", "a/x", "dé/x", "d/y", "/x"]),
    ('start: /\\w+\\s\\d{2,3}/', ["ab 12", "a_1\t123", "ab 1", "ab 1234", " 12"]),
    ('start: /(?:ab|c)+d?/ "e"', ["e", "abce", "ababde", "ae", "cde"]),
    ('start: WORD ("," WORD)*\n%import common (WORD, WS)\n%ignore WS', ["a", "ab , cd", "ab,", ",a", " a ", "a b", "a1"]),
    ('start: INT SIGNED_INT HEXDIGIT LETTER DIGIT\n%import common (INT, SIGNED_INT, HEXDIGIT, LETTER, DIGIT)', ["1-2ax3", "1+2Fé3", "12az1", "123Az1", "1ax1"]),
    ('start: F+\nF: SIGNED_FLOAT ";"\n%import common.SIGNED_FLOAT', ["1.5;", "-.5;", "+1e5;2.;", "1;", ".;", "1.e5;", "1.5e;"]),
    ('start: DECIMAL NEWLINE CNAME\n%import common (DECIMAL, NEWLINE, CNAME)', ["1.5\n_a1", "1.\r\n\nab", "1\na", ".5\na-b", ".5a"]),
    ('start: "a" "b"\n%import common (SH_COMMENT, CPP_COMMENT, C_COMMENT, SQL_COMMENT, WS)\n%ignore SH_COMMENT\n%ignore CPP_COMMENT\n'
     '%ignore C_COMMENT\n%ignore SQL_COMMENT\n%ignore WS',
     ["ab", "a # x\nb", "// y\nab", "a /* x\n * y **/ b", "a/* x b", "a -- z\n\nb -- end", "a/**/b", "a /", "# only"]),
    ('start: LCASE_LETTER UCASE_LETTER CR LF WS_INLINE\n%import common (LCASE_LETTER, UCASE_LETTER, CR, LF, WS_INLINE)', ["aB\r\n \t", "ab\r\n ", "aB\n\r ", "aB\r\n\n"]),
    ('start: item+\nitem: "- " TEXT "\\n"\nTEXT: /[^\\n]+/', ["- a\n", "- a b\n- c\n", "- \n", "- a", "a\n"]),
    ('start: "a"\n%ignore "x" | "y"+', ["a", "xa", "ayyx", "xyayx", "a z", "x"]),
    ('start: A\nA: "a" " " "b"\n%ignore " "', ["a b", "ab", " a b ", "a  b"]),
    ('start: ("a" "b")~2 | ("c"\n  | "d")', ["abab", "c", "d", "ab", "ababab"]),
    ('start: /[А-я]+/i "ß" /[ſ]/', ["Привет" + "ßſ", "приветßſ", "aßſ", "ПßS"]),
    ('start: a\na: | "x" a', ["", "x", "xxx", "y"]),
    # What Lark refuses.
    ('start: b', None), ('start: "a"\nstart: "b"', None), ('A: "a"', None), ('start: A\nA: a\na: "x"', None),
    ('start: A\nA: B\nB: A', None), ('start: ("a"', None), ('start: "a', None), ('start: "b".."a"', None), ('start: "ab".."c"', None),
    ('start: *', None), ('start "a"', None), ('start: NOSUCH\n%import common.NOSUCH', None), ('start: "a"**', None), ('start: "a"~3..2', None),
    ('start: /a', None), ('start: "a" -> b "c"', None), ('start: "a")', None), ('start: ["a")', None),
]


def sort_texts(grammar, texts):
    parser = lark.Lark(grammar, parser="earley", lexer="dynamic_complete", ambiguity="resolve")
    follows, others = [], []
    for text in texts:
        try:
            parser.parse(text)
            follows.append(text)
        except lark.exceptions.LarkError:
            others.append(text)
    return follows, others


def main():
    lines = []
    for grammar, texts in CASES:
        if texts is None:
            try:
                lark.Lark(grammar, parser="earley", lexer="dynamic_complete")
                print("taken by Lark:", repr(grammar), file=sys.stderr)
                continue
            except Exception:  # of many kinds
                lines.append([grammar, None, None])
            continue
        lines.append([grammar, *sort_texts(grammar, texts)])
    with open(sys.argv[1], "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n]\n")


main()
