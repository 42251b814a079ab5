import './styles';
import { createTheme, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { createApi } from './api/client';
import { ServerClock } from './api/clock';
import { PageContext } from './live/context';
import { LiveSocket } from './live/socket';
import { LiveStore } from './live/store';

const clock = new ServerClock();
const api = createApi(window.location.origin, clock);
const store = new LiveStore(api, clock);
const live = new URL('/api/v1/live', window.location.href.replace(/^http/, 'ws'));
const socket = new LiveSocket({
  connect: () => new WebSocket(live),
  onMessage: (text) => store.receive(text),
  onState: (link) => store.setLink(link),
  random: Math.random,
});
socket.start();
window.addEventListener('online', () => socket.retryNow());

const theme = createTheme({ primaryColor: 'teal', primaryShade: 9, defaultRadius: 'md' });
const queries = new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: false } } });
const page = { api, clock, store, retry: () => socket.retryNow() };

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queries}>
        <PageContext value={page}>
          <App />
        </PageContext>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
