"""Llama and GPT-2 in PyTorch, over weights named as in GGUF: the reference for gradients and training.

forward(weights, shape, tokens) gives logits (B, T, V). Rope turns neighbouring pairs (2i, 2i + 1).
"""
import math

import torch
import torch.nn.functional as F


def rope(x, theta):
    """x (B, T, H, E)"""
    T, E = x.shape[1], x.shape[3]
    inv_freq = theta ** (-torch.arange(0, E, 2, dtype=torch.float64) / E)
    angle = torch.outer(torch.arange(T, dtype=torch.float64), inv_freq)
    cos, sin = angle.cos().to(x.dtype)[None, :, None], angle.sin().to(x.dtype)[None, :, None]
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def attention(q, k, v):
    """q (B, T, H, E), k and v (B, T, G, E) -> (B, T, H * E)"""
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).flatten(2)


def llama(w, s, tokens):
    H, G = s["n_head"], s["n_head_kv"] or s["n_head"]
    E = s["n_embd"] // H
    norm = lambda x, name: F.rms_norm(x, (s["n_embd"],), w[name], 1e-5)
    x = F.embedding(tokens, w["token_embd.weight"])
    B, T, _ = x.shape
    for i in range(s["n_layer"]):
        p = f"blk.{i}."
        n = norm(x, p + "attn_norm.weight")
        q = rope((n @ w[p + "attn_q.weight"].T).view(B, T, H, E), s["rope_theta"])
        k = rope((n @ w[p + "attn_k.weight"].T).view(B, T, G, E), s["rope_theta"])
        v = (n @ w[p + "attn_v.weight"].T).view(B, T, G, E)
        x = x + attention(q, k, v) @ w[p + "attn_output.weight"].T
        n = norm(x, p + "ffn_norm.weight")
        gated = F.silu(n @ w[p + "ffn_gate.weight"].T) * (n @ w[p + "ffn_up.weight"].T)
        x = x + gated @ w[p + "ffn_down.weight"].T
    head = w.get("output.weight", w["token_embd.weight"])
    return norm(x, "output_norm.weight") @ head.T


def gpt2(w, s, tokens):
    D, H = s["n_embd"], s["n_head"]
    norm = lambda x, name: F.layer_norm(x, (D,), w[name + ".weight"], w[name + ".bias"], 1e-5)
    linear = lambda x, name: F.linear(x, w[name + ".weight"], w[name + ".bias"])
    B, T = tokens.shape
    x = F.embedding(tokens, w["token_embd.weight"]) + w["position_embd.weight"][:T]
    for i in range(s["n_layer"]):
        p = f"blk.{i}."
        qkv = linear(norm(x, p + "attn_norm"), p + "attn_qkv")
        q, k, v = (part.view(B, T, H, D // H) for part in qkv.split(D, dim=-1))
        x = x + linear(attention(q, k, v), p + "attn_output")
        up = F.gelu(linear(norm(x, p + "ffn_norm"), p + "ffn_up"), approximate="tanh")
        x = x + linear(up, p + "ffn_down")
    head = w.get("output.weight", w["token_embd.weight"])
    return norm(x, "output_norm") @ head.T


def forward(weights, shape, tokens):
    return {"llama": llama, "gpt2": gpt2}[shape["arch"]](weights, shape, tokens)


def loss(weights, shape, tokens, targets):
    """Mean over the targets that are not -1."""
    logits = forward(weights, shape, tokens)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def shapes(shape, n_vocab):
    """name -> dimensions of every parameter."""
    D, L, Fw = shape["n_embd"], shape["n_layer"], shape["n_ff"]
    E = D // shape["n_head"]
    kv = (shape["n_head_kv"] or shape["n_head"]) * E
    out = {"token_embd.weight": (n_vocab, D), "output_norm.weight": (D,)}
    if not shape["tied"]:
        out["output.weight"] = (n_vocab, D)
    for i in range(L):
        p = f"blk.{i}."
        out |= {p + "attn_norm.weight": (D,), p + "ffn_norm.weight": (D,),
                p + "attn_output.weight": (D, D), p + "ffn_up.weight": (Fw, D),
                p + "ffn_down.weight": (D, Fw)}
        if shape["arch"] == "llama":
            out |= {p + "attn_q.weight": (D, D), p + "attn_k.weight": (kv, D),
                    p + "attn_v.weight": (kv, D), p + "ffn_gate.weight": (Fw, D)}
        else:
            out |= {p + "attn_qkv.weight": (3 * D, D), p + "attn_qkv.bias": (3 * D,),
                    p + "attn_norm.bias": (D,), p + "ffn_norm.bias": (D,),
                    p + "attn_output.bias": (D,), p + "ffn_up.bias": (Fw,),
                    p + "ffn_down.bias": (D,)}
    if shape["arch"] == "gpt2":
        out |= {"position_embd.weight": (shape["n_ctx"], D), "output_norm.bias": (D,)}
    return out
