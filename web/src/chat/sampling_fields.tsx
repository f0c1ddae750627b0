// The numbers of sampling. An empty field leaves the choice to the server.
import type { Sampling } from '../state/types';

interface Field {
  name: Exclude<keyof Sampling, 'stop'>;
  label: string;
  min: number;
  max: number;
  step: number;
  hint: string;
}

const fields: Field[] = [
  { name: 'temperature', label: 'Temperature', min: 0, max: 5, step: 0.05, hint: '0: always the likeliest token' },
  { name: 'top_p', label: 'Top p', min: 0, max: 1, step: 0.01, hint: 'the likeliest tokens that have this share together' },
  { name: 'top_k', label: 'Top k', min: 0, max: 100000, step: 1, hint: 'only so many tokens; 0: all' },
  { name: 'min_p', label: 'Min p', min: 0, max: 1, step: 0.01, hint: 'at least this share of the likeliest' },
  { name: 'repeat_penalty', label: 'Repeat penalty', min: 0.1, max: 5, step: 0.05, hint: 'above 1: fewer repetitions' },
  { name: 'presence_penalty', label: 'Presence penalty', min: -2, max: 2, step: 0.1, hint: 'off tokens that occurred' },
  { name: 'frequency_penalty', label: 'Frequency penalty', min: -2, max: 2, step: 0.1, hint: 'the more often, the more' },
  { name: 'max_tokens', label: 'Most tokens', min: 1, max: 1000000, step: 1, hint: 'of one answer' },
  { name: 'seed', label: 'Seed', min: 0, max: 4294967295, step: 1, hint: 'the same seed, the same answer' },
];

interface Props {
  sampling: Sampling;
  onChange: (sampling: Sampling) => void;
}

export function SamplingFields({ sampling, onChange }: Props) {
  const set = <K extends keyof Sampling>(name: K, value: Sampling[K]) => {
    const { [name]: _, ...others } = sampling;
    onChange(value === undefined ? others : { ...others, [name]: value });
  };
  return (
    <div class="sampling">
      {fields.map(({ name, label, min, max, step, hint }) => (
        <label key={name} class="field" title={hint}>
          {label}
          <input
            type="number"
            inputMode="decimal"
            min={min}
            max={max}
            step={step}
            placeholder="server's"
            value={sampling[name] ?? ''}
            onChange={(event) => {
              const { value, valueAsNumber } = event.currentTarget;
              const fits = Math.min(max, Math.max(min, valueAsNumber));
              set(name, value === '' || Number.isNaN(fits) ? undefined : fits);
            }}
          />
        </label>
      ))}
      <label class="field wide">
        Stop at (one a line)
        <textarea
          rows={2}
          value={(sampling.stop ?? []).join('\n')}
          onChange={(event) => {
            const stop = event.currentTarget.value.split('\n').filter(Boolean);
            set('stop', stop.length ? stop : undefined);
          }}
        />
      </label>
    </div>
  );
}
