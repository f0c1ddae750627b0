#include "model/two_files_tokenizer_text.h"

namespace quire::c_tokenizer {

const char* const pieces_text = R"c(
// -------------------------------------------------------------------------------- tokenizer ----

// Kinds of pieces: made from text; control tokens, which print nothing; single bytes; all others,
// which are printed but never made from text.
enum { TEXT, CONTROL, BYTE, OTHER_PIECE };

static struct piece {
    int kind, length;
    const char *text;
@SCORE@} pieces[V];
static int byte_id[256];  // the piece of each byte
static int *prefix, *suffix, *ends, n_prefix, n_suffix, n_ends;
static int controls[V], n_controls;
@INDEX@
// Takes numbers from the data, never past its end.
static const unsigned char *data, *data_end;

static const void *take_data(size_t n) {
    if (n > (size_t)(data_end - data)) die("damaged: the tokenizer is cut off");
    const void *here = data;
    data += n;
    return here;
}

static uint32_t take_u32(void) {
    uint32_t x;
    memcpy(&x, take_data(sizeof x), sizeof x);
    return x;
}

static int *take_ids(int *n) {
    uint32_t count = take_u32();
    const unsigned char *from = take_data((size_t)count * 4);
    int *ids = allocate(count, sizeof *ids);
    memcpy(ids, from, (size_t)count * 4);
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= V) die("damaged: a token id beyond the vocabulary");
    *n = (int)count;
    return ids;
}

static void take_pieces(void) {
    prefix = take_ids(&n_prefix);
    suffix = take_ids(&n_suffix);
    ends = take_ids(&n_ends);
    for (int id = 0; id < V; id++) {
        struct piece *p = &pieces[id];
        p->kind = *(const unsigned char *)take_data(1);
@TAKE_SCORE@        p->length = (int)take_u32();
        p->text = take_data((uint32_t)p->length);
        if (p->kind == CONTROL && p->length > 0) controls[n_controls++] = id;
        if (p->kind == @BYTE_KIND@ && p->length == 1) byte_id[(unsigned char)p->text[0]] = id;
@INDEX_PIECE@    }
@SORT@}

static int is_end(int id) {
    for (int i = 0; i < n_ends; i++)
        if (ends[i] == id) return 1;
    return 0;
}

// The character at t, of n > 0 bytes, and how many bytes it takes; 0 for a byte that is not UTF-8.
static int utf8(const char *t, size_t n, uint32_t *code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)t;
    int length = u[0] < 0x80 ? 1 : u[0] < 0xC2 ? 0 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    if (length == 0 || (size_t)length > n) return 0;
    uint32_t c = length == 1 ? u[0] : u[0] & (0xFF >> (length + 1));
    for (int i = 1; i < length; i++) {
        if ((u[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (u[i] & 0x3F);
    }
    if (u[0] > 0xF4 || c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    *code = c;
    return length;
}

// A stretch of text that is one symbol; which piece it would make with the symbol behind it, and
// how good that would be.
typedef struct {
    const char *text;
    int length, id, joined;
    float score;
} symbol;
)c";

const char* const index_text = R"c(
static int by_text[V], n_by_text;  // ids of the text pieces, in the order of their texts

static int compare(const char *a, int n_a, const char *b, int n_b) {
    int order = memcmp(a, b, n_a < n_b ? n_a : n_b);
    return order ? order : n_a - n_b;
}

static int compare_pieces(const void *a, const void *b) {
    const int i = *(const int *)a, j = *(const int *)b;
    int order = compare(pieces[i].text, pieces[i].length, pieces[j].text, pieces[j].length);
    return order ? order : i - j;
}

// The id of the piece with this text, or -1.
static int find_piece(const char *text, int length) {
    int low = 0, high = n_by_text;
    while (low < high) {
        int middle = (low + high) / 2;
        const struct piece *p = &pieces[by_text[middle]];
        if (compare(p->text, p->length, text, length) < 0) low = middle + 1;
        else high = middle;
    }
    if (low == n_by_text) return -1;
    const struct piece *p = &pieces[by_text[low]];
    return compare(p->text, p->length, text, length) == 0 ? by_text[low] : -1;
}
)c";

const char* const merge_text = R"c(
// Byte-pair encoding: the best pair of neighbours becomes one symbol, the leftmost of equals, until
// there is none.
static int merge(symbol *s, int n) {
    for (int i = 0; i < n; i++) look_ahead(s, i, n);
    for (;;) {
        int best = -1;
        for (int i = 0; i + 1 < n; i++)
            if (s[i].joined >= 0 && (best < 0 || s[i].score > s[best].score)) best = i;
        if (best < 0) return n;
        s[best].id = s[best].joined;
        s[best].length += s[best + 1].length;
        n--;
        memmove(&s[best + 1], &s[best + 2], (n - best - 1) * sizeof *s);
        look_ahead(s, best, n);
        if (best > 0) look_ahead(s, best - 1, n);
    }
}
)c";

