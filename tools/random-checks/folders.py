"""Models of transformers with random weights, as folders that Quire reads: what models.py and encoders.py share."""
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers


def draw_weights(model, seed, deviation):
    """Matrices from a normal distribution, vectors moved by a tenth, so that no bias or norm is trivial."""
    torch.manual_seed(seed)
    model.eval().float()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, deviation)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)


def byte_tokenizer():
    """A token for each byte, 256 in all."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def save(model, folder):
    """The model and a tokenizer of bytes; returns the tokenizer."""
    model.save_pretrained(folder)
    tokenizer = byte_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer
