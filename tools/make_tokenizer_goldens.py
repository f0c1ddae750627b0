#!/usr/bin/env python3
"""Makes tests/golden/text: small tokenizers and the ids the reference implementations give hard text.

    python3 tools/make_tokenizer_goldens.py

Needs the packages tokenizers, sentencepiece and gguf. The text the tokenizers are trained on stands
below, so everything here can be made again. Outputs:

    trainer.json       the training text and the merges a trainer must find in it
    hard.json          the texts, as hexadecimal bytes (some are not UTF-8)
    patterns.json      for names of tokenizer.ggml.pre the lengths of the words of every text
    NAME.json          a tokenizer.json; NAME.gguf a vocabulary-only GGUF, NAME.model the sentencepiece
                       model that it was made from
    NAME.ids.json      for every text: ids as the model wants them, without special tokens, with
                       special tokens taken as text where that differs, and what the ids decode to
                       where that is not the text; null where the reference does not take the text
"""
import io
import json
import os
import tempfile

import gguf
import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

OUT = os.path.join(os.path.dirname(__file__), "..", "tests", "golden", "text")

TRAINING = """
The keeper of the lighthouse counted the boats twice, because counting once had never been enough.
She wrote 17 in the book, then 18, and didn't trust either number; it's the fog, she'd say.
"We'll wait," he said. "They're late, I'm cold, you've got the lamp." The lamp burned all night.
In the morning there were 1234567 waves, 99 gulls and no wind. Nobody's boat had moved at all.
    indented code: for (int i = 0; i < 10; ++i) { total += values[i]; }  // 3.14159
Der Wärter zählte die Boote zweimal, weil einmal zählen nie genügte. Straße, Größe, Öl, übermäßig.
El farero contó los barcos dos veces; ¿por qué? ¡Porque una vez nunca bastaba! Mañana, señor.
Le gardien du phare a compté les bateaux deux fois, parce qu'une fois n'avait jamais suffi. Où? Là.
Смотритель маяка дважды пересчитал лодки, потому что одного раза никогда не хватало.
Ο φαροφύλακας μέτρησε τις βάρκες δύο φορές, γιατί μία δεν έφτανε ποτέ.
灯台守は船を二度数えた。一度では足りなかったからである。カタカナもひらがなも。
灯塔看守人把船数了两遍，因为一遍从来不够。早上有九十九只海鸥。
등대지기는 배를 두 번 세었다. 한 번으로는 충분하지 않았기 때문이다.
عد حارس المنارة القوارب مرتين لأن مرة واحدة لم تكن كافية قط.
प्रकाशस्तंभ के रखवाले ने नावों को दो बार गिना, क्योंकि एक बार कभी काफी नहीं था।
ผู้ดูแลประภาคารนับเรือสองครั้ง เพราะครั้งเดียวไม่เคยพอ
"""