const char* const encode_text = R"c(
static size_t encoded_max(size_t n) { return 6 * n + n_prefix + n_suffix + 16; }

// Text as token ids; returns how many. Control tokens written in the text are taken as such.
static int encode(const char *text, size_t n, int *ids) {
    int n_ids = 0;
    size_t begin = 0;
    for (int i = 0; i < n_prefix; i++) ids[n_ids++] = prefix[i];
    for (size_t at = 0; at < n;) {
        int found = -1;
        for (int i = 0; i < n_controls; i++) {
            const struct piece *p = &pieces[controls[i]];
            if ((size_t)p->length <= n - at && memcmp(text + at, p->text, p->length) == 0 &&
                (found < 0 || p->length > pieces[found].length))
                found = controls[i];
        }
        if (found < 0) {
            at++;
            continue;
        }
        n_ids += encode_plain(text + begin, at - begin, ids + n_ids);
        ids[n_ids++] = found;
        begin = at += pieces[found].length;
    }
    n_ids += encode_plain(text + begin, n - begin, ids + n_ids);
    for (int i = 0; i < n_suffix; i++) ids[n_ids++] = suffix[i];
    return n_ids;
}
)c";

const char* const byte_level_text = R"c(
// Which merges there are, sorted by the ids of left and right; the lowest rank goes first.
static struct merge {
    uint32_t left, right, rank, id;
} *merges;
static int n_merges;

// Letters, numbers and white space of Unicode, as ranges of code points.
enum { OTHER, LETTER, NUMBER, SPACE };

static struct range {
    uint32_t first, last, kind;
} *ranges;
static int n_ranges;

static void *take_table(int *n, size_t row) {
    uint32_t count = take_u32();
    const void *from = take_data(count * row);
    void *table = allocate(count, row);
    memcpy(table, from, count * row);
    *n = (int)count;
    return table;
}

static void load_tokenizer(const unsigned char *bytes, size_t n) {
    data = bytes;
    data_end = bytes + n;
    take_pieces();
    merges = take_table(&n_merges, sizeof *merges);
    for (int i = 0; i < n_merges; i++)
        if (merges[i].id >= V) die("damaged: a merge beyond the vocabulary");
    ranges = take_table(&n_ranges, sizeof *ranges);
    if (data != data_end) die("damaged: bytes after the tokenizer");
}

static void print_token(int id) {
    if (pieces[id].kind != CONTROL) fwrite(pieces[id].text, 1, pieces[id].length, stdout);
}

// What symbol i and the next one make.
static void look_ahead(symbol *s, int i, int n) {
    s[i].joined = -1;
    if (i + 1 == n) return;
    const uint32_t left = s[i].id, right = s[i + 1].id;
    int low = 0, high = n_merges;
    while (low < high) {
        int middle = (low + high) / 2;
        const struct merge *m = &merges[middle];
        if (m->left < left || (m->left == left && m->right < right)) low = middle + 1;
        else high = middle;
    }
    if (low == n_merges || merges[low].left != left || merges[low].right != right) return;
    s[i].joined = (int)merges[low].id;
    s[i].score = -(float)merges[low].rank;
}
)c";

const char* const byte_level_encode_text = R"c(
static int encode_word(const char *text, int n, int *ids) {
    static symbol *s;
    static int capacity;
    if (n > capacity) {
        free(s);
        s = allocate(capacity = 2 * n, sizeof *s);
    }
    for (int i = 0; i < n; i++) {
        s[i].text = text + i;
        s[i].length = 1;
        s[i].id = byte_id[(unsigned char)text[i]];
    }
    n = merge(s, n);
    for (int i = 0; i < n; i++) ids[i] = s[i].id;
    return n;
}

static int kind_at(const char *t, size_t n, int *length) {
    uint32_t code = 0;
    *length = utf8(t, n, &code);
    int low = 0, high = n_ranges;
    while (low < high) {
        int middle = (low + high) / 2;
        if (ranges[middle].last < code) low = middle + 1;
        else high = middle;
    }
    return low < n_ranges && ranges[low].first <= code ? (int)ranges[low].kind : OTHER;
}

