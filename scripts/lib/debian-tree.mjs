import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { run, which } from './run.mjs';
import { step, warn } from './say.mjs';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LOADERS = { x64: 'ld-linux-x86-64.so.2', arm64: 'ld-linux-aarch64.so.1' };
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
const LIBRARIES = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
/** The releases of Debian that ship each major of PostgreSQL. */
const SUITES = { 13: 'bullseye', 17: 'trixie', 18: 'forky' };

/** @returns the folder with the programs of this PostgreSQL; undefined, with the reason said, where it cannot be had */
export async function provideDebianPostgres(env, major) {
  const bin = `usr/lib/postgresql/${major}/bin`;
  return (
    env[`HOZEN_INTEROP_PG_BIN_${major}`] ??
    (await provideTree({
      name: `postgresql-${major}`,
      title: `PostgreSQL ${major}`,
      suite: SUITES[major],
      packages: [`postgresql-${major}`, `postgresql-client-${major}`],
      folders: [bin],
    }))
  );
}

/** @returns the folder with the programs of a MySQL; undefined, with the reason said, where it cannot be had */
export async function provideDebianMysql(env) {
  return (
    env.HOZEN_MYSQL_BIN ??
    (await provideTree({
      name: 'mysql',
      title: 'MySQL',
      // Debian has it in no release.
      suite: 'sid',
      packages: ['mysql-client-core', 'mysql-server-core'],
      folders: ['usr/bin', 'usr/sbin'],
    }))
  );
}

/**
 * A server of another Debian for the tests, in a folder of its own: nothing is installed. The packages come
 * from the archive that this machine's apt uses; its index is checked against Debian's keys, and every package against
 * the index. The programs then use the C library that came with them.
 * @returns the first of its folders with programs; undefined, with the reason said, where it cannot be had
 */
