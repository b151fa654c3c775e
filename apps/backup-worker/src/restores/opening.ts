import { HozenError } from '@hozen/contracts';
import type { RestoreContext } from './restore-context.js';
import type { RestoreRow } from './restore-row.js';

/** Nothing may be told, or dropped: the next owner finds out. */
export class OutcomeUnknown extends Error {}

/** The databases are opened after this: whoever takes over finds out whether they were. @throws HozenError LEASE_LOST */
export async function markOpening(row: RestoreRow, context: RestoreContext): Promise<void> {
  const [rows] = await context.database.query<[unknown[], number]>(
    `UPDATE restores SET opening = true WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING id`,
    [row.id, row.epoch],
  );
  if (rows.length === 0) throw new HozenError('LEASE_LOST');
}
