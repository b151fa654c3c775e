import { requireValid, targetClass, type AnyTargetSpec } from '@hozen/contracts';

/** A target as our database keeps it. @throws HozenError CONFIG_INVALID when it is not what this version understands */
export function storedTarget(spec: unknown): AnyTargetSpec {
  const kind = typeof spec === 'object' && spec !== null && 'kind' in spec ? spec.kind : undefined;
  return requireValid(targetClass(kind), spec, 'CONFIG_INVALID');
}
