// One answer of POST /v1/chat/completions, piece by piece.
import type { TokenRow, ToolCall, Timings, Usage } from '../state/types';
import { ApiError, request } from './http';
import { events } from './stream';

export interface Piece {
  content?: string;
  reasoning?: string;
  calls?: { index: number; id?: string; name?: string; arguments?: string }[];
  logprobs?: TokenRow[];
  finish?: string;
  usage?: Usage;
  timings?: Timings;
}

export interface AnswerHead {
  request: string | null;
  note: string | null;
}

interface WireToken {
  token: string;
  logprob: number;
  top_logprobs?: { token: string; logprob: number }[];
}

interface WireChunk {
  error?: { message?: string } | string;
  choices?: {
    delta?: {
      content?: string | null;
      reasoning_content?: string | null;
      tool_calls?: { index: number; id?: string; function?: { name?: string; arguments?: string } }[];
    };
    logprobs?: { content?: WireToken[] | null } | null;
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
  timings?: Timings;
}

// A thousandth is plenty for showing a probability, and keeps a saved chat small.
const rounded = (logprob: number) => Math.round(logprob * 1000) / 1000;

function tokenRow(token: WireToken): TokenRow {
  const top = (token.top_logprobs ?? []).map(
    (other): [string, number] => [other.token, rounded(other.logprob)],
  );
  return [token.token, rounded(token.logprob), top];
}

function piece(chunk: WireChunk): Piece {
  const result: Piece = {};
  const choice = chunk.choices?.[0];
  const delta = choice?.delta;
  if (delta?.content) result.content = delta.content;
  if (delta?.reasoning_content) result.reasoning = delta.reasoning_content;
  if (delta?.tool_calls)
    result.calls = delta.tool_calls.map((call) => ({
      index: call.index,
      id: call.id,
      name: call.function?.name,
      arguments: call.function?.arguments,
    }));
  if (choice?.logprobs?.content) result.logprobs = choice.logprobs.content.map(tokenRow);
  if (choice?.finish_reason) result.finish = choice.finish_reason;
  if (chunk.usage) result.usage = chunk.usage;
  if (chunk.timings) result.timings = chunk.timings;
  return result;
}

// What the server did otherwise than asked.
function noteOf(response: Response): string | null {
  const notes = [];
  const dropped = response.headers.get('x-quire-dropped-messages');
  if (dropped) notes.push(`The context was full: the oldest ${dropped} messages were left out.`);
  const note = response.headers.get('x-quire-note');
  if (note) notes.push(`${note[0]?.toUpperCase()}${note.slice(1)}.`);
  return notes.join(' ') || null;
}

/** Asks for an answer. Throws an ApiError when the server refuses or breaks off. */
export async function* complete(
  body: Record<string, unknown>,
  signal: AbortSignal,
  onHead: (head: AnswerHead) => void,
): AsyncGenerator<Piece> {
  const response = await request('/v1/chat/completions', { method: 'POST', json: body, signal });
  onHead({ request: response.headers.get('x-request-id'), note: noteOf(response) });
  let whole = false;
  for await (const data of events(response)) {
    if (data === '[DONE]') {
      whole = true;
      continue;
    }
    const chunk = JSON.parse(data) as WireChunk;
    if (chunk.error) {
      const text = typeof chunk.error === 'string' ? chunk.error : chunk.error.message;
      throw new ApiError(500, text ?? 'the server gave up');
    }
    yield piece(chunk);
  }
  if (!whole) throw new ApiError(0, 'the connection ended before the answer did');
}

/** Adds a piece of calls to those that are there. */
export function addCalls(calls: ToolCall[], pieces: NonNullable<Piece['calls']>): ToolCall[] {
  const result = calls.map((call) => ({ ...call, function: { ...call.function } }));
  for (const piece of pieces) {
    const call = (result[piece.index] ??= {
      id: piece.id ?? `call_${piece.index}`,
      type: 'function',
      function: { name: '', arguments: '' },
    });
    if (piece.id) call.id = piece.id;
    if (piece.name) call.function.name += piece.name;
    if (piece.arguments) call.function.arguments += piece.arguments;
  }
  return result.filter((call) => call !== undefined);
}
