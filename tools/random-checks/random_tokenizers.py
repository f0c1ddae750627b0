#!/usr/bin/env python3
"""Random tokenizer.json files of every model and component, through the package tokenizers and through Quire.

    python3 tools/random-checks/random_tokenizers.py [--texts N] [--seed N] [--count N] [--program build/quire]
                                                     [--keep FOLDER]

Each is trained on a few lines, with random normalizers, pre-tokenizers, added tokens, post-processor and decoder, and
put beside a tiny model, which `quire serve` serves: /tokenize and /detokenize are asked for --texts random texts,
with and without the tokens around them, and `quire tokenize` for one. Ids must be the same, and the texts of ids,
those of the texts and random ones. Exits with 1 when something differs. Needs from PyPI: tokenizers.
"""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import checks

START_SECONDS_MAX = 60

KNOWN = {
    "Metaspace first": "Metaspace with prepend_scheme `first` behind a normalizer that moves the beginning of the text",
    "Unigram ties": "two ways to cut a word weigh the same but for the last bit: the reference reads scores inexactly",
    "normalized added tokens": "since 0.23 the reference decodes them to their normalized form, Quire does not",
    "bytes that are no UTF-8": "for the reference all bytes of a run of byte tokens are U+FFFD when one is wrong, whole characters too",
}

LINES = ["The quick brown fox jumps over the lazy dog 123 456.", "Ünïcödé façade naïve café", "don't won't I'll it's",
         "日本語 テキスト 漢字", "привет мир", "a  b   c\t\td\n\ne", "Hello, World! (test) [x] {y} <z>", "1234567 89 3.14",
         "ﬁne ﬀ ① ½", "emoji 😀👍🏽 ok"] * 3
POOLS = ["abcdefghij ABC", "0123456789", " \t\n\r\u00a0\u3000\u200b", "'\"`’s're've'll", "äöüßéñç", "αβγабвгд",
         "漢字仮名かなカナ", "한국어", "हिन्दी", "😀👍🏽👩‍👩‍👧", "!?.,;:-_()[]{}<>/|@#▁Ġ", "\u0301\u0327", "ﬁﬀ①㎏½", "\x01\x7f\u0085"]
WORDS = ["the", "quick", " fox", "don't", "new", "Word", " sp", "<t>", "<|x|>", "[MASK]", "<s>", "newWord", "  ", "1",
         "日本語", "The"]
SPECIAL = ["<unk>", "<s>", "</s>", "[MASK]"]
ADDED = ["<|x|>", "new", "Word", " sp", "1", "<t>"]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
SCHEMES = ["always", "never", "first"]
EXPRESSIONS = ["\\s+", "\\p{L}+", "\\p{N}{1,3}", "[^\\s]+", "[一-龥぀-ゟ゠-ヿ]+",
               "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"
               "|\\s+(?!\\S)|\\s+"]


