import { HozenError } from '@hozen/contracts';
import {
  connectMariadb,
  inspectMariadb,
  FLAVOUR_NAMES,
  isAtLeast,
  kindText,
  mariadbAddressOf,
  type AnsweringMariadb,
  type Flavour,
  type MariadbAddress,
  type MariadbFacts,
} from '@hozen/dbms';
import type { BackupJob } from '../../job.js';
import { serverOf } from '../server-target.js';

/** The first series whose dump program and users are what we expect. */
const OLDEST: Readonly<Record<Flavour, string>> = { mariadb: '10.5', mysql: '8.0' };

/** Holds the secret in its address. */
export interface InspectedMariadb {
  address: AnsweringMariadb;
  facts: MariadbFacts;
}

/**
 * What every method looks at first.
 * @param flavours of servers that the method is for
 * @param rights by default those of a dump
 * @throws HozenError TARGET_UNSUITABLE, TARGET_RIGHTS_MISSING with the statement that gives them, of the TARGET_ codes
 */
export async function inspectTarget(
  job: BackupJob,
  flavours: readonly Flavour[],
  rights: Readonly<Partial<Record<Flavour, readonly string[]>>> = {},
): Promise<InspectedMariadb> {
  await using client = await connectMariadb(await mariadbAddressOf(serverOf(job.target)));
  const { address } = client;
  ensureSuitable(address, flavours);
  const facts = await inspectMariadb(client, rights[client.flavour]);
  ensureRights(address, facts);
  return { address, facts };
}

function ensureSuitable({ target, server }: AnsweringMariadb, flavours: readonly Flavour[]): void {
  if (flavours.includes(server.flavour) && isAtLeast(server.version, OLDEST[server.flavour])) return;
  const needed = flavours.map((each) => `${FLAVOUR_NAMES[each]} ${OLDEST[each]}`).join(' or ');
  throw new HozenError('TARGET_UNSUITABLE', {
    target,
    setting: 'version',
    value: kindText(server),
    needed: `${needed} or newer`,
  });
}

/** @throws HozenError TARGET_RIGHTS_MISSING with the statement that gives them */
export function ensureRights({ target, host, port, user }: MariadbAddress, { missingRights }: MariadbFacts): void {
  if (missingRights.length === 0) return;
  const detail = `GRANT ${missingRights.join(', ')} ON *.* TO the user ${user}`;
  throw new HozenError('TARGET_RIGHTS_MISSING', { target, host, port, user }, { detail });
}
