// A chat is a tree of messages: every edit and every regeneration is a sibling of what it replaces.
// `head` is the last message of the branch that is shown.
import type { Chat, Message } from './types';

export const newId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join('') + Date.now().toString(36);
};

/** The messages from the first to `id`. */
export function pathTo(chat: Chat, id: string | null): Message[] {
  const path: Message[] = [];
  const seen = new Set<string>();
  for (let at = id; at !== null && !seen.has(at); ) {
    const message: Message | undefined = chat.messages[at];
    if (!message) break;
    seen.add(at);
    path.push(message);
    at = message.parent;
  }
  return path.reverse();
}

/** Messages with the same parent, the oldest first. */
export function siblings(chat: Chat, parent: string | null): Message[] {
  return Object.values(chat.messages)
    .filter((message) => message.parent === parent)
    .sort((a, b) => a.created - b.created || (a.id < b.id ? -1 : 1));
}

/** The end of the branch through `id` that was made last. */
export function leafUnder(chat: Chat, id: string): string {
  const seen = new Set<string>();
  let at = id;
  while (!seen.has(at)) {
    seen.add(at);
    const next = siblings(chat, at).at(-1);
    if (next) at = next.id;
  }
  return at;
}

export function withMessage(chat: Chat, message: Message, head = message.id): Chat {
  return { ...chat, head, messages: { ...chat.messages, [message.id]: message } };
}

/** The chat with some fields of a message changed; as it is when there is no such message. */
export function withChange(chat: Chat, id: string, change: Partial<Message>): Chat {
  const message = chat.messages[id];
  if (!message) return chat;
  return { ...chat, messages: { ...chat.messages, [id]: { ...message, ...change } } };
}

/** Both: what another tab saved, and what this one did since. Of an answer, the longer one. */
export function merged(mine: Chat, theirs: Chat): Chat {
  const messages = { ...theirs.messages };
  for (const message of Object.values(mine.messages)) {
    const other = messages[message.id];
    if (!other || other.content.length <= message.content.length) messages[message.id] = message;
  }
  return { ...mine, version: theirs.version, messages };
}

export function titleFrom(text: string): string {
  const line = text.trim().split('\n', 1)[0]?.trim() ?? '';
  return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line || 'Untitled';
}
