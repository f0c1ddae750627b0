// The models of this machine: what they need, which are loaded; and fetching others.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { textOf } from '../api/http';
import { deleteModel, loadModel, unloadModel, type ModelRow } from '../api/models';
import { models, refreshModels } from '../state/models';
import { toast } from '../state/toasts';
import { IconButton, Notice } from '../ui/controls';
import { bytes, count, short } from '../ui/format';
import { FitBar } from './fit';
import { PullForm } from './pull';

export function ModelsPage() {
  const trouble = useSignal<string | null>(null);
  useEffect(() => {
    refreshModels().catch((error) => (trouble.value = textOf(error)));
  }, []);
  const all = models.value;
  return (
    <div class="page">
      <h1>Models</h1>
      <p class="lead">
        Files in GGUF that this machine has, also those in the caches of other programs. A model is loaded
        when it is asked for; loading it here only makes that sooner.
      </p>
      <PullForm />
      {trouble.value ? <Notice kind="error">{trouble.value}</Notice> : null}
      {all === null && !trouble.value ? <Notice kind="info">Looking for models…</Notice> : null}
      {all?.length === 0 ? <Notice kind="info">There is no model yet.</Notice> : null}
      <ul class="models">
        {(all ?? []).map((model) => (
          <ModelCard key={model.name} model={model} />
        ))}
      </ul>
    </div>
  );
}

function facts(model: ModelRow): string {
  const parts = [
    model.parameters ? `${short(model.parameters)} parameters` : null,
    model.quantization,
    bytes(model.bytes),
    model.context ? `${count(model.context)} tokens of context` : null,
  ];
  return parts.filter(Boolean).join(' · ');
}

function ModelCard({ model }: { model: ModelRow }) {
  const busy = useSignal<string | null>(null);
  const asks = useSignal(false);
  const run = async (what: string, act: () => Promise<unknown>) => {
    busy.value = what;
    try {
      await act();
    } catch (error) {
      toast(`${model.name}: ${textOf(error)}`, 'error');
    }
    busy.value = null;
    await refreshModels().catch(() => undefined);
  };
  return (
    <li class="card model">
      <div class="card-head">
        <h2>{model.name}</h2>
        {model.loaded ? <span class="badge">loaded</span> : null}
        {busy.value ? (
          <span class="badge busy" role="status">
            {busy.value}
          </span>
        ) : null}
      </div>
      <p class="facts">{facts(model)}</p>
      <p class="path">{model.path}</p>
      {model.fit ? <FitBar fit={model.fit} loaded={model.loaded} /> : null}
      {model.error ? <Notice kind="error">{model.error}</Notice> : null}
      <div class="actions start">
        {model.loaded ? (
          <button
            type="button"
            disabled={busy.value !== null}
            onClick={() => void run('unloading…', () => unloadModel(model.name))}
          >
            Unload
          </button>
        ) : (
          <button
            type="button"
            disabled={busy.value !== null || model.error !== undefined}
            onClick={() => void run('loading…', () => loadModel(model.name))}
          >
            Load
          </button>
        )}
        {asks.value ? (
          <>
            <button
              type="button"
              class="danger"
              onClick={() => {
                asks.value = false;
                void run('removing…', () => deleteModel(model.name));
              }}
            >
              Remove from this machine
            </button>
            <button type="button" onClick={() => (asks.value = false)}>
              Keep
            </button>
          </>
        ) : (
          <IconButton
            icon="bin"
            label={`Remove ${model.name}`}
            disabled={busy.value !== null}
            onClick={() => (asks.value = true)}
          />
        )}
      </div>
    </li>
  );
}
