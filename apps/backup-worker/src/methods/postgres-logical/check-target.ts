import {
  addressOf,
  connect,
  findTools,
  inspectCluster,
  installations,
  sessionName,
  terminateOlderSessions,
  type ClusterFacts,
  type DatabaseFacts,
  type PostgresAddress,
  type TargetClient,
} from '@hozen/dbms';
import { HozenError, isPart, type PartsSpec, type TargetSpec, warningText } from '@hozen/contracts';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { serverParts } from '../../parts/server-parts.js';
import { serverOf } from '../server-target.js';
import type { CheckedTarget, DumpableTarget } from './checked-target.js';
import { DumpAhead, type TargetToDump } from './dump-ahead.js';

/**
 * Looks whether the target can be backed up, and ends what an earlier owner of this run left open there.
 * @throws HozenError TARGET_UNREACHABLE, TARGET_AUTH_FAILED, TARGET_NOT_READY, TARGET_RIGHTS_MISSING, TARGET_LOCKED,
 * PARTS_UNMATCHED, TOOL_MISSING, TOOL_TOO_OLD, TOOL_UNPATCHED, SECRET_UNAVAILABLE
 */
export async function checkTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress' | 'log'>,
): Promise<TargetToDump> {
  const ahead = new DumpAhead(job);
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const applicationName = sessionName(job.runId, job.epoch);
    const target = await checkServer(serverOf(job.target), applicationName, {
      // The first attempt has nobody before it.
      first: async (client) => {
        if (job.attempt > 1) await terminateOlderSessions(client, `hozen/${job.runId}`, job.epoch);
      },
      parts: job.config,
      connect: (address) => ahead.connect(address),
      inspect: (client) => ahead.inspect(client),
      found: (found) => ahead.begin(found, largestFirst(found.databases)[0]?.name),
    }).catch(async (error: unknown) => {
      await ahead[Symbol.asyncDispose]();
      throw error;
    });
    for (const warning of target.warnings) context.log.warn({ target: job.target.name }, warning);
    return { ...target, ahead };
  });
}

interface Meanwhile {
  /** What of the server is dumped. */
  parts?: PartsSpec;
  /** Done on the connection before anything is looked at. */
  first?: (client: TargetClient) => Promise<unknown>;
  /** Instead of a connection for the check alone. */
  connect?: (address: PostgresAddress) => Promise<{ client: TargetClient } & AsyncDisposable>;
  /** Instead of a look at the server alone. */
  inspect?: (client: TargetClient) => Promise<ClusterFacts>;
  /** The target can be dumped, as far as it is known. */
  found?: (found: DumpableTarget) => void;
}

/** In the order in which they are dumped. */
export function largestFirst(databases: readonly DatabaseFacts[]): DatabaseFacts[] {
  return databases.toSorted((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
}

/** The same without a run. */
export async function checkServer(
  spec: TargetSpec,
  applicationName: string,
  meanwhile: Meanwhile = {},
): Promise<CheckedTarget> {
  const address = await addressOf(spec);
  await using held = await (meanwhile.connect?.(address) ?? connectOnce(address, applicationName));
  const { client } = held;
  await meanwhile.first?.(client);
  const looking = meanwhile.inspect?.(client) ?? inspectCluster(client);
  // While the server looks.
  const installed = installations('pg_dump');
  installed.catch(() => undefined);
  const facts = await looking;
  if (!facts.canReadEverything) {
    throw new HozenError('TARGET_RIGHTS_MISSING', { target: spec.name, user: address.user });
  }
  const open = facts.databases.filter((database) => database.allowConnections && !database.isInvalid);
  const tools = await findTools(facts.versionNum, installed);
  const wanted = meanwhile.parts && isPart(meanwhile.parts) ? meanwhile.parts : undefined;
  const parts = wanted && (await serverParts(client, { address, databases: open }, wanted, applicationName));
  const { databases, bytes } = parts ?? { databases: open, bytes: facts.totals.bytes };
  meanwhile.found?.({ address, facts, tools, databases });
  const warnings = [...warningsOf(facts), ...(parts?.warnings ?? [])];
  const checked = { address, facts, tools, databases, bytes, warnings };
  return wanted && parts
    ? { ...checked, parts: { spec: wanted, scopes: parts.scopes, leftOut: parts.leftOut } }
    : checked;
}

async function connectOnce(address: PostgresAddress, applicationName: string) {
  const client = await connect(address, { applicationName });
  return { client, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

function warningsOf(facts: ClusterFacts): string[] {
  const left = facts.databases.filter(
    (each) => each.name !== 'template0' && (each.isInvalid || !each.allowConnections),
  );
  return [
    ...left.map(({ name, isInvalid }) =>
      isInvalid
        ? warningText('database.interrupted', { database: name })
        : warningText('database.closed', { database: name }),
    ),
    ...(facts.inRecovery ? [warningText('server.standby')] : []),
  ];
}
