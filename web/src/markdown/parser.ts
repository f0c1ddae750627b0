// Markdown to tokens: CommonMark with tables and strikethrough, and LaTeX between $, $$, \( \), \[ \].
// HTML in the text stays text.
import MarkdownIt from 'markdown-it';
import type { StateBlock, StateInline, Token } from 'markdown-it';

const open_links = /^(https?:|mailto:)/i;

const parser = new MarkdownIt({ html: false, linkify: true, typographer: false, breaks: true });
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
parser.validateLink = (address) => open_links.test(address.trim());
parser.inline.ruler.before('escape', 'math', inlineMath);
parser.block.ruler.before('fence', 'math_block', blockMath, {
  alt: ['paragraph', 'reference', 'blockquote', 'list'],
});

export type { Token };

export function parse(text: string): Token[] {
  return parser.parse(text, {});
}

function isEscaped(text: string, at: number): boolean {
  let n = 0;
  while (text[at - 1 - n] === '\\') n += 1;
  return n % 2 === 1;
}

// Where `end` stands at or behind `from`, not escaped by a backslash; -1 if nowhere.
function findEnd(text: string, end: string, from: number): number {
  for (let at = text.indexOf(end, from); at >= 0; at = text.indexOf(end, at + 1))
    if (end[0] === '\\' || !isEscaped(text, at)) return at;
  return -1;
}

// As Pandoc: no space inside the dollars, no digit behind the second, so that "$5 and $6" is money.
function dollarEnd(text: string, from: number): number {
  if (!/\S/.test(text[from] ?? ' ')) return -1;
  for (let at = findEnd(text, '$', from); at >= 0; at = findEnd(text, '$', at + 1))
    if (/\S/.test(text[at - 1] ?? ' ') && !/[0-9]/.test(text[at + 1] ?? '')) return at;
  return -1;
}

const delimiters: { begin: string; end: string; display: boolean }[] = [
  { begin: '$$', end: '$$', display: true },
  { begin: '$', end: '$', display: false },
  { begin: '\\(', end: '\\)', display: false },
  { begin: '\\[', end: '\\]', display: true },
];

function inlineMath(state: StateInline, silent: boolean): boolean {
  const kind = delimiters.find(({ begin }) => state.src.startsWith(begin, state.pos));
  if (!kind) return false;
  const from = state.pos + kind.begin.length;
  const end = kind.begin === '$' ? dollarEnd(state.src, from) : findEnd(state.src, kind.end, from);
  if (end <= from || end + kind.end.length > state.posMax) return false;
  if (!silent) {
    const token = state.push('math', 'math', 0);
    token.content = state.src.slice(from, end);
    token.block = kind.display;
  }
  state.pos = end + kind.end.length;
  return true;
}

// A formula that has lines of its own. One without an end is a paragraph.
function blockMath(state: StateBlock, begin: number, end: number, silent: boolean): boolean {
  const lineAt = (line: number) =>
    state.src.slice(
      (state.bMarks[line] ?? 0) + (state.tShift[line] ?? 0),
      state.eMarks[line] ?? 0,
    );
  const first = lineAt(begin);
  const kind = delimiters.find((one) => one.display && first.startsWith(one.begin));
  if (!kind || (state.sCount[begin] ?? 0) - state.blkIndent >= 4) return false;
  const content: string[] = [];
  for (let line = begin; line < end; ++line) {
    const text = line === begin ? first.slice(kind.begin.length) : lineAt(line);
    const at = findEnd(text, kind.end, 0);
    if (at < 0) {
      content.push(text);
      continue;
    }
    if (text.slice(at + kind.end.length).trim()) return false;
    if (silent) return true;
    content.push(text.slice(0, at));
    const token = state.push('math', 'math', 0);
    token.content = content.join('\n');
    token.block = true;
    token.map = [begin, line + 1];
    state.line = line + 1;
    return true;
  }
  return false;
}
