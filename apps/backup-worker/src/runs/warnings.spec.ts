import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const source = fileURLToPath(new URL('..', import.meta.url));

it('every warning of a run is in the catalogue of texts, and so in every language', () => {
  const files = globSync('**/*.ts', { cwd: source }).filter(
    (file) => !/^restores\/|\.(?:spec|fixture|d)\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(100);
  const beside = files.flatMap((file) => sentencesIn(readFileSync(`${source}${file}`, 'utf8')));
  expect(beside).toEqual([]);
});

it.each([
  'warnings.push(`The file ${name} is gone.`);',
  "const plan = { warnings: [...earlier, 'The server is slow.'] };",
  "const warning = 'The server is slow.';",
  'function warningsOf(): string[] {\n  return ["The server is slow."];\n}\n',
])('a warning beside the catalogue is found: %j', (text) => {
  expect(sentencesIn(text)).toHaveLength(1);
});

/** Sentences in what bears the name of warnings: what is pushed, assigned, or made by a function. */
function sentencesIn(text: string): string[] {
  const places = [
    ...text.matchAll(/warnings?(?:\.push\(|: \[| =)[^;]*;/gi),
    ...text.matchAll(/^(?:export )?(?:async )?function \w*warnings?(?:Of)?\([\s\S]*?^\}/gim),
  ];
  return places.flatMap(([place]) => [...place.matchAll(/(?<=[\s([])[`'"][A-Z][a-z]* .*/g)].map(String));
}
