// Reads an answer out as it comes: whole sentences, for screen readers.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Session } from '../state/session';

const pause_ms = 1000;

/** Where the last whole sentence of a text ends; 0 when there is none. */
function endOfSentences(text: string): number {
  const last = [...text.matchAll(/[.!?:]["'”’)*_]*(?=\s)|\n/g)].at(-1);
  return last ? last.index + last[0].length : 0;
}

export function Announcer({ session }: { session: Session }) {
  const live = session.live.value;
  const said = useRef(0);
  const spoken_at = useRef(0);
  const followed = useRef<string | null>(null);
  const [text, setText] = useState('');
  const id = live?.message ?? followed.current;
  const message = id ? session.chat.value.messages[id] : undefined;
  useEffect(() => {
    if (live && live.message !== followed.current) {
      followed.current = live.message;
      said.current = message?.content.length ?? 0;
      setText('The model answers.');
      return;
    }
    if (!message || !followed.current) return;
    const rest = message.content.slice(said.current);
    if (!live) {
      followed.current = null;
      said.current = 0;
      setText(`${rest.trim()} ${message.error ? `Failed: ${message.error}` : 'End of the answer.'}`);
      return;
    }
    const end = endOfSentences(rest);
    if (end === 0 || performance.now() - spoken_at.current < pause_ms) return;
    said.current += end;
    spoken_at.current = performance.now();
    setText(rest.slice(0, end));
  }, [live, message?.content, message?.finish]);
  return (
    <div class="unseen" aria-live="polite" aria-atomic="true">
      {text}
    </div>
  );
}