// The length of the first word of text, n > 0 bytes of UTF-8: what the pattern of GPT-2,
//     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// matches there.
static size_t word_length(const char *t, size_t n) {
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (int i = 0; i < 7; i++) {
        size_t n_ending = strlen(endings[i]);
        if (n >= n_ending && memcmp(t, endings[i], n_ending) == 0) return n_ending;
    }
    int length, space = n > 1 && t[0] == ' ';  // one space belongs to the word behind it
    int kind = kind_at(t + space, n - space, &length);
    size_t begin = kind == SPACE ? 0 : space, end = begin, last = begin;
    while (end < n && kind_at(t + end, n - end, &length) == kind) {
        last = end;
        end += length;
    }
    // White space leaves its last character to the word behind it, if it has more than one.
    return kind == SPACE && end < n && last > 0 ? last : end;
}
@DIGITS@
static int encode_plain(const char *text, size_t n, int *ids) {
    int n_ids = 0;
    while (n > 0) {
        // Bytes that are not UTF-8 are a word of their own.
        uint32_t code;
        int length;
        size_t n_valid = 0, n_invalid = 0;
        while (n_valid < n && (length = utf8(text + n_valid, n - n_valid, &code)) > 0)
            n_valid += length;
        for (size_t at = 0; at < n_valid;) {
            size_t n_word = @WORD@(text + at, n_valid - at);
            n_ids += encode_word(text + at, (int)n_word, ids + n_ids);
            at += n_word;
        }
        text += n_valid;
        n -= n_valid;
        while (n_invalid < n && utf8(text + n_invalid, n - n_invalid, &code) == 0) n_invalid++;
        if (n_invalid > 0) n_ids += encode_word(text, (int)n_invalid, ids + n_ids);
        text += n_invalid;
        n -= n_invalid;
    }
    return n_ids;
}
)c";

// starcoder: every number is a word, and what lies between numbers is cut by itself.
const char* const digits_text = R"c(
// The same, but every number is a word of its own, and the text before it ends there.
static size_t word_or_number_length(const char *t, size_t n) {
    size_t n_before = 0;
    int length;
    while (n_before < n && kind_at(t + n_before, n - n_before, &length) != NUMBER)
        n_before += length;
    return n_before > 0 ? word_length(t, n_before) : (size_t)length;
}
)c";

const char* const sentencepiece_text = R"c(
static void load_tokenizer(const unsigned char *bytes, size_t n) {
    data = bytes;
    data_end = bytes + n;
    take_pieces();
    if (data != data_end) die("damaged: bytes after the tokenizer");
}

static const char mark[] = "\xE2\x96\x81";  // U+2581 stands for a space

static void print_token(int id) {
    const struct piece *p = &pieces[id];
    for (int i = 0; p->kind != CONTROL && i < p->length; i++) {
        int space = p->kind == TEXT && p->length - i >= 3 && memcmp(p->text + i, mark, 3) == 0;
        putchar(space ? ' ' : p->text[i]);
        if (space) i += 2;
    }
}

// What symbol i and the next one make: the piece of their joint text.
static void look_ahead(symbol *s, int i, int n) {
    s[i].joined = i + 1 == n ? -1 : find_piece(s[i].text, s[i].length + s[i + 1].length);
    if (s[i].joined >= 0) s[i].score = pieces[s[i].joined].score;
}
)c";

const char* const sentencepiece_encode_text = R"c(
static int encode_plain(const char *text, size_t n, int *ids) {
    if (n == 0) return 0;
    char *marked = allocate(3 * n + 3, 1), *end = marked;
@PREFIX@    for (size_t i = 0; i < n;) {  // every space as a mark, every invalid byte as U+FFFD
        uint32_t code;
        int length = utf8(text + i, n - i, &code);
        int space = text[i] == ' ';
        const char *put = space ? mark : length > 0 ? text + i : "\xEF\xBF\xBD";
        int n_put = space || length == 0 ? 3 : length;
        memcpy(end, put, n_put);
        end += n_put;
        i += length > 0 ? length : 1;
    }
    symbol *s = allocate(end - marked, sizeof *s);
    int n_symbols = 0, n_ids = 0;
    for (const char *at = marked; at < end; n_symbols++) {
        uint32_t code;
        s[n_symbols].text = at;
        s[n_symbols].length = utf8(at, end - at, &code);
        s[n_symbols].id = find_piece(at, s[n_symbols].length);
        at += s[n_symbols].length;
    }
    n_symbols = merge(s, n_symbols);
    for (int i = 0; i < n_symbols; i++) {
        if (s[i].id >= 0) ids[n_ids++] = s[i].id;
        else
            for (int b = 0; b < s[i].length; b++)
                ids[n_ids++] = byte_id[(unsigned char)s[i].text[b]];
    }
    free(s);
    free(marked);
    return n_ids;
}
)c";

}  // namespace quire::c_tokenizer
