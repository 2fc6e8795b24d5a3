import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  // Relative, for a gate behind a proxy's path.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    emptyOutDir: true,
    // Inline data would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
