import { HozenError } from '@hozen/contracts';
import {
  BINLOG_RIGHTS,
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
import { ensureSuitable } from '../mariadb-logical/check-target.js';
import { serverOf } from '../server-target.js';

/** A server whose binary log may be copied. Holds the secret in its address. */
export interface BinlogTarget {
  address: MariadbAddress;
  facts: MariadbFacts;
  reader: MariadbProgram;
}

/** @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, TOOL_MISSING, TOOL_TOO_OLD */
export async function checkBinlogTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress'>,
): Promise<BinlogTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const address = await mariadbAddressOf(serverOf(job.target));
    await using client = await connectMariadb(address);
    const facts = await inspectMariadb(client, BINLOG_RIGHTS);
    ensureSuitable(address, facts);
    if (!facts.binlog) {
      const about = {
        target: address.target,
        setting: 'log_bin',
        value: 'OFF',
        needed: 'log_bin in my.cnf, and a restart',
      };
      throw new HozenError('TARGET_UNSUITABLE', about);
    }
    const reader = await findMariadbTool('binlog');
    // It has no version of its own, but comes with the client.
    const { version } = await findMariadbTool('client');
    if (!isAtLeast(version, facts.version)) {
      throw new HozenError('TOOL_TOO_OLD', { tool: 'mariadb-binlog', client: version, server: facts.version });
    }
    return { address, facts, reader: { ...reader, version } };
  });
}
