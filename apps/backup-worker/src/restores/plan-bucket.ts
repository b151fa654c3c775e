import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { objectsLocation, type RestorePlanView, type S3TargetSpec, warningText } from '@hozen/contracts';
import { versionOf } from '../artefact/manifest.js';
import { freeBytes, readable } from '../methods/check-room.js';
import { trustIn } from '../policy/trust-in.js';
import { withPolicy } from '../policy/with-policy.js';
import { chainOf } from '../restore/chain.js';
import type { CommittedArtefact } from '../storage/committed-artefact.js';
import { clientOf } from '../storage/s3/client.js';
import { onS3 } from '../storage/s3/s3-error.js';
import type { RestoreSource } from './find-source.js';
import { planHead } from './plan-head.js';
import { insteadOf } from './wrong-method.js';

/** What a restore into a bucket is made from. */
export interface BucketGround {
  source: RestoreSource;
  artefact: CommittedArtefact;
  spec: S3TargetSpec;
  /** The objects are files in it before they are put. */
  spoolRoot: string | undefined;
  /** What the person who asks lets it bring. */
  allow: readonly string[];
}

/**
 * What a restore into a bucket would do, and everything that stands in its way. Changes nothing.
 * @param isBegun by an earlier owner of the restore: what is there then is its
 */
export async function planBucket(
  { source, artefact, spec, spoolRoot, allow }: BucketGround,
  isBegun = false,
): Promise<{ view: RestorePlanView; chain: CommittedArtefact[] }> {
  const { manifest } = artefact;
  const { signing, encryption } = source;
  const place = objectsLocation(spec);
  const chain = await chainOf(artefact, { ...(signing ? { signing } : {}), ...(encryption ? { encryption } : {}) });
  const obstacles: RestorePlanView['obstacles'] = [];
  if (!manifest.files?.path.startsWith('s3://')) {
    obstacles.push({ kind: 'wrong-method', what: insteadOf(manifest.format) });
  }
  if (!isBegun && !(await isEmpty(spec))) obstacles.push({ kind: 'bucket-taken', what: place });
  const needed = manifest.files?.bytes ?? 0;
  const free = spoolRoot === undefined ? needed : await freeBytes(spoolRoot);
  if (free < needed)
    obstacles.push({
      kind: 'disk-too-small',
      what: warningText('what.room', { free: readable(free), needed: readable(needed) }),
    });
  const version = versionOf(manifest);
  const view: RestorePlanView = {
    ...planHead(source, artefact),
    chain: chain.map((each) => ({ path: each.path, level: each.manifest.level, bytes: each.bytes })),
    from: { version, target: manifest.target.name },
    to: { version, target: place },
    databases: [],
    obstacles,
    warnings: [],
  };
  return { view: withPolicy(view, [], { source, trust: trustIn(source, artefact), allow }), chain };
}

async function isEmpty(spec: S3TargetSpec): Promise<boolean> {
  const prefix = spec.prefix === undefined ? '' : `${spec.prefix}/`;
  const command = new ListObjectsV2Command({ Bucket: spec.bucket, Prefix: prefix, MaxKeys: 1 });
  const page = await onS3(objectsLocation(spec), () => clientOf(spec).send(command));
  return (page.KeyCount ?? page.Contents?.length ?? 0) === 0;
}
