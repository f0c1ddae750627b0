// A block of code: its language, a button that copies it, and colours once highlight.js is there.
import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { memo } from 'preact/compat';
import { CopyButton } from '../ui/controls';

type Highlighter = typeof import('./highlight');

const highlighted_chars_max = 60000;
let highlighter: Highlighter | null = null;
let loading: Promise<Highlighter> | null = null;

function useHighlighter(): Highlighter | null {
  const [ready, setReady] = useState(highlighter);
  useEffect(() => {
    if (ready) return;
    loading ??= import('./highlight');
    void loading.then((made) => setReady((highlighter = made)));
  }, []);
  return ready;
}

export const Code = memo(({ text, language }: { text: string; language?: string }) => {
  const made = useHighlighter();
  let body: ComponentChildren = text;
  if (made && language && text.length <= highlighted_chars_max)
    body = made.highlight(text, language);
  return (
    <figure class="code">
      <figcaption>
        <span>{language || 'text'}</span>
        <CopyButton text={text} label="Copy code" />
      </figcaption>
      <pre tabIndex={0}>
        <code>{body}</code>
      </pre>
    </figure>
  );
});
