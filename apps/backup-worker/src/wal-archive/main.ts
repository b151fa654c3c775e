import { place, refill, takeFetchedAhead } from './fetched-ahead.js';
import { readOptions } from './options.js';
import { Spool } from './spool.js';

// PostgreSQL starts this for every file of WAL: what was sent or fetched ahead must cost nothing but the start of Node.
const at = process.argv.indexOf('wal');
const args = [...process.argv.slice(2, at), ...process.argv.slice(at + 1)];

async function wasDoneAhead(): Promise<boolean> {
  const options = readOptions(args, process.env);
  const [file, destination] = options.words;
  const spool = options.help ? undefined : await Spool.of(options);
  if (!spool || file === undefined) return false;
  if (options.command === 'push') return spool.wasPushed(file);
  if (options.command !== 'get' || destination === undefined) return false;
  const content = await takeFetchedAhead(spool, file);
  if (!content) return false;
  await place(content, destination);
  await refill(spool, file, options);
  return true;
}

// Whatever is wrong is found again, and told by those who know the texts.
if (await wasDoneAhead().catch(() => false)) process.exit(0);

// The libraries log for services; what is written here ends up in the server's log.
process.env['HOZEN_LOG_LEVEL'] ??= 'silent';
const { runWal } = await import('./program.js');
process.exit(await runWal(args, { env: process.env, out: process.stdout, err: process.stderr }));
