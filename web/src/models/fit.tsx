// Whether a model fits: what it needs beside the memory there is.
import type { Fit } from '../api/models';
import { bytes } from '../ui/format';

export function FitBar({ fit, loaded }: { fit: Fit; loaded: boolean }) {
  const other = Math.max(0, fit.total - fit.weights - fit.kv);
  const whole = Math.max(fit.total, fit.available, 1);
  const width = (part: number) => ({ width: `${(part / whole) * 100}%` });
  const verdict = loaded
    ? `It takes ${bytes(fit.total)}.`
    : fit.fits
      ? `It fits: ${bytes(fit.total)} of ${bytes(fit.available)} that are free.`
      : `It does not fit: ${bytes(fit.total)} are needed, ${bytes(fit.available)} are free.`;
  return (
    <div class={fit.fits || loaded ? 'fit' : 'fit over'}>
      <div class="fit-bar" aria-hidden="true">
        <span class="weights" style={width(fit.weights)} />
        <span class="kv" style={width(fit.kv)} />
        <span class="other" style={width(other)} />
        <span class="line" style={{ left: `${(fit.available / whole) * 100}%` }} />
      </div>
      <p>{verdict}</p>
      <p class="fit-parts">
        <span>
          <span class="key weights" /> weights {bytes(fit.weights)}
        </span>
        <span>
          <span class="key kv" /> context {bytes(fit.kv)}
        </span>
        <span>
          <span class="key other" /> working memory {bytes(other)}
        </span>
      </p>
    </div>
  );
}
