import { everyKindOfObject, tempDir, TestPostgres } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { ArtefactFile } from '../artefact/artefact-file.js';
import { backUp, jobFor } from '../backup.fixture.js';
import type { TocEntry } from '../pipeline/custom-format.js';
import { storedDatabases } from '../restore/restore-plan.js';
import { storedDefinitions } from '../restore/stored-definitions.js';
import { bareCode, statementsOf } from './bare-code.js';
import { findingsOf } from './findings.js';
import { databaseFindings, policyServer, roleFindings } from './postgres-findings.js';
import { judged } from './with-policy.js';

const SERVER = { trusted: new Set(['plpgsql', 'hstore']), superusers: new Set(['postgres']) };

function found(defn: string, change: Partial<TocEntry> = {}): string[] {
  const about = { desc: 'TABLE', tag: 't', namespace: 'public', owner: 'postgres', copyStmt: null, ...change };
  const entry = { ...about, defn } as TocEntry;
  return findingsOf(entry, 'shop', SERVER).map(({ kind, name, where }) => `${kind}:${name} (${where})`);
}

describe('the policy', () => {
  it.each([
    ['CREATE EXTENSION IF NOT EXISTS file_fdw WITH SCHEMA public;', 'extension:file_fdw'],
    ['CREATE EXTENSION "Odd ""one""";', 'extension:Odd "one"'],
    ['CREATE OR REPLACE PROCEDURAL LANGUAGE plpython3u;', 'language:plpython3u'],
    ['create event\n trigger see ON ddl_command_end EXECUTE FUNCTION see();', 'event-trigger:see'],
    ['CREATE PUBLICATION p FOR ALL TABLES;', 'publication:p'],
    [`CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p;`, 'subscription:s'],
    ['CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;', 'foreign-server:far'],
    ['CREATE FOREIGN DATA WRAPPER w HANDLER h;', 'foreign-server:w'],
    [`CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'x');`, 'foreign-server:far'],
    ['ALTER ROLE r WITH NOLOGIN BYPASSRLS;', 'role:r'],
    ['CREATE USER u SUPERUSER;', 'role:u'],
    ['GRANT pg_execute_server_program TO r;', 'role:pg_execute_server_program'],
    [`ALTER SYSTEM SET archive_command = 'id';`, 'setting:archive_command'],
    [`ALTER DATABASE shop SET session_preload_libraries TO 'evil';`, 'setting:session_preload_libraries'],
    [`ALTER ROLE r SET "local_preload_libraries" TO 'evil';`, 'setting:local_preload_libraries'],
    [`COPY t TO PROGRAM 'id';`, 'program:TABLE public.t'],
    [`SELECT pg_catalog.setval('s', 1); SELECT lo_export(1, '/x');`, 'server-file:TABLE public.t'],
    [`CREATE TABLE t (); DO $$ BEGIN END $$;`, 'statement:TABLE public.t'],
    [`CREATE TABLE t (); DROP TABLE other;`, 'statement:TABLE public.t'],
    [`SELECT evil();`, 'statement:TABLE public.t'],
    [`SET standard_conforming_strings = 'off';`, 'statement:TABLE public.t'],
    [`SET client_encoding = 'SJIS';`, 'statement:TABLE public.t'],
  ])('finds %s, whatever the entry calls itself', (sql, expected) => {
    expect(found(sql)).toContain(`${expected} (shop)`);
  });

  it.each([
    [`CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'evil', 'f';`, 'function-c:f()'],
    [`CREATE FUNCTION f() RETURNS int AS 'evil', 'f' LANGUAGE 'c';`, 'function-c:f()'],
    [`CREATE FUNCTION f() RETURNS int LANGUAGE "internal" AS $$x$$;`, 'function-c:f()'],
    [`CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$SELECT 1$$;`, 'security-definer:f()'],
    [`CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $x$ BEGIN COPY t TO PROGRAM 'id'; END $x$;`, 'program:f()'],
    [`CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT pg_read_file('/x')$$;`, 'server-file:f()'],
    [
      `CREATE FUNCTION f() RETURNS int LANGUAGE sql SET session_preload_libraries TO 'x' AS $$SELECT 1$$;`,
      'setting:session_preload_libraries',
    ],
  ])('finds what a function may do: %s', (sql, expected) => {
    expect(found(sql, { desc: 'FUNCTION', tag: 'f()' })).toEqual([`${expected} (shop)`]);
  });

  it('lets pass what is only said, and what belongs to somebody with fewer rights', () => {
    expect(found(`COMMENT ON TABLE t IS 'CREATE EVENT TRIGGER x; DROP TABLE y; LANGUAGE c';`)).toEqual([]);
    expect(found(`CREATE EXTENSION hstore;`)).toEqual([]);
    expect(found(`CREATE TRUSTED LANGUAGE plx;`)).toEqual([]);
    expect(found(`CREATE RULE r AS ON INSERT TO t DO ALSO (UPDATE t SET a = 1; DELETE FROM u);`)).toEqual([]);
    const definer = `CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$SELECT 1$$;`;
    expect(found(definer, { desc: 'FUNCTION', owner: 'clerk' })).toEqual([]);
  });

  it.each([
    [`CREATE TABLE t (); -- '\r CREATE EVENT TRIGGER x ON y; -- '`],
    [`CREATE VIEW v AS SELECT é$$ ; CREATE EVENT TRIGGER x ON y; COMMENT ON z IS $$a`],
    [`COMMENT ON TABLE t IS E'a'\n'b\\'c' ; CREATE EVENT TRIGGER x ON y; --'`],
    [`COMMENT ON TABLE t IS 'a\\'; CREATE EVENT TRIGGER x ON y; --'`],
    [`COMMENT ON TABLE t IS $a$ $b$ $a$; CREATE EVENT TRIGGER x ON y; --$b$`],
    [`CREATE TABLE "'" (); CREATE EVENT TRIGGER x ON y; CREATE TABLE "'" ();`],
  ])('is not misled about where a quote ends: %s', (sql) => {
    expect(found(sql)).toContain('event-trigger:x (shop)');
  });

  it('reads the statement that brings the rows of a table', () => {
    expect(found('', { copyStmt: 'COPY public.t (a) FROM stdin;\n' })).toEqual([]);
    expect(found('', { copyStmt: `COPY public.t (a) FROM PROGRAM 'id';` })).toEqual([
      'statement:TABLE public.t (shop)',
    ]);
    expect(found('', { copyStmt: `COPY public.t FROM stdin; DROP TABLE x;` })).toEqual([
      'statement:TABLE public.t (shop)',
    ]);
  });

  it('lets everything pass that somebody answers for, and else what was named', () => {
    const findings = [
      { kind: 'extension', name: 'postgis', where: 'shop' },
      { kind: 'role', name: 'boss', where: 'roles' },
    ] as const;
    const allowed = (trust: 'signed' | 'none', ...allow: string[]) =>
      judged(findings, trust, allow).map((each) => each.allowed);
    expect(allowed('signed')).toEqual([true, true]);
    expect(allowed('none')).toEqual([false, false]);
    expect(allowed('none', 'extension:postgis')).toEqual([true, false]);
    expect(allowed('none', 'role:*')).toEqual([false, true]);
    expect(allowed('none', '*')).toEqual([true, true]);
  });

  it('finds nothing that pg_dump does not write in what pg_dump writes', async () => {
    await using folder = await tempDir();
    await using source = await TestPostgres.start();
    await everyKindOfObject(source);
    const artefact = await backUp(jobFor(source.address(), folder.path));
    await using file = await ArtefactFile.open(artefact);
    await using client = await source.client();
    const server = await policyServer(client, file);
    const findings = await roleFindings(file, ['owner', 'reader'], server);
    for (const database of await storedDatabases(file)) {
      const entries = await storedDefinitions(file, database.folder);
      findings.push(...(await databaseFindings(file, database, entries, server)));
    }
    const kinds = new Set(findings.map(({ kind }) => kind));
    expect(findings.filter(({ kind }) => kind === 'statement')).toEqual([]);
    expect(kinds).toContain('event-trigger');
    expect(kinds).toContain('foreign-server');
  }, 120_000);
});

it('bare code has neither strings nor comments', () => {
  expect(bareCode(`SELECT 'a''b', $x$c$x$, E'd\\'e', "f" /* g */ -- h`)).toBe(`SELECT '', '', '', "f"    `);
  expect(statementsOf('a (b; c); ";"; d')).toEqual(['a (b; c)', '";"', 'd']);
});
