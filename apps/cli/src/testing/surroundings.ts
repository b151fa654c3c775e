import { createContext, type Context, type Surroundings } from '../context.js';
import { runCommandLine } from '../command-line.js';
import type { Ending } from '../exit-codes.js';

/** A command's surroundings that keep what is written. */
export class TestSurroundings implements Surroundings {
  readonly written = { out: '', err: '' };
  private readonly stop = new AbortController();
  readonly out: Surroundings['out'];
  readonly err: Surroundings['err'];

  constructor(
    readonly env: NodeJS.ProcessEnv = {},
    { terminal = false }: { terminal?: boolean } = {},
  ) {
    const keep = (where: 'out' | 'err') => ({
      write: (text: string) => {
        this.written[where] += text;
      },
      isTTY: terminal,
      columns: 120,
    });
    this.out = keep('out');
    this.err = keep('err');
  }

  get signal(): AbortSignal {
    return this.stop.signal;
  }

  interrupt(): void {
    this.stop.abort('SIGINT');
  }

  /** The JSON lines written as results. */
  get lines(): Record<string, unknown>[] {
    return this.written.out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  hozen(...args: string[]): Promise<Ending> {
    return runCommandLine(args, this);
  }
}

export function testContext(surroundings = new TestSurroundings(), language: Context['language'] = 'en'): Context {
  return createContext(surroundings, { language, json: false });
}
