/** What the prescribed tables (TBL-096, TBL-097, TBL-098) and their columns hold, for readers of the schema. */
const COMMENTS: Readonly<Record<string, readonly [table: string, columns: Readonly<Record<string, string>>]>> = {
  db_maintenance_history: [
    'DB緊急メンテナンス履歴：終了したメンテナンス1件につき1行',
    {
      id: '履歴番号（自動採番）',
      run_id: '対応する実行（maintenance_runs）の識別子',
      target_name: '対象サーバーの名前',
      maintenance_type: 'メンテナンス種別：repair（修復）、optimize（最適化）、rebuild（再構築）',
      target_databases: '対象データベース名の一覧（JSON配列）',
      severity_level: '重要度：critical、high、medium',
      result: '結果：completed（完了）、failed（失敗）、cancelled（取消）',
      started_at: '作業を始めた時刻。始める前に終わった場合は NULL',
      finished_at: '終了した時刻',
      backup_run_id: '事前バックアップの実行番号。回答がなかった場合は NULL',
      verdict_before: '作業前の診断の判定',
      verdict_after: '作業後の診断の判定。診断していない場合は NULL',
      steps_planned: '計画した手順の数',
      steps_done: '完了した手順の数',
      tables_vacuumed: 'VACUUM と統計更新を行ったテーブルの数',
      indexes_rebuilt: '再構築したインデックスの数',
      error_code: '失敗した場合のエラーコード',
      error_message: '失敗した場合の説明',
      requested_by: '要求した人またはサービス',
      trace_id: '分散トレースの識別子',
      created_at: 'この行を書いた時刻',
    },
  ],
  db_status: [
    'DB状態管理：診断1回につき1行。読み取りだけで得た状態を JSON で保存する',
    {
      id: '診断番号（自動採番）',
      run_id: '診断を行ったメンテナンスの実行',
      target_name: '診断したサーバーの名前',
      moment: '診断の時点：before（作業前）、after（作業後）',
      taken_at: '診断した時刻',
      verdict: '判定：healthy（正常）、attention（要対応）、critical（人の判断が必要）',
      status: '診断結果の全体：サーバー、接続、ロック、データベースごとの状態、所見、作業計画',
    },
  ],
  maintenance_settings: [
    'メンテナンス設定：対象サーバー1台につき1行',
    {
      id: '設定番号（自動採番）',
      target_id: '対象サーバー',
      backup_config: '事前バックアップに使うバックアップ設定の名前。NULL の場合は要求で指定する',
      timeout_minutes: '1回の実行に許す時間（分）。事前バックアップの待ち時間を含む',
      backup_wait_minutes: '事前バックアップの回答を待つ時間（分）',
      lock_wait_seconds: '同じセッションに妨げられたまま待つ時間（秒）',
      retries: 'エラー分類ごとの再試行回数と間隔（JSON）。空の場合は既定値',
      thresholds: '診断のしきい値（JSON）。空の場合は既定値',
      created_at: 'この行を作った時刻',
      updated_at: 'この行を最後に変更した時刻',
    },
  ],
};

export function commentOn(): string[] {
  return Object.entries(COMMENTS).flatMap(([table, [comment, columns]]) => [
    `COMMENT ON TABLE ${table} IS '${comment}'`,
    ...Object.entries(columns).map(([column, text]) => `COMMENT ON COLUMN ${table}.${column} IS '${text}'`),
  ]);
}
