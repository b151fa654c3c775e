import { HozenError } from '@hozen/contracts';

/** Where a database is and who logs in; the password never stands here. */
export interface DatabaseAddress {
  /** Host name or address, or the folder of a Unix socket. */
  host: string;
  port: number;
  user: string;
  database: string;
  sslMode: SslMode;
  /** File with the certificate authorities that the server's certificate is checked against. */
  sslRootCert?: string | undefined;
}

/** libpq's modes; `allow` and `prefer` are left out: they fall back to plain text without a word. */
export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

const DEFAULT_PORT = 5432;
const KNOWN_PARAMETERS = ['host', 'port', 'user', 'dbname', 'sslmode', 'sslrootcert'];

/**
 * Reads a PostgreSQL URL: `postgres://user@host:5432/database?sslmode=verify-full`. A socket folder is given as
 * `?host=/folder`, or percent-encoded in place of the host.
 * @returns the address, and the password if the URL had one
 * @throws HozenError SETTINGS_INVALID; the text never repeats the URL, which may hold a password
 */
export function parseDatabaseUrl(text: string): { address: DatabaseAddress; password: string | undefined } {
  const url = URL.parse(text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1socket.invalid'));
  if (!url || !/^postgres(?:ql)?:$/.test(url.protocol)) throw invalid('it is not a postgres:// URL');
  const unknown = [...url.searchParams.keys()].filter((name) => !KNOWN_PARAMETERS.includes(name));
  if (unknown.length > 0) throw invalid(`it has unknown parameters: ${unknown.join(', ')}`);
  const parameter = (name: string) => url.searchParams.get(name) ?? '';
  const written = url.hostname === 'socket.invalid' ? '' : decodeURIComponent(url.hostname).replace(/^\[(.+)\]$/, '$1');
  const sslMode = SSL_MODES.find((mode) => mode === (parameter('sslmode') || 'disable'));
  if (!sslMode) throw invalid(`sslmode must be one of ${SSL_MODES.join(', ')}`);
  const user = parameter('user') || decodeURIComponent(url.username);
  if (!user) throw invalid('it names no user');
  return {
    address: {
      host: parameter('host') || written || 'localhost',
      port: Number(parameter('port') || url.port || DEFAULT_PORT),
      user,
      database: parameter('dbname') || decodeURIComponent(url.pathname.slice(1)) || user,
      sslMode,
      ...(parameter('sslrootcert') ? { sslRootCert: parameter('sslrootcert') } : {}),
    },
    password: url.password ? decodeURIComponent(url.password) : undefined,
  };
}

/** The address as a URL without password, as {@link parseDatabaseUrl} reads it. */
export function formatDatabaseUrl(address: DatabaseAddress): string {
  const socket = address.host.startsWith('/');
  const host = address.host.includes(':') ? `[${address.host}]` : encodeURIComponent(address.host);
  const parameters = new URLSearchParams({
    ...(socket ? { host: address.host, port: String(address.port) } : {}),
    ...(address.sslMode === 'disable' ? {} : { sslmode: address.sslMode }),
    ...(address.sslRootCert === undefined ? {} : { sslrootcert: address.sslRootCert }),
  }).toString();
  const place = socket ? '' : `${host}:${address.port}`;
  const query = parameters ? `?${parameters}` : '';
  return `postgres://${encodeURIComponent(address.user)}@${place}/${encodeURIComponent(address.database)}${query}`;
}

function invalid(what: string): HozenError {
  return new HozenError('SETTINGS_INVALID', { what: `the database URL is wrong: ${what}` });
}
