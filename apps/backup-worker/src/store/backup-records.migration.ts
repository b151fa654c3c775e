import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * `backup_records`: one row a run, from its first attempt on. Columns, constraints, indexes, trigger and comments are
 * prescribed by TASK002-76; more about a run stands in `backup_runs` and `backup_artefacts`.
 */
export class BackupRecords1763600000200 implements MigrationInterface {
  name = 'BackupRecords1763600000200';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE backup_records (
        id BIGSERIAL CONSTRAINT pk_backup_records PRIMARY KEY,
        config_id BIGINT,
        backup_type VARCHAR(20) NOT NULL,
        backup_status VARCHAR(20) NOT NULL DEFAULT 'in_progress',
        backup_file_path VARCHAR(1000),
        backup_file_size BIGINT,
        backup_start_time TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
        backup_end_time TIMESTAMPTZ,
        backup_description TEXT,
        error_message TEXT,
        created_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,
        CONSTRAINT fk_backup_records_config_id FOREIGN KEY (config_id) REFERENCES backup_configs (id) ON DELETE SET NULL,
        CONSTRAINT ck_backup_records_backup_type CHECK (backup_type IN ('manual', 'automatic')),
        CONSTRAINT ck_backup_records_backup_status CHECK (backup_status IN ('in_progress', 'completed', 'failed')),
        CONSTRAINT ck_backup_records_backup_file_size CHECK (backup_file_size IS NULL OR backup_file_size >= 0),
        CONSTRAINT ck_backup_records_backup_time CHECK (backup_end_time IS NULL OR backup_end_time >= backup_start_time)
      )`);
    for (const [name, columns] of INDEXES) {
      await runner.query(`CREATE INDEX idx_backup_records_${name} ON backup_records (${columns})`);
    }
    await runner.query(`
      CREATE FUNCTION update_backup_records_updated_at() RETURNS TRIGGER AS $$
      BEGIN
        NEW.updated_at = CURRENT_TIMESTAMP;
        RETURN NEW;
      END;
      $$ LANGUAGE plpgsql`);
    await runner.query(`
      CREATE TRIGGER update_backup_records_updated_at BEFORE UPDATE ON backup_records
      FOR EACH ROW EXECUTE FUNCTION update_backup_records_updated_at()`);
    await runner.query(`COMMENT ON TABLE backup_records IS '备份记录表：每次备份执行一行，记录类型、状态、文件与时间'`);
    for (const [column, comment] of Object.entries(COLUMN_COMMENTS)) {
      await runner.query(`COMMENT ON COLUMN backup_records.${column} IS '${comment}'`);
    }
    await runner.query(`
      ALTER TABLE backup_runs ADD CONSTRAINT fk_backup_runs_record_id
      FOREIGN KEY (record_id) REFERENCES backup_records (id) ON DELETE SET NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE backup_runs DROP CONSTRAINT fk_backup_runs_record_id`);
    await runner.query(`DROP TABLE backup_records`);
    await runner.query(`DROP FUNCTION update_backup_records_updated_at()`);
  }
}

const INDEXES = [
  ['config_id', 'config_id'],
  ['backup_type', 'backup_type'],
  ['backup_status', 'backup_status'],
  ['backup_start_time', 'backup_start_time'],
  ['backup_end_time', 'backup_end_time'],
  ['created_at', 'created_at'],
  ['config_status', 'config_id, backup_status'],
  ['status_time', 'backup_status, backup_start_time'],
] as const;

const COLUMN_COMMENTS = {
  id: '记录编号，自增主键',
  config_id: '所用备份配置的编号，引用 backup_configs；删除配置后置为 NULL，记录保留；手动备份可为 NULL',
  backup_type: '备份由谁发起：manual 为手动，automatic 为按计划自动',
  backup_status: '执行状态：in_progress 进行中，completed 已完成，failed 已失败',
  backup_file_path: '备份文件在存储中的完整路径；只有完成后才填写',
  backup_file_size: '备份文件大小（字节），不小于 0；只有完成后才填写',
  backup_start_time: '本次备份开始执行的时间，默认当前时间',
  backup_end_time: '本次备份完成或失败的时间，不早于开始时间',
  backup_description: '备份说明：手动备份由用户填写，自动备份由系统生成',
  error_message: '失败时的错误信息，格式为“错误代码: 错误描述”',
  created_at: '本记录的创建时间，自动设置',
  updated_at: '本记录最近一次更新的时间，由触发器维护',
} as const;
