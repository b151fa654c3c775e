import type { RestoreObstacle } from '@hozen/contracts';
import { asTargetError, type TargetClient } from '@hozen/dbms';
import type { TocEntry } from '../pipeline/custom-format.js';

/** Names of locales, by who provides them. */
export interface Locales {
  libc: ReadonlySet<string>;
  icu: ReadonlySet<string>;
}

interface Missing {
  kind: RestoreObstacle;
  what: string;
}

const HAS_ICU = `SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS has`;

/** What every system has. */
const ALWAYS = /^(?:C|POSIX)$/i;

/**
 * Those of them that the server does not have: each is tried in a transaction that is taken back,
 * for no list says what the system of the server knows.
 * @throws HozenError of the TARGET_ codes
 */
export async function missingLocales(client: TargetClient, { libc, icu }: Locales): Promise<Missing[]> {
  const missing: Missing[] = [];
  try {
    for (const locale of libc) {
      if (!(await isThere(client, locale))) missing.push({ kind: 'locale-missing', what: locale });
    }
    const { rows } = icu.size > 0 ? await client.query<{ has: boolean }>(HAS_ICU) : { rows: [] };
    if (rows[0]?.has === false) missing.push({ kind: 'locale-missing', what: `ICU: ${[...icu].join(', ')}` });
    return missing;
  } catch (error) {
    throw asTargetError(error, client.address);
  }
}

/** What a definition of the database itself, or of a collation in it, says. */
export function localesOf({ desc, defn }: TocEntry): Locales {
  const libc = new Set<string>();
  const icu = new Set<string>();
  if (desc !== 'DATABASE' && desc !== 'COLLATION') return { libc, icu };
  const sql = defn ?? '';
  const provider = /\b(?:LOCALE_PROVIDER|provider) = '?(\w+)/i.exec(sql)?.[1] ?? 'libc';
  for (const [, setting = '', quoted = ''] of sql.matchAll(/\b(\w*LOCALE|LC_COLLATE|LC_CTYPE) = '((?:[^']|'')*)'/gi)) {
    const name = quoted.replaceAll("''", "'");
    const isOfIcu = /^ICU_LOCALE$/i.test(setting) || (provider === 'icu' && desc === 'COLLATION');
    if (/^BUILTIN_LOCALE$/i.test(setting) || ALWAYS.test(name)) continue;
    (isOfIcu ? icu : libc).add(name);
  }
  return { libc, icu };
}

async function isThere(client: TargetClient, locale: string): Promise<boolean> {
  await client.query(`BEGIN; SET LOCAL lc_messages = 'C'`);
  try {
    await client.query(
      `CREATE COLLATION pg_temp.hozen_probe (PROVIDER = libc, LOCALE = ${client.escapeLiteral(locale)})`,
    );
    return true;
  } catch (error) {
    // Any other refusal says nothing of the locale: that it has another encoding than the database we are in.
    return !(error instanceof Error && error.message.startsWith('could not create locale'));
  } finally {
    await client.query('ROLLBACK');
  }
}
