import { MaintenanceThresholdsSpec } from '@hozen/contracts';
import { expect, it } from 'vitest';
import { planOf } from './plan.js';
import type { DatabaseHealth, IndexFacts, TableFacts, TargetFacts } from './target-facts.js';

const thresholds = new MaintenanceThresholdsSpec();

const table = (facts: Partial<TableFacts>): TableFacts => ({
  oid: 1,
  schema: 'public',
  name: 't',
  kind: 'table',
  isCatalog: false,
  bytes: 8192,
  rows: 10_000,
  deadRows: 0,
  changedSinceAnalyze: 0,
  everAnalyzed: true,
  transactionAge: 1,
  maintainable: true,
  ...facts,
});

const index = (facts: Partial<IndexFacts>): IndexFacts => ({
  oid: 2,
  schema: 'public',
  name: 'i',
  tableOid: 1,
  table: 't',
  bytes: 8192,
  valid: true,
  kind: 'index',
  siblings: [],
  builders: [],
  maintainable: true,
  ...facts,
});

const open = { allowConnections: true, isInvalid: false };

function facts(given: {
  tables?: TableFacts[];
  indexes?: IndexFacts[];
  database?: Partial<DatabaseHealth>;
  major?: number;
  inRecovery?: boolean;
}): TargetFacts {
  const { tables = [], indexes = [], database = open, major = 15, inRecovery = false } = given;
  return {
    server: { major, inRecovery },
    databases: [{ name: 'shop', ...database }],
    details: [{ name: 'shop', tables, indexes, driftedCollations: [] }],
  } as unknown as TargetFacts;
}

const statements = (given: TargetFacts) => planOf(given, ['shop'], thresholds).steps.map((step) => step.statement);

it('vacuums every table, quoted, and analyses what is partitioned as a whole', () => {
  const tables = [table({ name: 'a"b' }), table({ name: 'p', kind: 'partitioned table' })];
  expect(statements(facts({ tables }))).toEqual(['VACUUM (ANALYZE) "public"."a""b"', 'ANALYZE "public"."p"']);
  expect(statements(facts({ tables, major: 18 }))).toContain('ANALYZE ONLY "public"."p"');
});

it('touches the catalogue only where it is full of dead rows', () => {
  const catalogue = { schema: 'pg_catalog', name: 'pg_class', isCatalog: true };
  expect(statements(facts({ tables: [table(catalogue)] }))).toEqual([]);
  expect(statements(facts({ tables: [table({ ...catalogue, deadRows: 9_000 })] }))).toHaveLength(1);
});

it('rebuilds what is invalid or bloated, and nothing else', () => {
  const large = { bytes: 200 * 1024 * 1024 };
  const indexes = [
    index({ name: 'fine' }),
    index({ name: 'invalid', valid: false }),
    index({ name: 'bloated', ...large, bloatPercent: 60 }),
    index({ name: 'small', bloatPercent: 60 }),
    index({ name: 'unknown', ...large }),
    index({ name: 'exclusion', valid: false, kind: 'exclusion constraint' }),
    index({ name: 'parent', valid: false, kind: 'partitioned index' }),
    index({ name: 'being_built', valid: false, builders: [42] }),
    index({ name: 'fine_ccnew', valid: false, siblings: ['fine'] }),
  ];
  expect(statements(facts({ indexes }))).toEqual([
    'REINDEX INDEX CONCURRENTLY "public"."invalid"',
    'REINDEX INDEX CONCURRENTLY "public"."bloated"',
  ]);
});

it.each([
  ['a standby', facts({ inRecovery: true }), 'standby'],
  ['a closed database', facts({ database: { ...open, allowConnections: false } }), 'closed to connections'],
  ['a half-dropped database', facts({ database: { ...open, isInvalid: true } }), 'half dropped'],
  ['a table of somebody else', facts({ tables: [table({ maintainable: false })] }), 'may not maintain public.t'],
])('names %s as an obstacle', (_what, given, text) => {
  expect(planOf(given, ['shop'], thresholds).obstacles).toEqual([expect.stringContaining(text)]);
});

it('names a database that does not exist', () => {
  expect(planOf(facts({}), ['shop', 'nowhere'], thresholds).obstacles).toEqual(['there is no database "nowhere"']);
});
