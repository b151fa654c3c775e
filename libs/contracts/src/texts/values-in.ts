import type { TextParams } from './texts.js';

/** What stands in `text` where `template` has `{name}`; what follows the template, after a colon, is the detail. */
export function valuesIn(text: string, template: string): (TextParams & { detail?: string }) | undefined {
  const names: string[] = [];
  const pattern = template
    .split(/\{(\w+)\}/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      names.push(part);
      return '([\\s\\S]*?)';
    })
    .join('');
  const match = new RegExp(`^${pattern}(?:: ([\\s\\S]*))?$`).exec(text);
  if (!match) return undefined;
  const values = Object.fromEntries(names.map((name, index) => [name, match[index + 1] ?? '']));
  const detail = match[names.length + 1];
  return detail === undefined ? values : { ...values, detail };
}
