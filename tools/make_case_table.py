"""Prints src/jinja/case_table.inc: the characters whose upper, title or folded form is not one character, and the two
lower-case forms that are special, as Python's str methods give them (Unicode SpecialCasing.txt and CaseFolding.txt)."""

def literal(text):
    return '"' + "".join(f"\\x{b:02x}" for b in text.encode()) + '"'

print("// Characters whose upper-case, title-case or folded form is more than one character (Unicode, SpecialCasing.txt")
print("// and CaseFolding.txt): CASE(character, upper, title, folded). Made by tools/make_case_table.py.")
for code in range(0x110000):
    char = chr(code)
    upper, title, fold = char.upper(), char.title(), char.casefold()
    if max(len(upper), len(title), len(fold)) > 1:
        print(f"CASE(0x{code:04X}, {literal(upper)}, {literal(title)}, {literal(fold)})")
