import { describe, expect, it } from 'vitest';
import { validate } from '../events/validation.js';
import { BackupsFile } from './backups-file.js';
import { ConfigSpec } from './config-spec.js';
import { transportOf } from './repository-spec.js';

const SSH = { key: 'file:/k', knownHosts: '/known hosts' };

function faults(repository: unknown, method = 'git-config'): string[] {
  const result = validate(ConfigSpec, {
    name: 'n',
    target: 't',
    method,
    storage: { kind: 'file', path: '/x' },
    repository,
  });
  return result.ok ? [] : result.reasons.map(({ field }) => field);
}

describe('the repository of a config', () => {
  it.each([
    ['/srv/git/settings.git', 'file', {}],
    ['/srv/設定 と/x', 'file', {}],
    ['https://git.example.com:8443/dba/settings.git', 'https', {}],
    ['ssh://git@git.example.com:2222/dba/settings.git', 'ssh', SSH],
    ['git@git.example.com:dba/settings.git', 'ssh', SSH],
  ])('may be %s', (url, transport, more) => {
    expect(faults({ url, ...more })).toEqual([]);
    expect(transportOf({ url })).toBe(transport);
  });

  it.each([
    '--upload-pack=touch /tmp/x',
    '-oProxyCommand=x@host:y',
    'ssh://-oProxyCommand=x/y',
    'ssh://git@-oProxyCommand=x/y',
    'ext::sh -c whoami',
    'file:///srv/git',
    'git://host/x',
    'https://user:password@host/x.git',
    'https://host/x.git?token=1',
    'relative/path',
    'a@b://x',
    '/srv/a\nb',
    '',
  ])('is not %s', (url) => {
    expect(faults({ url, ...SSH })).toEqual(['repository.url']);
  });

  it.each(['-x', 'a..b', 'a/', '/a', 'a.lock', 'a b', 'a/.b', 'a@{1}', 'x:y', 'a\nb'])('has no branch %s', (branch) => {
    expect(faults({ url: '/srv/git', branch })).toEqual(['repository.branch']);
  });

  it.each(['../x', '/x', 'x/../y', '.git', 'a/.GIT/b', 'x//y', 'x\ny'])('has no folder %s', (folder) => {
    expect(faults({ url: '/srv/git', folder })).toEqual(['repository.folder']);
  });

  it('needs key and known hosts for ssh, and takes secrets as references alone', () => {
    expect(faults({ url: 'git@host:x' })).toEqual(['repository.key', 'repository.knownHosts']);
    expect(faults({ url: 'https://host/x', password: 'geheim' })).toEqual(['repository.password']);
    expect(faults({ url: '/x', author: 'A <a>\nauthor' })).toEqual(['repository.author']);
  });

  it('belongs to the method git-config, which cannot do without', () => {
    expect(faults(undefined)).toEqual(['repository']);
    expect(faults({ url: '/srv/git' }, 'files')).toEqual(['repository']);
    expect(faults(undefined, 'files')).toEqual([]);
  });
});

describe('a target of configuration files', () => {
  const wrong = (target: object) => {
    const result = validate(BackupsFile, { targets: [{ name: 'c', kind: 'configuration', ...target }] });
    return result.ok ? [] : [...new Set(result.reasons.map(({ field }) => field))];
  };

  it('has absolute paths, and patterns that take time in proportion to the text', () => {
    expect(wrong({ paths: ['/etc/mysql', '/etc/postgresql/*/main/*.conf'], mask: ['^x=(.*)$', '秘密'] })).toEqual([]);
    expect(wrong({})).toEqual(['targets.0.paths']);
    expect(wrong({ servers: [] })).toEqual(['targets.0.paths']);
    expect(wrong({ servers: ['erp'] })).toEqual([]);
    expect(wrong({ servers: ['erp'], paths: ['etc'] })).toEqual(['targets.0.paths']);
    expect(wrong({ paths: ['etc', '/etc/../x', '/'] })).toEqual(['targets.0.paths']);
    for (const mask of ['(', '(?=x)y', String.raw`(a)\1`, '', 'x'.repeat(2_000)]) {
      expect(wrong({ paths: ['/etc'], mask: [mask] })).toEqual(['targets.0.mask']);
    }
  });
});
