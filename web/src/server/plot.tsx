// A plot over time, as SVG: one or two lines, a scale of round numbers, and values under the mouse.
import { useSignal } from '@preact/signals';
import type { Sample } from '../api/server';
import { timeOfDay } from '../ui/format';

interface Line {
  name: string;
  of: (sample: Sample) => number;
}

interface Props {
  title: string;
  series: Sample[];
  lines: Line[];
  /** What the values cannot exceed, drawn as a line. */
  limit?: (sample: Sample) => number;
  text: (value: number) => string;
  /** What is round: 1, 2, 5 of a number, even counts, or of KiB, MiB, ... */
  unit?: 'number' | 'count' | 'bytes';
}

const width = 480;
const height = 150;
const edge = { left: 62, right: 8, top: 8, bottom: 22 };
const span_ms = 10 * 60 * 1000;

// The smallest of 1, 2, 5, 10, ... that is not below `value`.
function roundUp(value: number, unit: Props['unit'] = 'number'): number {
  if (!(value > 0)) return unit === 'count' ? 2 : 1;
  if (unit === 'count') return value <= 2 ? 2 : 2 * roundUp(Math.ceil(value / 2));
  if (unit === 'bytes') {
    const size = 1024 ** Math.floor(Math.log2(value) / 10);
    return size * roundUp(value / size);
  }
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

export function Plot({ title, series, lines, limit, text, unit }: Props) {
  const under = useSignal<number | null>(null);
  const last = series.at(-1);
  const end = last?.t ?? Date.now();
  const values = series.flatMap((sample) => lines.map((line) => line.of(sample)));
  const largest = Math.max(0, ...values, last && limit ? limit(last) : 0);
  const top = limit ? Math.max(1, largest) : roundUp(largest, unit);
  const x = (t: number) =>
    edge.left + (width - edge.left - edge.right) * Math.max(0, 1 - (end - t) / span_ms);
  const y = (value: number) =>
    edge.top + (height - edge.top - edge.bottom) * (1 - Math.min(value, top) / top);
  const path = (line: Line) =>
    series
      .map((sample, i) => `${i ? 'L' : 'M'}${x(sample.t).toFixed(1)} ${y(line.of(sample)).toFixed(1)}`)
      .join('');
  const shown = under.value === null ? last : nearest(series, under.value);
  const words = lines
    .map((line) => `${line.name} ${shown ? text(line.of(shown)) : 'unknown'}`)
    .join(', ');
  const onMove = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width;
    under.value = end - span_ms * (1 - (at - edge.left) / (width - edge.left - edge.right));
  };
  return (
    <figure class="card plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        <span class="plot-values">
          {under.value !== null && shown ? `${timeOfDay(shown.t)}: ` : ''}
          {lines.map((line, i) => (
            <span key={line.name}>
              <span class={`key line-${i}`} />
              {lines.length > 1 ? `${line.name} ` : ''}
              {shown ? text(line.of(shown)) : '–'}
            </span>
          ))}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${title}, last ten minutes; now: ${words}`}
        onMouseMove={onMove}
        onMouseLeave={() => (under.value = null)}
      >
        {[0, 0.5, 1].map((share) => (
          <g key={share}>
            <line class="grid" x1={edge.left} x2={width - edge.right} y1={y(top * share)} y2={y(top * share)} />
            <text class="scale" x={edge.left - 8} y={y(top * share) + 4} text-anchor="end">
              {text(top * share)}
            </text>
          </g>
        ))}
        {[10, 5, 0].map((minutes) => (
          <text
            key={minutes}
            class="scale"
            x={x(end - minutes * 60000)}
            y={height - 5}
            text-anchor={minutes === 10 ? 'start' : minutes ? 'middle' : 'end'}
          >
            {minutes ? `−${minutes} min` : 'now'}
          </text>
        ))}
        {series.length > 1 && lines.length === 1 && lines[0] ? (
          <path
            class="area"
            d={`${path(lines[0])}L${x(end)} ${y(0)}L${x(series[0]?.t ?? end)} ${y(0)}Z`}
          />
        ) : null}
        {lines.map((line, i) => (
          <path key={line.name} class={`line line-${i}`} d={path(line)} />
        ))}
        {under.value !== null && shown ? (
          <line class="cursor" x1={x(shown.t)} x2={x(shown.t)} y1={edge.top} y2={height - edge.bottom} />
        ) : null}
      </svg>
    </figure>
  );
}

function nearest(series: Sample[], t: number): Sample | undefined {
  let best: Sample | undefined;
  for (const sample of series)
    if (!best || Math.abs(sample.t - t) < Math.abs(best.t - t)) best = sample;
  return best;
}