HARD = [
    "", " ", "  ", "   a", "a   ", "\n", "\n\n\n", "\t\t x\r\n y\r", " \n \n ", "a\u00a0b\u2003c\u3000d\u2028e",
    "\u180e \u200b\ufeff\u0085\u001c\u001dx", "Hello world", "Hello, y'all! How're you? I'LL'd WE'VE",
    "it's it\u2019s 'S 's' 'ſ \u017f", "The lighthouse didn't 1234567890 12 3.14 1,000,000 ½ ² Ⅷ ٣٤٥ 四",
    "don't stop    believing   \n\n   now  ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    " " * 70 + "end", "=" * 75, "ab" * 60, "\n" * 40 + "x", "Straße Größe übermäßig ÅÄÖ",
    "e\u0301 é n\u0303 ñ a\u0323\u0307 \u1e69 s\u0323\u0307 \u0344 \u212b \u2126 ﬁ ﷺ Ⅷ ㍿ ①",
    "한국어 각 \u1100\u1161\u11a8 \u1112\u1161\u11ab", "Смотритель маяка", "Ο φαροφύλακας ΟΔΟΣ",
    "灯台守は船を二度数えた。", "灯塔看守人，九十九。", "عد حارس المنارة ١٢٣", "प्रकाशस्तंभ क्षि नहीं",
    "ผู้ดูแลประภาคาร", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f",
    "İstanbul ıI ẞ ŉ ǰ", "\x00\x01\x02 \x07\x1b[31m \x7f", "\ufffd \U0010ffff \ue000",
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0316\u0317\u0318\u0319algo",
    "<s>", "</s> text", "a<s>b</s>c", "<s> <s>", "<|end|>", "say <|end|> now", "x  <|left|>y", "x<|right|>  y",
    "a word here", "awordb word, word", "<tool>call</tool>", " <tool> ", "<0x41><0x0A>", "▁ ▁▁ a▁b", "▁",
    "def f(x):\n\treturn x**2  # squared\n\n\nprint(f(3))\n", "https://example.org/a?b=c&d=%20#e",
    "CamelCaseAndSHOUTING and mixedUP XMLHttpRequest", "a\tb\u000bc\u000cd",
    "1 22 333 4444 55555 666666", "!!! ??? ... ---- ____ $$$ +++ ^^^ ``` |||", "（全角）、「括弧」！？",
    "\u0645\u0640\u0640\u0640\u0631 \u202bRTL\u202c \u200dx\u200c", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 🄰", "q" * 30 + " " + "Z" * 30,
    "\u0378\u0380 a\u0530b \U000e0080 \U0003ffff x\u2fe0y \u0870\u0c3c \u20c1 \U00016d40 \U00011f5b",
    "[CLS] [MASK] [mask] [SEP][UNK]", "I'D'VE 'tis rock'n'roll DON'T don\u2019t 'LLama 'Reed \u02bcs",
    "kelvin \u212a angstrom \u212b ﬀ ﬃ ＦＵＬＬ　ｗｉｄｔｈ ｶﾞ ㍉ ½¼ ⅷ ℡", "a-b--c - -d well-known", "1" * 40 + " 12,345,678.90 ٠١٢٣٤",
    "mixed русскийtext中文テキスト한글עברית العربية १२३ 𐌰𐌱 ᚠᚢ ꓐ", "\u0301a \u0301\u0302 \u0e34\u0e35 \u093f \ufe0f\u200d\u20e3",
    "naïve Café ÉCOLE Œuvre Ångström ǅ ǆ ß ẞ İi Iı ΣΑΣ ᾈ", "supercalifragilisticexpialidocious" * 4,
    "the keeper of the lighthouse. Isn't it, he said? Do not! We 're you 've", "\u2581\u2581a \u2581 b\u2581", "tab\tnew\nret\rff\fvt\vnel\u0085",
    "Hello  World \n\n \t end \r\n\r\n\n x \n y   \n", "~`!@#$%^&*()_+-={}[]|\\:;\"'<>,.?/", "\u00ad\u200b\u2060\ufeff\u061c soft",
]
HARD_BYTES = [text.encode() for text in HARD] + [
    b"\xff", b"\x80abc", b"abc\xc3", b"\xe2\x82", b"a\xf0\x9f\x98 b", b"\xc0\xaf\xed\xa0\x80x",
    b"ok \xff\xfe\xfd ok", b"\xf4\x90\x80\x80\xf5", bytes(range(256)),
]


def save(name, data):
    with open(os.path.join(OUT, name), "w", encoding="ascii") as out:
        json.dump(data, out, separators=(",", ":"))
        out.write("\n")


def hf_cases(tokenizer):
    cases = []
    for data in HARD_BYTES:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            cases.append(None)
            continue
        tokenizer.encode_special_tokens = False
        case = {"ids": tokenizer.encode(text).ids,
                "never": tokenizer.encode(text, add_special_tokens=False).ids}
        tokenizer.encode_special_tokens = True
        case["as_text"] = tokenizer.encode(text, add_special_tokens=False).ids
        tokenizer.encode_special_tokens = False
        if case["as_text"] == case["never"]:
            del case["as_text"]
        decoded = tokenizer.decode(case["never"])
        if decoded != text:
            case["decoded"] = decoded
        cases.append(case)
    return cases


