import { tempDir, TestPostgres } from '@hozen/testkit';
import { expect, it } from 'vitest';
import { backUp, jobFor, quietContext } from '../backup.fixture.js';
import { proveByRestore } from '../verification/prove-by-restore.js';

it('makes event triggers last, so that none of them sees or forbids what a restore does', async () => {
  await using folder = await tempDir();
  await using source = await TestPostgres.start();
  await using client = await source.client();
  await client.query(`
    CREATE TABLE seen (tag text);
    CREATE MATERIALIZED VIEW filled AS SELECT 1 AS one;
    CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
    CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not %', tg_tag; END $$;
    CREATE EVENT TRIGGER see ON ddl_command_end EXECUTE FUNCTION see();
    CREATE EVENT TRIGGER "forbid 'it'" ON ddl_command_start WHEN TAG IN ('REFRESH MATERIALIZED VIEW')
      EXECUTE FUNCTION forbid();
    ALTER EVENT TRIGGER see ENABLE ALWAYS`);
  const job = jobFor(source.address(), folder.path);
  // With one process pg_restore makes them before it fills the view each time.
  job.config.jobs = 1;
  const proof = await proveByRestore(job, await backUp(job), quietContext());
  expect(proof).toMatchObject({ level: 'restore', tables: 1 });
}, 120_000);
