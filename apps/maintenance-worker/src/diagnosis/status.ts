import type { Transaction } from '@hozen/messaging';
import type { MaintenanceThresholdsSpec } from '@hozen/contracts';
import type { RunRow } from '../store/rows.js';
import { findingsOf, verdictOf } from './findings.js';
import type { MaintenancePlan } from './plan.js';
import type { DatabaseDetails, TargetFacts } from './target-facts.js';

/** A repeated diagnosis (after a crash, or at a retry) replaces the earlier one of its moment. */
const SAVE_STATUS = `
  INSERT INTO db_status (run_id, target_name, moment, taken_at, verdict, status)
  VALUES ($1, $2, $3, clock_timestamp(), $4, $5::jsonb)
  ON CONFLICT (run_id, moment) DO UPDATE
     SET taken_at = excluded.taken_at, verdict = excluded.verdict, status = excluded.status`;

/** Objects of a database that are listed one by one; all are counted. */
const MOST_LISTED = 100;

/** Writes a diagnosis into `db_status`: facts, findings and, before the work, the plan. */
export async function saveStatus(
  manager: Transaction['manager'],
  run: RunRow,
  moment: 'before' | 'after',
  seen: { facts: TargetFacts; thresholds: MaintenanceThresholdsSpec; plan?: MaintenancePlan },
): Promise<void> {
  const findings = findingsOf(seen.facts, seen.thresholds);
  const { details, ...server } = seen.facts;
  const status = { ...server, details: details.map(summaryOf), findings, ...(seen.plan ? { plan: seen.plan } : {}) };
  // `jsonb` refuses U+0000; none can come from a server, but a status that cannot be written would be no status.
  const json = JSON.stringify(status).replaceAll('\\u0000', '\uFFFD');
  await manager.query(SAVE_STATUS, [run.id, run.target_name, moment, verdictOf(findings), json]);
}

function summaryOf({ name, tables, indexes, driftedCollations }: DatabaseDetails): object {
  const sum = (value: (table: DatabaseDetails['tables'][number]) => number) =>
    tables.reduce((all, table) => all + value(table), 0);
  return {
    name,
    tables: {
      count: tables.length,
      bytes: sum((table) => table.bytes),
      rows: sum((table) => table.rows),
      deadRows: sum((table) => table.deadRows),
      neverAnalyzed: tables.filter((table) => !table.everAnalyzed && !table.isCatalog).length,
      mostDeadRows: tables.toSorted((a, b) => b.deadRows - a.deadRows).slice(0, MOST_LISTED),
    },
    indexes: {
      invalid: indexes.filter((index) => !index.valid).slice(0, MOST_LISTED),
      mostBloated: indexes
        .filter((index) => index.bloatPercent !== undefined)
        .toSorted((a, b) => (b.bloatPercent ?? 0) - (a.bloatPercent ?? 0))
        .slice(0, MOST_LISTED),
    },
    driftedCollations,
  };
}
