import { LogLevel, type Logger } from '@slack/web-api';

const nothing = () => undefined;

/** The library would print addresses and bodies of requests; what is worth knowing is in the ledger. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  getLevel: () => LogLevel.ERROR,
  setName: nothing,
};