def save_hf(name, tokenizer):
    save(name + ".json", json.loads(tokenizer.to_str()))
    save(name + ".ids.json", hf_cases(tokenizer))


def train_bytes(pre_tokenizer, n_vocab, specials):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=n_vocab, special_tokens=specials, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([TRAINING], trainer)
    return tokenizer


GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(name, pre, *, post=None, normalizer=None, n_vocab=420, ignore_merges=False):
    tokenizer = train_bytes(pre, n_vocab, ["<s>", "</s>", "<|end|>"])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("  ", normalized=True)])
    tokenizer.add_special_tokens([AddedToken("<|left|>", lstrip=True), AddedToken("<|right|>", rstrip=True)])
    tokenizer.add_tokens([AddedToken("word", single_word=True)])
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if post is not None:
        tokenizer.post_processor = post
    tokenizer.model.ignore_merges = ignore_merges
    save_hf(name, tokenizer)
    return tokenizer


def bos_template():
    return processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>",
                                      special_tokens=[("<s>", 0), ("</s>", 1)])])


def plain_gguf(name, tokenizer, pre):
    """A byte-level tokenizer without the tokens GGUF cannot describe, as GGUF; ids by the same tokenizer."""
    model = json.loads(tokenizer.to_str())
    pieces = sorted(model["model"]["vocab"], key=model["model"]["vocab"].get)
    writer = gguf.GGUFWriter(os.path.join(OUT, name + ".gguf"), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(pieces)
    writer.add_token_types([3 if i < 3 else 1 for i in range(len(pieces))])
    writer.add_token_merges([" ".join(merge) for merge in model["model"]["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    close_gguf(writer)
    save(name + ".ids.json", hf_cases(tokenizer))


def close_gguf(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def train_sentencepiece(n_vocab, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TRAINING.strip().split("\n")), model_writer=model, model_type="bpe",
        vocab_size=n_vocab, num_threads=1, minloglevel=2, **options)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def piece_type(model, i):
    if model.is_unknown(i):
        return 2
    if model.is_control(i):
        return 3
    if model.is_byte(i):
        return 6
    return 5 if model.is_unused(i) else 1


def sentencepiece_file(name, model):
    with open(os.path.join(OUT, name + ".model"), "wb") as file:
        file.write(model.serialized_model_proto())


def sentencepiece_gguf(name, model, user_defined, add_space_prefix, remove_extra):
    sentencepiece_file(name, model)
    writer = gguf.GGUFWriter(os.path.join(OUT, name + ".gguf"), "llama")
    n = model.get_piece_size()
    writer.add_tokenizer_model("llama")
    writer.add_token_list([model.id_to_piece(i) for i in range(n)])
    writer.add_token_scores([model.get_score(i) for i in range(n)])
    writer.add_token_types([4 if model.id_to_piece(i) in user_defined else piece_type(model, i) for i in range(n)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(add_space_prefix)
    writer.add_bool("tokenizer.ggml.remove_extra_whitespaces", remove_extra)
    writer.add_add_bos_token(True)
    close_gguf(writer)
    cases = []
    for data in HARD_BYTES:
        ids = model.encode(data)
        case = {"ids": [1] + ids, "never": ids}
        # Control tokens in a text are this project's (and llama.cpp's) addition.
        if any(mark in data for mark in (b"<s>", b"</s>", b"<unk>")):
            case = {"as_text": ids}
        cases.append(case)
    save(name + ".ids.json", cases)


def sentencepiece_json(name, model, metaspace):
    """The same pieces as a tokenizer.json, the way converters write it."""
    n = model.get_piece_size()
    pieces = [model.id_to_piece(i) for i in range(n)]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    for piece in pieces[259:]:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocab and right in vocab:
                merges.append((vocab[piece], vocab[left], vocab[right], left, right))
    merges = [(left, right) for _, _, _, left, right in sorted(merges)]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B",
                                                             special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    save_hf(name, tokenizer)


def unknown_characters(name):
    """Characters without pieces and without byte pieces."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(),
                                                       pre_tokenizers.Digits(individual_digits=True)])
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(), normalizers.Strip()])
    trainer = trainers.BpeTrainer(vocab_size=260, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    # The lines of plain English only, so that most characters of the hard text are unknown.
    tokenizer.train_from_iterator(TRAINING.strip().split("\n")[:3], trainer)
    tokenizer.decoder = decoders.Fuse()
    save_hf(name, tokenizer)


def trainer_case():
    """What BpeTrainer makes of the training text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = GPT2
    trainer = trainers.BpeTrainer(vocab_size=460, min_frequency=2, special_tokens=["<s>", "</s>"],
                                  show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([TRAINING], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    save("trainer.json", {"n_vocab": 460, "text": TRAINING, "merges": model["merges"],
                          "pieces": sorted(model["vocab"], key=model["vocab"].get)})


CASELESS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2_ROW = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def llama3_row(digits, letter=r"\p{L}", other=r"[^\s\p{L}\p{N}]+[\r\n]*"):
    return (CASELESS + r"|[^\r\n\p{L}\p{N}]?" + letter + "+|" + digits + "| ?" + other
            + r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def cased_row(contraction, digits, without="", tail=r"[\r\n/]*"):
    lead, upper, lower = (r"[^\r\n\p{L}\p{N}]?", r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}%s]" % without,
                          r"[\p{Ll}\p{Lm}\p{Lo}\p{M}%s]" % without)
    return (lead + upper + "*" + lower + "+" + contraction + "|" + lead + upper + "+" + lower + "*" + contraction
            + "|" + digits + r"| ?[^\s\p{L}\p{N}]+" + tail + r"|\s*[\r\n]+|\s+(?!\S)|\s+")


DEEPSEEK3_ROW = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
                 r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
# As the models' own tokenizer files have them.
PATTERNS = {
    "gpt-2": [GPT2_ROW],
    "llama-bpe": [llama3_row(r"\p{N}{1,3}")],
    "qwen2": [llama3_row(r"\p{N}")],
    "qwen35": [llama3_row(r"\p{N}", r"[\p{L}\p{M}]", r"[^\s\p{L}\p{M}\p{N}]+[\r\n]*")],
    "seed-coder": [llama3_row(r"\p{N}{1}", other=r"[^\s\p{L}\p{N}\r\n]+")],
    "minicpm5": [r"\p{N}{1,3}", llama3_row(r"\p{N}+")],
    "bailingmoe": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]"
                   r"|\s+(?!\S)|\s+"],
    "gpt-4o": [cased_row(CASELESS + "?", r"\p{N}{1,3}")],
    "tekken": [cased_row("", r"\p{N}")],
    "tiny_aya": [r"\d{1,3}(?=(?:\d{3})*\b)", cased_row(CASELESS + "?", r"\p{N}{1,3}")],
    "kimi-k2": [r"[\p{Han}]+|" + cased_row(CASELESS + "?", r"\p{N}{1,3}", r"&&[^\p{Han}]", r"[\r\n]*")],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3_ROW],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+", r"\p{N}"],
    "starcoder": [r"\p{N}", GPT2_ROW],
    "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "exaone-moe": [CASELESS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"
                   r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"],
    "bloom": [" ?[^(\\s|.,!?…。，、।۔،)]+"],
}


def patterns():
    words = {}
    for name, rows in PATTERNS.items():
        step = pre_tokenizers.Sequence([split(row) for row in rows])
        words[name] = []
        for data in HARD_BYTES:
            try:
                text = data.decode()
            except UnicodeDecodeError:
                words[name].append(None)
                continue
            words[name].append([len(word.encode()) for word, _ in step.pre_tokenize_str(text)])
    save("patterns.json", words)


ENDS = [("[CLS]", 1), ("[SEP]", 2)]


def wordpiece():
    """BERT, and the same pieces as GGUF has them."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=420, show_progress=False,
                                        special_tokens=["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"])
    tokenizer.train_from_iterator([TRAINING], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ENDS)
    save_hf("wordpiece", tokenizer)
    vocab = tokenizer.get_vocab()
    pieces = sorted(vocab, key=vocab.get)
    writer = gguf.GGUFWriter(os.path.join(OUT, "wordpiece.gguf"), "bert")
    writer.add_tokenizer_model("bert")
    writer.add_token_list([p if i < 5 else p[2:] if p.startswith("##") else "▁" + p for i, p in enumerate(pieces)])
    writer.add_token_types([3 if i < 5 else 1 for i in range(len(pieces))])
    for name, token in (("bos", 1), ("unknown", 3), ("seperator", 2), ("padding", 0), ("mask", 4)):
        writer.add_uint32("tokenizer.ggml.%s_token_id" % name, token)
    close_gguf(writer)


RULES = """ff21\t41\nff22\t42\nfb01\t66 69\n3000\t20\n9\t20\na\t20\n65 301\te9\n41 30a\tc5\n200d\t\n2460\t31
1100 1161\tac00\n2126\t3a9\n200b\t20\nbd\t31 2044 32\nac\t20 21\n"""


def field(message, wanted):
    """The first field of a protocol buffer with a length, by its number."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        tag = varint()
        if tag & 7 == 2:
            n = varint()
            at += n
            if tag >> 3 == wanted:
                return message[at - n:at]
        elif tag & 7 == 0:
            varint()
        else:
            at += 4 if tag & 7 == 5 else 8
    return b""


def train_unigram(**options):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write(RULES)
        rules.flush()
        data = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TRAINING.strip().split("\n")), model_writer=data, model_type="unigram",
            num_threads=1, minloglevel=2, normalization_rule_tsv=rules.name, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            **options)
    # ModelProto.normalizer_spec.precompiled_charsmap
    charsmap = field(field(data.getvalue(), 3), 2)
    return sentencepiece.SentencePieceProcessor(model_proto=data.getvalue()), charsmap


def unigram(name, bytes_too, pre):
    """As a converter writes it: the pieces with their scores, the table of characters, spaces as marks."""
    model, charsmap = train_unigram(vocab_size=560 if bytes_too else 260, byte_fallback=bytes_too, character_coverage=0.98)
    vocab = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(vocab, 2, byte_fallback=bytes_too))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(charsmap),
        normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ("<pad>", "</s>", "<unk>", "<s>")])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>",
                                                             special_tokens=[("</s>", 1)])
    save_hf(name, tokenizer)
    return model, charsmap


