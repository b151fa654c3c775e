import { randomUUID } from 'node:crypto';
import {
  METHOD_LEVELS,
  newEvent,
  type BackupLevel,
  type BackupMethod,
  type BackupRequested,
  type EventOf,
  type RejectionReason,
  refusalText,
} from '@hozen/contracts';
import type { Transaction } from '@hozen/messaging';
import { traced } from '../runs/begin-attempt.js';
import type { ExpectedRun } from '../runs/executor.js';
import { SOURCE } from '../runs/facts.js';
import type { RunOptions } from '../store/entities.js';

const FIND_CONFIG = `
  SELECT config.id, config.target_id, config.method, config.backup_level, target.target_name,
         target.spec AS target
    FROM backup_configs AS config JOIN backup_targets AS target ON target.id = config.target_id
   WHERE config.config_name = $1`;

interface ConfigRow {
  id: string;
  target_id: string;
  method: BackupMethod;
  backup_level: BackupLevel;
  target_name: string;
  target: unknown;
}

/** The request id is unique: whatever happens to the inbox, a request is one run. */
const INSERT_RUN = `
  INSERT INTO backup_runs
    (id, request_id, config_id, target_id, config_name, target_name, backup_level, backup_trigger, options,
     requested_by, reason, traceparent)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12)
  ON CONFLICT (request_id) DO NOTHING
  RETURNING id`;

/**
 * The request becomes a queued run and `backup.accepted`, or `backup.rejected` with every reason.
 * @param expect is told of the run before it is written down
 * @returns the level of the run; undefined where there is none that is new
 */
export async function acceptRequest(
  tx: Transaction,
  event: EventOf<'backup.requested'>,
  expect: (run: ExpectedRun) => void = () => undefined,
): Promise<BackupLevel | undefined> {
  const request = event.data;
  const [config] = await tx.manager.query<ConfigRow[]>(FIND_CONFIG, [request.config]);
  const level = request.level ?? (request.synthetic ? 'full' : config?.backup_level);
  const reasons = [...refusals(request.config, config, level), ...refusedSynthesis(request, config?.method, level)];
  if (!config || !level || reasons.length > 0) {
    await tx.reject(event, reasons);
    return undefined;
  }
  expect({ level, method: config.method, target: config.target });
  const { traceparent } = traced();
  const run = {
    runId: randomUUID(),
    requestId: event.id,
    config: request.config,
    target: config.target_name,
    level,
    trigger: request.trigger ?? 'manual',
  } as const;
  const inserted = await tx.manager.query<unknown[]>(INSERT_RUN, [
    run.runId,
    run.requestId,
    config.id,
    config.target_id,
    run.config,
    run.target,
    run.level,
    run.trigger,
    JSON.stringify(optionsOf(event)),
    request.requestedBy ?? null,
    request.reason ?? null,
    traceparent ?? null,
  ]);
  if (inserted.length === 0) return undefined;
  await tx.publish(newEvent('backup.accepted', run, { source: SOURCE, subject: run.runId, ...traced() }));
  return level;
}

function refusals(name: string, config: ConfigRow | undefined, level: BackupLevel | undefined): RejectionReason[] {
  if (!config) return [{ field: 'config', value: name, message: refusalText('no-config') }];
  const allowed = METHOD_LEVELS[config.method];
  if (level && allowed.includes(level)) return [];
  return [
    {
      field: 'level',
      value: String(level),
      message: refusalText('only-levels', { method: config.method, levels: allowed.join(', ') }),
    },
  ];
}

/** Only copies of files can be combined without their server. */
function refusedSynthesis(
  { synthetic }: Pick<BackupRequested, 'synthetic'>,
  method: BackupMethod | undefined,
  level: BackupLevel | undefined,
): RejectionReason[] {
  if (!synthetic || method === undefined || (method === 'postgres-physical' && level === 'full')) return [];
  return [{ field: 'synthetic', value: 'true', message: refusalText('synthetic-full') }];
}

function optionsOf({ data }: EventOf<'backup.requested'>): RunOptions {
  return {
    ...(data.overrideWindow === undefined ? {} : { overrideWindow: data.overrideWindow }),
    ...(data.retentionDays === undefined ? {} : { retentionDays: data.retentionDays }),
    ...(data.compress === undefined ? {} : { compress: data.compress }),
    ...(data.verify === undefined ? {} : { verify: data.verify }),
    ...(data.synthetic ? { synthetic: true } : {}),
  };
}
