import { connect, PrivatePostgres } from '@hozen/dbms';
import { HOSTILE_NAMES, TestPostgres } from '@hozen/testkit';
import { postgresLeftovers } from '../../src/settled.js';
import { fillPostgres, growPostgres } from '../content/fill-postgres.js';
import { postgresContent } from '../content/postgres.js';
import type { Source } from '../subject.js';
import { afterwards } from './afterwards.js';

/** A dump holds a lock on every table. A restore does the same, and a server on restored files wants no less. */
export const SETTINGS = { max_locks_per_transaction: 256 };

/** A PostgreSQL cluster: all that its methods have in common. @param names of databases, where they are hostile */
export async function postgresServer(
  names: readonly string[] = HOSTILE_NAMES,
): Promise<Omit<Source, 'config' | 'restored'>> {
  const server = await TestPostgres.start({ settings: SETTINGS });
  const { host, port, user } = server.address();
  const login = { host, port, user, sslMode: 'disable', password: 'env:SOURCE_PASSWORD' };
  return {
    secrets: { SOURCE_PASSWORD: server.password },
    targets: [{ name: 'source', kind: 'postgres', ...login }],
    fill: (content) => fillPostgres(server, content, names),
    grow: (what, count) => growPostgres(server, what, count),
    content: () => postgresContent((database) => server.client(database)),
    leftovers: () => postgresLeftovers(server),
    async break() {
      await server.stop('immediate');
      return afterwards(() => server.restart());
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What is in a data directory that was restored. */
export async function contentOfPostgres(directory: string): Promise<string[]> {
  await using server = await PrivatePostgres.start({ dataDir: directory, settings: SETTINGS });
  return await postgresContent((database) => connect(server.address(database), { applicationName: 'test' }));
}