class Writer:
    """Draws tokenizers and texts."""

    def __init__(self, random):
        self.random = random
        self.pick = random.choice

    def chance(self, share=0.5):
        return self.random.random() < share

    def several(self, draw, depth):
        return [draw(depth + 1) for _ in range(self.random.randint(1, 3))]

    def normalizer(self, depth=0):
        plain = [normalizers.NFC, normalizers.NFD, normalizers.NFKC, normalizers.NFKD, normalizers.Lowercase,
                 normalizers.StripAccents, normalizers.Nmt]
        kinds = plain + [
            lambda: normalizers.Strip(self.chance(), self.chance()),
            lambda: normalizers.Replace(self.pick([" ", "o", "  "]), self.pick(["▁", "_", ""])),
            lambda: normalizers.Replace(Regex(self.pick([" {2,}", "[0-9]", "\\s+", "[^a-zA-Z ]", "(?i)the"])),
                                        self.pick([" ", "#", ""])),
            lambda: normalizers.Prepend(self.pick(["▁", "x"])),
            lambda: normalizers.BertNormalizer(self.chance(), self.chance(), self.pick([None, True, False]),
                                               self.chance()),
            normalizers.ByteLevel]
        if depth < 2:
            kinds += [lambda: normalizers.Sequence(self.several(self.normalizer, depth))] * 2
        return self.pick(kinds)()

    def pre_tokenizer(self, depth=0):
        kinds = [
            lambda: pre_tokenizers.ByteLevel(self.chance(), trim_offsets=self.chance(), use_regex=self.chance(0.6)),
            pre_tokenizers.Whitespace, pre_tokenizers.WhitespaceSplit, pre_tokenizers.BertPreTokenizer,
            pre_tokenizers.UnicodeScripts,
            lambda: pre_tokenizers.Punctuation(self.pick(BEHAVIORS)),
            lambda: pre_tokenizers.Digits(self.chance()),
            lambda: pre_tokenizers.Split(self.pick([" ", "a", "-"]), self.pick(BEHAVIORS), self.chance(0.2)),
            lambda: pre_tokenizers.Split(Regex(self.pick(EXPRESSIONS)), self.pick(BEHAVIORS), self.chance(0.25)),
            lambda: pre_tokenizers.Metaspace(self.pick(["▁", "_"]), self.pick(SCHEMES), self.chance(0.6)),
            lambda: pre_tokenizers.CharDelimiterSplit(self.pick([" ", "o"])),
            lambda: pre_tokenizers.FixedLength(self.random.randint(2, 6))]
        if depth < 2:
            kinds += [lambda: pre_tokenizers.Sequence(self.several(self.pre_tokenizer, depth))] * 2
        return self.pick(kinds)()

    def decoder(self, depth=0):
        kinds = [
            decoders.ByteLevel, decoders.Fuse, decoders.ByteFallback,
            lambda: decoders.BPEDecoder("</w>"),
            lambda: decoders.Metaspace(self.pick(["▁", "_"]), self.pick(SCHEMES)),
            lambda: decoders.WordPiece(self.pick(["##", "@@"]), self.chance()),
            lambda: decoders.Strip(self.pick(" _"), self.random.randint(0, 2), self.random.randint(0, 2)),
            lambda: decoders.Replace(self.pick(["▁", "Ġ"]), " "),
            lambda: decoders.CTC("<pad>", "|", self.chance())]
        if depth < 1:
            kinds += [lambda: decoders.Sequence(self.several(self.decoder, depth))] * 3
        return self.pick(kinds)()

    def bpe(self):
        affixes = {}
        if self.chance(0.3):
            affixes["continuing_subword_prefix"] = "##"
        if self.chance(0.3):
            affixes["end_of_word_suffix"] = "</w>"
        unknown = {"unk_token": "<unk>"} if self.chance() else {}
        model = models.BPE(fuse_unk=self.chance(), byte_fallback=self.chance(0.3), ignore_merges=self.chance(0.3),
                           **affixes, **unknown)
        alphabet = pre_tokenizers.ByteLevel.alphabet() if self.chance() else []
        return model, trainers.BpeTrainer(vocab_size=self.pick([150, 300, 500]), special_tokens=SPECIAL,
                                          show_progress=False, initial_alphabet=alphabet, **affixes)

    def unigram(self):
        return models.Unigram(), trainers.UnigramTrainer(
            vocab_size=self.pick([120, 200]), special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)

    def wordpiece(self):
        model = models.WordPiece(unk_token="<unk>", max_input_chars_per_word=self.pick([100, 8]))
        return model, trainers.WordPieceTrainer(vocab_size=self.pick([150, 300]), special_tokens=SPECIAL,
                                                show_progress=False)

    def wordlevel(self):
        return models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(
            vocab_size=200, special_tokens=SPECIAL, show_progress=False)

    def post_processor(self, tokenizer):
        begin, end = ("<s>", tokenizer.token_to_id("<s>")), ("</s>", tokenizer.token_to_id("</s>"))
        template = processors.TemplateProcessing(
            single=self.pick(["<s> $A </s>", "$A </s>", "<s> $A"]), pair="<s> $A </s> $B:1 </s>:1",
            special_tokens=[begin, end])
        return self.pick([None] * 4 + [template] * 3 + [
            processors.RobertaProcessing(end, begin), processors.BertProcessing(end, begin), processors.ByteLevel(),
            processors.Sequence([processors.ByteLevel(), template])])

    def tokenizer(self):
        model, trainer = self.pick([self.bpe, self.unigram, self.wordpiece, self.wordlevel])()
        tokenizer = Tokenizer(model)
        if self.chance(0.9):
            tokenizer.normalizer = self.normalizer()
        if self.chance(0.9):
            tokenizer.pre_tokenizer = self.pre_tokenizer()
        tokenizer.train_from_iterator(LINES, trainer)
        for text in ADDED:
            if self.chance(0.35):
                add = tokenizer.add_special_tokens if self.chance(0.4) else tokenizer.add_tokens
                add([AddedToken(text, single_word=self.chance(0.3), lstrip=self.chance(0.3), rstrip=self.chance(0.3),
                                normalized=self.chance())])
        if self.chance(0.8):
            tokenizer.decoder = self.decoder()
        post_processor = self.post_processor(tokenizer)
        if post_processor is not None:
            tokenizer.post_processor = post_processor
        return tokenizer

    def text(self):
        parts = []
        for _ in range(self.random.randint(1, 8)):
            if self.chance():
                parts.append(self.pick(WORDS) + self.pick(["", " "]))
            else:
                pool = self.pick(POOLS)
                parts.append("".join(self.pick(pool) for _ in range(self.random.randint(1, 6))))
        return "".join(parts)


