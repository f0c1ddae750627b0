// How full the context is after the last answer of the branch.
import { modelNamed } from '../state/models';
import type { Session } from '../state/session';
import { pathTo } from '../state/tree';
import { count, short } from '../ui/format';

export function Meter({ session }: { session: Session }) {
  const chat = session.chat.value;
  const size = modelNamed(chat.model)?.context;
  const last = pathTo(chat, chat.head).findLast((message) => message.usage);
  if (!size || !last?.usage) return null;
  const used = last.usage.prompt_tokens + last.usage.completion_tokens;
  const share = Math.min(1, used / size);
  const level = share > 0.9 ? 'full' : share > 0.7 ? 'high' : '';
  const circle = 2 * Math.PI * 8;
  const text = `${count(used)} of ${count(size)} tokens of context`;
  return (
    <div
      class={`meter ${level}`}
      role="meter"
      aria-label="Context"
      aria-valuemin={0}
      aria-valuemax={size}
      aria-valuenow={Math.min(used, size)}
      aria-valuetext={text}
      title={text}
    >
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <circle cx="10" cy="10" r="8" class="track" />
        <circle
          cx="10"
          cy="10"
          r="8"
          class="used"
          stroke-dasharray={`${share * circle} ${circle}`}
          transform="rotate(-90 10 10)"
        />
      </svg>
      <span>
        {short(used)} / {short(size)}
      </span>
    </div>
  );
}
