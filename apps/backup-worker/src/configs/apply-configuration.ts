import { isDeepStrictEqual } from 'node:util';
import {
  HozenError,
  isConfigurationTarget,
  kindOf,
  type AnyTargetSpec,
  type BackupConfiguration,
  type ChangeListView,
  type ChangeView,
  type ConfigSpec,
  type TargetKind,
} from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { BackupConfig, BackupTarget } from '../store/entities.js';

/**
 * Creates or updates targets and configs by name; what is not mentioned stays as it is. All or nothing.
 * @param dryRun only tell what would change
 * @throws HozenError CONFIG_INVALID for references that lead nowhere
 */
export async function applyConfiguration(
  manager: EntityManager,
  wanted: BackupConfiguration,
  dryRun: boolean,
): Promise<ChangeListView> {
  const targets = new Map((await manager.find(BackupTarget)).map((row) => [row.name, row]));
  const configs = new Map(
    (await manager.find(BackupConfig, { relations: { target: true } })).map((row) => [row.name, row]),
  );
  refuseBroken(wanted, targets);
  const changes = [
    ...wanted.targets.map((spec) => changeOf('target', spec, targets.get(spec.name)?.spec)),
    ...wanted.configs.map((spec) => changeOf('config', spec, configs.get(spec.name)?.spec)),
  ];
  if (!dryRun) {
    for (const spec of wanted.targets) {
      const row = targets.get(spec.name) ?? manager.create(BackupTarget, { name: spec.name });
      targets.set(spec.name, await manager.save(Object.assign(row, { spec })));
    }
    for (const spec of wanted.configs) {
      const target = targets.get(spec.target);
      const row = configs.get(spec.name) ?? manager.create(BackupConfig, { name: spec.name });
      await manager.save(Object.assign(row, { spec, target }));
    }
  }
  return { applied: !dryRun, changes };
}

function refuseBroken(wanted: BackupConfiguration, known: ReadonlyMap<string, BackupTarget>): void {
  const kinds = new Map([...known.values()].map(({ name, spec }) => [name, spec.kind]));
  for (const { name, kind } of wanted.targets) kinds.set(name, kind);
  const faults = [
    ...duplicates(wanted.targets, 'targets'),
    ...duplicates(wanted.configs, 'configs'),
    ...wanted.targets.flatMap((target, index) =>
      serverFaults(target, kinds).map((fault) => `targets[${index}].servers: ${fault}`),
    ),
    ...wanted.configs.flatMap((config, index) => [
      ...targetFaults(config, kinds.get(config.target)).map((fault) => `configs[${index}].${fault}`),
      ...(config.window && config.window.from === config.window.to
        ? [`configs[${index}].window: from and to are the same, so it would never be open; leave it out for any time`]
        : []),
    ]),
  ];
  if (faults.length > 0) throw new HozenError('CONFIG_INVALID', {}, { detail: faults.join('; ') });
}

function targetFaults({ target, method }: ConfigSpec, kind: TargetKind | undefined): string[] {
  if (kind === undefined) return [`target: there is no target "${target}"`];
  return kind === kindOf(method) ? [] : [`method: ${method} is not for "${target}", which is of the kind ${kind}`];
}

function serverFaults(target: AnyTargetSpec, kinds: ReadonlyMap<string, TargetKind>): string[] {
  if (!isConfigurationTarget(target)) return [];
  return target.servers.flatMap((name) => {
    const kind = kinds.get(name);
    if (kind === undefined) return [`there is no target "${name}"`];
    return kind === 'postgres' || kind === 'mariadb' ? [] : [`"${name}" is no server, but of the kind ${kind}`];
  });
}

function duplicates(specs: readonly { name: string }[], where: string): string[] {
  return specs.flatMap(({ name }, index) =>
    specs.findIndex((other) => other.name === name) === index
      ? []
      : [`${where}[${index}].name: "${name}" stands twice`],
  );
}

function changeOf(
  kind: 'target' | 'config',
  after: AnyTargetSpec | ConfigSpec,
  before: AnyTargetSpec | ConfigSpec | undefined,
): ChangeView {
  // Through JSON, as it is stored: an absent field and an undefined one are the same.
  const plainAfter = JSON.parse(JSON.stringify(after)) as Record<string, unknown>;
  const plainBefore = (before ?? {}) as Record<string, unknown>;
  const fields = [...new Set([...Object.keys(plainBefore), ...Object.keys(plainAfter)])]
    .filter((field) => !isDeepStrictEqual(plainBefore[field], plainAfter[field]))
    .map((field) => ({ field, before: plainBefore[field], after: plainAfter[field] }));
  const change = before === undefined ? 'create' : fields.length === 0 ? 'unchanged' : 'update';
  return { kind, name: after.name, change, fields };
}
