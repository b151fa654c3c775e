/** What a run that is due waits for. `waiting` is its row in backup_runs, `config` that of its config, where there is one. */

/** One active run a target, and one log beside it: the row that is in the way. */
export const BUSY_TARGET = `
  SELECT jsonb_build_object('kind', 'target', 'runId', active.id, 'config', active.config_name) AS wait
    FROM backup_runs AS active
   WHERE active.target_id = waiting.target_id AND active.state = 'running'
     AND (active.backup_level = 'transaction_log') = (waiting.backup_level = 'transaction_log')
   LIMIT 1`;

/**
 * Storages that have as many runs as the config allows. Who came before and could go otherwise is counted too, so that the order
 * in which places are given is that of asking: a run that needs two storages is not passed for ever by those that need one.
 */
export const FULL_STORAGES = `
  SELECT jsonb_build_object('kind', 'storage', 'storage', place.location, 'limit', place.most, 'running', taken.running,
                            'ahead', taken.ahead) AS wait
    FROM (VALUES (config.storage_place, config.spec -> 'storage'),
                 (config.secondary_place, config.spec -> 'secondaryStorage')) AS used (place, spec)
    CROSS JOIN LATERAL (SELECT used.place, storage_location(used.spec) AS location,
                               (used.spec ->> 'maxRuns')::integer AS most) AS place
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE other.state = 'running') AS running,
             count(*) FILTER (WHERE other.state = 'queued') AS ahead
        FROM backup_runs AS other
        JOIN backup_configs AS theirs ON theirs.id = other.config_id
       WHERE other.id <> waiting.id AND other.backup_level <> 'transaction_log'
         AND place.place IN (theirs.storage_place, theirs.secondary_place)
         AND (other.state = 'running'
              OR (other.state = 'queued' AND other.not_before <= clock_timestamp()
                  AND (other.not_before, other.id) < (waiting.not_before, waiting.id)
                  AND NOT EXISTS (SELECT FROM backup_runs AS active
                                   WHERE active.target_id = other.target_id AND active.state = 'running'
                                     AND active.backup_level <> 'transaction_log')))) AS taken
   WHERE waiting.backup_level <> 'transaction_log' AND place.most IS NOT NULL
     AND taken.running + taken.ahead >= place.most`;
