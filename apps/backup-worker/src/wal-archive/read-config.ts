import { readFile } from 'node:fs/promises';
import { BackupsFile, HozenError, requireValid, type AnyTargetSpec, type ConfigSpec } from '@hozen/contracts';
import { parseDocument } from 'yaml';

export interface FoundConfig {
  config: ConfigSpec;
  /** Undefined where the file does not have it: a file for this machine alone may do without. */
  target: AnyTargetSpec | undefined;
}

/**
 * The config with the WAL archive, from a file as `hozen apply` takes it. Neither the platform's database nor its broker
 * is asked: archiving goes on without them.
 * @throws HozenError FILE_UNREADABLE, CONFIG_INVALID, CONFIG_UNKNOWN
 */
export async function readConfig(path: string, name: string | undefined): Promise<FoundConfig> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new HozenError('FILE_UNREADABLE', { path }, { cause, detail: cause.code ?? cause.message });
  });
  const document = parseDocument(text, { prettyErrors: false });
  const [fault] = document.errors;
  if (fault) throw new HozenError('CONFIG_INVALID', {}, { detail: `${path}: ${fault.message}` });
  const plain: unknown = document.toJS({ maxAliasCount: 100 });
  const { configs, targets } = requireValid(BackupsFile, plain ?? {}, 'CONFIG_INVALID');
  const archiving = configs.filter(({ walArchive }) => walArchive !== undefined);
  const found = name === undefined ? archiving : archiving.filter((config) => config.name === name);
  const [config, ...others] = found;
  if (!config) {
    const detail = `${path} has no config with a walArchive`;
    throw new HozenError('CONFIG_UNKNOWN', { config: name ?? '' }, { detail });
  }
  if (others.length > 0) {
    const detail = `${path} has several configs with a walArchive: name one with --config`;
    throw new HozenError('CONFIG_INVALID', {}, { detail });
  }
  return { config, target: targets.find((target) => target.name === config.target) };
}
