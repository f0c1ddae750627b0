#!/usr/bin/env python3
"""Which JSON texts satisfy which schemas, as the reference validator (PyPI: jsonschema) says:
tests/golden/grammar/schemas.json.

Each schema comes with values of which the grammar must accept exactly the valid ones. A pool of other
values is tried on each as well: there the grammar may refuse what is valid (members in another order,
names that no schema mentions), but never accept what is not.

  python3 tools/make_grammar_goldens.py tests/golden/grammar/schemas.json
"""
import json
import sys

import jsonschema

DRAFT = jsonschema.Draft202012Validator


def obj(properties, required=(), **more):
    schema = {"type": "object", "properties": properties, "required": list(required)}
    schema.update(more)
    return schema


S, I, N, B = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}
TREE = {"$ref": "#/$defs/node", "$defs": {"node": obj(
    {"v": I, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, ["v"],
    additionalProperties=False)}}
LIST = {"type": "array", "items": {"$ref": "#"}}
NUMBERS = [0, 1, -1, 2, 3, 7, 9, 10, 11, 19, 20, 21, 99, 100, 101, 999, 1000, -7, -10, -11, -99, -100,
           0.5, -0.5, 1.5, 2.25, 2.3, 2.24, 9.99, 10.01, 0.05, 0.049, -2.25, 123456789012]

CASES = [
    ({}, [None, True, 0, "x", [1, [2]], {"a": {"b": []}}]),
    (True, [None, 1, "x"]),
    (S, ["", "a", "é😀", 'q"\\\n\t\u0001/', 1, None, []]),
    ({"type": ["string", "null"]}, ["a", None, 1, False]),
    (I, NUMBERS + ["1", True]),
    (N, NUMBERS + ["1", True]),
    ({"type": "integer", "minimum": 3}, NUMBERS),
    ({"type": "integer", "maximum": -10}, NUMBERS),
    ({"type": "integer", "minimum": -10, "maximum": 100}, NUMBERS),
    ({"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 101}, NUMBERS),
    ({"type": "integer", "minimum": 0.5, "maximum": 9.99}, NUMBERS),
    ({"type": "integer", "minimum": -5, "exclusiveMaximum": 0}, NUMBERS),
    ({"type": "number", "minimum": 2.25}, NUMBERS),
    ({"type": "number", "exclusiveMinimum": 2.25, "maximum": 10}, NUMBERS),
    ({"type": "number", "minimum": -0.5, "exclusiveMaximum": 0.05}, NUMBERS),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, NUMBERS),
    ({"type": "number", "minimum": 2.2, "maximum": 2.3}, NUMBERS),
    ({"type": "number", "minimum": 2, "maximum": 2.25}, NUMBERS),
    ({"type": "number", "exclusiveMinimum": 2, "exclusiveMaximum": 2.25}, NUMBERS + [2.001, 2.2499]),
    ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.05}, NUMBERS + [0.001, 0.06, 0.0499]),
    ({"type": "integer", "multipleOf": 7}, list(range(-30, 60)) + [7000000007, 6999999993]),
    ({"type": "integer", "multipleOf": 10, "minimum": 0}, NUMBERS),
    ({"type": "string", "minLength": 2, "maxLength": 4},
     ["", "a", "ab", "éé", "abcd", "abcde", "😀😀", "\n\n", '""""']),
    ({"type": "string", "minLength": 1}, ["", "a", "ab" * 50]),
    ({"type": "string", "maxLength": 100}, ["", "a" * 100, "a" * 101, "é" * 100, "é" * 101]),
    ({"type": "string", "pattern": "^[a-c]+$"}, ["", "a", "abc", "abd", "ab "]),
    ({"type": "string", "pattern": "[0-9]{2}"}, ["", "1", "12", "a12b", "1a2", "x\n12"]),
    ({"type": "string", "pattern": '^"[^"]*"\\n?$'}, ['""', '"a"', '"', '"a"\n', 'a']),
    ({"type": "string", "pattern": "^(a|b)?c$|^x"}, ["c", "ac", "x", "xyz", "cx", ""]),
    ({"enum": ["a", 1, None, {"k": [1, 2]}]}, ["a", 1, None, {"k": [1, 2]}, "b", 2, {"k": [1]}, False]),
    ({"enum": [1, "1", 2.5], "type": "number"}, [1, "1", 2.5]),
    ({"enum": ["a", "bcd", "ef"], "maxLength": 2}, ["a", "bcd", "ef"]),
    ({"enum": [1, 5, 9], "minimum": 2, "exclusiveMaximum": 9}, [1, 5, 9]),
    ({"const": 'a"b'}, ['a"b', "ab"]),
    ({"const": True}, [True, False, 1]),
    ({"type": "array", "items": I}, [[], [1], [1, 2, 3], ["a"], [1, None], 1]),
    ({"type": "array", "items": I, "minItems": 2, "maxItems": 3},
     [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]),
    ({"type": "array", "minItems": 1}, [[], [1], ["a", {}]]),
    ({"type": "array", "maxItems": 0}, [[], [1]]),
    ({"type": "array", "prefixItems": [I, S], "items": False}, [[], [1], [1, "a"], [1, "a", 1], ["a"]]),
    ({"type": "array", "prefixItems": [I, S], "items": B},
     [[], [1], [1, "a"], [1, "a", True, False], [1, "a", 1]]),
    ({"type": "array", "prefixItems": [I, S], "minItems": 2, "maxItems": 2},
     [[], [1], [1, "a"], [1, "a", 2]]),
    ({"type": "array", "prefixItems": [I], "items": S, "minItems": 3, "maxItems": 4},
     [[1], [1, "a"], [1, "a", "b"], [1, "a", "b", "c"], [1, "a", "b", "c", "d"]]),
    (obj({"a": I, "b": S}, ["a", "b"], additionalProperties=False),
     [{"a": 1, "b": "x"}, {"a": 1}, {"b": "x"}, {}, {"a": "1", "b": "x"}, {"a": 1, "b": "x", "c": 1}]),
    (obj({"a": I, "b": S, "c": B}, ["b"], additionalProperties=False),
     [{"a": 1, "b": "x"}, {"b": "x"}, {"b": "x", "c": True}, {"a": 1, "c": True}, {}]),
    (obj({"a": I}), [{"a": 1}, {}, {"a": "x"}]),
    (obj({"a": I, "ab": I}, [], additionalProperties=S),
     [{}, {"a": 1}, {"a": "x"}, {"b": "x"}, {"a": 1, "abc": "x", "": "y"}, {"ab": "x"}, {"b": 1},
      {"a": 1, "ab": 2, "é\"": "z"}]),
    ({"type": "object", "additionalProperties": N}, [{}, {"x": 1, "y": 2.5}, {"x": "1"}]),
    (obj({"a": I, "b": I, "c": I}, [], minProperties=2, additionalProperties=False),
     [{}, {"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}, {"b": 1}]),
    (obj({"a": I, "b": I, "c": I}, [], maxProperties=2, additionalProperties=False),
     [{}, {"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}]),
    ({"type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": True},
     [{}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}]),
    ({"type": "object", "required": ["x"]}, [{}, {"x": 1}, {"x": None}]),
    ({"type": "object", "propertyNames": {"pattern": "^[a-z]$"}, "additionalProperties": I},
     [{}, {"a": 1}, {"A": 1}, {"ab": 1}]),
    ({"type": "object", "patternProperties": {"^x_": I}, "additionalProperties": False},
     [{}, {"x_a": 1}, {"x_a": "1"}, {"y": 1}, {"x_": 2, "x_b": 3}]),
    (obj({"n": S}, ["n"], patternProperties={"^[0-9]+$": I}, additionalProperties=False),
     [{"n": "a"}, {"n": "a", "12": 1}, {"12": 1}, {"n": "a", "12": "x"}]),
    ({"anyOf": [I, S]}, [1, "a", None, 1.5]),
    ({"anyOf": [obj({"a": I}, ["a"]), obj({"b": S}, ["b"])]}, [{"a": 1}, {"b": "x"}, {"a": "x"}, {}]),
    (obj({"k": S}, ["k"], anyOf=[{"properties": {"v": I}, "required": ["v"]},
                                 {"properties": {"w": S}, "required": ["w"]}]),
     [{"k": "a", "v": 1}, {"k": "a", "w": "b"}, {"k": "a"}, {"v": 1}, {"k": "a", "v": "x"}]),
    ({"oneOf": [I, S, {"type": "null"}]}, [1, "a", None, True]),
    ({"oneOf": [obj({"t": {"const": "a"}, "x": I}, ["t", "x"]),
                obj({"t": {"const": "b"}, "y": S}, ["t", "y"])]},
     [{"t": "a", "x": 1}, {"t": "b", "y": "s"}, {"t": "a", "y": "s"}, {"t": "c"}]),
    ({"oneOf": [{"type": "integer", "maximum": 3}, {"type": "integer", "minimum": 10}]}, NUMBERS),
    ({"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 20}]}, NUMBERS),
    ({"allOf": [obj({"a": I}, ["a"]), obj({"b": S}, ["b"])]},
     [{"a": 1, "b": "x"}, {"a": 1}, {"b": "x"}]),
    ({"allOf": [obj({"a": I}, ["a"], additionalProperties=False), {"properties": {"b": S}}]},
     [{"a": 1}, {"a": 1, "b": "x"}, {}]),
    ({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]}, [1, 2, 3, 4]),
    ({"allOf": [{"type": "array", "items": {"minimum": 2}}, {"items": {"type": "integer"}}]},
     [[], [1], [2, 3], ["a"]]),
    ({"$ref": "#/$defs/p", "maximum": 20, "$defs": {"p": {"type": "integer", "minimum": 3}}}, NUMBERS),
    (TREE, [{"v": 1}, {"v": 1, "next": None}, {"v": 1, "next": {"v": 2, "next": {"v": 3}}},
            {"next": None}, {"v": 1, "next": {}}]),
    (LIST, [[], [[]], [[], [[], [[]]]], [1], [[1]]]),
    ({"$ref": "#/$defs/a%20b~1c", "$defs": {"a b/c": B}}, [True, 1]),
    ({"$ref": "#word", "$defs": {"x": {"$anchor": "word", "type": "boolean"}}}, [True, 1]),
    ({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]},
     [1, [], [1, [2, []]], ["a"]]),
    ({"type": "string", "format": "date"},
     ["2024-02-29", "2023-02-29", "2023-02-28", "2024-13-01", "2024-04-31", "2024-12-31", "24-1-1"]),
    ({"type": "string", "format": "time"}, ["12:30:00Z", "24:00:00Z", "12:60:00Z", "23:59:59.5+01:00"]),
    ({"type": "string", "format": "ipv4"}, ["0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "01.2.3.4"]),
    ({"type": "string", "format": "ipv6"},
     ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2::7:8", "1:2:3:4:5:6:7", "1::2::3", "12345::",
      "fe80::a:b"]),
    ({"type": "string", "format": "uuid"},
     ["123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456"]),
    ({"type": "string", "format": "email"}, ["a@b.c", "a.b+c@example.com", "a"]),
    (obj({"": I, "a\"b": I, "é": {"type": "object", "properties": {"x": {"type": "array", "items": N}}}},
         [""], additionalProperties=False),
     [{"": 1}, {"": 1, 'a"b': 2}, {"": 1, "é": {"x": [1.5, -2]}}, {"é": {}}]),
    (obj({f"p{i}": I for i in range(12)}, [], additionalProperties=False),
     [{}, {"p3": 1}, {"p0": 1, "p11": 2}, {f"p{i}": i for i in range(12)}, {"p12": 1}]),
    ({"type": "object", "properties": {"a": {"not_a_keyword": 1, "title": "t", "description": "d",
                                             "default": 1, "examples": [1], "type": "integer"}}},
     [{"a": 1}, {"a": "x"}]),
    ({"minLength": 2, "minimum": 5}, ["ab", "a", 5, 4]),
    ({"type": ["integer", "string", "array"], "minimum": 3, "maxLength": 1, "maxItems": 1},
     [3, 2, "a", "ab", [], [1], [1, 2], None]),
]

POOL = [None, True, False, 0, -0.0, 1, -1, 2, 3, 5, 7, 10, 20, 100, 1.5, 2.25, -7, "", "a", "b", "ab",
        "abc", "12", "é", "x\"y", "x\\", "\n", [], [1], ["a"], [1, "a"], [1, 2, 3], [[]], [None], {},
        {"a": 1}, {"a": "x"}, {"b": "x"}, {"a": 1, "b": "x"}, {"b": "x", "a": 1}, {"v": 1}, {"x": 1},
        {"x_a": 1}, {"12": 1}, {"a": 1, "b": 2, "c": 3}, {"t": "a", "x": 1}, {"k": "a", "v": 1},
        {"p3": 1, "p1": 2}, {"a": {"a": 1}}, {"A": 1}, {"v": 1, "next": {"v": 2}}]


def main():
    checker = DRAFT.FORMAT_CHECKER
    out = []
    for schema, values in CASES:
        validator = DRAFT(schema, format_checker=checker)
        exact = [[json.dumps(v, ensure_ascii=False), validator.is_valid(v)] for v in values]
        # Each in two more spellings: no white space and everything escaped, and over many lines.
        invalid = [v for v in POOL + values if not validator.is_valid(v)]
        texts = {json.dumps(v, separators=(",", ":")) for v in invalid}
        texts |= {json.dumps(v, ensure_ascii=False, indent=2) for v in invalid}
        out.append({"schema": json.dumps(schema, ensure_ascii=False), "exact": exact,
                    "invalid": sorted(texts)})
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(out, file, ensure_ascii=False, indent=0)
        file.write("\n")


main()