def unigram_gguf(name, model, charsmap):
    sentencepiece_file(name, model)
    writer = gguf.GGUFWriter(os.path.join(OUT, name + ".gguf"), "t5")
    n = model.get_piece_size()
    writer.add_tokenizer_model("t5")
    writer.add_token_list([model.id_to_piece(i) for i in range(n)])
    writer.add_token_scores([model.get_score(i) for i in range(n)])
    writer.add_token_types([piece_type(model, i) for i in range(n)])
    writer.add_precompiled_charsmap(charsmap)
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    close_gguf(writer)
    cases = []
    for data in HARD_BYTES:
        ids = model.encode(data)
        if any(mark in data for mark in (b"</s>", b"<unk>", b"<pad>")):
            cases.append({"as_text": ids})
        else:
            cases.append({"ids": ids + [1], "never": ids})
    save(name + ".ids.json", cases)


def finish(name, tokenizer, trainer, lines=None):
    tokenizer.train_from_iterator([TRAINING] if lines is None else TRAINING.strip().split("\n")[:lines], trainer)
    save_hf(name, tokenizer)


def components():
    """Every component that no other golden has."""
    specials = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.decoder = decoders.WordPiece(prefix="@@", cleanup=False)
    words.post_processor = processors.RobertaProcessing(("[SEP]", 2), ("[CLS]", 1))
    finish("words", words, trainers.WordLevelTrainer(special_tokens=specials, show_progress=False))

    clip = Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"))
    clip.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "),
                                            normalizers.Lowercase()])
    clip.pre_tokenizer = pre_tokenizers.Sequence([
        split(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "removed", True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    clip.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    clip.decoder = decoders.BPEDecoder()
    finish("suffix", clip, trainers.BpeTrainer(
        vocab_size=700, special_tokens=specials, show_progress=False, end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))

    prefix = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True))
    prefix.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip()])
    prefix.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.CharDelimiterSplit("-"), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.UnicodeScripts(),
        pre_tokenizers.Digits(individual_digits=False)])
    prefix.decoder = decoders.CTC(pad_token="[PAD]", word_delimiter_token="a", cleanup=True)
    finish("prefix", prefix, trainers.BpeTrainer(vocab_size=400, special_tokens=specials, show_progress=False,
                                                 continuing_subword_prefix="##"))

    alphabet = Tokenizer(models.BPE())
    alphabet.normalizer = normalizers.ByteLevel()
    alphabet.pre_tokenizer = split("Ġ", "merged_with_next")
    alphabet.decoder = decoders.ByteLevel()
    finish("alphabet", alphabet, trainers.BpeTrainer(vocab_size=380, special_tokens=["<s>"], show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))

    spaces = Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=False))
    spaces.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace("_", prepend_scheme="never", split=True),
                                                    pre_tokenizers.Punctuation("merged_with_previous")])
    spaces.decoder = decoders.Sequence([decoders.Replace(Regex("_"), " "), decoders.Strip(" ", 1, 0), decoders.Fuse()])
    finish("spaces", spaces, trainers.BpeTrainer(vocab_size=300, special_tokens=specials, show_progress=False))


