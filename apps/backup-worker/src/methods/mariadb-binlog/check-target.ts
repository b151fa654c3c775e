import { basename } from 'node:path';
import { HozenError } from '@hozen/contracts';
import { BINLOG_RIGHTS, findMariadbTool, FLAVOURS, isAtLeast, type MariadbProgram } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { inspectTarget, type InspectedMariadb } from '../mariadb-logical/inspect-target.js';

/** A server whose binary log may be copied. */
export interface BinlogTarget extends InspectedMariadb {
  reader: MariadbProgram;
}

/** @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, PROGRAM_MISSING, PROGRAM_TOO_OLD */
export async function checkBinlogTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress'>,
): Promise<BinlogTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const { address, facts } = await inspectTarget(job, FLAVOURS, BINLOG_RIGHTS);
    if (!facts.binlog) {
      const about = {
        target: address.target,
        setting: 'log_bin',
        value: 'OFF',
        needed: 'log_bin in my.cnf, and a restart',
      };
      throw new HozenError('TARGET_UNSUITABLE', about);
    }
    const reader = await findMariadbTool('binlog', facts);
    // MariaDB's has no version of its own, but comes with the client.
    const { version } = await findMariadbTool('client', facts);
    if (!isAtLeast(version, facts.version)) {
      throw new HozenError('PROGRAM_TOO_OLD', { tool: basename(reader.path), client: version, server: facts.version });
    }
    return { address, facts, reader: { ...reader, version } };
  });
}
