import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** As scripts/lib/go-programs.mjs builds it. */
const BUILT = join(homedir(), '.cache', 'hozen', 'versitygw-v1.8.0');

/** The S3 server (versitygw) for tests: `HOZEN_S3_SERVER`, or the one that `npm test` built. Undefined: there is none. */
export function s3Program(): string | undefined {
  const given = process.env['HOZEN_S3_SERVER'];
  if (given !== undefined) return given;
  return existsSync(BUILT) ? BUILT : undefined;
}

export const NO_S3 = 'no S3 server here: set HOZEN_S3_SERVER to a versitygw, or have Go build one (npm test)';