async function provideTree({ name, title, suite, packages, folders }) {
  const tree = join(cacheFolder(), name);
  const bin = join(tree, folders[0]);
  if (existsSync(bin)) return bin;
  const missing = ['apt-get', 'gpgv', 'dpkg-deb', 'patchelf', 'xz'].filter((program) => !which(program));
  if (missing.length > 0 || LOADERS[process.arch] === undefined || !existsSync(KEYRING)) {
    warn(`No ${title}: ${missing.join(', ') || 'no Debian on this architecture'} is missing here.`);
    return undefined;
  }
  step(`Unpacking ${title} of Debian's "${suite}" for the tests; once`);
  await mkdir(cacheFolder(), { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(cacheFolder(), '.unpacking-'));
  try {
    await unpack(folder, suite, packages);
    await useOwnLibraries(folder, tree, folders);
    await chmod(folder, 0o755);
    await rename(folder, tree);
    return bin;
  } catch (error) {
    warn(`No ${title}: ${error.message}`);
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Servers of a root run as another user, who must get there. */
function cacheFolder() {
  return process.getuid?.() === 0 ? '/var/cache/hozen' : join(homedir(), '.cache', 'hozen');
}

async function unpack(folder, suite, wanted) {
  const mirror = await mirrorOf();
  const packages = await packagesOf(mirror, suite);
  for (const name of closure(packages, wanted)) {
    const { filename, sha256 } = packages.get(name);
    const deb = join(folder, 'package.deb');
    await writeFile(deb, await download(`${mirror}/${filename}`, sha256));
    await succeed('dpkg-deb', ['-x', deb, folder]);
    await rm(deb);
  }
}

/** The archive that apt was told to use. */
async function mirrorOf() {
  const { output } = await run('apt-get', ['indextargets', '--format', '$(SITE) $(CODENAME)', 'Created-By: Packages'], {
    quiet: true,
  });
  const line = output.split('\n').find((each) => /\/debian\/? [a-z]+$/.test(each));
  if (line === undefined) throw new Error('apt knows no archive of Debian');
  return line.split(' ')[0].replace(/\/$/, '');
}

/** Name to what the signed index says of a package. */
async function packagesOf(mirror, suite) {
  const index = await verified(await download(`${mirror}/dists/${suite}/InRelease`));
  const path = `main/binary-${ARCHITECTURES[process.arch]}/Packages.xz`;
  const sum = new RegExp(`^ ([0-9a-f]{64}) +\\d+ ${path.replaceAll('.', '\\.')}$`, 'm').exec(index)?.[1];
  if (sum === undefined) throw new Error(`the index of ${suite} does not name ${path}`);
  const text = await unxz(await download(`${mirror}/dists/${suite}/${path}`, sum));
  const field = (stanza, name) => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1];
  return new Map(
    text.split('\n\n').map((stanza) => [
      field(stanza, 'Package'),
      {
        filename: field(stanza, 'Filename'),
        sha256: field(stanza, 'SHA256'),
        depends: [field(stanza, 'Pre-Depends'), field(stanza, 'Depends')].filter(Boolean).join(', '),
      },
    ]),
  );
}

/** The wanted packages and all libraries that they need; what is no library is Debian's housekeeping. */
function closure(packages, wanted) {
  const found = new Set();
  const open = [...wanted];
  while (open.length > 0) {
    const name = open.pop();
    if (found.has(name) || !packages.has(name)) continue;
    found.add(name);
    const needed = packages
      .get(name)
      .depends.split(',')
      .map((each) => each.split('|')[0].trim().split(/[ :(]/)[0]);
    open.push(...needed.filter((each) => /^(lib|zlib)/.test(each) && !/perl|llvm/.test(each)));
  }
  if (wanted.some((name) => !found.has(name))) throw new Error(`the archive has no ${wanted[0]}`);
  return found;
}

/** @param tree where the folder will be when it is whole: programs look beside themselves, but the loader needs a path */
async function useOwnLibraries(folder, tree, folders) {
  const libraries = join(folder, 'usr', 'lib', LIBRARIES[process.arch]);
  // Up to Debian 12 the C library's packages have theirs in /lib, which is the same folder on a machine.
  const older = join(folder, 'lib', LIBRARIES[process.arch]);
  if (existsSync(older)) await cp(older, libraries, { recursive: true, verbatimSymlinks: true });
  const loader = join(tree, 'usr', 'lib', LIBRARIES[process.arch], LOADERS[process.arch]);
  if (!existsSync(join(libraries, LOADERS[process.arch]))) throw new Error('the C library brought no loader');
  for (const each of folders) {
    const rpath = `$ORIGIN/${relative(join(folder, each), libraries)}`;
    for (const program of await readdir(join(folder, each))) {
      const path = join(folder, each, program);
      if ((await readFile(path)).subarray(0, 4).toString('latin1') !== '\x7fELF') continue;
      await succeed('patchelf', ['--set-interpreter', loader, '--force-rpath', '--set-rpath', rpath, path]);
    }
  }
}

async function download(url, sha256) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256) {
    throw new Error(`${url} is not what the signed index says`);
  }
  return bytes;
}

/** The text of a clear-signed file. @throws unless one of Debian's keys signed it */
async function verified(signed) {
  return inFolder(async (folder) => {
    const [file, text] = [join(folder, 'InRelease'), join(folder, 'Release')];
    await writeFile(file, signed);
    await succeed('gpgv', ['--keyring', KEYRING, '--output', text, file]);
    return readFile(text, 'utf8');
  });
}

async function unxz(bytes) {
  return inFolder(async (folder) => {
    await writeFile(join(folder, 'text.xz'), bytes);
    await succeed('xz', ['-d', join(folder, 'text.xz')]);
    return readFile(join(folder, 'text'), 'utf8');
  });
}

async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'hozen-deb-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function succeed(program, args) {
  const { code, output } = await run(program, args, { quiet: true });
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${output.trim().split('\n').at(-1)}`);
}
