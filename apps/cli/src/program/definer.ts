import { LANGUAGES, cliText, type CliText, type Language } from '@hozen/contracts';
import { CommanderError, InvalidArgumentError, Option, type Command } from 'commander';
import { createContext, type Context, type Surroundings } from '../context.js';
import type { Ending } from '../exit-codes.js';
import { reportFailure } from '../terminal/failure.js';

/** A command's work; it says how it ended. */
type Work<Args extends unknown[]> = (context: Context, ...args: Args) => Promise<Ending>;

/** What every command of the program has in common. */
export interface Definer {
  text: (key: CliText, params?: Record<string, string | number>) => string;
  /** A command of the program, with what all of them know. */
  command: (usage: string, about: CliText) => Command;
  /** One below a command; all of them answer in JSON too. */
  below: (parent: Command, usage: string, about: CliText) => Command;
  json: () => Option;
  lang: () => Option;
  /** For the end of the help. */
  examples: (...lines: string[]) => string;
  /** Runs the work of a command and turns whatever it throws into its ending. */
  act: <Args extends unknown[]>(work: Work<Args>) => (...given: unknown[]) => Promise<void>;
  /** An option's value as a whole number from 1. */
  wholeNumber: (most?: number) => (value: string) => number;
}

/** @param ended told once how the command that was called ended */
export function createDefiner(
  program: Command,
  around: Surroundings,
  language: Language,
  ended: (ending: Ending) => void,
): Definer {
  const text: Definer['text'] = (key, params) => cliText(language, key, params);
  const json = () => new Option('--json', text('option.json'));
  const lang = () => new Option('--lang <language>', text('option.lang')).choices(LANGUAGES);
  const describe = (command: Command, about: CliText) =>
    command.description(text(about)).helpOption('-h, --help', text('option.help')).addOption(lang());
  const act =
    <Args extends unknown[]>(work: Work<Args>) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<{ json?: boolean; lang?: Language }>();
      const context = createContext(around, { language: options.lang ?? language, json: options.json === true });
      try {
        ended(await work(context, ...(given.slice(0, -1) as Args)));
      } catch (error) {
        // Options that are needed only together are looked at by the command itself.
        if (error instanceof CommanderError) throw error;
        ended(reportFailure(context, error));
      }
    };
  return {
    text,
    json,
    lang,
    command: (usage, about) => describe(program.command(usage), about),
    below: (parent, usage, about) => describe(parent.command(usage), about).addOption(json()),
    examples: (...lines) => `\n${text('help.examples')}\n${lines.map((line) => `  ${line}\n`).join('')}`,
    act,
    wholeNumber:
      (most = 999_999_999) =>
      (value) => {
        if (!/^[1-9]\d*$/.test(value) || Number(value) > most) {
          throw new InvalidArgumentError(text('usage.invalid-number', { value, most: String(most) }));
        }
        return Number(value);
      },
  };
}
