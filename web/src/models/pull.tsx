// Fetching a model by name, with progress; it goes on while other pages are shown.
import { signal, useSignal } from '@preact/signals';
import { textOf, wasAborted } from '../api/http';
import { pullModel, type PullProgress } from '../api/models';
import { refreshModels } from '../state/models';
import { toast } from '../state/toasts';
import { bytes, duration, rate } from '../ui/format';

interface Pull {
  name: string;
  control: AbortController;
  begun: number;
  first: number; // bytes that were there already
  step: PullProgress;
}

const pulls = signal<Pull[]>([]);

const change = (name: string, update: (pull: Pull) => Pull) => {
  pulls.value = pulls.value.map((pull) => (pull.name === name ? update(pull) : pull));
};

async function pull(name: string): Promise<void> {
  if (pulls.value.some((one) => one.name === name)) return;
  const control = new AbortController();
  const fresh = { name, control, begun: Date.now(), first: 0, step: { status: 'asking' } };
  pulls.value = [...pulls.value, fresh];
  try {
    for await (const step of pullModel(name, control.signal))
      change(name, (one) => {
        const isNext = one.step.digest !== step.digest;
        const restart = isNext ? { begun: Date.now(), first: step.completed ?? 0 } : {};
        return { ...one, ...restart, step };
      });
    toast(`${name} is here.`);
  } catch (error) {
    if (!wasAborted(error)) toast(`${name} was not fetched: ${textOf(error)}`, 'error');
  }
  pulls.value = pulls.value.filter((one) => one.name !== name);
  await refreshModels().catch(() => undefined);
}

export function PullForm() {
  const name = useSignal('');
  return (
    <section class="card pull" aria-label="Fetch a model">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = name.value.trim();
          if (!wanted) return;
          name.value = '';
          void pull(wanted);
        }}
      >
        <label class="field">
          Fetch a model
          <input
            placeholder="hf.co/user/repository:Q4_K_M, or a name of Ollama's registry"
            spellcheck={false}
            autocapitalize="off"
            value={name.value}
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={!name.value.trim()}>
          Fetch
        </button>
      </form>
      {pulls.value.map((one) => (
        <PullRow key={one.name} pull={one} />
      ))}
    </section>
  );
}

function PullRow({ pull: { name, control, begun, first, step } }: { pull: Pull }) {
  const { total, completed = 0 } = step;
  const seconds = (Date.now() - begun) / 1000;
  const speed = seconds > 1 ? (completed - first) / seconds : 0;
  const left = speed > 0 && total ? duration(((total - completed) / speed) * 1000) : null;
  const text = total
    ? `${bytes(completed)} of ${bytes(total)} (${rate((completed / total) * 100)} %)` +
      (left ? `, ${bytes(speed)}/s, ${left} left` : '')
    : '';
  return (
    <div class="pull-row">
      <div>
        <strong>{name}</strong> <span>{step.status}</span>
      </div>
      <progress max={total ?? 1} value={total ? completed : undefined} aria-label={`Fetching ${name}`} />
      <span class="facts">{text}</span>
      <button type="button" onClick={() => control.abort()}>
        Stop
      </button>
    </div>
  );
}
