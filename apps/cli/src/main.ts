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
// `hozen runs | head` closes our output; that is no fault.
process.stdout.on('error', () => process.exit(EXIT_CODES.ok));

const ending = await runCommandLine(process.argv.slice(2), {
  env: logLevel === undefined ? env : { ...env, HOZEN_LOG_LEVEL: logLevel },
  out: process.stdout,
  err: process.stderr,
  signal: stop.signal,
});
process.exit(EXIT_CODES[ending]);
