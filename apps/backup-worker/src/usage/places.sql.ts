/** Every place that a config stores in, with how the config describes it: `place`, `spec`, `config_name`. */
export const PLACES = `
  SELECT storage_place(used.spec) AS place, used.spec, config.config_name
    FROM backup_configs AS config
    CROSS JOIN LATERAL (VALUES (config.spec -> 'storage'), (config.spec -> 'secondaryStorage'),
                               (config.spec -> 'walArchive')) AS used (spec)
   WHERE used.spec IS NOT NULL`;

/** Standing artefacts and second copies, by where they lie: `file_path`, `file_size`, `config_name`. */
export const STANDING = `
  SELECT found.file_path, artefact.file_size, run.config_name
    FROM backup_artefacts AS artefact
    JOIN backup_runs AS run ON run.id = artefact.run_id
    LEFT JOIN artefact_deletions AS deletion ON deletion.run_id = artefact.run_id
    LEFT JOIN backup_copies AS copy ON copy.run_id = artefact.run_id AND copy.state = 'standing'
    CROSS JOIN LATERAL (VALUES (artefact.file_path), (copy.file_path)) AS found (file_path)
   WHERE deletion.deleted_at IS NULL AND found.file_path IS NOT NULL`;
