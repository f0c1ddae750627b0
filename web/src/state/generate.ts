// Makes one answer: the request from a chat, and the pieces of the answer into a message.
import { addCalls, complete, type Piece } from '../api/completion';
import { textOf, wasAborted } from '../api/http';
import { pathTo } from './tree';
import type { Chat, Message, Settings } from './types';

const frame_ms = 33;

/** What a message looks like to the model: its files first, each between fences. */
export function contentWithFiles(message: Message): string {
  const files = (message.attachments ?? []).map((file) => {
    const longest = Math.max(2, ...(file.text.match(/`+/g) ?? []).map((run) => run.length));
    const fence = '`'.repeat(longest + 1);
    return `File ${file.name}:\n${fence}\n${file.text.replace(/\n$/, '')}\n${fence}`;
  });
  return [...files, message.content].filter(Boolean).join('\n\n');
}

function wireMessage(message: Message): Record<string, unknown> {
  if (message.role === 'user') return { role: 'user', content: contentWithFiles(message) };
  if (message.role === 'tool')
    return { role: 'tool', tool_call_id: message.tool_call_id, content: message.content };
  const calls = message.tool_calls?.length ? { tool_calls: message.tool_calls } : {};
  return { role: 'assistant', content: message.content, ...calls };
}

/** The request for `message`, whose text so far is continued. */
export function requestBody(
  chat: Chat,
  message: Message,
  settings: Settings,
): Record<string, unknown> {
  const { system, tools, truncate, sampling } = chat.settings;
  const before = pathTo(chat, message.parent);
  const messages = before.map(wireMessage);
  if (system?.trim()) messages.unshift({ role: 'system', content: system });
  const body: Record<string, unknown> = {
    model: chat.model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    ...sampling,
  };
  if (tools?.trim()) body.tools = JSON.parse(tools);
  if (truncate) body.truncation = 'auto';
  if (settings.probabilities) Object.assign(body, { logprobs: true, top_logprobs: 5 });
  if (message.content) {
    messages.push({ role: 'assistant', content: message.content });
    Object.assign(body, { continue_final_message: true, add_generation_prompt: false });
  }
  return body;
}

// The message as it grows.
function grown(message: Message, piece: Piece): Message {
  return {
    ...message,
    content: message.content + (piece.content ?? ''),
    reasoning: piece.reasoning ? (message.reasoning ?? '') + piece.reasoning : message.reasoning,
    tool_calls: piece.calls ? addCalls(message.tool_calls ?? [], piece.calls) : message.tool_calls,
    finish: piece.finish ?? message.finish,
    usage: piece.usage ?? message.usage,
    timings: piece.timings ?? message.timings,
  };
}

/** Runs a request to its end. `onChange` gets the message some thirty times a second. */
export async function generate(
  body: Record<string, unknown>,
  start: Message,
  signal: AbortSignal,
  onChange: (change: Partial<Message>) => void,
): Promise<void> {
  let message = start;
  const rows = [...(start.logprobs ?? [])];
  let due = 0; // when it may be drawn again
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = async () => {
    clearTimeout(timer);
    timer = undefined;
    const begin = performance.now();
    onChange({ ...message, logprobs: rows.length ? [...rows] : undefined });
    await new Promise((resolve) => setTimeout(resolve, 0)); // the page is drawn, and listens
    // A long answer takes longer to draw: it then is drawn less often.
    const now = performance.now();
    due = now + Math.max(frame_ms, (now - begin) * 2);
  };
  try {
    const onHead = (head: { request: string | null; note: string | null }) => {
      message = { ...message, request: head.request ?? undefined, note: head.note ?? undefined };
    };
    for await (const piece of complete(body, signal, onHead)) {
      message = grown(message, piece);
      if (piece.logprobs) rows.push(...piece.logprobs);
      const wait_ms = due - performance.now();
      if (wait_ms <= 0) await show();
      else timer ??= setTimeout(() => void show(), wait_ms);
    }
    message = { ...message, finish: message.finish ?? 'stop' };
  } catch (error) {
    if (wasAborted(error) || signal.aborted) message = { ...message, finish: 'stopped' };
    else message = { ...message, finish: 'error', error: textOf(error) };
  }
  await show();
}
