import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const KEPT_OUTPUT = 16_000;

/**
 * Runs a program without a shell.
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, quiet?: boolean }} [options] quiet: keep the output instead of showing it
 * @returns {Promise<{ code: number, output: string }>} `output` is the end of stdout and stderr when quiet.
 *   Code 127: there is no such program; 128 + n: it was ended by signal n.
 */
export function run(program, args, { env = process.env, cwd, quiet = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, cwd, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT_OUTPUT);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    // Ctrl-C reaches the child by itself (same terminal); this process waits for it to clean up.
    const ignore = () => undefined;
    const passOn = () => child.kill('SIGTERM');
    process.on('SIGINT', ignore);
    process.on('SIGTERM', passOn);
    const finish = (code) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', passOn);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += String(error.message);
      finish(127);
    });
    child.on('close', (code, signal) =>
      finish(code ?? 128 + (signal === 'SIGINT' ? 2 : signal === 'SIGTERM' ? 15 : 9)),
    );
  });
}

/** Debian puts servers where a user's PATH does not look. The bootstrap's tests look elsewhere. */
const SERVER_FOLDERS = (process.env.HOZEN_SETUP_SERVER_FOLDERS ?? '/usr/sbin:/sbin').split(delimiter);

/** The path of a program: on PATH, or where Debian puts servers although a user's PATH leaves it out. */
export function which(name, path = process.env.PATH ?? '') {
  for (const folder of [...path.split(delimiter), ...SERVER_FOLDERS]) {
    if (folder === '') continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
}
