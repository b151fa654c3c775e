import type { StorageView } from '@hozen/contracts';
import { gauge } from '@hozen/telemetry';
import type { DataSource } from 'typeorm';
import { listStorages } from './list-storages.js';

const GAUGES = {
  hozen_storage_used_bytes: ['Bytes in use on the disk of a storage, or of its quota, by whomever.', 'usedBytes'],
  hozen_storage_capacity_bytes: ['Bytes that the disk of a storage has, or its quota.', 'capacityBytes'],
  hozen_storage_artefact_bytes: ['Bytes of the standing artefacts of a storage.', 'artefactBytes'],
} as const satisfies Record<string, readonly [string, keyof StorageView]>;

/** How full the storages were when a worker last looked. */
export function observeStorages(database: DataSource): void {
  for (const [name, [help, field]] of Object.entries(GAUGES)) {
    gauge(name, help, async () =>
      (await listStorages(database)).flatMap((view) => {
        const value = view[field];
        return value === undefined ? [] : { value, attributes: { storage: view.storage } };
      }),
    );
  }
}
