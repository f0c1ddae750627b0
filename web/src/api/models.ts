// Models: what there is, loading, fetching.
import { ApiError, json, request } from './http';
import { lines } from './stream';

export interface Fit {
  weights: number;
  kv: number;
  total: number;
  available: number;
  fits: boolean;
}

export interface ModelRow {
  name: string;
  path: string;
  bytes: number;
  parameters: number | null;
  quantization: string | null;
  context: number | null;
  loaded: boolean;
  fit: Fit | null;
  error?: string;
}

export const listModels = async (signal?: AbortSignal): Promise<ModelRow[]> =>
  (await json<{ models: ModelRow[] }>('/app/api/models', { signal })).models;

export const loadModel = (model: string) =>
  json<{ loaded: boolean }>('/app/api/models/load', { method: 'POST', json: { model } });

export const unloadModel = (model: string) =>
  json<{ loaded: boolean }>('/app/api/models/unload', { method: 'POST', json: { model } });

export const deleteModel = (model: string) =>
  request('/api/delete', { method: 'DELETE', json: { model } });

export interface PullProgress {
  status: string;
  digest?: string;
  total?: number;
  completed?: number;
}

/** Fetches a model by name; ends when it is there. */
export async function* pullModel(
  model: string,
  signal: AbortSignal,
): AsyncGenerator<PullProgress> {
  const response = await request('/api/pull', {
    method: 'POST',
    json: { model, stream: true },
    signal,
  });
  for await (const line of lines(response)) {
    if (!line.trim()) continue;
    const step = JSON.parse(line) as PullProgress & { error?: string };
    if (step.error) throw new ApiError(500, step.error);
    yield step;
  }
}
