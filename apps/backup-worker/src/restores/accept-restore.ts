import { randomUUID } from 'node:crypto';
import { newEvent, type DataOf, type EventOf, type Reason, type RestorePlanView, refusalText } from '@hozen/contracts';
import type { Identity } from '@hozen/access';
import type { Transaction } from '@hozen/messaging';
import { traced } from '../runs/begin-attempt.js';
import { SOURCE } from '../runs/facts.js';
import { awaitApproval } from './ask-in-place.js';
import { badReason } from './bad-source.js';
import { findSource, isSource } from './find-source.js';
import { isPartOf, wantedDatabase, type WantedDatabase } from './restore-row.js';

/** The request id is unique: whatever happens to the inbox, a request is one restore. */
const INSERT_RESTORE = `
  INSERT INTO restores
    (id, request_id, run_id, config_name, target_id, target_name, databases, requested_by, reason, traceparent, directory,
     point, whole, allow)
  VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12::jsonb, $13, $14::jsonb)
  ON CONFLICT (request_id) DO NOTHING
  RETURNING id`;

/**
 * The request becomes a queued restore and `restore.accepted`, or `restore.rejected` with every reason.
 * @param inPlace its plan and who asks, where it is one in place
 * @returns the reasons
 */
export async function acceptRestore(
  tx: Transaction,
  event: EventOf<'restore.requested'>,
  inPlace?: { plan: RestorePlanView; asker: Identity },
): Promise<Reason[]> {
  const request = event.data;
  const target = await targetOf(tx, request);
  const source = await findSource(tx.manager, request);
  const databases = (request.databases ?? []).map(wantedDatabase);
  const reasons: Reason[] = [
    ...(typeof target === 'string' ? [{ field: 'target', value: request.target ?? '', message: target }] : []),
    ...(isSource(source) ? await badReason(tx.manager, source, request.allow ?? []) : [source]),
    ...duplicates(databases),
    ...(typeof target === 'string' ? [] : wrongDatabases(target.kind, databases, request.whole)),
    ...(request.point && request.directory === undefined ? [POINT_NEEDS_DIRECTORY] : []),
    ...(request.inPlace && !inPlace ? [onlyThroughApi('inPlace')] : []),
    ...(request.inPlace && request.delta ? [ONE_WAY] : []),
    ...(request.inPlace && request.point ? [POINT_NEEDS_NEW_DIRECTORY] : []),
    ...(request.inPlace && databases.some(isPartOf) ? [WHOLE_IN_PLACE] : []),
    ...(request.whole && (databases.length > 0 || request.directory !== undefined) ? [WHOLE_ALONE] : []),
    ...(request.whole && request.inPlace ? [WHOLE_BESIDE] : []),
    ...(typeof target === 'object' && target.kind === 'mariadb' && databases.some(isPartOf) ? [OF_POSTGRES] : []),
    ...(request.delta && !inPlace ? [onlyThroughApi('delta')] : []),
    ...(request.delta && request.directory === undefined ? [DIRECTORIES_ONLY] : []),
    ...(request.delta && request.point ? [POINT_NEEDS_NEW_DIRECTORY] : []),
    ...(request.breakGlass !== undefined && !request.inPlace && !request.delta ? [NOTHING_TO_BREAK] : []),
  ];
  if (typeof target === 'string' || !isSource(source) || reasons.length > 0) {
    await tx.reject(event, reasons);
    return reasons;
  }
  const { traceparent } = traced();
  const facts = {
    restoreId: randomUUID(),
    requestId: event.id,
    runId: source.runId,
    config: source.config,
    target: request.directory ?? request.target ?? '',
  };
  const inserted = await tx.manager.query<unknown[]>(INSERT_RESTORE, [
    facts.restoreId,
    facts.requestId,
    facts.runId,
    facts.config,
    target.id,
    facts.target,
    JSON.stringify(databases),
    request.requestedBy ?? null,
    request.reason ?? null,
    traceparent ?? null,
    request.directory ?? null,
    request.point ? JSON.stringify(request.point) : null,
    request.whole ?? false,
    JSON.stringify(request.allow ?? []),
  ]);
  if (inserted.length === 0) return [];
  await tx.publish(newEvent('restore.accepted', facts, { source: SOURCE, subject: facts.restoreId, ...traced() }));
  if (inPlace) await awaitApproval(tx, event, inPlace.plan, inPlace.asker);
  return [];
}

