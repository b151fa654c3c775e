import { tempDir } from '@hozen/testkit';
import { describe, expect, it } from 'vitest';
import { connectMariadb } from './connect-mariadb.js';
import { findMariadbTool } from './mariadb-tools.js';
import { OptionFile } from './option-file.js';
import { PrivateMariadb } from './private-mariadb.js';
import { toolOutput } from '../tools/tool-output.js';

const kind = { flavour: 'mysql' } as const;
const isThere = await findMariadbTool('server', kind).then(
  () => true,
  () => false,
);

describe.skipIf(!isThere)(
  'a private MySQL server (skipped where there is none: name its programs in HOZEN_MYSQL_BIN)',
  () => {
    it('lets in by a password, with and without TLS, over the network too, and its programs as well', async () => {
      await using folder = await tempDir();
      await using server = await PrivateMariadb.start({ kind, dataDir: folder.join('data'), listen: 'tcp' });
      await using root = await connectMariadb(server.address());
      await root.query(`CREATE USER anna@'127.0.0.1' IDENTIFIED BY 'se"cr\\\\et #1'`);
      for (const sslMode of ['disable', 'require'] as const) {
        const login = { host: '127.0.0.1', port: server.port, user: 'anna', password: 'se"cr\\et #1', sslMode };
        // What a server remembers of a password lets it in without being asked for its key.
        await root.query('FLUSH PRIVILEGES');
        await using client = await connectMariadb({ ...server.address(), ...login });
        expect(client.address.server).toMatchObject({ flavour: 'mysql' });
        await root.query('FLUSH PRIVILEGES');
        await using file = await OptionFile.write(client.address);
        const { path } = await findMariadbTool('client', client.address.server);
        const args = [file.argument, '--batch', '--skip-column-names', '--execute', `SHOW STATUS LIKE 'Ssl_cipher'`];
        const answer = (await toolOutput({ path, args, env: file.env, sandbox: {} })).toString('utf8');
        expect(answer.trim().split('\t').length).toBe(sslMode === 'require' ? 2 : 1);
      }
    });

    it('reads no file of the machine for what it executes', async () => {
      await using folder = await tempDir();
      await using server = await PrivateMariadb.start({ kind, dataDir: folder.join('data'), sandbox: {} });
      await using client = await connectMariadb(server.address());
      expect(await client.query(`SELECT load_file('/etc/passwd') AS content`)).toEqual([{ content: null }]);
      expect(await client.query('SELECT @@log_bin AS log')).toEqual([{ log: '0' }]);
    });
  },
);
