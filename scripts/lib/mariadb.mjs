import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, which } from './run.mjs';
import { step, warn } from './say.mjs';

const PACKAGE = 'mariadb-server';

/** Installs Debian's MariaDB where it can be, and starts nothing. Without it the tests that need it are skipped, and say so. */
export async function provideMariadb() {
  if (which('mariadbd') || existsSync('/usr/sbin/mariadbd')) return;
  if (!which('apt-get') || process.getuid?.() !== 0) {
    warn(`${PACKAGE} is not installed: the tests of MariaDB are skipped`);
    return;
  }
  step(`installing ${PACKAGE} for its tests (apt-get)`);
  const { code } = await run('sh', [fileURLToPath(new URL('apt-install.sh', import.meta.url)), PACKAGE], {
    quiet: true,
  });
  if (code !== 0) warn(`${PACKAGE} could not be installed: the tests of MariaDB are skipped`);
}
