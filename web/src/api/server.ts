// The server itself: its log, the requests it keeps, its metrics.
import { json, request } from './http';
import { events } from './stream';

export interface LogLine {
  time: string;
  id: string;
  method: string;
  path: string;
  status: number;
  seconds: number;
  model?: string;
  prompt_tokens?: number;
  cached_tokens?: number;
  completion_tokens?: number;
  note?: string;
}

export async function* followLog(signal: AbortSignal): AsyncGenerator<LogLine> {
  const response = await request('/app/api/log', { signal });
  for await (const data of events(response)) yield JSON.parse(data) as LogLine;
}

export interface RequestRow {
  id: string;
  time: number;
  method: string;
  path: string;
  status: number;
  ms: number;
  model: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
}

export interface RequestDetails extends RequestRow {
  request: unknown;
  prompt: string | null;
  answer: string | null;
}

export const listRequests = async (signal?: AbortSignal): Promise<RequestRow[]> =>
  (await json<{ requests: RequestRow[] }>('/app/api/requests', { signal })).requests;

export const readRequest = (id: string, signal?: AbortSignal) =>
  json<RequestDetails>(`/app/api/requests/${encodeURIComponent(id)}`, { signal });

export interface Sample {
  t: number;
  tokens_per_second: number;
  prompt_tokens_per_second: number;
  active: number;
  queued: number;
  kv_used: number;
  kv_total: number;
  rss: number;
}

export interface Metrics {
  now: {
    version?: string;
    uptime_s?: number;
    active?: number;
    queued?: number;
    kv_used?: number;
    kv_total?: number;
    rss?: number;
    models_loaded?: number;
  };
  series: Sample[];
}

export const readMetrics = (signal?: AbortSignal) => json<Metrics>('/app/api/metrics', { signal });
