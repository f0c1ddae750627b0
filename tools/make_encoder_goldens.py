#!/usr/bin/env python3
"""Tiny encoders with random weights, and the numbers a reference implementation gets from them.

    python3 tools/make_encoder_goldens.py [--out tests/golden/encoder]

Needs the packages torch, transformers, gguf and numpy. For every case it writes NAME.gguf, with the keys, tensor names
and layouts that llama.cpp's converter would write, and NAME.json:

    model      the file beside it
    made_by    the reference: transformers on the CPU, f32, eager attention
    texts      for each: tokens; types, where the model has them; hidden, a row of D numbers for every token; scores, where
               the model has a classification head
"""
import argparse
import json
import pathlib

import gguf
import numpy as np
import torch
import transformers

LETTERS = "etaonhsirdlucmfwygpbvkxqjz"


def wordpiece_vocabulary():
    """As the converter writes it: pieces that begin a word with U+2581 in front, the others without their ##."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += ["\u2581" + letter for letter in LETTERS] + list(LETTERS)
    tokens += ["\u2581" + word for word in ("the", "cat", "sat", "on", "mat", "a", ".", ",", "?")]
    return tokens


def add_bert_vocabulary(writer, n_vocab):
    tokens = wordpiece_vocabulary()
    types = [3] * 5 + [1] * (len(tokens) - 5)
    while len(tokens) < n_vocab:
        types.append(5)
        tokens.append(f"[unused{len(tokens)}]")
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_type_count(2)
    for name, token in (("bos", 2), ("sep", 3), ("eos", 3), ("pad", 0), ("unk", 1), ("mask", 4)):
        getattr(writer, f"add_{name}_token_id")(token)


def add_unigram_vocabulary(writer, n_vocab):
    tokens = ["<s>", "<pad>", "</s>", "<unk>"] + ["\u2581"] + list(LETTERS) + ["\u2581the", "\u2581cat", "\u2581a", "."]
    types = [3, 3, 3, 2] + [1] * (len(tokens) - 4)
    while len(tokens) < n_vocab:
        types.append(5)
        tokens.append(f"<extra{len(tokens)}>")
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * 4 + [-2.0 - 0.01 * i for i in range(len(tokens) - 4)])
    writer.add_token_types(types)
    writer.add_token_type_count(1)
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    for name, token in (("bos", 0), ("sep", 2), ("eos", 2), ("pad", 1), ("unk", 3)):
        getattr(writer, f"add_{name}_token_id")(token)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


def printable_bytes():
    """The byte alphabet of GPT-2: printable Latin-1 stands for itself, the rest is moved above U+0100."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in keep]
    return [chr(byte) for byte in keep] + [chr(256 + i) for i in range(len(moved))]


def add_byte_vocabulary(writer, n_vocab):
    tokens = printable_bytes() + ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[UNK]", "th"]
    types = [1] * 256 + [3] * 5 + [1]
    while len(tokens) < n_vocab:
        types.append(5)
        tokens.append(f"[unused{len(tokens)}]")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("modern-bert")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["t h"])
    for name, token in (("bos", 256), ("sep", 257), ("eos", 257), ("pad", 258), ("mask", 259), ("unk", 260)):
        getattr(writer, f"add_{name}_token_id")(token)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


