import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import type { Plugin } from 'vite';

const server = process.env['KRAKEN_SERVER'] ?? 'http://127.0.0.1:8080';
const toServer = { target: server, ws: true };

export default defineConfig({
  // Served from `/` and from a folder of a Kinode node alike.
  base: './',
  plugins: [react(), preloadFonts()],
  build: {
    target: 'es2023',
    // A `data:` address would need an exception in the content security policy.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/doc', '/t/', '/health', '/metrics', '/kraken:kraken:template.os'].map((path) => [
        path,
        toServer,
      ]),
    ),
  },
});

/** Text is there in its own font from the first moment on, as fonts are asked for with the page. */
function preloadFonts(): Plugin {
  return {
    name: 'preload-fonts',
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle = {} }) =>
        Object.keys(bundle)
          .filter((file) => file.endsWith('.woff2'))
          .map((file) => ({
            tag: 'link',
            attrs: {
              rel: 'preload',
              as: 'font',
              type: 'font/woff2',
              crossorigin: '',
              href: `./${file}`,
            },
          })),
    },
  };
}
