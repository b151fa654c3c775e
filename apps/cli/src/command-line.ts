import { LANGUAGES, type Language } from '@hozen/contracts';
import { CommanderError } from 'commander';
import { languageOf, type Surroundings } from './context.js';
import type { Ending } from './exit-codes.js';
import { createProgram, exitCodesText } from './program.js';
import { usageErrorText } from './usage-errors.js';
import { cliText } from '@hozen/contracts';

/** Runs one command line. @returns how it ended */
export async function runCommandLine(args: string[], around: Surroundings): Promise<Ending> {
  const language = languageIn(args) ?? languageOf(around.env);
  if (args[0] === 'help' && args[1] === 'exit-codes') {
    around.out.write(exitCodesText((key) => cliText(language, key)));
    return 'ok';
  }
  let ending: Ending = 'ok';
  const program = createProgram(around, language, (how) => {
    ending = how;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return ending;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 'ok';
    // `hozen` alone shows the help.
    if (error.code === 'commander.help') {
      around.err.write(program.helpInformation());
      return 'invalid';
    }
    around.err.write(usageErrorText(language, error));
    return 'invalid';
  }
}

/** Help and usage errors are written while the line is being read; so the language is looked up before. */
function languageIn(args: string[]): Language | undefined {
  const at = args.findIndex((arg) => arg === '--lang' || arg.startsWith('--lang='));
  const value = args[at]?.split('=')[1] ?? args[at + 1];
  return at === -1 ? undefined : LANGUAGES.find((language) => language === value);
}
