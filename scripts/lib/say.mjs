/** What the bootstrap shows: one quiet line a step, and one clear message when it cannot go on. */

const colours = process.stderr.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

/** A step that is about to be done. */
export function step(text) {
  process.stderr.write(`${paint('36', '›')} ${text}\n`);
}

export function done(text) {
  process.stderr.write(`${paint('32', '✓')} ${text}\n`);
}

export function warn(text) {
  process.stderr.write(`${paint('33', '!')} ${text}\n`);
}

/** Something the person has to change: what is wrong, and what to do about it. */
export class Obstacle extends Error {
  /**
   * @param {string} message what is wrong, one sentence
   * @param {string} remedy what to do
   * @param {{ output?: string }} [options] the last lines of the tool that failed
   */
  constructor(message, remedy, { output } = {}) {
    super(message);
    this.remedy = remedy;
    this.output = output;
  }
}

/** Runs the body of a script; an {@link Obstacle} becomes one message and exit code 1. */
export async function script(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    if (!(error instanceof Obstacle)) throw error;
    if (error.output) process.stderr.write(`\n${error.output.trimEnd()}\n\n`);
    process.stderr.write(`${paint('31', '✗')} ${error.message}\n  ${error.remedy}\n`);
    process.exitCode = 1;
  }
}
