#include "model/two_files_program.h"

namespace quire {

const char* const c_header_text =
    R"c(// @NAME@, a language model as two files: this program, and the numbers in `parameters`.
//
//     cc -O2 run.c -lm && ./a.out parameters "Once upon a time"
//
// Written by quire @VERSION@ from the graph of a @ARCH@ model with @N@ parameters. Plain C99, no
// library but libm. From top to bottom: the sizes, the weights and the buffers; the operations;
// forward(), which is the model; reading `parameters`; the tokenizer (@TOKENIZER@);
// choosing tokens; main(). Shapes stand beside the pointers, in the letters of the sizes, row by
// row: (D, F) is D rows of F numbers.
//
// The file `parameters`, little-endian:
//     8 bytes   "QUIRE-2F"
//     uint32    version, 1
//     uint32    bytes of an element of a matrix, @ELEMENT_BYTES@ (@ELEMENT@)
//     uint64    fingerprint of the shapes, @SHAPES@: whether this run.c fits
//     uint64    bytes of the weights, @WEIGHT_BYTES@
//     uint64    bytes of the tokenizer
//     weights   one tensor after the other, in the order of bind_weights()
//     tokenizer
@TOKENIZER_FORMAT@//     uint64    FNV-1a hash of everything before it

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
)c";

const char* const c_loader_text = R"c(
// ------------------------------------------------------------------------------- parameters ----

static const char *path;  // of `parameters`

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", path, what);
    exit(1);
}

static void *allocate(size_t n, size_t size) {
    void *memory = calloc(n ? n : 1, size);
    if (!memory) die("not enough memory");
    return memory;
}

// The next bytes of the file; they are part of the hash.
static uint64_t hash = 0xcbf29ce484222325u;

static void read_bytes(FILE *file, void *to, size_t n) {
    if (fread(to, 1, n, file) != n) die("the file ends too early");
    for (size_t i = 0; i < n; i++) hash = (hash ^ ((unsigned char *)to)[i]) * 0x100000001b3u;
}

static uint32_t read_u32(FILE *file) {
    uint32_t x;
    read_bytes(file, &x, sizeof x);
    return x;
}

static uint64_t read_u64(FILE *file) {
    uint64_t x;
    read_bytes(file, &x, sizeof x);
    return x;
}

// Points the weights at their numbers, one tensor after the other.
static char *cursor;

static const void *take_bytes(size_t n) {
    const char *here = cursor;
    cursor += (n + 3) / 4 * 4;
    return here;
}

static const float *take_vector(size_t n) { return take_bytes(n * sizeof(float)); }

@TAKE_MATRIX@
static void bind_weights(char *memory) {
    cursor = memory;
@BIND@}

static void load_tokenizer(const unsigned char *data, size_t n);

static void load(void) {
    const uint32_t one = 1;
    if (*(const char *)&one != 1) die("this program needs a little-endian machine");
    FILE *file = fopen(path, "rb");
    if (!file) die("cannot be opened");

    char magic[8];
    read_bytes(file, magic, sizeof magic);
    if (memcmp(magic, "QUIRE-2F", 8) != 0) die("not a parameters file: it begins without QUIRE-2F");
    if (read_u32(file) != 1) die("another version of the format, this program reads version 1");
    if (read_u32(file) != @ELEMENT_BYTES@) die("made for another run.c (elements of another size)");
    if (read_u64(file) != @SHAPES@u) die("made for another run.c (other shapes)");
    if (read_u64(file) != @WEIGHT_BYTES@u) die("made for another run.c (more or fewer weights)");
    uint64_t n_tokenizer = read_u64(file);
    if (n_tokenizer > 1u << 30) die("damaged: more than 1 GiB of tokenizer");

    char *weights = allocate(@WEIGHT_BYTES@u, 1);
    read_bytes(file, weights, @WEIGHT_BYTES@u);
    unsigned char *tokenizer = allocate(n_tokenizer, 1);
    read_bytes(file, tokenizer, n_tokenizer);
    uint64_t expected = hash;
    if (read_u64(file) != expected) die("damaged: the hash at its end does not fit");
    if (fgetc(file) != EOF) die("damaged: bytes after its end");
    fclose(file);

    bind_weights(weights);
    load_tokenizer(tokenizer, n_tokenizer);
}
)c";

const char* const c_main_text = R"c(
// ------------------------------------------------------------------------------- generation ----

