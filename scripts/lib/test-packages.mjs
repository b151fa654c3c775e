import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run, which } from './run.mjs';
import { step, warn } from './say.mjs';

/** Programs that only tests need, and the Debian packages that have them. */
const PACKAGES = { mariadbd: 'mariadb-server', 'mariadb-backup': 'mariadb-backup', setfacl: 'acl', setfattr: 'attr' };

/** Installs them where that can be done, and starts nothing. Without one the tests that need it are skipped, and say so. */
export async function provideTestPackages() {
  const missing = Object.entries(PACKAGES)
    .filter(([program]) => !which(program) && !existsSync(`/usr/sbin/${program}`))
    .map(([, name]) => name);
  if (missing.length === 0) return;
  const names = missing.join(', ');
  if (!which('apt-get') || process.getuid?.() !== 0) {
    warn(`not installed: ${names}; tests that need them are skipped`);
    return;
  }
  step(`installing ${names} for tests (apt-get)`);
  const installer = fileURLToPath(new URL('apt-install.sh', import.meta.url));
  const { code } = await run('sh', [installer, ...missing], { quiet: true });
  if (code !== 0) warn(`could not be installed: ${names}; tests that need them are skipped`);
}
