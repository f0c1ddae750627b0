// A chat is a tree of messages: every edit and every regeneration is a sibling of what it replaces.
// `head` is the last message of the branch that is shown.
import type { Chat, ChatRow, Message, Role } from './types';

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

// ---- documents from elsewhere: imported files may hold anything ----

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const optional = (value: unknown) => (typeof value === 'string' && value ? value : undefined);
const number = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : 0;

function readCalls(value: unknown): Message['tool_calls'] {
  if (!Array.isArray(value) || !value.length) return undefined;
  return value.filter(isObject).map((call) => {
    const made = isObject(call.function) ? call.function : {};
    return {
      id: text(call.id),
      type: 'function',
      function: { name: text(made.name), arguments: text(made.arguments) },
    };
  });
}

function readAttachments(value: unknown): Message['attachments'] {
  if (!Array.isArray(value) || !value.length) return undefined;
  return value
    .filter(isObject)
    .map((file) => ({ name: text(file.name), bytes: number(file.bytes), text: text(file.text) }));
}

function readRows(value: unknown): Message['logprobs'] {
  if (!Array.isArray(value) || !value.length) return undefined;
  const pair = (row: unknown): row is unknown[] => Array.isArray(row) && row.length >= 2;
  return value.filter(pair).map((row) => [
    text(row[0]),
    number(row[1]),
    (Array.isArray(row[2]) ? row[2] : [])
      .filter(pair)
      .map((other): [string, number] => [text(other[0]), number(other[1])]),
  ]);
}

function readNumbers(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

function readMessage(id: string, value: Record<string, unknown>): Message {
  const roles: Role[] = ['user', 'assistant', 'tool'];
  const usage = readNumbers(value.usage);
  return {
    id,
    parent: typeof value.parent === 'string' ? value.parent : null,
    role: roles.find((role) => role === value.role) ?? 'user',
    content: text(value.content),
    created: number(value.created),
    reasoning: optional(value.reasoning),
    tool_calls: readCalls(value.tool_calls),
    tool_call_id: optional(value.tool_call_id),
    attachments: readAttachments(value.attachments),
    logprobs: readRows(value.logprobs),
    usage: usage && {
      prompt_tokens: number(usage.prompt_tokens),
      completion_tokens: number(usage.completion_tokens),
    },
    timings: readNumbers(value.timings),
    finish: optional(value.finish),
    error: optional(value.error),
    note: optional(value.note),
    model: optional(value.model),
    request: optional(value.request),
  };
}

/** A chat document of the server, with everything of the kind it should be. */
export function checkedChat(value: unknown, id: string): Chat {
  const chat = isObject(value) ? value : {};
  const messages: Record<string, Message> = {};
  for (const [key, message] of Object.entries(isObject(chat.messages) ? chat.messages : {}))
    if (/^[A-Za-z0-9_-]{1,64}$/.test(key) && key !== '__proto__' && isObject(message))
      messages[key] = readMessage(key, message);
  for (const message of Object.values(messages))
    if (message.parent !== null && !messages[message.parent]) message.parent = null;
  const head = typeof chat.head === 'string' && messages[chat.head] ? chat.head : null;
  const last = Object.values(messages).sort((a, b) => a.created - b.created).at(-1);
  return {
    ...checkedRow(chat, id),
    version: number(chat.version),
    messages,
    head: head ?? last?.id ?? null,
    settings: isObject(chat.settings) ? (chat.settings as Chat['settings']) : {},
  };
}

export function checkedRow(value: unknown, id: string): ChatRow {
  const row = isObject(value) ? value : {};
  return {
    id,
    title: text(row.title) || 'Untitled',
    model: text(row.model),
    created: number(row.created),
    updated: number(row.updated),
  };
}
