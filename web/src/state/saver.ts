// Writes a chat to the server: soon after a change, one write at a time, again when one fails.
import { signal, type Signal } from '@preact/signals';
import { readChat, writeChat } from '../api/chats';
import { ApiError, textOf } from '../api/http';
import { checkedChat } from './check';
import { merged } from './tree';
import type { Chat } from './types';

const soon_ms = 700;
const bytes_per_ms = 1000; // a large chat is written less often while it grows
const retries_ms = [1000, 2000, 5000, 10000];
const keepalive_bytes_max = 60000; // what browsers let outlive a page is 64 KiB

const unsavedName = (id: string) => `quire.unsaved.${id}`;

/** What this tab could not write before a reload; null when there is nothing. */
export function takeUnsaved(id: string): unknown {
  const text = sessionStorage.getItem(unsavedName(id));
  sessionStorage.removeItem(unsavedName(id));
  return text === null ? null : JSON.parse(text);
}

export class Saver {
  /** Why the last write failed; null when it did not. */
  readonly trouble = signal<string | null>(null);
  private dirty = false;
  private writing: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private n_bytes = 0;
  private closed = false;

  constructor(
    private readonly chat: Signal<Chat>,
    private readonly onSaved: (chat: Chat) => void,
  ) {}

  get isPending(): boolean {
    return this.dirty || this.writing !== null;
  }

  /** The chat changed. */
  mark(delay_ms = soon_ms + this.n_bytes / bytes_per_ms): void {
    if (this.closed) return;
    this.dirty = true;
    if (delay_ms === 0) clearTimeout(this.timer);
    else if (this.timer !== undefined) return;
    this.timer = setTimeout(() => void this.flush(), delay_ms);
  }

  /** Writes what is not written yet. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.writing) await this.writing;
    if (!this.dirty) return;
    this.writing = this.write();
    await this.writing;
    this.writing = null;
    if (this.dirty && this.timer === undefined) this.mark();
  }

  /** The page goes away: one last write that may outlive it, or what a reload finds. */
  flushNow(): void {
    if (!this.isPending || this.closed) return;
    const text = JSON.stringify(this.chat.value);
    try {
      sessionStorage.setItem(unsavedName(this.chat.value.id), text);
    } catch {
      // Full: the write is all there is.
    }
    if (text.length < keepalive_bytes_max) writeChat(this.chat.value, true).catch(() => undefined);
  }

  /** Nothing more is written: the chat is deleted. */
  forget(): void {
    clearTimeout(this.timer);
    this.closed = true;
    this.dirty = false;
  }

  private async write(): Promise<void> {
    this.dirty = false;
    this.n_bytes = JSON.stringify(this.chat.value).length;
    try {
      const { version, updated } = await writeChat(this.chat.value);
      this.chat.value = { ...this.chat.value, version, updated };
      this.trouble.value = null;
      this.failures = 0;
      this.onSaved(this.chat.value);
    } catch (error) {
      this.dirty = true;
      if (error instanceof ApiError && error.status === 409) await this.takeNewer(error.body);
      else this.retryLater(error);
    }
  }

  // Another tab saved this chat: its messages and ours are put together and written again. One that
  // another tab deleted is written anew: it has something that was not there then.
  private async takeNewer(body: unknown): Promise<void> {
    const { id } = this.chat.value;
    try {
      const document = (body as { messages?: unknown } | null)?.messages ? body : await readChat(id);
      this.chat.value = merged(this.chat.value, checkedChat(document, id));
      this.mark(50);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) return this.retryLater(error);
      this.chat.value = { ...this.chat.value, version: 0 };
      this.mark(50);
    }
  }

  private retryLater(error: unknown): void {
    this.trouble.value = textOf(error);
    const wait_ms = retries_ms[Math.min(this.failures, retries_ms.length - 1)];
    this.failures += 1;
    this.mark(wait_ms);
  }
}
