import { basename } from 'node:path';
import { HozenError, warningText } from '@hozen/contracts';
import { findMariadbTool, FLAVOURS, isAtLeast, type MariadbFacts, type MariadbProgram } from '@hozen/dbms';
import { inSpan } from '@hozen/telemetry';
import type { AttemptContext, BackupJob } from '../../job.js';
import { inspectTarget, type InspectedMariadb } from './inspect-target.js';

/** A server that may be dumped. */
export interface MariadbTarget extends InspectedMariadb {
  dump: MariadbProgram;
  warnings: string[];
}

/** @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, PROGRAM_MISSING, PROGRAM_TOO_OLD */
export async function checkMariadbTarget(
  job: BackupJob,
  context: Pick<AttemptContext, 'progress'>,
): Promise<MariadbTarget> {
  return inSpan('check target', { attributes: { 'hozen.target': job.target.name } }, async () => {
    context.progress({ phase: 'checking', item: job.target.name });
    const { address, facts } = await inspectTarget(job, FLAVOURS);
    const dump = await findMariadbTool('dump', facts);
    if (!isAtLeast(dump.version, facts.version)) {
      throw new HozenError('PROGRAM_TOO_OLD', {
        tool: basename(dump.path),
        client: dump.version,
        server: facts.version,
      });
    }
    return { address, facts, dump, warnings: warningsOf(facts) };
  });
}

function warningsOf({ nonTransactional, versioned, binlog, folders }: MariadbFacts): string[] {
  const tables = nonTransactional.join(', ');
  return [
    ...(nonTransactional.length > 0 ? [warningText('tables.not-transactional', { names: tables })] : []),
    ...(versioned.length > 0 ? [warningText('tables.without-history', { names: versioned.join(', ') })] : []),
    ...(folders.length > 0 ? [warningText('folders.no-databases', { names: folders.join(', ') })] : []),
    ...(binlog ? [] : [warningText('server.no-binlog')]),
  ];
}
