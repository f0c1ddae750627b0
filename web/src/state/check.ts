// Documents from elsewhere: a file that was imported may hold anything. What is not of its kind is
// left out.
import type {
  Chat, ChatRow, ChatSettings, Message, Preset, Role, Sampling, Settings, SystemPrompt,
} from './types';

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

const sampling_names = [
  'temperature', 'top_p', 'top_k', 'min_p', 'repeat_penalty', 'presence_penalty',
  'frequency_penalty', 'max_tokens', 'seed',
];

function readSampling(value: unknown): Sampling | undefined {
  if (!isObject(value)) return undefined;
  const numbers = Object.entries(readNumbers(value) ?? {});
  const stop = Array.isArray(value.stop)
    ? value.stop.filter((one): one is string => typeof one === 'string')
    : [];
  return {
    ...Object.fromEntries(numbers.filter(([name]) => sampling_names.includes(name))),
    ...(stop.length ? { stop } : {}),
  };
}

function readSettings(value: unknown): ChatSettings {
  if (!isObject(value)) return {};
  return {
    system: optional(value.system),
    preset: optional(value.preset),
    sampling: readSampling(value.sampling),
    tools: optional(value.tools),
    truncate: value.truncate === true || undefined,
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
    settings: readSettings(chat.settings),
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

const named = (value: unknown): value is { id: string; name: string } & Record<string, unknown> =>
  isObject(value) && optional(value.id) !== undefined && optional(value.name) !== undefined;

const readPreset = (value: unknown): Preset[] =>
  named(value)
    ? [{ id: value.id, name: value.name, sampling: readSampling(value.sampling) ?? {} }]
    : [];

const readPrompt = (value: unknown): SystemPrompt[] =>
  named(value) ? [{ id: value.id, name: value.name, text: text(value.text) }] : [];

/** The settings of the server's document; what it lacks is as in `defaults`. */
export function checkedSettings(value: unknown, defaults: Settings): Settings {
  if (!isObject(value)) return defaults;
  const result: Record<string, unknown> = { ...defaults };
  for (const [name, usual] of Object.entries(defaults))
    if (typeof usual !== 'object' && typeof value[name] === typeof usual) result[name] = value[name];
  if (Array.isArray(value.presets)) result.presets = value.presets.flatMap(readPreset);
  if (Array.isArray(value.prompts)) result.prompts = value.prompts.flatMap(readPrompt);
  return result as unknown as Settings;
}
