#!/usr/bin/env python3
"""Makes src/text/unicode_tables.inc: what the reference tokenizers take every code point for.

    python3 tools/make_unicode_tables.py

Needs the package tokenizers, and asks it: the regular expressions, the punctuation, the marks and the
scripts of the Hugging Face library come from different editions of Unicode, and ids depend on them.
"""
import os
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

OUT = os.path.join(os.path.dirname(__file__), "..", "src", "text", "unicode_tables.inc")
N_CODES = 0x110000
CODES = [c for c in range(N_CODES) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf",
              "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cf", "Co"]


def matching(expression):
    """The code points a one-character expression matches."""
    codes = [c for c in CODES if c > 1]
    text = "\x00".join(map(chr, codes))
    replaced = normalizers.Replace(Regex(expression), "\x01").normalize_str(text)
    return {c for c, now in zip(codes, replaced.split("\x00")) if now == "\x01"}


def category_runs():
    names = {}
    for name in CATEGORIES:
        for code in matching(r"\p{%s}" % name):
            names[code] = name
    for code in list(range(0x20)) + list(range(0x7F, 0xA0)):
        names[code] = "Cc"
    for code in range(0xD800, 0xE000):
        names[code] = "Cs"
    # White space that is not of a Z category counts as one of its own.
    for code in list(range(9, 14)) + [0x85]:
        names[code] = "Cw"
    spaces = {c for c, name in names.items() if name in ("Cw", "Zs", "Zl", "Zp")}
    assert spaces - {9, 10, 11, 12, 13} == matching(r"\s") - {9, 10, 11, 12, 13}
    runs = []
    for code in range(N_CODES):
        name = names.get(code, "Cn")
        if not runs or runs[-1][1] != name:
            runs.append((code, name))
    return runs


def ranges(codes):
    out = []
    for code in sorted(codes):
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def cut_out(step):
    """The code points that a pre-tokenizer cuts out of a word."""
    return {c for c in CODES if len(step.pre_tokenize_str("a" + chr(c) + "b")) > 1}


def removed(step):
    return {c for c in CODES if step.normalize_str(chr(c)) == ""}


def bert(**options):
    base = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**base, **options})


def script_runs():
    """Runs of one script. 0 joins with everything; the numbers are otherwise arbitrary."""
    step = pre_tokenizers.UnicodeScripts()
    same = lambda a, b: len(step.pre_tokenize_str(chr(a) + chr(b))) == 1
    any_script = {c for c in CODES if same(ord("a"), c) and same(0x416, c)}
    runs, representatives = [], []
    previous = None
    for code in CODES:
        if code in any_script:
            number = 0
        elif previous is not None and runs[-1][1] != 0 and same(previous, code):
            number = runs[-1][1]
        else:
            number = next((i + 1 for i, one in enumerate(representatives) if same(one, code)), 0)
            if number == 0:
                representatives.append(code)
                number = len(representatives)
        if not runs or runs[-1][1] != number:
            runs.append((code, number))
        previous = code
    return runs


def newer(runs):
    """Runs of what is assigned here but not in Unicode 14, which PCRE2 10.42 has."""
    assert unicodedata.unidata_version == "14.0.0"
    out = []
    for (first, name), (end, _) in zip(runs, runs[1:] + [(N_CODES, "")]):
        for code in range(first, end):
            if name == "Cn" or unicodedata.category(chr(code)) != "Cn":
                continue
            if out and out[-1][1] == code - 1 and out[-1][2] == name:
                out[-1][1] = code
            else:
                out.append([code, code, name])
    return out


def write_rows(out, macro, rows):
    line = ""
    for row in rows:
        text = "%s(%s) " % (macro, ", ".join(row))
        if len(line) + len(text) > 100:
            out.write(line.rstrip() + "\n")
            line = ""
        line += text
    out.write(line.rstrip() + "\n")


def main():
    sets = {
        "PUNCTUATION": cut_out(pre_tokenizers.Punctuation()),
        "NUMERIC": cut_out(pre_tokenizers.Digits()),
        "BERT_CONTROL": removed(bert(clean_text=True)),
        "BERT_ACCENT": removed(bert(strip_accents=True)),
        "COMBINING_MARK": removed(normalizers.StripAccents()),
        "HAN": matching(r"\p{Han}"),
    }
    with open(OUT, "w", encoding="ascii") as out:
        out.write("// Made by tools/make_unicode_tables.py; included by unicode.cpp.\n"
                  "// clang-format off\n"
                  "// RUN(first code point of the run, its general category); Cw: white space among the controls.\n"
                  "#ifdef RUN\n")
        runs = category_runs()
        write_rows(out, "RUN", [("0x%X" % code, name) for code, name in runs])
        out.write("#endif\n// SCRIPT(first code point of the run, number of its script)\n#ifdef SCRIPT\n")
        write_rows(out, "SCRIPT", [("0x%X" % code, str(number)) for code, number in script_runs()])
        out.write("#endif\n// NAME(first, last code point)\n")
        out.write("// first, last code point and category of what came after Unicode 14\n#ifdef NEWER\n")
        write_rows(out, "NEWER", [("0x%X" % first, "0x%X" % last, name) for first, last, name in newer(runs)])
        out.write("#endif\n")
        for name, codes in sets.items():
            out.write("#ifdef %s\n" % name)
            write_rows(out, name, [("0x%X" % first, "0x%X" % last) for first, last in ranges(codes)])
            out.write("#endif\n")
        out.write("// clang-format on\n")


main()
