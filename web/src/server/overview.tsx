// How the server does: numbers of now, and plots of the last ten minutes.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { textOf } from '../api/http';
import { readMetrics, type Metrics } from '../api/server';
import { Notice } from '../ui/controls';
import { bytes, count, duration, rate } from '../ui/format';
import { Plot } from './plot';

const pause_ms = 2000;

export function Overview() {
  const metrics = useSignal<Metrics | null>(null);
  const trouble = useSignal<string | null>(null);
  useEffect(() => {
    const control = new AbortController();
    const read = async () => {
      while (!control.signal.aborted) {
        try {
          if (!document.hidden) metrics.value = await readMetrics(control.signal);
          trouble.value = null;
        } catch (error) {
          if (!control.signal.aborted) trouble.value = textOf(error);
        }
        await new Promise((resolve) => setTimeout(resolve, pause_ms));
      }
    };
    void read();
    return () => control.abort();
  }, []);
  if (!metrics.value)
    return trouble.value ? (
      <Notice kind="error">{trouble.value}</Notice>
    ) : (
      <Notice kind="info">Measuring…</Notice>
    );
  const { now, series } = metrics.value;
  return (
    <>
      {trouble.value ? <Notice kind="error">{trouble.value}</Notice> : null}
      <dl class="numbers">
        <Number name="Version" value={now.version} />
        <Number name="Up for" value={now.uptime_s && duration(now.uptime_s * 1000)} />
        <Number name="Models loaded" value={now.models_loaded} />
        <Number name="Answering" value={now.active} />
        <Number name="Waiting" value={now.queued} />
        <Number name="Memory" value={now.rss && bytes(now.rss)} />
      </dl>
      <div class="plots">
        <Plot
          title="Tokens made, per second"
          series={series}
          lines={[{ name: 'tokens/s', of: (sample) => sample.tokens_per_second }]}
          text={rate}
        />
        <Plot
          title="Tokens of prompts, per second"
          series={series}
          lines={[{ name: 'tokens/s', of: (sample) => sample.prompt_tokens_per_second }]}
          text={rate}
        />
        <Plot
          title="Answers"
          series={series}
          lines={[
            { name: 'in work', of: (sample) => sample.active },
            { name: 'waiting', of: (sample) => sample.queued },
          ]}
          unit="count"
          text={count}
        />
        <Plot
          title="Positions of context in use"
          series={series}
          lines={[{ name: 'used', of: (sample) => sample.kv_used }]}
          limit={(sample) => sample.kv_total}
          text={count}
        />
        <Plot
          title="Memory of the server"
          series={series}
          lines={[{ name: 'resident', of: (sample) => sample.rss }]}
          unit="bytes"
          text={bytes}
        />
      </div>
    </>
  );
}

const Number = ({ name, value }: { name: string; value: string | number | undefined }) =>
  value === undefined || value === '' ? null : (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
