import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    environment: 'jsdom',
    restoreMocks: true,
    unstubGlobals: true,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
  },
});
