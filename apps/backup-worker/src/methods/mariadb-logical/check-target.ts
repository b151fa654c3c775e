import { HozenError } from '@hozen/contracts';
import {
  connectMariadb,
  findMariadbTool,
  inspectMariadb,
  isAtLeast,
  mariadbAddressOf,
  type MariadbAddress,
  type MariadbFacts,
  type MariadbProgram,
} from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { serverOf } from '../server-target.js';

/** The first series whose mariadb-dump and users are what we expect. */
const OLDEST = '10.5';

/** A server that may be dumped. Holds the secret in its address. */
export interface MariadbTarget {
  address: MariadbAddress;
  facts: MariadbFacts;
  dump: MariadbProgram;
  warnings: string[];
}

/** @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, TOOL_MISSING, TOOL_TOO_OLD */
export async function checkMariadbTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress'>,
): Promise<MariadbTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const address = await mariadbAddressOf(serverOf(job.target));
    await using client = await connectMariadb(address);
    const facts = await inspectMariadb(client);
    ensureSuitable(address, facts);
    const dump = await findMariadbTool('dump');
    if (!isAtLeast(dump.version, facts.version)) {
      throw new HozenError('TOOL_TOO_OLD', { tool: 'mariadb-dump', client: dump.version, server: facts.version });
    }
    return { address, facts, dump, warnings: warningsOf(facts) };
  });
}

/** @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them */
export function ensureSuitable({ target, host, port, user }: MariadbAddress, facts: MariadbFacts): void {
  const { version, isMariadb, missingRights } = facts;
  if (!isMariadb || !isAtLeast(version, OLDEST)) {
    const value = isMariadb ? version : `MySQL ${version}`;
    throw new HozenError('TARGET_UNSUITABLE', {
      target,
      setting: 'version',
      value,
      needed: `MariaDB ${OLDEST} or newer`,
    });
  }
  if (missingRights.length > 0) {
    const detail = `GRANT ${missingRights.join(', ')} ON *.* TO the user ${user}`;
    throw new HozenError('TARGET_RIGHTS_MISSING', { target, host, port, user }, { detail });
  }
}

function warningsOf({ nonTransactional, binlog }: MariadbFacts): string[] {
  const tables = nonTransactional.join(', ');
  return [
    ...(nonTransactional.length > 0
      ? [`These tables are not transactional, and not of the same moment as the others: ${tables}.`]
      : []),
    ...(binlog ? [] : ['The server writes no binary log: what comes after this backup can be restored from nothing.']),
  ];
}
