// The server: how it does, its requests, one request, and how programs talk to it.
import { route } from '../state/router';
import { LogView } from './log';
import { Overview } from './overview';
import { RequestList } from './requests';
import { Snippets } from './snippets';

const tabs = [
  { tab: 'now', label: 'Now' },
  { tab: 'log', label: 'Log' },
  { tab: 'requests', label: 'Requests' },
  { tab: 'api', label: 'API' },
];

export function ServerPage() {
  const tab = route.value[1] ?? 'now';
  return (
    <div class="page wide">
      <h1>Server</h1>
      <nav class="tabs" aria-label="Parts of this page">
        {tabs.map((one) => (
          <a
            key={one.tab}
            href={`#/server/${one.tab}`}
            aria-current={tab === one.tab ? 'page' : undefined}
          >
            {one.label}
          </a>
        ))}
      </nav>
      {tab === 'log' ? (
        <LogView />
      ) : tab === 'requests' ? (
        <RequestList id={route.value[2]} />
      ) : tab === 'api' ? (
        <Snippets />
      ) : (
        <Overview />
      )}
    </div>
  );
}
