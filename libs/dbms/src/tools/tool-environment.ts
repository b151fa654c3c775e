import { accessSync, constants } from 'node:fs';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import type { PostgresAddress } from '../address.js';
import type { AddressFacts } from '../connection/target-error.js';
import type { RunAs } from '../processes/guarded.js';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import { checkedSessionName } from '../sessions/session-name.js';

export type Variables = Readonly<Record<string, string>>;

export interface ToolEnvironmentOptions {
  applicationName?: string;
  /** Who the programs run as, when not as ourselves: the password file must be theirs. */
  runAs?: RunAs;
}

/**
 * What every libpq program of ours gets beyond its address: a server that vanished without a word is noticed within a
 * minute and not after the two hours of the kernel's default. There is no variable for these, only a service file.
 */
const SERVICE_FILE = `[hozen]
connect_timeout=15
keepalives_idle=30
keepalives_interval=10
keepalives_count=3
`;

/** Debian's CA bundle: what "trust the public CAs" means for libpq before version 16, which has no `system`. */
const SYSTEM_AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * The whole environment of PostgreSQL's programs for one server: nothing of our own environment is passed on.
 *
 * A database name goes by PGDATABASE and nowhere else: in `-d` or as an argument, libpq would read a name with `=` or
 * `postgres://` in it as a connection string, and connect wherever that says.
 */
export class ToolEnvironment {
  constructor(
    readonly variables: Variables,
    /** For the texts of errors; undefined for programs that talk to no server. */
    readonly address?: AddressFacts,
    /** Never shown, whatever a program prints. */
    readonly secrets: readonly string[] = [],
    /** What a program in a sandbox must see to reach the server. */
    readonly view: SandboxView = {},
  ) {}

  forDatabase(name: string): ToolEnvironment {
    return this.with({ PGDATABASE: name });
  }

  /** The same with more variables, or others. */
  with(variables: Variables): ToolEnvironment {
    return new ToolEnvironment({ ...this.variables, ...variables }, this.address, this.secrets, this.view);
  }
}

export class DisposableToolEnvironment extends ToolEnvironment implements AsyncDisposable {
  constructor(
    private readonly folder: string,
    ...rest: ConstructorParameters<typeof ToolEnvironment>
  ) {
    super(...rest);
  }

  /** Removes the password file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** For programs that talk to no server. */
export function plainEnvironment(): ToolEnvironment {
  return new ToolEnvironment(baseVariables('/nonexistent'));
}

/** @throws HozenError SETTINGS_INVALID when the address cannot be passed on safely */
export async function toolEnvironment(
  address: PostgresAddress,
  options: ToolEnvironmentOptions = {},
): Promise<DisposableToolEnvironment> {
  checkAddress(address);
  const folder = await mkdtemp(join(memoryFolder(), 'hz-'));
  try {
    const { password } = address;
    await Promise.all([
      writePrivate(join(folder, 'service'), SERVICE_FILE, options.runAs),
      password === undefined || writePrivate(join(folder, 'password'), passwordLine(address, password), options.runAs),
    ]);
    if (options.runAs !== undefined) await chown(folder, options.runAs.uid, options.runAs.gid);
    const variables = { ...baseVariables(folder), ...serverVariables(address, folder, options) };
    const secrets = address.password === undefined ? [] : [address.password];
    return new DisposableToolEnvironment(folder, variables, address, secrets, viewOf(address, folder));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * A `-d` argument for the few programs that insist on one (pg_restore): a connection string of our own making, in which
 * the name is quoted, so that nothing in it is read as anything but a name.
 */
export function databaseArgument(name: string): string {
  return `dbname='${name.replace(/[\\']/g, '\\$&')}'`;
}

function baseVariables(home: string): Variables {
  // The messages are told apart by their English words, hence the C locale.
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', HOME: home };
}

function serverVariables(address: PostgresAddress, folder: string, options: ToolEnvironmentOptions): Variables {
  return {
    PGHOST: address.host,
    PGPORT: String(address.port),
    PGUSER: address.user,
    PGDATABASE: address.database,
    PGSSLMODE: address.host.startsWith('/') ? 'disable' : address.sslMode,
    ...authorities(address),
    PGGSSENCMODE: 'disable',
    PGPASSFILE: join(folder, 'password'),
    PGSERVICEFILE: join(folder, 'service'),
    PGSERVICE: 'hozen',
    PGTZ: 'UTC',
    PGAPPNAME: checkedSessionName(options.applicationName ?? 'hozen'),
  };
}

/** The socket alone and not its folder, which may be that of the server's data. */
function viewOf({ host, port, sslRootCert }: PostgresAddress, folder: string): SandboxView {
  if (host.startsWith('/')) return { reads: [folder, join(host, `.s.PGSQL.${port}`)] };
  return { reads: [folder, ...(sslRootCert === undefined ? [] : [sslRootCert])], network: true };
}

function authorities({ sslMode, sslRootCert }: PostgresAddress): Variables {
  if (sslRootCert !== undefined) return { PGSSLROOTCERT: sslRootCert };
  return sslMode.startsWith('verify-') ? { PGSSLROOTCERT: SYSTEM_AUTHORITIES } : {};
}

/** The addresses of targets are validated on their way in; this is the last door before another program reads them. */
function checkAddress({ host, port, user, database, password = '' }: PostgresAddress): void {
  const wrong = [
    // A comma would make it a list of hosts, to be tried in turn.
    /^[^\s,=\p{Cc}]+$/u.test(host) ? [] : ['host'],
    Number.isInteger(port) && port > 0 && port < 65536 ? [] : ['port'],
    /^[^\p{Cc}]+$/u.test(user) ? [] : ['user'],
    /^[^\0]+$/.test(database) ? [] : ['database'],
    // The password file has one line for each password.
    /^[^\0\r\n]*$/.test(password) ? [] : ['password (it holds a line break)'],
  ].flat();
  if (wrong.length > 0) throw new HozenError('SETTINGS_INVALID', { what: wrong.join(', ') });
}

/** For this host only: a program that was tricked into another connection has no password to give there. */
function passwordLine({ host, port, user }: PostgresAddress, password: string): string {
  const escape = (field: string) => field.replace(/[\\:]/g, '\\$&');
  // libpq looks up some socket folders as "localhost".
  const place = host.startsWith('/') ? '*' : escape(host);
  return `${place}:${port}:*:${escape(user)}:${escape(password)}\n`;
}

async function writePrivate(path: string, text: string, owner: RunAs | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
}

/** Passwords should not reach a disk. */
export function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
