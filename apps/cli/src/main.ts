import { EXIT_CODES } from './exit-codes.js';

// The libraries log for services; here a person reads the output. Set before they are loaded.
const { HOZEN_LOG_LEVEL: logLevel, ...env } = process.env;
process.env['HOZEN_LOG_LEVEL'] = 'silent';
const { runCommandLine } = await import('./command-line.js');

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one does not wait for anything; children die with us.
    if (stop.signal.aborted) process.exit(EXIT_CODES[signal === 'SIGINT' ? 'interrupted' : 'terminated']);
    stop.abort(signal);
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `hozen runs | head` closes our output; that is no fault.
  if (error.code === 'EPIPE') process.exit(EXIT_CODES.ok);
  process.stderr.write(`${error.message}\n`);
  process.exit(EXIT_CODES.failed);
});

const ending = await runCommandLine(process.argv.slice(2), {
  env: logLevel === undefined ? env : { ...env, HOZEN_LOG_LEVEL: logLevel },
  out: process.stdout,
  err: process.stderr,
  signal: stop.signal,
});
// Whether all of it could be written is known only now.
await new Promise((written) => process.stdout.write('', written));
process.exit(EXIT_CODES[ending]);
