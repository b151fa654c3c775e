import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  environment?: Record<string, string>;
  secrets?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
}
const compose = parse(read('compose.yaml'), { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
};
const containerfile = read('deploy/container/Containerfile');
const APPS = ['scheduler', 'backup-worker', 'maintenance-worker', 'notifier'];

// What can be known without a container engine; `npm run interop` runs it where there is one.
describe('compose.yaml', () => {
  it('brings PostgreSQL, NATS with JetStream, Jaeger, the provisioning and every service', () => {
    expect(Object.keys(compose.services).toSorted()).toEqual(
      ['hozen', 'jaeger', 'nats', 'postgres', 'provision', ...APPS].toSorted(),
    );
    expect(compose.services['nats']?.command).toContain('--jetstream');
  });

  it.each(APPS)('runs the %s as it is run elsewhere: its own role, its own secret, traces to Jaeger', (app) => {
    const service = compose.services[app];
    expect(service?.command).toEqual(['--import', '@hozen/telemetry/register', `apps/${app}/dist/main.js`]);
    expect(existsSync(join(root, 'apps', app, 'src', 'main.ts'))).toBe(true);
    const schema = app.replace('-worker', '');
    expect(service?.environment).toMatchObject({
      OTEL_SERVICE_NAME: app,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318',
      HOZEN_DATABASE_URL: `postgres://hozen_${schema}@postgres:5432/hozen`,
      HOZEN_DATABASE_PASSWORD: `file:/run/secrets/hozen_${schema}`,
    });
    // The backup-worker reads the server of the sample, too.
    expect(service?.secrets).toEqual([`hozen_${schema}`, ...(app === 'backup-worker' ? ['postgres'] : [])]);
    expect(service?.depends_on).toEqual({ provision: { condition: 'service_completed_successfully' } });
    expect(service?.healthcheck).toBeDefined();
  });

  it('refers only to what there is', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      expect([name, Boolean(service.image)]).toEqual([name, true]);
      if (service.build) expect(existsSync(join(root, service.build.dockerfile))).toBe(true);
      for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
      for (const other of Object.keys(service.depends_on ?? {})) expect(compose.services).toHaveProperty(other);
      for (const volume of service.volumes ?? []) expect(compose.volumes).toHaveProperty(volume.split(':')[0] ?? '');
    }
    const made = /for name in ([^;]+);/.exec(read('deploy/container/make-secrets.sh'))?.[1]?.split(' ');
    expect(made?.toSorted()).toEqual(Object.keys(compose.secrets).toSorted());
    expect(existsSync(join(root, compose.services['provision']?.command?.[0] ?? ''))).toBe(true);
  });

  it('holds no secret itself', () => {
    expect(read('compose.yaml')).not.toMatch(/PASSWORD: (?!file:)\S/);
  });
});

describe('the Containerfile', () => {
  it('copies the package.json of every workspace, or npm ci would leave its packages out', () => {
    const workspaces = ['apps', 'libs'].flatMap((kind) =>
      readdirSync(join(root, kind)).map((name) => `${kind}/${name}`),
    );
    for (const workspace of [...workspaces, 'test']) {
      expect(containerfile).toContain(`COPY ${workspace}/package.json ${workspace}/\n`);
    }
  });

  it('does not run the services as root', () => {
    expect(containerfile).toMatch(/^USER hozen$/m);
  });
});