def write_model(folder, n_vocab):
    """A Llama of one layer whose weights are 0: as small as a model that can be served."""
    shapes = {"model.embed_tokens.weight": [n_vocab, 8], "model.norm.weight": [8]}
    layer = "model.layers.0."
    shapes |= {f"{layer}{name}_layernorm.weight": [8] for name in ("input", "post_attention")}
    shapes |= {f"{layer}self_attn.{name}_proj.weight": [8, 8] for name in "qkvo"}
    shapes |= {f"{layer}mlp.{name}_proj.weight": [8, 8] for name in ("gate", "up", "down")}
    header, at = {}, 0
    for name, shape in shapes.items():
        n_bytes = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + n_bytes]}
        at += n_bytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": n_vocab, "hidden_size": 8,
        "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "torch_dtype": "float32"}))


class Server:
    """`quire serve` with the model of a case's folder."""

    def __init__(self, case):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = case.folder / "serve.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [case.options.program, "serve", str(case.folder / "model"), "--port", str(self.port), "-c", "64",
                 "--no-webui"], stdout=log, stderr=log, env=case.environment())

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.ask("/tokenize", content="")
                return self
            except urllib.error.URLError:
                time.sleep(0.02)
        status = self.process.poll()
        self.__exit__()
        text = self.log.read_text(errors="replace")
        if status in checks.EXIT_CODES:
            raise checks.Refused(checks.Answer(status, b"", text.encode()).reason)
        raise checks.Differs(f"the server did not start ({status})", stderr=text)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, **fields):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(fields).encode(),
                                         {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=checks.PROGRAM_SECONDS_MAX) as answer:
            return json.loads(answer.read())


@contextlib.contextmanager
def silent_errors():
    """The package prints where it panics to the process's standard error."""
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def reference(function, *arguments, **options):
    """What the package says; it panics over some files and texts, which is no Exception in Python."""
    with silent_errors():
        try:
            return function(*arguments, **options)
        except (KeyboardInterrupt, TypeError):  # the latter is a fault of this script
            raise
        except BaseException as error:
            raise checks.Skipped(f"the reference fails: {type(error).__name__}, {str(error)[:60]}") from error


def components(tokenizer):
    """The file without its vocabulary, to be read."""
    parts = json.loads(tokenizer.to_str())
    for name in ("vocab", "merges"):
        parts["model"].pop(name, None)
    parts["added_tokens"] = [token for token in parts["added_tokens"] if token["content"] in ADDED]
    return json.dumps(parts, ensure_ascii=False)


