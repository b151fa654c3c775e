import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { testContext } from '../testing/surroundings.js';
import { checkBackupsFile } from './read-backups-file.js';

const context = testContext();

/** `line: field: message` of every fault. */
function faultsOf(text: string): string[] {
  const result = checkBackupsFile(context, text);
  return result.ok ? [] : result.reasons.map(({ line, field, message }) => `${line}: ${field}: ${message}`);
}

const TARGET = 'targets:\n  - { name: erp, kind: postgres, host: h }\n';

describe('backups.yaml', () => {
  it('is right as it is shipped', async () => {
    const text = await readFile(new URL('../../../../deploy/sample/backups.yaml', import.meta.url), 'utf8');
    const result = checkBackupsFile(context, text);
    expect(result).toMatchObject({
      ok: true,
      value: { targets: [{ name: 'sample' }], configs: [{ name: 'nightly', jobs: 2 }] },
    });
  });

  it('may leave sections out or empty', () => {
    expect(faultsOf('')).toEqual([]);
    expect(faultsOf('configs:\nschedules:\n')).toEqual([]);
  });

  it('is refused at its line for what can be no value at all', () => {
    expect(faultsOf('targets:\n  - null\n')).toEqual([expect.stringMatching(/^2: targets\.0: is empty/)]);
    expect(faultsOf(`${TARGET}configs:\n  - name: "a\\0b"\n    target: erp\n`)).toEqual([
      expect.stringMatching(/^4: configs\.0\.name: must not contain the character U\+0000/),
    ]);
  });

  it('is refused where its aliases make more of it than anybody wrote', () => {
    const levels = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(', ')}]`);
    expect(faultsOf(['l0: &l0 [x]', ...levels].join('\n'))).toEqual([
      expect.stringMatching(/^1: : Excessive alias count/),
    ]);
  });

  it('shows no secret that was written where only a reference to one may stand', () => {
    const file = `${TARGET}configs:
  - name: git
    target: erp
    method: git-config
    repository: { url: "https://me:hunter2@x.y/z", key: hunter2 }
schedules:
  - name: keys
    cron: 0 2 * * *
    event: verification.requested
    request: { kind: key, identity: hunter2 }
`;
    const result = checkBackupsFile(context, file);
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  it('is refused with every fault of its fields, each at its line', () => {
    const faults = faultsOf(`
targets:
  - name: erp
    kind: mysql
    host: h
    password: hunter2
configs:
  - name: a/b
    target: erp
    jobs: 99
    colour: red
`);
    expect(faults).toEqual([
      expect.stringMatching(/^4: targets\.0\.kind: /),
      expect.stringMatching(/^6: targets\.0\.password: .*reference to a secret/),
      expect.stringMatching(/^8: configs\.0\.name: /),
      expect.stringMatching(/^8: configs\.0\.storage: /),
      expect.stringMatching(/^10: configs\.0\.jobs: /),
      expect.stringMatching(/^11: configs\.0\.colour: is not a known field/),
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it('is refused when names are missing or used twice, in other sections and in requests of schedules', () => {
    const faults = faultsOf(`${TARGET}configs:
  - { name: n, target: erp, storage: { kind: file, path: /b } }
  - { name: n, target: crm, storage: { kind: file, path: /b } }
schedules:
  - { name: s, cron: '* * * * *', request: { config: weekly } }
  - { name: t, cron: '* * * * *', request: { config: n, colour: red } }
  - name: u
    cron: '* * * * *'
    event: maintenance.requested
    request: { target: crm, maintenanceType: repair, targetDatabases: [a], severityLevel: high }
recipients:
  - { name: nobody }
rules:
  - { events: [backup.failed], recipients: [nobody, ghost] }
`);
    expect(faults).toEqual([
      '5: configs.1.name: another config of this file has this name too (line 4)',
      '5: configs.1.target: there is no target "crm" in this file',
      '7: schedules.0.request.config: there is no config "weekly" in this file',
      '8: schedules.1.request.colour: is not a known field',
      '12: schedules.2.request.target: there is no target "crm" in this file',
      '14: recipients.0: has neither email nor slackChannel nor slackWebhook',
      '16: rules.0.recipients.1: there is no recipient "ghost" in this file',
    ]);
  });

  it('is refused at once for fields, names that lead nowhere, requests and times', () => {
    const faults = faultsOf(`${TARGET}configs:
  - { name: n, target: crm, jobs: 99, storage: { kind: file, path: /b } }
schedules:
  - { name: s, cron: '61 * * * *', request: { config: weekly, level: huge } }
  - { name: s, cron: '0 2 * * *', request: [] }
rules:
  - { events: [backup.lost], recipients: [ghost, 7] }
`);
    expect(faults.map((fault) => fault.split(': ', 2).join(': '))).toEqual([
      '4: configs.0.jobs',
      '4: configs.0.target',
      '6: schedules.0.cron',
      '6: schedules.0.request.level',
      '6: schedules.0.request.config',
      '7: schedules.1.request',
      '7: schedules.1.name',
      '9: rules.0.events',
      '9: rules.0.recipients',
      '9: rules.0.recipients.0',
    ]);
  });

  it('is refused with the lines of every fault of its syntax', () => {
    expect(faultsOf('targets:\n  - name: a\n    name: b\nconfigs: [\n')).toEqual([
      expect.stringMatching(/^3: : Map keys must be unique/),
      expect.stringMatching(/^[45]: : /),
    ]);
  });

  it.each(['just text', '- a list', '42'])('is refused when it is not a map: %s', (text) => {
    expect(faultsOf(text)).toEqual([expect.stringContaining('must be a JSON object')]);
  });
});
