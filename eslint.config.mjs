import tseslint from 'typescript-eslint';

/** Imports point downwards only; each folder names what it must not reach. */
function layer(files, forbidden, extra = []) {
  return {
    files,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: forbidden.map((folder) => `**/${folder}/**`), message: 'Imports point downwards only.' },
            ...extra,
          ],
        },
      ],
    },
  };
}
const noVscode = { group: ['vscode'], message: 'Only extension/host and extension/main.ts know VS Code.' };
const noSections = {
  group: ['**/sections/all.ts'],
  message: 'Sections are the analyst’s: the extension host asks it.',
};
const noNative = {
  group: ['onnxruntime-node', 'tokenizers'],
  message: 'Native modules are loaded in the engine process only.',
};

/** What users read is looked up in their language: `l10n.t` before the text, in some properties and in sentences of errors. */
function translated(files, properties, ignores = []) {
  // Not settings, addresses, icons, formulas and what is called the same in every language.
  const names = 'MaxVio|Switch|Megatron|Hugging Face|MoEScope:? ?|max c . mean c − 1|[$][(][a-z-]+[)] ?';
  const words = `/^(?!moescope[.]|http:|(${names})$).*[a-z]{2}/`;
  const text = `:matches(TemplateLiteral:has(> TemplateElement[value.raw=${words}]), Literal[value=${words}])`;
  const places = [
    `NewExpression[callee.name='UserError'] > ${text}.arguments:nth-child(2)`,
    `Property[key.name=/^(${properties})$/] > ${text}.value`,
  ];
  const message = 'Users read this: write l10n.t before it.';
  const rule = ['error', ...places.map((selector) => ({ selector, message }))];
  return { files, ignores, rules: { 'no-restricted-syntax': rule } };
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'test/output/', 'media/', '**/*_pb.ts'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Indexing typed arrays inside their bounds is what this code does all day; `!` says so.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  layer(
    ['extension/protocol/**'],
    ['formats', 'models', 'engine', 'inspector', 'analyst', 'server', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  layer(
    ['extension/analysis/**'],
    ['formats', 'models', 'engine', 'inspector', 'analyst', 'server', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  layer(
    ['extension/formats/**'],
    ['analysis', 'models', 'engine', 'inspector', 'analyst', 'server', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  layer(
    ['extension/models/**'],
    ['engine', 'inspector', 'analyst', 'server', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  layer(['extension/engine/**'], ['inspector', 'analyst', 'server', 'client', 'host', 'cli'], [noVscode]),
  layer(['extension/inspector/**'], ['engine', 'analyst', 'server', 'client', 'host', 'cli'], [noVscode, noNative]),
  layer(
    ['extension/analyst/**'],
    ['formats', 'models', 'engine', 'inspector', 'server', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  layer(
    ['extension/server/**'],
    ['models', 'engine', 'inspector', 'analyst', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  layer(['extension/client/**'], ['models', 'engine', 'inspector', 'analyst', 'host', 'cli'], [noVscode, noNative]),
  layer(['extension/cli/**'], ['models', 'engine', 'inspector', 'analyst', 'host'], [noVscode, noNative]),
  layer(
    ['extension/host/**', 'extension/main.ts'],
    ['models', 'engine', 'inspector', 'analyst', 'cli'],
    [noNative, noSections],
  ),
  layer(
    ['webview/**'],
    ['formats', 'models', 'engine', 'inspector', 'analyst', 'client', 'host', 'cli'],
    [noVscode, noNative],
  ),
  // What the terminal says is English.
  translated(['extension/**/*.ts'], '-', ['extension/cli/**', 'extension/tools/**']),
  translated(
    ['extension/host/**/*.ts', 'extension/main.ts'],
    'title|prompt|placeHolder|label|description|detail|tooltip|openLabel|saveLabel',
  ),
  translated(['extension/analysis/**/*.ts'], 'title|label|meaning|formula|judge|verdict|text|lacking', [
    // Files that are saved.
    'extension/analysis/export/**',
    'extension/analysis/placementFiles.ts',
  ]),
  translated(['webview/**/*.ts'], 'title|label|meaning|formula|judge'),
  {
    files: ['test/**/*.ts', 'extension/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
);