class Case:
    """A model of transformers with random weights; subclasses say how it is named in GGUF."""

    n_types = 0

    def __init__(self, config, model_class, pooling, n_tokens=20, pairs=False):
        self.config, self.pooling, self.n_tokens, self.pairs = config, pooling, n_tokens, pairs
        config._attn_implementation = "eager"
        self.model = model_class(config).eval()
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                is_norm = "norm" in name.lower() and name.endswith("weight")
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(1 + 0.1 * noise if is_norm else 0.25 * noise)

    def texts(self):
        generator = np.random.default_rng(3)
        lengths = [self.n_tokens, 5, 1] if not self.pairs else [self.n_tokens, 7]
        for length in lengths:
            tokens = generator.integers(0, self.config.vocab_size, length).tolist()
            types = None
            if self.n_types > 1 and length > 5:
                types = [0] * (length // 2) + [1] * (length - length // 2)
            yield tokens, types

    def run(self, tokens, types):
        inputs = {"input_ids": torch.tensor([tokens])}
        if types is not None:
            inputs["token_type_ids"] = torch.tensor([types])
        with torch.no_grad():
            out = self.model(**inputs, output_hidden_states=True)
        record = {"tokens": tokens}
        if types is not None:
            record["types"] = types
        record["hidden"] = self.hidden(out)[0].tolist()
        if hasattr(out, "logits"):
            record["scores"] = out.logits[0].tolist()
        return record

    def hidden(self, out):
        return out.last_hidden_state if hasattr(out, "last_hidden_state") else out.hidden_states[-1]

    def write(self, folder, name):
        config = self.config
        writer = gguf.GGUFWriter(folder / f"{name}.gguf", self.arch)
        writer.add_name(name)
        writer.add_context_length(self.n_ctx())
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(config.num_hidden_layers)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(config.num_attention_heads)
        writer.add_layer_norm_eps(self.eps())
        writer.add_causal_attention(False)
        writer.add_pooling_type(self.pooling)
        self.add_keys(writer)
        self.add_vocabulary(writer, config.vocab_size)
        for tensor, values in self.tensors():
            writer.add_tensor(tensor, values.detach().numpy().astype(np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        record = {"model": f"{name}.gguf", "made_by": f"transformers {transformers.__version__}",
                  "texts": [self.run(*text) for text in self.texts()]}
        (folder / f"{name}.json").write_text(json.dumps(rounded(record)) + "\n")

    def n_ctx(self):
        return self.config.max_position_embeddings

    def eps(self):
        return self.config.layer_norm_eps

    def add_keys(self, writer):
        pass


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


BERT_LAYER = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
              "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
              "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}
BERT_REST = {"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
             "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm",
             "pooler.dense": "cls", "classifier": "cls.output", "classifier.dense": "cls",
             "classifier.out_proj": "cls.output"}


class Bert(Case):
    arch = "bert"
    n_types = 2
    add_vocabulary = staticmethod(add_bert_vocabulary)
    prefixes = ("bert.", "roberta.")

    def tensors(self):
        for name, values in self.model.named_parameters():
            for prefix in self.prefixes:
                name = name.removeprefix(prefix)
            stem, _, kind = name.rpartition(".")
            if stem.startswith("encoder.layer."):
                _, _, layer, part = stem.split(".", 3)
                yield f"blk.{layer}.{BERT_LAYER[part]}.{kind}", values
            elif stem in BERT_REST:
                yield f"{BERT_REST[stem]}.{kind}", self.placed(stem, values)
            else:
                raise ValueError(name)

    def placed(self, stem, values):
        return values


class XlmRoberta(Bert):
    n_types = 1
    add_vocabulary = staticmethod(add_unigram_vocabulary)

    def n_ctx(self):
        return self.config.max_position_embeddings - 2

    def placed(self, stem, values):
        """Its positions count from two on: the rows before are never used."""
        return values[2:] if stem == "embeddings.position_embeddings" else values


class NomicBert(Case):
    arch = "nomic-bert"
    n_types = 2
    add_vocabulary = staticmethod(add_bert_vocabulary)
    names = {"self_attn.o_proj": "attn_output", "post_attention_layernorm": "attn_output_norm",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
             "post_mlp_layernorm": "layer_output_norm"}

    def add_keys(self, writer):
        writer.add_rope_freq_base(self.config.rope_parameters["rope_theta"])

    def tensors(self):
        state = dict(self.model.named_parameters())
        for name, values in state.items():
            stem, _, kind = name.rpartition(".")
            if stem in BERT_REST:
                yield f"{BERT_REST[stem]}.{kind}", values
                continue
            _, layer, part = stem.split(".", 2)
            if part == "self_attn.q_proj":
                parts = [state[f"layers.{layer}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"]
                yield f"blk.{layer}.attn_qkv.{kind}", torch.cat(parts)
            elif part not in ("self_attn.k_proj", "self_attn.v_proj"):
                yield f"blk.{layer}.{self.names[part]}.{kind}", values


class ModernBert(Case):
    arch = "modern-bert"
    add_vocabulary = staticmethod(add_byte_vocabulary)
    names = {"attn_norm": "attn_norm", "attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "mlp_norm": "ffn_norm",
             "mlp.Wi": "ffn_up", "mlp.Wo": "ffn_down"}
    rest = {"embeddings.tok_embeddings": "token_embd", "embeddings.norm": "token_embd_norm", "final_norm": "output_norm",
            "head.dense": "cls", "head.norm": "cls.norm", "classifier": "cls.output"}

    def eps(self):
        return self.config.norm_eps

    def add_keys(self, writer):
        writer.add_sliding_window(self.config.local_attention)
        writer.add_rope_freq_base(self.config.rope_parameters["full_attention"]["rope_theta"])
        writer.add_float32("modern-bert.rope.freq_base_swa",
                           self.config.rope_parameters["sliding_attention"]["rope_theta"])
        writer.add_uint32("modern-bert.attention.sliding_window_pattern", 3)

    def hidden(self, out):
        if hasattr(out, "last_hidden_state"):
            return out.last_hidden_state
        return self.model.model.final_norm(out.hidden_states[-1]) if self.unnormed else out.hidden_states[-1]

    unnormed = False

    def tensors(self):
        for name, values in self.model.named_parameters():
            stem, _, kind = name.removeprefix("model.").rpartition(".")
            if stem in self.rest:
                yield f"{self.rest[stem]}.{kind}", values
            else:
                _, layer, part = stem.split(".", 2)
                yield f"blk.{layer}.{self.names[part]}.{kind}", values


def cases():
    mean, cls, rank = (gguf.PoolingType[name] for name in ("MEAN", "CLS", "RANK"))
    sizes = dict(vocab_size=80, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48)
    t = transformers
    yield "bert", Bert(t.BertConfig(**sizes, max_position_embeddings=40), lambda c: t.BertModel(c, False), mean)
    yield "bert-rank", Bert(t.BertConfig(**sizes, max_position_embeddings=40, num_labels=1),
                            t.BertForSequenceClassification, rank, pairs=True)
    roberta = dict(max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    yield "xlm-roberta-rank", XlmRoberta(t.XLMRobertaConfig(**sizes, **roberta, num_labels=3),
                                         t.XLMRobertaForSequenceClassification, rank, pairs=True)
    yield "nomic-bert", NomicBert(t.NomicBertConfig(**sizes, head_dim=8, max_position_embeddings=64), t.NomicBertModel,
                                  mean, n_tokens=40)
    modern = dict(sizes, vocab_size=266, hidden_size=24, num_attention_heads=3, num_hidden_layers=4, intermediate_size=24, max_position_embeddings=128,
                  local_attention=12, bos_token_id=256, cls_token_id=256, sep_token_id=257, eos_token_id=257,
                  pad_token_id=258)
    yield "modern-bert", ModernBert(t.ModernBertConfig(**modern), t.ModernBertModel, cls, n_tokens=40)
    yield "modern-bert-rank", ModernBert(t.ModernBertConfig(**modern, num_labels=1, classifier_pooling="cls"),
                                         t.ModernBertForSequenceClassification, rank, n_tokens=40, pairs=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/golden/encoder"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, case in cases():
        case.write(out, name)
        print(name, (out / f"{name}.gguf").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
