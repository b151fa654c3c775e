import type { CliText } from '@hozen/contracts';
import type { Context } from '../context.js';

/** Tells how the start goes on: a line for a person, a JSON line for a program. */
export interface Say {
  /** Something begins. */
  step(key: CliText, params?: Record<string, string | number>): void;
  done(key: CliText, params?: Record<string, string | number>): void;
  warn(key: CliText, params?: Record<string, string | number>): void;
}

export function sayTo(context: Context): Say {
  const say =
    (mark: string) =>
    (key: CliText, params: Record<string, string | number> = {}) => {
      if (context.json)
        context.out.write(`${JSON.stringify({ type: 'step', step: key.replace(/^up\./, ''), ...params })}\n`);
      else context.err.write(`${mark} ${context.text(key, params)}\n`);
    };
  return {
    step: say(context.styles.accent('›')),
    done: say(context.styles.good('✓')),
    warn: say(context.styles.warn('!')),
  };
}
