import { currentIdentity, requireRole, type Identity } from '@hozen/access';
import {
  HozenError,
  newEvent,
  type EventOf,
  type RestoreApproval,
  type RestorePlanView,
  warningText,
} from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { restoreFacts, type RestoreRow } from './restore-row.js';

/** How long a plan may wait for somebody to approve of it: what it was made from does not stay as it is. */
const APPROVAL_MINUTES = 60;

const MARK = `
  UPDATE restores
     SET in_place = true, delta = $3, plan_hash = $2, approval_until = clock_timestamp() + make_interval(mins => ${APPROVAL_MINUTES})
   WHERE request_id = $1
  RETURNING *`;

const APPROVE = `
  UPDATE restores SET approval = $3::jsonb
   WHERE id = $1 AND plan_hash = $2 AND in_place AND approval IS NULL AND state = 'queued'
     AND approval_until > clock_timestamp()
  RETURNING *`;

/** @throws HozenError TOKEN_MISSING where nobody is known by name, ROLE_MISSING */
export function requireDba(): Identity {
  const identity = currentIdentity();
  if (!identity) throw new HozenError('TOKEN_MISSING');
  requireRole(identity, 'dba');
  return identity;
}

/** Makes a queued restore one in place, that waits for its approval; in the transaction that accepts it. */
export async function awaitApproval(
  tx: Transaction,
  event: EventOf<'restore.requested'>,
  plan: RestorePlanView,
  asker: Identity,
): Promise<void> {
  const [rows] = await tx.manager.query<[RestoreRow[], number]>(MARK, [event.id, plan.hash, event.data.delta ?? false]);
  const row = rows[0];
  if (!row) throw new Error('the restore was not accepted');
  const { breakGlass } = event.data;
  if (breakGlass !== undefined) {
    await approve(tx, row, { by: asker.name, at: new Date().toISOString(), breakGlass });
    return;
  }
  const data = {
    ...restoreFacts(row),
    planHash: row.plan_hash ?? '',
    until: row.approval_until?.toISOString() ?? '',
    requestedBy: asker.name,
  };
  await tx.publish(newEvent('restore.awaiting_approval', data, { source: SOURCE, subject: row.id, ...traced() }));
}

/**
 * A second DBA approves of the plan: once, in time, and only of the plan that was seen.
 * @throws HozenError APPROVAL_MISSING with the reason why it does not count
 */
export async function approveRestore(tx: Transaction, row: RestoreRow, planHash: unknown, by: Identity): Promise<void> {
  const refuse = (what: string) => new HozenError('APPROVAL_MISSING', { id: row.id, what });
  if (!row.in_place) throw refuse(warningText('what.needs-no-approval'));
  if (row.requested_by === by.name) throw refuse(warningText('what.asked-by-same', { by: by.name }));
  if (row.approval) throw refuse(warningText('what.approved-already'));
  if (row.state !== 'queued') throw refuse(warningText('what.not-waiting', { state: row.state }));
  if (planHash !== row.plan_hash) throw refuse(warningText('what.other-plan'));
  await approve(tx, row, { by: by.name, at: new Date().toISOString() });
}

async function approve(tx: Transaction, row: RestoreRow, approval: RestoreApproval): Promise<void> {
  const [rows] = await tx.manager.query<[unknown[], number]>(APPROVE, [
    row.id,
    row.plan_hash,
    JSON.stringify(approval),
  ]);
  if (rows.length === 0) throw new HozenError('APPROVAL_MISSING', { id: row.id, what: warningText('what.too-late') });
  const { by, breakGlass } = approval;
  const data = {
    ...restoreFacts(row),
    planHash: row.plan_hash ?? '',
    by,
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
  await tx.publish(newEvent('restore.approved', data, { source: SOURCE, subject: row.id, ...traced() }));
}
