// How everything is bundled.

/**
 * @param {boolean} production minifies, and leaves out source maps
 * @returns {import('esbuild').BuildOptions}
 */
export function bundleOptions(production) {
  return {
    bundle: true,
    outdir: 'dist',
    minify: production,
    sourcemap: production ? false : 'linked',
    metafile: true,
    logLevel: 'warning',
    legalComments: 'none',
  };
}

/**
 * For what Node runs. Native modules stay outside: they find their binaries by their place in node_modules.
 * @param {boolean} production
 * @returns {import('esbuild').BuildOptions}
 */
export function nodeOptions(production) {
  const external = ['vscode', 'onnxruntime-node', 'tokenizers'];
  return { ...bundleOptions(production), platform: 'node', target: 'node20', external };
}
