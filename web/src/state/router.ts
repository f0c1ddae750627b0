// Where the user is: #/chat, #/chat/ID, #/models, #/server, #/server/requests/ID.
import { signal } from '@preact/signals';

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a % that begins nothing
  }
}

const parse = () =>
  location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter(Boolean)
    .map(decoded);

/** The parts of the address after #, at least one. */
export const route = signal<string[]>(parse());

addEventListener('hashchange', () => {
  route.value = parse();
});

/** Goes there; `replace` leaves no step in the browser's history. */
export function go(path: string, mode: 'push' | 'replace' = 'push'): void {
  if (mode === 'replace') history.replaceState(null, '', `#${path}`);
  else history.pushState(null, '', `#${path}`);
  route.value = parse();
}

addEventListener('popstate', () => {
  route.value = parse();
});
