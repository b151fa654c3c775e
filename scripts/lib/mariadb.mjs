import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, which } from './run.mjs';
import { step, warn } from './say.mjs';

const PACKAGES = ['mariadb-server', 'mariadb-backup'];

/** Installs Debian's MariaDB where it can be, and starts nothing. Without it the tests that need it are skipped, and say so. */
export async function provideMariadb() {
  if ((which('mariadbd') || existsSync('/usr/sbin/mariadbd')) && which('mariadb-backup')) return;
  if (!which('apt-get') || process.getuid?.() !== 0) {
    warn(`${PACKAGES.join(' or ')} is not installed: tests of MariaDB are skipped`);
    return;
  }
  step(`installing ${PACKAGES.join(', ')} for their tests (apt-get)`);
  const { code } = await run('sh', [fileURLToPath(new URL('apt-install.sh', import.meta.url)), ...PACKAGES], {
    quiet: true,
  });
  if (code !== 0) warn(`${PACKAGES.join(', ')} could not be installed: tests of MariaDB are skipped`);
}
