// Numbers and times as people read them.
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

export const count = (value: number) => whole.format(value);
export const short = (value: number) => compact.format(value);
export const rate = (value: number) => (value >= 100 ? whole : tenths).format(value);
export const percent = (share: number) =>
  share >= 0.9995 || share === 0 ? `${Math.round(share * 100)} %` : `${(share * 100).toPrecision(2)} %`;

/** Powers of two, as everywhere in Quire. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; ++unit) value /= 1024;
  return `${value >= 100 || unit === 0 ? whole.format(value) : tenths.format(value)} ${units[unit]}`;
}

export function duration(ms: number): string {
  if (ms < 1) return '< 1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3600000) return `${Math.round(ms / 60000)} min`;
  return `${tenths.format(ms / 3600000)} h`;
}

export const timeOfDay = (time: number | string) => clock.format(new Date(time));
export const date = (time: number) => day.format(new Date(time));

/** The part of the past that a time lies in, for headings of lists. */
export function age(time: number, now = Date.now()): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (time >= midnight) return 'Today';
  if (time >= midnight - 86400000) return 'Yesterday';
  if (time >= midnight - 7 * 86400000) return 'This week';
  if (time >= midnight - 31 * 86400000) return 'This month';
  return 'Older';
}