// Uniform in [0, 1): splitmix64.
static double uniform(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

// The next token: the likeliest, or at a temperature one drawn from softmax(logits / temperature).
static int choose(float *logits, float temperature, uint64_t *state) {
    int best = 0;
    for (int i = 1; i < V; i++)
        if (logits[i] > logits[best]) best = i;
    if (temperature <= 0.0f) return best;
    for (int i = 0; i < V; i++) logits[i] /= temperature;
    softmax(logits, V);
    double r = uniform(state);
    for (int i = 0; i < V; i++)
        if ((r -= logits[i]) < 0.0) return i;
    return best;  // the probabilities sum up to a little less than 1
}

static void usage(void) {
    fprintf(stderr,
            "usage: run PARAMETERS [FLAGS] [PROMPT]\n"
            "  -n N             at most N tokens (default: until the text or the context ends)\n"
            "  -t TEMPERATURE   0, the default: always the likeliest token\n"
            "  -s SEED          for temperatures above 0\n"
            "  --tokens 1,2,3   the prompt as ids\n"
            "  --ids            print ids, of the prompt too, instead of text\n"
            "  --ignore-eos     go on where the text ends\n");
    exit(2);
}

// A number that is the whole of the text.
static double number(const char *text, double least, double most) {
    char *end;
    double x = text ? strtod(text, &end) : 0.0;
    if (!text || end == text || *end || !(x >= least && x <= most)) usage();
    return x;
}

static int parse_ids(const char *text, int *ids) {
    int n = 0;
    for (char *end; *text; text = *end ? end + 1 : end) {
        long id = strtol(text, &end, 10);
        if (end == text || id < 0 || id >= V || (*end && *end != ',')) {
            fprintf(stderr, "--tokens: '%s' is no list of ids below %d\n", text, V);
            exit(2);
        }
        ids[n++] = (int)id;
    }
    return n;
}

int main(int argc, char **argv) {
    const char *prompt = NULL, *given_ids = NULL;
    int n_new = S, print_ids = 0, ignore_eos = 0;
    float temperature = 0.0f;
    uint64_t state = 0;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "-n") == 0) n_new = (int)number(argv[++i], 0, 1e9);
        else if (strcmp(arg, "-t") == 0) temperature = (float)number(argv[++i], 0, 1e6);
        else if (strcmp(arg, "-s") == 0) state = (uint64_t)number(argv[++i], 0, 9e15);
        else if (strcmp(arg, "--tokens") == 0 && i + 1 < argc) given_ids = argv[++i];
        else if (strcmp(arg, "--ids") == 0) print_ids = 1;
        else if (strcmp(arg, "--ignore-eos") == 0) ignore_eos = 1;
        else if (arg[0] == '-' && arg[1]) usage();
        else if (!path) path = arg;
        else if (!prompt) prompt = arg;
        else usage();
    }
    if (!path) usage();
    if (!prompt) prompt = "";
    load();

    // The prompt as tokens.
    size_t n_max = given_ids ? strlen(given_ids) + 1 : encoded_max(strlen(prompt));
    int *ids = allocate(n_max, sizeof *ids);
    int n = given_ids ? parse_ids(given_ids, ids) : encode(prompt, strlen(prompt), ids);
@START@    if (n > S) die("the prompt is longer than the model's context");

    // The cache has room for what may come.
    n_ctx = n_new < S - n ? n + n_new : S;
    k_cache = allocate((size_t)L * n_ctx * @CACHE@, sizeof *k_cache);
    v_cache = allocate((size_t)L * n_ctx * @CACHE@, sizeof *v_cache);
    scores = allocate(n_ctx, sizeof *scores);

    float *logits = NULL;
    for (int pos = 0; pos < n; pos++) logits = forward(ids[pos], pos);
    if (!print_ids && !given_ids) fputs(prompt, stdout);
    for (int i = 0; print_ids && i < n; i++) printf(i ? " %d" : "%d", ids[i]);
    for (int pos = n; pos < n + n_new; pos++) {
        int token = choose(logits, temperature, &state);
        if (is_end(token) && !ignore_eos) break;
        if (print_ids) printf(" %d", token);
        else print_token(token);
        fflush(stdout);
        if (pos + 1 == n + n_new) break;
        if (pos == S) {
            fprintf(stderr, "\nthe context of %d positions is full\n", S);
            break;
        }
        logits = forward(token, pos);
    }
    putchar('\n');
    return 0;
}
)c";

}  // namespace quire
