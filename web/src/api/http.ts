// Requests to this server: the key, and errors as the server words them.
import { signal } from '@preact/signals';

const stored = 'quire.key';

/** The API key of this tab; null when none was asked for. */
export const key = signal<string | null>(sessionStorage.getItem(stored));
/** What the server said when it asked for a key; null while it does not. */
export const keyWanted = signal<string | null>(null);

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly body: unknown = null,
  ) {
    super(message);
  }
}

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  json?: unknown;
  signal?: AbortSignal;
  /** The request outlives the page; its body is at most 64 KiB then. */
  keepalive?: boolean;
}

let waiting: (() => void)[] = [];

/** Takes the key that the user typed; requests that were refused for want of one go on. */
export function enterKey(value: string): void {
  key.value = value;
  sessionStorage.setItem(stored, value);
  keyWanted.value = null;
  const resume = waiting;
  waiting = [];
  for (const go of resume) go();
}

function keyEntered(signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}

/** An address of this server, wherever it is mounted. */
export function address(path: string): string {
  return new URL(path.replace(/^\//, ''), document.baseURI.split('#')[0]).href;
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Not JSON: the text itself is all there is.
  }
  const error = (body as { error?: unknown } | null)?.error;
  const message =
    typeof error === 'string' ? error : (error as { message?: unknown } | undefined)?.message;
  return new ApiError(
    response.status,
    typeof message === 'string' ? message : `the server answered ${response.status}`,
    body,
  );
}

/** The answer when it is a success; asks the user for a key when the server wants one. */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  for (;;) {
    const headers: Record<string, string> = { 'x-quire-app': '1' };
    if (options.json !== undefined) headers['content-type'] = 'application/json';
    const used = key.value;
    if (used !== null) headers.authorization = `Bearer ${used}`;
    let response: Response;
    try {
      response = await fetch(address(path), {
        method: options.method ?? 'GET',
        headers,
        body: options.json === undefined ? undefined : JSON.stringify(options.json),
        signal: options.signal,
        keepalive: options.keepalive,
        cache: 'no-store',
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, 'the server cannot be reached');
    }
    if (response.ok) return response;
    const error = await failure(response);
    if (response.status !== 401 || options.keepalive) throw error;
    if (used === key.value) {
      keyWanted.value = used === null ? 'This server wants a key.' : 'The server refused that key.';
      await keyEntered(options.signal);
    }
  }
}

export async function json<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const response = await request(path, options);
  return (await response.json()) as T;
}

export function wasAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
