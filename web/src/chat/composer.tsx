// Where a message is written. What is not sent yet outlives a reload.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Session } from '../state/session';
import { toast } from '../state/toasts';
import type { Attachment } from '../state/types';
import { IconButton } from '../ui/controls';
import { bytes } from '../ui/format';
import { readTextFile } from './attachments';

interface Props {
  place: string; // the chat's id, or "new"
  session: Session | null;
  onSend: (text: string, files: Attachment[]) => void;
}

interface Draft {
  text: string;
  files: Attachment[];
}

function readDraft(place: string): Draft {
  try {
    const draft = JSON.parse(sessionStorage.getItem(`quire.draft.${place}`) ?? '') as Draft;
    return { text: draft.text, files: draft.files };
  } catch {
    return { text: '', files: [] };
  }
}

function writeDraft(place: string, draft: Draft): void {
  const name = `quire.draft.${place}`;
  try {
    if (!draft.text && !draft.files.length) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, JSON.stringify(draft));
  } catch {
    // Full: large files are not kept over a reload.
  }
}

export function Composer({ place, session, onSend }: Props) {
  const draft = useSignal<Draft>(readDraft(place));
  const input = useRef<HTMLInputElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const live = session?.live.value ?? null;
  const { text, files } = draft.value;
  const set = (change: Partial<Draft>) => {
    draft.value = { ...draft.value, ...change };
    writeDraft(place, draft.value);
  };
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) area.current?.focus();
  }, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) session?.stop();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [session]);
  const canSend = !live && (text.trim() !== '' || files.length > 0);
  const send = () => {
    if (!canSend) return;
    set({ text: '', files: [] });
    onSend(text, files);
  };
  const add = async (list: Iterable<File>) => {
    for (const file of list) {
      const read = await readTextFile(file);
      if (typeof read === 'string') toast(read, 'error');
      else set({ files: [...draft.value.files, read] });
    }
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void add(event.dataTransfer?.files ?? []);
      }}
    >
      <div class="composer-box">
        {files.length ? (
          <ul class="files" aria-label="Attached files">
            {files.map((file, i) => (
              <li key={i}>
                <span>
                  {file.name} <small>{bytes(file.bytes)}</small>
                </span>
                <IconButton
                  icon="close"
                  label={`Remove ${file.name}`}
                  onClick={() => set({ files: files.filter((_, k) => k !== i) })}
                />
              </li>
            ))}
          </ul>
        ) : null}
        <div class="composer-row">
          <IconButton
            icon="clip"
            label="Attach text files"
            onClick={() => input.current?.click()}
          />
          <input
            ref={input}
            type="file"
            multiple
            hidden
            onChange={(event) => {
              void add(Array.from(event.currentTarget.files ?? []));
              event.currentTarget.value = '';
            }}
          />
          <textarea
            ref={area}
            rows={1}
            aria-label="Message"
            placeholder="Write a message"
            value={text}
            onInput={(event) => set({ text: event.currentTarget.value })}
            onPaste={(event) => {
              const pasted = event.clipboardData?.files;
              if (pasted?.length) {
                event.preventDefault();
                void add(Array.from(pasted));
              }
            }}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              send();
            }}
          />
          {live ? (
            <button
              type="button"
              class="send stop"
              aria-label="Stop"
              title="Stop (Esc)"
              onClick={() => session?.stop()}
            >
              <span class="stop-mark" />
            </button>
          ) : (
            <IconButton icon="up" label="Send" type="submit" class="send" disabled={!canSend} />
          )}
        </div>
      </div>
      <p class="composer-hint">
        Enter sends, Shift+Enter starts a line, Esc stops. Models make mistakes.
      </p>
    </form>
  );
}
