import type { DumpSummary } from './dump-summary.js';

/** Of a dump in which nothing is. */
export const EMPTY_SUMMARY: DumpSummary = {
  format: 'hozen-postgres-logical',
  originalBytes: 1,
  databases: [],
  tables: 0,
  tablespaces: [],
  warnings: [],
  server: { systemIdentifier: '1', version: '15.20', major: 15, superuser: 'postgres', inRecovery: false, tools: '15' },
  contents: [],
  seconds: 1,
  megabytesPerSecond: 1,
};
