import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HozenError } from '@hozen/contracts';
import type { SandboxView } from '../processes/sandbox-arguments.js';
import { ToolEnvironment, memoryFolder, plainEnvironment } from '../tools/tool-environment.js';
import { isSocket, type AnsweringMariadb } from './mariadb-address.js';

/** How the programs of MariaDB and MySQL find a server: by a file that only we can read, and nothing on the command line. */
export class OptionFile implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    readonly env: ToolEnvironment,
  ) {}

  /** @throws HozenError SETTINGS_INVALID when the address cannot be passed on safely */
  static async write(address: AnsweringMariadb): Promise<OptionFile> {
    const folder = await mkdtemp(join(memoryFolder(), 'hz-'));
    const secrets = address.password === undefined ? [] : [address.password];
    const env = new ToolEnvironment(plainEnvironment().variables, address, secrets, viewOf(address, folder));
    const file = new OptionFile(folder, env);
    try {
      await writeFile(join(folder, 'my.cnf'), textOf(address), { mode: 0o600, flag: 'wx' });
      return file;
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** It must stand first. No other option file is read. */
  get argument(): string {
    return `--defaults-file=${join(this.folder, 'my.cnf')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function viewOf(address: AnsweringMariadb, folder: string): SandboxView {
  if (isSocket(address)) return { reads: [folder, address.host] };
  return { reads: [folder, ...(address.sslRootCert === undefined ? [] : [address.sslRootCert])], network: true };
}

function textOf(address: AnsweringMariadb): string {
  const { host, port, user, password } = address;
  const lines = [
    ...(isSocket(address)
      ? [`socket=${quoted('host', host)}`]
      : [`host=${quoted('host', host)}`, `port=${port}`, 'protocol=tcp']),
    `user=${quoted('user', user)}`,
    ...(password === undefined ? [] : [`password=${quoted('password', password)}`]),
    ...sslLines(address),
  ];
  return `[client]\n${lines.join('\n')}\n`;
}

function sslLines(address: AnsweringMariadb): string[] {
  if (address.server.flavour === 'mysql') return mysqlSslLines(address);
  const { sslMode, sslRootCert } = address;
  if (isSocket(address) || sslMode === 'disable' || sslMode === 'prefer') return ['skip-ssl'];
  const ca = sslRootCert === undefined ? [] : [`ssl-ca=${quoted('sslRootCert', sslRootCert)}`];
  return ['ssl', ...ca, ...(sslMode === 'verify-full' ? ['ssl-verify-server-cert'] : [])];
}

/** Without TLS a password is only sent encrypted with a key of the server, which has to be asked for. */
function mysqlSslLines(address: AnsweringMariadb): string[] {
  const { sslMode, sslRootCert } = address;
  if (isSocket(address) || sslMode === 'disable' || sslMode === 'prefer') {
    return ['ssl-mode=DISABLED', 'get-server-public-key'];
  }
  const ca = sslRootCert === undefined ? [] : [`ssl-ca=${quoted('sslRootCert', sslRootCert)}`];
  return [`ssl-mode=${MYSQL_SSL_MODES[sslMode]}`, ...ca];
}

const MYSQL_SSL_MODES = { require: 'REQUIRED', 'verify-ca': 'VERIFY_CA', 'verify-full': 'VERIFY_IDENTITY' } as const;

/** In an option file `\` escapes, and a quoted value keeps `#` and blanks. */
function quoted(what: string, value: string): string {
  if (/[\0\r\n]/.test(value)) throw new HozenError('SETTINGS_INVALID', { what: `${what} (it holds a line break)` });
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
