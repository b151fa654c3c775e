import { ServiceDatabases, TestPostgres } from '@hozen/testkit';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDataSource, queryPrepared } from './index.js';

let postgres: TestPostgres;
let database: DataSource;
beforeAll(async () => {
  postgres = await TestPostgres.start();
  const { urls } = await ServiceDatabases.provision(postgres);
  database = await createDataSource({
    url: urls.backup,
    service: 'backup',
    entities: [],
    migrations: [],
    poolSize: 2,
  }).initialize();
  await database.query('CREATE TABLE notes (id int PRIMARY KEY, text text)');
});
afterAll(async () => {
  await database?.destroy();
  await postgres?.[Symbol.asyncDispose]();
});

const INSERT = { name: 'a note', text: 'INSERT INTO notes VALUES ($1, $2) RETURNING id, text' };
const ALL = { name: 'all notes', text: 'SELECT id, text FROM notes ORDER BY id' };

it('gives the rows of a question and of a change, however often it is asked, and gives the connection back', async () => {
  for (let id = 1; id <= 20; id++) {
    expect(await queryPrepared(database, INSERT, [id, `n${id}`])).toEqual([{ id, text: `n${id}` }]);
  }
  expect(await queryPrepared(database, ALL)).toHaveLength(20);
  const prepared = await database.query<{ name: string }[]>(`SELECT name FROM pg_prepared_statements ORDER BY name`);
  expect(prepared.map(({ name }) => name)).toEqual(['a note', 'all notes']);
});

it('is part of the transaction whose manager it is given', async () => {
  const undone = database.transaction(async (manager) => {
    await queryPrepared(manager, INSERT, [100, 'undone']);
    expect(await queryPrepared(manager, ALL)).toContainEqual({ id: 100, text: 'undone' });
    throw new Error('back');
  });
  await expect(undone).rejects.toThrow('back');
  expect(await queryPrepared(database, ALL)).not.toContainEqual({ id: 100, text: 'undone' });
});

it('fails with the SQLSTATE of the server, and the connection can be used again', async () => {
  await expect(queryPrepared(database, INSERT, [1, 'twice'])).rejects.toMatchObject({ code: '23505' });
  expect((await queryPrepared(database, ALL)).length).toBeGreaterThan(0);
});

it('goes on when its table is altered by a newer version of the service', async () => {
  await database.query('CREATE TABLE altered (id int)');
  const outside = { name: 'altered, outside', text: 'SELECT * FROM altered' };
  const inside = { name: 'altered, inside', text: 'SELECT * FROM altered' };
  const within = () => database.transaction((manager) => queryPrepared(manager, inside));
  expect(await queryPrepared(database, outside)).toEqual([]);
  expect(await within()).toEqual([]);
  await database.query('ALTER TABLE altered ADD COLUMN more int; INSERT INTO altered VALUES (1, 2)');
  expect(await queryPrepared(database, outside)).toEqual([{ id: 1, more: 2 }]);
  await expect(within()).rejects.toMatchObject({ code: '0A000' });
  expect(await within()).toEqual([{ id: 1, more: 2 }]);
});