def parts_of(value, name):
    """Every object in a file's JSON whose type is `name`."""
    if isinstance(value, dict):
        found = [value] if value.get("type") == name else []
        return found + [part for inner in value.values() for part in parts_of(inner, name)]
    return [part for inner in value for part in parts_of(inner, name)] if isinstance(value, list) else []


def score(tokenizer, ids):
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    return sum(vocabulary[i][1] for i in ids if i < len(vocabulary))


def difference_of_ids(tokenizer, text, wanted, got):
    """Known when the two may differ, else a fault."""
    file = json.loads(tokenizer.to_str())
    firsts = [part for part in parts_of(file["pre_tokenizer"], "Metaspace") if part["prepend_scheme"] == "first"]
    if firsts and file["normalizer"]:
        return checks.Known("Metaspace first")
    if file["model"]["type"] == "Unigram" and abs(score(tokenizer, wanted) - score(tokenizer, got)) < 1e-9:
        return checks.Known("Unigram ties")
    return checks.Differs("other ids", text=repr(text), wanted=wanted, got=got,
                          wanted_pieces=[tokenizer.id_to_token(i) for i in wanted],
                          got_pieces=[tokenizer.id_to_token(i) for i in got], components=components(tokenizer))


def check_encoding(case, tokenizer, server, text):
    for around in (True, False):
        wanted = reference(tokenizer.encode, text, add_special_tokens=around).ids
        got = server.ask("/tokenize", content=text, add_special=around)["tokens"]
        if got != wanted:
            raise difference_of_ids(tokenizer, text, wanted, got)
    return wanted


def one_for_each_run(text):
    return re.sub("\ufffd+", "\ufffd", text)


def check_decoding(tokenizer, server, ids):
    if tokenizer.decoder is None:
        return  # the reference puts spaces between pieces, Quire nothing: docs/tokenizers.md
    try:
        wanted = reference(tokenizer.decode, ids, skip_special_tokens=False)
    except checks.Skipped:
        return  # some decoders panic when little is left to strip
    got = server.ask("/detokenize", tokens=ids)["content"]
    if got == wanted:
        return
    added = tokenizer.get_added_tokens_decoder()
    if any(i in added and added[i].content != tokenizer.id_to_token(i) for i in ids):
        raise checks.Known("normalized added tokens")
    runs_of_bytes = parts_of(json.loads(tokenizer.to_str())["decoder"], "ByteFallback")
    if runs_of_bytes and one_for_each_run(got) == one_for_each_run(wanted):
        raise checks.Known("bytes that are no UTF-8")
    raise checks.Differs("another text of ids", ids=ids, pieces=[tokenizer.id_to_token(i) for i in ids],
                         wanted=repr(wanted), got=repr(got), components=components(tokenizer))


def check_command(case, tokenizer, text):
    wanted = reference(tokenizer.encode, text).ids
    answer = case.run("tokenize", "model/tokenizer.json", "--stdin", "--json", stdin=text)
    if answer.status != checks.OK:
        raise checks.Refused(answer.reason)
    got = json.loads(answer.out)["tokens"]
    if got != wanted:
        raise difference_of_ids(tokenizer, text, wanted, got)


def check(case):
    writer = Writer(case.random)
    folder = case.folder / "model"
    folder.mkdir()
    path = str(folder / "tokenizer.json")
    reference(writer.tokenizer).save(path)
    tokenizer = reference(Tokenizer.from_file, path)
    check_command(case, tokenizer, writer.text())
    known = [token for token in range(tokenizer.get_vocab_size()) if tokenizer.id_to_token(token) is not None]
    write_model(folder, known[-1] + 1)
    with Server(case) as server:
        for _ in range(case.options.texts):
            ids = check_encoding(case, tokenizer, server, writer.text())
            check_decoding(tokenizer, server, ids)
            check_decoding(tokenizer, server, [writer.pick(known) for _ in range(writer.random.randint(1, 12))])


def add_flags(parser):
    parser.add_argument("--texts", type=int, default=8, help="texts for each tokenizer [8]")


if __name__ == "__main__":
    sys.exit(checks.main(__doc__, "tokenizers", check, KNOWN, add_flags))
