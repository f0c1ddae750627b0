// An open chat: its document, the answer that is being made, and what can be done with both.
import { signal, type Signal } from '@preact/signals';
import { Saver } from './saver';
import { settings } from './settings';
import { leafUnder, newId, titleFrom, withChange, withMessage } from './tree';
import type { Attachment, Chat, ChatSettings, Message } from './types';
import { generate, requestBody } from './generate';

export interface Live {
  message: string;
  control: AbortController;
}

export class Session {
  readonly chat: Signal<Chat>;
  readonly live = signal<Live | null>(null);
  readonly saver: Saver;

  constructor(chat: Chat, onSaved: (chat: Chat) => void) {
    this.chat = signal(chat);
    this.saver = new Saver(this.chat, onSaved);
  }

  change(update: (chat: Chat) => Chat, delay_ms?: number): void {
    this.chat.value = update(this.chat.value);
    this.saver.mark(delay_ms);
  }

  set(change: Partial<ChatSettings>): void {
    this.change((chat) => ({ ...chat, settings: { ...chat.settings, ...change } }));
  }

  /** Adds what the user wrote under the head (or under `parent`), and asks for an answer. */
  async send(content: string, attachments: Attachment[], parent = this.chat.value.head) {
    const message: Message = {
      id: newId(),
      parent,
      role: 'user',
      content,
      attachments: attachments.length ? attachments : undefined,
      created: Date.now(),
    };
    this.change((chat) => {
      const isFirst = Object.keys(chat.messages).length === 0;
      const title = isFirst ? titleFrom(content || (attachments[0]?.name ?? '')) : chat.title;
      return withMessage({ ...chat, title }, message);
    }, 0);
    await this.answer(message.id);
  }

  /** An edited message of the user is a sibling, with an answer of its own. */
  async resend(id: string, content: string) {
    const message = this.chat.value.messages[id];
    if (message) await this.send(content, message.attachments ?? [], message.parent);
  }

  /** An edited answer is a sibling, too. */
  rewrite(id: string, content: string): void {
    const old = this.chat.value.messages[id];
    if (!old) return;
    const message: Message = {
      id: newId(),
      parent: old.parent,
      role: old.role,
      content,
      created: Date.now(),
      finish: 'edited',
      model: old.model,
    };
    this.change((chat) => withMessage(chat, message), 0);
  }

  /** Another answer to the same. */
  async regenerate(id: string) {
    const message = this.chat.value.messages[id];
    if (message) await this.answer(message.parent);
  }

  /** The answer goes on where it ended. */
  async goOn(id: string) {
    const message = this.chat.value.messages[id];
    if (message) await this.run({ ...message, finish: undefined, error: undefined });
  }

  /** A sibling that says the same up to token `at`, then `token`, then whatever follows. */
  async branchAt(id: string, at: number, token: string, logprob: number) {
    const old = this.chat.value.messages[id];
    if (!old?.logprobs) return;
    const rows = old.logprobs.slice(0, at);
    const before = rows.map((row) => row[0]).join('');
    // A token that is a part of a character has no text of its own.
    if (!old.content.trimStart().startsWith(before.trimStart()) || token.includes('\ufffd'))
      throw new Error('The answer cannot be taken up inside a character.');
    const content = before + token;
    await this.run({
      id: newId(),
      parent: old.parent,
      role: 'assistant',
      content,
      created: Date.now(),
      logprobs: [...rows, [token, logprob, old.logprobs[at]?.[2] ?? []]],
    });
  }

  /** What the called tools answered, in the order of the calls. */
  async sendResults(id: string, results: string[]) {
    const calls = this.chat.value.messages[id]?.tool_calls ?? [];
    let parent = id;
    for (const [i, call] of calls.entries()) {
      const message: Message = {
        id: newId(),
        parent,
        role: 'tool',
        tool_call_id: call.id,
        content: results[i] ?? '',
        created: Date.now() + i,
      };
      this.change((chat) => withMessage(chat, message), 0);
      parent = message.id;
    }
    await this.answer(parent);
  }

  show(id: string): void {
    this.change((chat) => ({ ...chat, head: leafUnder(chat, id) }));
  }

  stop(): void {
    this.live.value?.control.abort();
  }

  private async answer(parent: string | null) {
    await this.run({
      id: newId(),
      parent,
      role: 'assistant',
      content: '',
      created: Date.now(),
    });
  }

  private async run(start: Message) {
    if (this.live.value) return;
    const chat = this.chat.value;
    const message: Message = { ...start, model: chat.model };
    const control = new AbortController();
    this.live.value = { message: message.id, control };
    this.change((value) => withMessage(value, message), 0);
    try {
      const body = requestBody(this.chat.value, message, settings.value);
      await generate(body, message, control.signal, (change) =>
        this.change((value) => withChange(value, message.id, change)),
      );
    } finally {
      this.live.value = null;
      this.saver.mark(0);
    }
  }
}
