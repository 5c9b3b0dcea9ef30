/** Languages by the names of files, where no editor says better: its ids, for what is common. */

const BY_EXTENSION: ReadonlyMap<string, string> = new Map([
  ...ids('bat', 'bat cmd'),
  ...ids('bibtex', 'bib'),
  ...ids('c', 'c h'),
  ...ids('clojure', 'clj cljs cljc edn'),
  ...ids('cmake', 'cmake'),
  ...ids('cpp', 'cc cpp cxx c++ hh hpp hxx ipp'),
  ...ids('csharp', 'cs csx'),
  ...ids('css', 'css'),
  ...ids('csv', 'csv tsv'),
  ...ids('cuda-cpp', 'cu cuh'),
  ...ids('dart', 'dart'),
  ...ids('diff', 'diff patch'),
  ...ids('elixir', 'ex exs'),
  ...ids('erlang', 'erl hrl'),
  ...ids('fortran', 'f f90 f95 for'),
  ...ids('fsharp', 'fs fsi fsx'),
  ...ids('go', 'go'),
  ...ids('graphql', 'graphql gql'),
  ...ids('groovy', 'groovy gradle'),
  ...ids('haskell', 'hs lhs'),
  ...ids('html', 'html htm xhtml'),
  ...ids('ini', 'ini cfg conf'),
  ...ids('java', 'java'),
  ...ids('javascript', 'js mjs cjs'),
  ...ids('javascriptreact', 'jsx'),
  ...ids('json', 'json jsonc geojson webmanifest'),
  ...ids('jsonl', 'jsonl ndjson'),
  ...ids('julia', 'jl'),
  ...ids('kotlin', 'kt kts'),
  ...ids('latex', 'tex sty cls'),
  ...ids('less', 'less'),
  ...ids('lua', 'lua'),
  ...ids('makefile', 'mk mak'),
  ...ids('markdown', 'md markdown mdx'),
  ...ids('matlab', 'mlx'),
  ...ids('objective-c', 'm'),
  ...ids('objective-cpp', 'mm'),
  ...ids('ocaml', 'ml mli'),
  ...ids('pascal', 'pas'),
  ...ids('perl', 'pl pm'),
  ...ids('php', 'php'),
  ...ids('plaintext', 'txt text log'),
  ...ids('powershell', 'ps1 psm1 psd1'),
  ...ids('proto3', 'proto'),
  ...ids('python', 'py pyi pyw'),
  ...ids('r', 'r rmd'),
  ...ids('restructuredtext', 'rst'),
  ...ids('ruby', 'rb gemspec rake'),
  ...ids('rust', 'rs'),
  ...ids('scala', 'scala sbt sc'),
  ...ids('scss', 'scss sass'),
  ...ids('shellscript', 'sh bash zsh ksh'),
  ...ids('sql', 'sql'),
  ...ids('svelte', 'svelte'),
  ...ids('swift', 'swift'),
  ...ids('terraform', 'tf tfvars'),
  ...ids('toml', 'toml'),
  ...ids('typescript', 'ts mts cts'),
  ...ids('typescriptreact', 'tsx'),
  ...ids('vb', 'vb'),
  ...ids('verilog', 'v vh sv svh'),
  ...ids('vhdl', 'vhd vhdl'),
  ...ids('vue', 'vue'),
  ...ids('xml', 'xml xsd xsl xslt svg plist'),
  ...ids('yaml', 'yaml yml'),
  ...ids('zig', 'zig'),
]);

const BY_NAME: ReadonlyMap<string, string> = new Map([
  ['cmakelists.txt', 'cmake'],
  ['dockerfile', 'dockerfile'],
  ['gemfile', 'ruby'],
  ['makefile', 'makefile'],
  ['rakefile', 'ruby'],
]);

/** The id of a file's language; `plaintext` where its name says nothing. */
export function languageOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const extension = name.slice(name.lastIndexOf('.') + 1);
  return BY_NAME.get(name) ?? BY_EXTENSION.get(extension) ?? 'plaintext';
}

function ids(language: string, extensions: string): [string, string][] {
  return extensions.split(' ').map((extension) => [extension, language]);
}
