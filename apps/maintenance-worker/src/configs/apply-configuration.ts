import { isDeepStrictEqual } from 'node:util';
import {
  HozenError,
  type ChangeListView,
  type ChangeView,
  type MaintenanceConfiguration,
  type Reason,
  refusalText,
} from '@hozen/contracts';
import type { EntityManager } from 'typeorm';
import { LIST_SETTINGS, LIST_TARGETS, UPSERT_SETTINGS, UPSERT_TARGET } from './configuration.sql.js';

type Plain = Record<string, unknown>;

/**
 * Creates or updates targets, their backup configs and settings by name; what is not mentioned stays. All or nothing.
 * @param dryRun only tell what would change
 * @throws HozenError CONFIG_INVALID with every reason
 */
export async function applyConfiguration(
  manager: EntityManager,
  wanted: MaintenanceConfiguration,
  dryRun: boolean,
): Promise<ChangeListView> {
  const targets = await rowsByName(manager, LIST_TARGETS);
  refuseBroken(wanted, targets);
  const before = await rowsByName(manager, LIST_SETTINGS);
  const after = settingsAfter(wanted, before);
  const changes = [
    ...wanted.targets.map((spec) => changeOf('target', spec.name, plain(spec), targets.get(spec.name))),
    ...[...after].map(([name, settings]) => changeOf('setting', name, settings, before.get(name))),
  ];
  if (!dryRun) {
    for (const spec of wanted.targets) await manager.query(UPSERT_TARGET, [spec.name, JSON.stringify(spec)]);
    for (const [name, settings] of after) await manager.query(UPSERT_SETTINGS, [name, JSON.stringify(settings)]);
  }
  return { applied: !dryRun, changes };
}

/** A config alone does not reset the limits, and limits alone do not forget the config. */
function settingsAfter(wanted: MaintenanceConfiguration, before: ReadonlyMap<string, Plain>): Map<string, Plain> {
  const after = new Map<string, Plain>();
  const change = (name: string, changed: Plain) =>
    after.set(name, { ...before.get(name), ...after.get(name), ...changed });
  for (const [name, backupConfig] of Object.entries(wanted.proposedConfigs ?? {})) {
    if (before.get(name)?.['backupConfig'] === undefined) change(name, { backupConfig });
  }
  for (const [name, backupConfig] of Object.entries(wanted.backupConfigs)) change(name, { backupConfig });
  for (const { target, ...limits } of wanted.settings ?? []) change(target, plain(limits));
  return after;
}

function refuseBroken(wanted: MaintenanceConfiguration, known: ReadonlyMap<string, unknown>): void {
  const names = new Set([...known.keys(), ...wanted.targets.map((target) => target.name)]);
  const unknown = (field: string, value: string): Reason[] =>
    names.has(value) ? [] : [{ field, value, message: refusalText('no-target') }];
  const twice = (field: string, all: string[]): Reason[] =>
    [...new Set(all.filter((name, index) => all.indexOf(name) !== index))].map((value) => ({
      field,
      value,
      message: refusalText('stands-twice'),
    }));
  const settings = wanted.settings ?? [];
  const reasons = [
    ...twice(
      'targets',
      wanted.targets.map((target) => target.name),
    ),
    ...twice(
      'settings',
      settings.map((each) => each.target),
    ),
    ...(['backupConfigs', 'proposedConfigs'] as const).flatMap((field) =>
      Object.entries(wanted[field] ?? {}).flatMap(([target, config]) => [
        ...unknown(field, target),
        ...(typeof config === 'string' && config !== '' && config.length <= 200
          ? []
          : [{ field: `${field}.${target}`, message: refusalText('must-be-config') }]),
      ]),
    ),
    ...settings.flatMap((each, index) => unknown(`settings.${index}.target`, each.target)),
  ];
  if (reasons.length === 0) return;
  const detail = reasons.map((reason) => `${reason.field}: ${reason.message}`).join('; ');
  throw new HozenError('CONFIG_INVALID', {}, { detail, reasons });
}

async function rowsByName(manager: EntityManager, sql: string): Promise<Map<string, Plain>> {
  const rows = await manager.query<{ name: string; value: Plain }[]>(sql);
  return new Map(rows.map((row) => [row.name, row.value]));
}

function changeOf(kind: 'target' | 'setting', name: string, after: Plain, before: Plain | undefined): ChangeView {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])]
    .filter((field) => !isDeepStrictEqual(before?.[field], after[field]))
    .map((field) => ({ field, before: before?.[field], after: after[field] }));
  const change = before === undefined ? 'create' : fields.length === 0 ? 'unchanged' : 'update';
  return { kind, name, change, fields };
}

/** As it is stored: an absent field and an undefined one are the same. */
function plain(value: object): Plain {
  return JSON.parse(JSON.stringify(value)) as Plain;
}
