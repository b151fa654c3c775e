import { warningText, type RestorePlanView } from '@hozen/contracts';

/** What the plan of a restore of everything says of the roles. */
export function roleWarnings({ superusers, kept }: NonNullable<RestorePlanView['roles']>): string[] {
  return [
    ...superusers.map((role) => warningText('restore.superuser-made', { role })),
    ...kept.map((role) => warningText('restore.role-stays', { role })),
  ];
}
