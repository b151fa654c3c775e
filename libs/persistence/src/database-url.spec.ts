import { expect, it } from 'vitest';
import { formatDatabaseUrl, parseDatabaseUrl } from './database-url.js';

it('reads host, port, user, database and password', () => {
  expect(parseDatabaseUrl('postgres://anna:p%40ss@db.example:6000/my%20db')).toEqual({
    address: { host: 'db.example', port: 6000, user: 'anna', database: 'my db', sslMode: 'disable' },
    password: 'p@ss',
  });
});

it.each([
  'postgres://anna@db.example:5432/hozen',
  'postgres://anna@[::1]:5432/hozen?sslmode=verify-full&sslrootcert=%2Fca.pem',
  'postgres://a%2Fb@/hozen?host=%2Frun%2Fpostgresql&port=5433',
])('writes %s as it was read', (url) => {
  expect(formatDatabaseUrl(parseDatabaseUrl(url).address)).toBe(url);
});

it('reads a socket folder in place of the host', () => {
  const { address } = parseDatabaseUrl('postgresql://anna@%2Frun%2Fpostgresql:5433/hozen');
  expect(address).toMatchObject({ host: '/run/postgresql', port: 5433 });
});

it.each(['postgres://anna:hunter2@db/x?sslmode=prefer', 'mysql://anna:hunter2@db/x', 'postgres://:hunter2@db/x'])(
  'refuses %s without repeating the password',
  (url) => {
    expect(() => parseDatabaseUrl(url)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
    expect(() => parseDatabaseUrl(url)).not.toThrow(/hunter2/);
  },
);
