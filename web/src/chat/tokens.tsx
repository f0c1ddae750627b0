// An answer as its tokens: the less likely one was, the stronger its colour. Hovering over one, or
// moving to it with the arrow keys, shows what else could have stood there; each of those can be
// taken instead.
import { useSignal } from '@preact/signals';
import { memo } from 'preact/compat';
import { useRef } from 'preact/hooks';
import type { TokenRow } from '../state/types';
import { percent } from '../ui/format';

interface Props {
  rows: TokenRow[];
  onBranch: ((at: number, token: string, logprob: number) => void) | null;
}

// Where the list of alternatives stands, within the tokens; its size in pixels, about.
type Place = { left: string; top?: string; bottom?: string };
const list_width = 250;
const list_height = 210;

// 0: certain; 4: less likely than one in a hundred.
function doubt(logprob: number): number {
  const p = Math.exp(logprob);
  return p > 0.9 ? 0 : p > 0.5 ? 1 : p > 0.1 ? 2 : p > 0.01 ? 3 : 4;
}

const shown = (token: string) => token.replace(/ /g, '·').replace(/\n/g, '⏎').replace(/\t/g, '⇥');

interface TokenProps {
  row: TokenRow;
  at: number;
  isChosen: boolean;
}

const Token = memo(({ row, at, isChosen }: TokenProps) => {
  const lines = row[0].split('\n').length - 1;
  return (
    <>
      <button
        type="button"
        class={`token doubt-${doubt(row[1])}`}
        data-at={at}
        tabIndex={isChosen ? 0 : -1}
        aria-label={`${shown(row[0])} ${percent(Math.exp(row[1]))}`}
      >
        {row[0].replace(/\n+/g, '⏎')}
      </button>
      {Array.from({ length: lines }, (_, i) => (
        <br key={i} />
      ))}
    </>
  );
});

export function TokenView({ rows, onBranch }: Props) {
  const chosen = useSignal(0);
  const open = useSignal<number | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const place = useSignal<Place>({ left: '0' });
  const show = (at: number) => {
    const token = box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`);
    const area = box.current?.getBoundingClientRect();
    if (!token || !area) return;
    const rect = token.getClientRects()[0] ?? token.getBoundingClientRect();
    const view = box.current?.closest('.messages')?.getBoundingClientRect();
    const left = `${Math.max(0, Math.min(rect.left - area.left, area.width - list_width))}px`;
    const below = (view?.bottom ?? innerHeight) - rect.bottom;
    const above = rect.top - (view?.top ?? 0);
    place.value =
      below < list_height && above > below
        ? { left, bottom: `${area.bottom - rect.top}px` }
        : { left, top: `${rect.bottom - area.top}px` };
    open.value = at;
  };
  const atOf = (event: Event) => {
    const token = (event.target as HTMLElement).closest<HTMLElement>('[data-at]');
    return token ? Number(token.dataset.at) : null;
  };
  const onOver = (event: Event) => {
    const at = atOf(event);
    if (at !== null) show(at);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = atOf(event);
    if (event.key === 'Escape' && open.value !== null) {
      event.stopPropagation();
      box.current?.querySelector<HTMLElement>(`[data-at="${open.value}"]`)?.focus();
      open.value = null;
    }
    if (at === null) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: rows.length - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    chosen.value = Math.max(0, Math.min(rows.length - 1, at + step));
    box.current?.querySelector<HTMLElement>(`[data-at="${chosen.value}"]`)?.focus();
  };
  return (
    <div
      class="tokens"
      ref={box}
      role="group"
      aria-label="Tokens and their probabilities"
      onMouseOver={onOver}
      onFocusIn={(event) => {
        const at = atOf(event);
        if (at === null) return;
        chosen.value = at;
        show(at);
      }}
      onMouseLeave={() => (open.value = null)}
      onFocusOut={(event) => {
        if (!box.current?.contains(event.relatedTarget as Node | null)) open.value = null;
      }}
      onKeyDown={onKeyDown}
    >
      {rows.map((row, at) => (
        <Token key={at} row={row} at={at} isChosen={at === chosen.value} />
      ))}
      {open.value !== null && rows[open.value] ? (
        <Alternatives
          row={rows[open.value] as TokenRow}
          place={place.value}
          onPick={
            onBranch
              ? (token, logprob) => {
                  const at = open.value ?? 0;
                  open.value = null;
                  onBranch(at, token, logprob);
                }
              : null
          }
        />
      ) : null}
    </div>
  );
}

interface AlternativesProps {
  row: TokenRow;
  place: Place;
  onPick: ((token: string, logprob: number) => void) | null;
}

function Alternatives({ row, place, onPick }: AlternativesProps) {
  const [token, logprob, top_rows] = row;
  const isListed = top_rows.some((other) => other[0] === token);
  const all = isListed ? top_rows : [...top_rows, [token, logprob] as [string, number]];
  return (
    <div class="alternatives" style={place}>
      <ul>
        {all.map(([other, value]) => {
          const share = Math.exp(value);
          const isThis = other === token;
          return (
            <li key={other} class={isThis ? 'this' : undefined}>
              <button
                type="button"
                disabled={isThis || !onPick}
                title={isThis ? 'This one was taken' : 'Continue with this one instead'}
                onClick={() => onPick?.(other, value)}
              >
                <span class="bar" style={{ width: `${Math.max(1, share * 100)}%` }} />
                <span class="name">{shown(other)}</span>
                <span class="share">{percent(share)}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {onPick && all.length > 1 ? <p>Choose one to continue with it.</p> : null}
    </div>
  );
}
