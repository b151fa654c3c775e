import { describe, expect, it } from 'vitest';
import { globalStatements } from './global-statements.js';

const statements = (...lines: string[]) => [...globalStatements(Buffer.from(lines.join('\n'), 'latin1'))].map(latin1);
const latin1 = (bytes: Buffer) => bytes.toString('latin1');

describe('the statements of globals', () => {
  it('are those of pg_dumpall, byte by byte, without what is of its session', () => {
    const written = [
      'CREATE ROLE "J\xfcrgen;"',
      `ALTER ROLE "J\xfcrgen;" WITH LOGIN PASSWORD 'a''; b'`,
      `COMMENT ON ROLE a IS '\n\\! id\n'`,
      `COMMENT ON ROLE a IS E'a\\'; b'`,
      'GRANT a TO b WITH INHERIT TRUE GRANTED BY postgres',
      'GRANT SET,ALTER SYSTEM ON PARAMETER work_mem TO a WITH GRANT OPTION',
      'SET SESSION AUTHORIZATION a',
      'REVOKE ALL ON TABLESPACE fast FROM PUBLIC',
      'RESET SESSION AUTHORIZATION',
      `CREATE TABLESPACE fast OWNER a LOCATION '/fast;'`,
      'ALTER TABLESPACE fast SET (random_page_cost=1)',
      `SECURITY LABEL FOR dummy ON TABLESPACE fast IS 'secret'`,
    ];
    const dump = ['\\restrict abc', `SET client_encoding = 'LATIN1';`, '-- "', ...written.map((sql) => `${sql};`)];
    expect(statements(...dump, '\\unrestrict abc', '')).toEqual(written);
  });

  it.each([
    '\\! id',
    '\\o /etc/passwd',
    '\\restrict `id`',
    '\\unrestrict $(id) x',
    `COPY t FROM PROGRAM 'id';`,
    'DROP DATABASE shop;',
    'SET session_preload_libraries = x;',
    'GRANT ALL ON SCHEMA public TO x;',
    'DO $$ BEGIN END $$;',
  ])('are refused with %s among them', (line) => {
    expect(() => statements('CREATE ROLE a;', line, '')).toThrow(/pg_dumpall does not write/);
  });

  it('are refused without a word of a password', () => {
    expect(() => statements(`CREATE USER u PASSWORD 'hidden';`)).toThrow(/^(?!.*hidden).*CREATE USER/);
  });

  it('must end', () => {
    expect(() => statements(`COMMENT ON ROLE a IS 'x;`)).toThrow(/quote/);
    expect(() => statements('CREATE ROLE a')).toThrow(/ends within/);
  });
});
