// Markdown as elements: one case per kind of token, so that nothing a model writes becomes HTML.
import { Fragment, type ComponentChildren, type VNode } from 'preact';
import { memo } from 'preact/compat';
import { Code } from './code';
import { Formula } from './formula';
import { parse, type Token } from './parser';

const plain_tags = new Set([
  'p', 'blockquote', 'ul', 'ol', 'li', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6',
  'strong', 'em', 's', 'thead', 'tbody', 'tr', 'th', 'td',
]);

const align_classes: Record<string, string> = {
  'text-align:left': 'left',
  'text-align:right': 'right',
  'text-align:center': 'center',
};

function element(open: Token, children: ComponentChildren[], key: number): VNode {
  if (open.tag === 'table')
    return (
      <div class="table" key={key} tabIndex={0} role="region" aria-label="Table">
        <table>{children}</table>
      </div>
    );
  if (open.tag === 'a') return link(open, children, key);
  if (!plain_tags.has(open.tag)) return <Fragment key={key}>{children}</Fragment>;
  const isHeading = open.type === 'heading_open';
  const Tag = (isHeading ? (open.meta as string) : open.tag) as 'p';
  const align = align_classes[open.attrGet('style') ?? ''];
  const start = open.tag === 'ol' ? { start: Number(open.attrGet('start') ?? 1) } : {};
  return (
    <Tag key={key} class={isHeading ? `was-${open.tag}` : align} {...start}>
      {children}
    </Tag>
  );
}

function link(open: Token, children: ComponentChildren[], key: number): VNode {
  const href = open.attrGet('href') ?? '';
  return (
    <a key={key} href={href} title={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

// What an image would be: its description and where it lies.
function image(token: Token, key: number): VNode {
  return (
    <span class="image" key={key}>
      image: {token.content || 'no description'} ({token.attrGet('src') ?? ''})
    </span>
  );
}

function leaf(token: Token, key: number): ComponentChildren {
  switch (token.type) {
    case 'inline':
      return <Fragment key={key}>{elements(token.children ?? [])}</Fragment>;
    case 'text':
      return token.content;
    case 'softbreak':
      return '\n';
    case 'hardbreak':
      return <br key={key} />;
    case 'hr':
      return <hr key={key} />;
    case 'code_inline':
      return <code key={key}>{token.content}</code>;
    case 'fence':
      return <Code key={key} text={token.content} language={token.info.trim().split(/\s/)[0]} />;
    case 'code_block':
      return <Code key={key} text={token.content} />;
    case 'math':
      return <Formula key={key} tex={token.content} display={token.block} />;
    case 'image':
      return image(token, key);
    default:
      return token.content;
  }
}

// Headings come below the message's own, which is a h2, and leave out no level on the way down; a
// class keeps the size that was meant.
function outline(tokens: Token[]): Token[] {
  let last = 2;
  for (const token of tokens)
    if (token.type === 'heading_open') {
      last = Math.min(last + 1, 2 + Number(token.tag[1]), 6);
      token.meta = `h${last}`;
    }
  return tokens;
}

function elements(tokens: Token[]): ComponentChildren[] {
  const stack: { open: Token | null; children: ComponentChildren[] }[] = [
    { open: null, children: [] },
  ];
  tokens.forEach((token, i) => {
    const top = stack[stack.length - 1];
    if (token.nesting === 1) {
      stack.push({ open: token, children: [] });
    } else if (token.nesting === -1 && top?.open) {
      stack.pop();
      // A paragraph of a tight list has no element.
      const made = top.open.hidden ? (
        <Fragment key={i}>{top.children}</Fragment>
      ) : (
        element(top.open, top.children, i)
      );
      stack[stack.length - 1]?.children.push(made);
    } else {
      top?.children.push(leaf(token, i));
    }
  });
  return stack[0]?.children ?? [];
}

export const Markdown = memo(({ text }: { text: string }) => (
  <div class="markdown">{elements(outline(parse(text)))}</div>
));
