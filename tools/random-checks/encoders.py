#!/usr/bin/env python3
"""Small encoders with random shapes, options and weights, through transformers and through `quire embed`.

    python3 tools/random-checks/encoders.py [--seed N] [--count N] [--program build/quire] [--keep FOLDER]

BERT, RoBERTa, XLM-RoBERTa and ModernBERT. A folder by save_pretrained() is read by Quire: vectors of one to four texts
of 1 to 100 tokens, pooled in each way, with length 1 or as they come, must be those of transformers up to 1e-3 of the
largest number. What Quire refuses by name is counted. Exits with 1 when something differs. Needs from PyPI: torch,
transformers, tokenizers, safetensors.
"""
import json
import sys

import torch
import transformers

import checks
import folders

RELATIVE_DIFFERENCE_MAX = 1e-3  # f32 on both sides: --exact leaves activations as they are
LETTERS = "abcdefghijk lmnop.,?é"

KNOWN = {}
POOLINGS = {"mean": lambda rows: rows.mean(0), "cls": lambda rows: rows[0], "last": lambda rows: rows[-1]}


def draw_encoder(random):
    """An encoder without weights, and what it is called."""
    pick = random.choice
    n_heads = pick([2, 4])
    config = dict(vocab_size=256, hidden_size=n_heads * pick([8, 16]), num_hidden_layers=pick([1, 2, 3]),
                  num_attention_heads=n_heads, intermediate_size=pick([32, 64]), max_position_embeddings=130)
    name = pick(["bert", "roberta", "xlm-roberta", "modernbert"])
    if name == "bert":
        return name, transformers.BertModel(transformers.BertConfig(
            **config, type_vocab_size=2, hidden_act=pick(["gelu", "gelu", "gelu_new", "relu"])),
            add_pooling_layer=pick([True, False]))
    if name == "roberta":
        return name, transformers.RobertaModel(transformers.RobertaConfig(**config, type_vocab_size=1, pad_token_id=1),
                                               add_pooling_layer=False)
    if name == "xlm-roberta":
        return name, transformers.XLMRobertaModel(transformers.XLMRobertaConfig(
            **config, type_vocab_size=1, pad_token_id=1), add_pooling_layer=False)
    return name, transformers.ModernBertModel(transformers.ModernBertConfig(
        **config, pad_token_id=0, global_attn_every_n_layers=pick([1, 2, 3]), local_attention=pick([8, 16]),
        norm_bias=False, attention_bias=random.random() < 0.3, mlp_bias=random.random() < 0.3))


def draw_text(random):
    return "".join(random.choice(LETTERS) for _ in range(random.choice([1, 5, 20, 60, 90]))).strip() or "x"


def reference(model, tokenizer, text, pooling, is_normalized):
    with torch.no_grad():
        rows = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0]
    vector = POOLINGS[pooling](rows)
    return vector / vector.norm() if is_normalized else vector


def check(case):
    name, model = draw_encoder(case.random)
    folders.draw_weights(model, case.random.randrange(1 << 30), 0.15)
    tokenizer = folders.save(model, case.folder / "model")
    texts = [draw_text(case.random) for _ in range(case.random.randint(1, 4))]
    pooling, is_normalized = case.random.choice(list(POOLINGS)), case.random.random() < 0.7
    answer = case.run("embed", "model", *texts, "--pooling", pooling, "--exact", "--json", "-t", "1",
                      "--normalize" if is_normalized else "--no-normalize")
    if answer.status != checks.OK:
        raise checks.Refused(f"{name}: {answer.reason}")
    vectors = [torch.tensor(row["embedding"]) for row in json.loads(answer.out)["data"]]
    for text, got in zip(texts, vectors, strict=True):
        wanted = reference(model, tokenizer, text, pooling, is_normalized)
        difference = ((got - wanted).abs().max() / wanted.abs().max()).item()
        if not difference < RELATIVE_DIFFERENCE_MAX:  # also when it is no number
            raise checks.Differs(f"{name}: a vector of {len(text)} letters, pooled as {pooling}, by {difference:.4f}",
                                 text=text, config=model.config)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    sys.exit(checks.main(__doc__, "encoders", check, KNOWN))
