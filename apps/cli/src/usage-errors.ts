import { cliText, type CliText, type Language } from '@hozen/contracts';
import { CommanderError } from 'commander';

/** Commander's kinds of wrong command lines, in our words. The quoted part of its message is what it is about. */
const SENTENCES: Readonly<Record<string, CliText>> = {
  'commander.unknownCommand': 'usage.unknown-command',
  'commander.unknownOption': 'usage.unknown-option',
  'commander.missingArgument': 'usage.missing-argument',
  'commander.missingMandatoryOptionValue': 'usage.missing-option',
  'commander.optionMissingArgument': 'usage.missing-value',
  'commander.excessArguments': 'usage.excess-arguments',
};

/** For options that are needed only where others are absent. */
export function missingOption(flags: string): CommanderError {
  const message = `error: required option '${flags}' not specified`;
  return new CommanderError(1, 'commander.missingMandatoryOptionValue', message);
}

/** For one that is there, and empty. */
export function missingArgument(name: string): CommanderError {
  return new CommanderError(1, 'commander.missingArgument', `error: missing required argument '${name}'`);
}

/** What is wrong with the command line, and where to read on. */
export function usageErrorText(language: Language, error: CommanderError): string {
  const key = SENTENCES[error.code];
  const what = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  const sentence = key === undefined ? invalidValue(language, error) : cliText(language, key, { what });
  return `${sentence}\n${cliText(language, 'usage.see-help', { command: 'hozen help' })}\n`;
}

function invalidValue(language: Language, error: CommanderError): string {
  const choices = /argument '([^']*)' is invalid\. Allowed choices are (.*)\.$/.exec(error.message);
  if (choices) return cliText(language, 'usage.invalid-value', { value: choices[1] ?? '', allowed: choices[2] ?? '' });
  return error.message.replace(/^error: /, '').replace(/^option .* argument '[^']*' is invalid\. /, '');
}