const onlyThroughApi = (field: string) => ({
  field,
  message: refusalText('only-through-api'),
});

const DIRECTORIES_ONLY = { field: 'delta', message: refusalText('delta-needs-directory') };

const POINT_NEEDS_NEW_DIRECTORY = {
  field: 'point',
  message: refusalText('point-needs-new'),
};

const ONE_WAY = { field: 'inPlace', message: refusalText('in-place-or-delta') };

const WHOLE_IN_PLACE = {
  field: 'inPlace',
  message: refusalText('in-place-whole'),
};

const WHOLE_ALONE = {
  field: 'whole',
  message: refusalText('whole-alone'),
};

const WHOLE_BESIDE = { field: 'whole', message: refusalText('whole-beside') };

const OF_POSTGRES = {
  field: 'databases',
  message: refusalText('parts-of-postgres'),
};

const NOTHING_TO_BREAK = { field: 'breakGlass', message: refusalText('nothing-to-approve') };

const POINT_NEEDS_DIRECTORY = {
  field: 'point',
  message: refusalText('point-needs-directory'),
};

/** @returns what is wrong with it, where something is */
async function targetOf(
  tx: Transaction,
  request: DataOf<'restore.requested'>,
): Promise<{ id: string | null; kind?: string } | string> {
  if (request.directory !== undefined) {
    const both = request.target !== undefined || request.databases !== undefined;
    return both ? refusalText('target-or-directory') : { id: null };
  }
  const [found] = await tx.manager.query<{ id: string; kind: string }[]>(
    `SELECT id, spec ->> 'kind' AS kind FROM backup_targets WHERE target_name = $1`,
    [request.target],
  );
  return found ?? refusalText('no-target');
}

/** One transaction makes them, and it can be in one database only. */
function wrongInto(databases: readonly WantedDatabase[]): Reason[] {
  if (!databases.some(({ into }) => into)) return [];
  return [
    ...(databases.length > 1 ? [{ field: 'databases', message: refusalText('one-into') }] : []),
    ...(databases.every(isPartOf) ? [] : [{ field: 'databases', message: refusalText('name-parts') }]),
  ];
}

function mixed(databases: readonly WantedDatabase[]): Reason[] {
  return databases.flatMap(({ schemas, tables }, index) =>
    schemas && tables
      ? [
          {
            field: `databases[${index}]`,
            message: refusalText('schemas-or-tables'),
          },
        ]
      : [],
  );
}

/** A server gets databases, a bucket all objects. */
export function wrongDatabases(
  kind: string | undefined,
  databases: readonly WantedDatabase[],
  whole: boolean | undefined = false,
): Reason[] {
  if (kind === 's3') {
    const message = refusalText('bucket-has-none');
    return [
      ...(databases.length === 0 ? [] : [{ field: 'databases', message }]),
      ...(whole ? [{ field: 'whole', message }] : []),
    ];
  }
  if (kind === undefined || whole || databases.length > 0) return [...mixed(databases), ...wrongInto(databases)];
  return [{ field: 'databases', message: refusalText('databases-named') }];
}

function duplicates(databases: readonly WantedDatabase[]): Reason[] {
  const seen = new Set<string>();
  return databases.flatMap(({ as }, index) => {
    if (!seen.has(as)) {
      seen.add(as);
      return [];
    }
    return [{ field: `databases[${index}].as`, value: as, message: refusalText('one-name') }];
  });
}
