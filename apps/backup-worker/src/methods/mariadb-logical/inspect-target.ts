import { HozenError } from '@hozen/contracts';
import {
  connectMariadb,
  inspectMariadb,
  isAtLeast,
  mariadbAddressOf,
  type MariadbAddress,
  type MariadbFacts,
} from '@hozen/dbms';
import type { BackupJob } from '../../job.js';
import { serverOf } from '../server-target.js';

/** The first series whose mariadb-dump and users are what we expect. */
const OLDEST = '10.5';

/** Holds the secret in its address. */
export interface InspectedMariadb {
  address: MariadbAddress;
  facts: MariadbFacts;
}

/**
 * What every method looks at first.
 * @param rights by default those of a dump
 * @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, of the TARGET_ codes
 */
export async function inspectTarget(job: BackupJob, rights?: readonly string[]): Promise<InspectedMariadb> {
  const address = await mariadbAddressOf(serverOf(job.target));
  await using client = await connectMariadb(address);
  const facts = await inspectMariadb(client, rights);
  ensureSuitable(address, facts);
  return { address, facts };
}

function ensureSuitable(address: MariadbAddress, facts: MariadbFacts): void {
  const { target } = address;
  const { version, isMariadb } = facts;
  if (!isMariadb || !isAtLeast(version, OLDEST)) {
    const value = isMariadb ? version : `MySQL ${version}`;
    throw new HozenError('TARGET_UNSUITABLE', {
      target,
      setting: 'version',
      value,
      needed: `MariaDB ${OLDEST} or newer`,
    });
  }
  ensureRights(address, facts);
}

/** @throws HozenError TARGET_RIGHTS_MISSING with the statement that gives them */
export function ensureRights({ target, host, port, user }: MariadbAddress, { missingRights }: MariadbFacts): void {
  if (missingRights.length === 0) return;
  const detail = `GRANT ${missingRights.join(', ')} ON *.* TO the user ${user}`;
  throw new HozenError('TARGET_RIGHTS_MISSING', { target, host, port, user }, { detail });
}
