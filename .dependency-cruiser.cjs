const { Visitor } = require('@swc/core/Visitor.js');

// swc parses `using` and `await using`, but its visitor, which finds the imports, stops at them with an error.
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function visitStatementWithUsing(statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  statement.decls = this.visitVariableDeclarators(statement.decls);
  return statement;
};

/** Arrows point one way: apps → libs → contracts. A wrong arrow fails the build. */
const leafs = {
  contracts: [],
  access: ['contracts'],
  telemetry: ['contracts'],
  persistence: ['contracts', 'telemetry'],
  dbms: ['contracts', 'telemetry', 'access'],
  messaging: ['contracts', 'persistence', 'telemetry'],
  service: ['access', 'contracts', 'messaging', 'persistence', 'telemetry'],
  testkit: ['contracts', 'dbms', 'messaging', 'persistence', 'telemetry'],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'apps-talk-by-events-only',
      comment: 'An app never imports another app; publish an event or call its API.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-never-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^(apps|test)/' } },
    ...Object.entries(leafs).map(([lib, allowed]) => ({
      name: `${lib}-imports-only-${allowed.join('-') || 'nothing-of-ours'}`,
      severity: 'error',
      from: { path: `^libs/${lib}/src/`, pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
    })),
    {
      name: 'a-lib-has-one-public-file',
      comment: 'Import @hozen/<lib>; its other files are its own.',
      severity: 'error',
      from: { path: '^(apps|libs|test)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/', pathNot: ['^libs/$2/', '^libs/[^/]+/src/(index|register)\\.ts$'] },
    },
    {
      name: 'production-code-does-not-use-the-testkit',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: ['\\.spec\\.ts$', '/spec-support/', '^libs/testkit/'] },
      to: { path: '^libs/testkit/' },
    },
    {
      name: 'declared-packages-only',
      comment: 'Every package that is imported stands in the package.json of the importing project.',
      severity: 'error',
      from: { pathNot: '(\\.spec\\.ts|vitest\\.(config|base)\\.ts)$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@hozen/source', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