def main():
    os.makedirs(OUT, exist_ok=True)
    save("hard.json", [data.hex() for data in HARD_BYTES])
    trainer_case()
    byte_level("bytes-gpt2", GPT2, post=bos_template())
    byte_level("bytes-nfc-prefix", pre_tokenizers.ByteLevel(add_prefix_space=True), normalizer=normalizers.NFC(),
               n_vocab=380)
    byte_level("bytes-llama3", pre_tokenizers.Sequence([
        split(LLAMA3), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), ignore_merges=True)
    byte_level("bytes-cased", pre_tokenizers.Sequence([
        split(CASED), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), n_vocab=380)
    byte_level("bytes-behaviors", pre_tokenizers.Sequence([
        split(r"\n", "merged_with_previous"), split(r"[,;.]", "merged_with_next"), split(r"\d", "contiguous"),
        split(r"[A-Z]+", "removed"), split(r"\w+|\W", "isolated", True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
        normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s{3,}"), "  ")]), n_vocab=340)
    plain_gguf("bytes-plain", train_bytes(GPT2, 420, ["<s>", "</s>", "<|end|>"]), "gpt-2")
    base = dict(byte_fallback=True, normalization_rule_name="identity", character_coverage=0.98)
    model = train_sentencepiece(640, remove_extra_whitespaces=False, user_defined_symbols=["<tool>", "boats"], **base)
    sentencepiece_gguf("pieces", model, {"<tool>", "boats"}, True, False)
    plain = train_sentencepiece(600, remove_extra_whitespaces=False, **base)
    sentencepiece_json("pieces-prepend", plain, False)
    sentencepiece_json("pieces-metaspace", plain, True)
    base["byte_fallback"] = False
    tidy = train_sentencepiece(400, remove_extra_whitespaces=True, add_dummy_prefix=True, **base)
    sentencepiece_gguf("pieces-tidy", tidy, set(), True, True)
    unknown_characters("characters")
    patterns()
    wordpiece()
    model, charsmap = unigram("unigram", False, pre_tokenizers.Metaspace("▁", prepend_scheme="always"))
    unigram_gguf("unigram-t5", model, charsmap)
    model, charsmap = unigram("unigram-bytes", True, pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace("▁", prepend_scheme="always")]))
    unigram_gguf("unigram-bytes-t5", model, charsmap)
    components()


main()
