import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

// `npm run dev` serves the sources and passes everything else to a quire serve at its usual port.
const server = 'http://127.0.0.1:8080';

// The licences of what is in the bundle, as assets/licenses-HASH.txt: they ask to travel with it.
function licenses(): Plugin {
  return {
    name: 'licenses',
    generateBundle(_, bundle) {
      const folders = new Set<string>();
      for (const chunk of Object.values(bundle))
        for (const id of chunk.type === 'chunk' ? Object.keys(chunk.modules) : []) {
          const found = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id);
          if (found && existsSync(join(found[0], 'package.json'))) folders.add(found[0]);
        }
      const parts = [...folders].sort().map((folder) => {
        const { name, version, license } = JSON.parse(
          readFileSync(join(folder, 'package.json'), 'utf8'),
        );
        const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
        if (!file) throw new Error(`${dirname(folder)}/${name}: no file with its licence`);
        const text = readFileSync(join(folder, file), 'utf8').trim();
        return `==== ${name} ${version} (${license}) ====\n\n${text}\n`;
      });
      this.emitFile({ type: 'asset', name: 'licenses.txt', source: parts.join('\n') });
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [licenses()],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0, // nothing in data: addresses
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/app/api': server, '/v1': server, '/api': server } },
});
