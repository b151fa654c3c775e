import type { ErrorCode } from '../errors/catalogue.js';
import type { TextCatalogue } from './en.js';
import { noticesJa } from './notices/ja.js';

export const ja: TextCatalogue<ErrorCode> = {
  errors: {
    REQUEST_INVALID: ['要求の内容が正しくありません', '理由に示された項目を直して、もう一度発行してください。'],
    CONFIG_UNKNOWN: [
      'バックアップ設定「{config}」はありません',
      '`hozen configs` で一覧を確認するか、`hozen apply -f backups.yaml` で作成してください。',
    ],
    CONFIG_INVALID: ['設定の内容が正しくありません', '上に示された項目を直して、もう一度適用してください。'],
    LEVEL_UNSUPPORTED: ['方式 {method} では「{level}」のバックアップを取れません', '指定できるレベル: {allowed}'],
    OUTSIDE_WINDOW: [
      '設定「{config}」の実行可能時間 {window} の外です',
      '時間内まで待つか、`overrideWindow: true`(`hozen backup --override-window`)で実行してください。記録に残ります。',
    ],
    TARGET_UNREACHABLE: [
      '対象「{target}」のサーバー {host}:{port} に接続できません',
      'PostgreSQL が動いているか、listen_addresses とファイアウォール、対象に設定した接続先を確認してください。',
    ],
    TARGET_CONNECTION_LOST: [
      '対象「{target}」との接続が切れました',
      'サーバーの再起動かネットワーク障害です。この時刻のサーバーログを確認してください。',
    ],
    TARGET_NOT_READY: [
      '対象「{target}」のサーバーはまだ接続を受け付けていません',
      '起動中、停止中、または接続数の上限です。自動で再試行します。',
    ],
    TARGET_REFUSED: [
      '対象「{target}」がバックアップに必要な処理を拒否しました',
      '理由と、多くの場合は対処方法をサーバーが示しています。再試行されます。',
    ],
    TARGET_LOCKED: [
      '対象「{target}」のロックを時間内に取得できませんでした',
      'ロックを保持しているセッションを pg_blocking_pids で探して終了するか、スキーマ変更のない時間に実行してください。',
    ],
    TARGET_AUTH_FAILED: [
      '対象「{target}」がユーザー「{user}」のログインを拒否しました',
      'ユーザー名、対象が参照するシークレット、サーバーの pg_hba.conf を確認してください。',
    ],
    TARGET_RIGHTS_MISSING: [
      'ユーザー「{user}」には対象「{target}」のすべてを読む権限がありません',
      'クラスター全体のバックアップには、スーパーユーザー、または全オブジェクトと pg_authid を読めるロールが必要です。',
    ],
    TARGET_REPLICATION_MISSING: [
      'ユーザー「{user}」には対象「{target}」のファイルをコピーする権限がありません',
      'スーパーユーザーとして対象で実行してください: ALTER ROLE "{user}" REPLICATION;',
    ],
    TARGET_UNSUITABLE: [
      '対象「{target}」はコピーできません: {setting} が {value} ですが、{needed} が必要です',
      '設定を変更する(ALTER SYSTEM SET … の後にサーバーを再起動)か、方式 postgres-logical を使ってください。',
    ],
    PARTS_UNMATCHED: [
      '設定が指すものがターゲット「{target}」にありません: {what}',
      '設定の `include` と `exclude` を直すか(二重引用符の外の名前は小文字になります)、ないものを作成してください。',
    ],
    TARGET_FOLDER_MISSING: [
      '対象「{target}」のフォルダー {path} がありません',
      '対象に設定したパスと、ワーカーのマシンに必要なものがマウントされているかを確認してください。',
    ],
    TARGET_FOLDER_UNREADABLE: [
      '対象「{target}」のフォルダー {path} を読めません',
      'ワーカーのユーザーに読み取り権限を与える(または root で動かす)か、続く説明を確認してください。',
    ],
    REPOSITORY_UNREACHABLE: [
      'リポジトリー {repository} に接続できません',
      'アドレスと、ワーカーからリポジトリーのサーバーまでのネットワークを確認してください。',
    ],
    REPOSITORY_BUSY: [
      'リポジトリー {repository} は、プッシュしようとするたびに先へ進んでいました',
      'このブランチに同時にプッシュする設定を減らすか、この設定に専用のブランチを使ってください。',
    ],
    REPOSITORY_REFUSED: [
      'リポジトリー {repository} に拒否されました: {reason}',
      '鍵またはパスワード、既知のホスト鍵、リポジトリーの所有者、ブランチにプッシュできるかを確認してください。',
    ],
    TOOL_MISSING: [
      'PostgreSQL {major} の {tool} が見つかりません',
      'インストールするか(Debian: apt-get install postgresql-client-{major})、HOZEN_PG_BIN_{major} にそのフォルダーを指定してください。',
    ],
    TOOL_TOO_OLD: [
      'サーバーは PostgreSQL {server} ですが、ここにある最新のクライアントは {client} です',
      'ワーカーに {server} 以降のクライアントを入れてください。古い pg_dump は新しいサーバーを読めません。',
    ],
    PROGRAM_MISSING: ['プログラム {tool} が見つかりません', '上の説明に従ってワーカーにインストールしてください。'],
    PROGRAM_TOO_OLD: [
      '{tool} のバージョンは {client} ですが、サーバーは {server} です',
      'サーバーと同じバージョン系列、またはそれより新しいプログラムをワーカーにインストールしてください。',
    ],
    TOOL_UNPATCHED: [
      '{tool} {version} には既知の脆弱性があります',
      'PostgreSQL クライアントのパッケージを {minimum} 以降に更新してください。',
    ],
    TOOL_FAILED: [
      '{tool} が {exit} で終了しました',
      '上のメッセージが示す原因を取り除いて、もう一度実行してください。',
    ],
    DISK_FULL: [
      '{path} のディスクがいっぱいです',
      '空きを作るか、保存先を大きなディスクに移して、もう一度実行してください。',
    ],
    DISK_TOO_SMALL: [
      '{path} の空きは {free} ですが、{needed} 必要です(見込みサイズの 2 倍)',
      '空きを作るか、別の保存先を選んでください。',
    ],
    STORAGE_UNWRITABLE: [
      '保存先 {path} に書き込めません',
      'ワーカーのユーザーに書き込み権限を与え、読み書き可能でマウントされているか確認してください。',
    ],
    STORAGE_IO: ['{path} の読み書きに失敗しました', 'ディスクまたはマウントを確認してください。自動で再試行します。'],
    STORAGE_CONFLICT: [
      '{path} には別のバックアップがすでにあります',
      '上書きはしていません。同じ保存先に同じ名前の設定を置かないでください。',
    ],
    STORAGE_REFUSED: [
      'ストレージが {path} を拒否しました（{reason}）',
      'バケットの有無、キーとその権限と有効期限を確認してください。理由はプロバイダーの返答です。',
    ],
    STORAGE_CLOCK_SKEW: [
      'このマシンの時計が {path} のストレージと {seconds} 秒ずれています',
      'ワーカーの時計を合わせてください（NTP）。それまでストレージはすべての要求を拒否します。',
    ],
    WAL_INVALID: [
      '{path} は名前どおりの WAL ファイルではありません',
      'アーカイブしていません。誰が書いたか確認してください。ファイルはサーバーに残り、再度要求されます。',
    ],
    WAL_CONFLICT: [
      '{name} は WAL アーカイブ {path} に別の内容ですでにあります',
      '上書きはしていません。2 台のサーバーが同じ場所へアーカイブしているか、このサーバーが過去に戻されました。専用の WAL アーカイブ（別のパスか接頭辞）を指定し、フルバックアップを取ってください。',
    ],
    WAL_FOREIGN: [
      'WAL アーカイブ {path} はクラスター {theirs} のものです（こちらは {ours}）',
      'アーカイブしていません。クラスターごとに専用の WAL アーカイブを指定し、pg_upgrade や initdb の後は新しくしてください。',
    ],
    WAL_GAP: [
      'WAL アーカイブ {path} に {name} がありませんが、その前後の WAL はあります',
      '何も告げずに途中で終わらないよう、リカバリはここで止まります。サーバーの pg_wal にまだあればアーカイブしてください。なければ欠落の手前まで、または後のフルバックアップから復元してください: hozen wal list',
    ],
    STORAGE_TOO_LARGE: [
      '{path} のバックアップが {partSize} のパート {parts} 個を超えました',
      '読み取り中にデータベースが予想を大きく超えて増えました。もう一度実行してください。プロバイダーがより多くのパートを受け付けるなら maxParts を上げてください。',
    ],
    COMPRESSION_FAILED: [
      'データの圧縮に失敗しました',
      '自動で再試行します。続く場合はメモリーと Node を確認してください。',
    ],
    ARTEFACT_MISSING: ['{path} がなくなっています', '誰が削除したか確認してください。バックアップを取り直します。'],
    ARTEFACT_CORRUPT: [
      '{path} の内容が書き込んだものと違います: {what}',
      'ディスクか転送で変わりました。このファイルは使わず、保存先を調べてください。バックアップを取り直します。',
    ],
    ASSERTION_FAILED: [
      'データについて成り立つべき条件が、バックアップでは成り立ちません: {what}',
      'バックアップは当時のデータのとおりです。いつからかを確認してください。古いバックアップに残っている場合があります。',
    ],
    CONTENT_DIFFERS: [
      'リストアした内容がバックアップと一致しません: {what}',
      'このバックアップは使わず、示されたオブジェクトを調べてください。取り直します。',
    ],
    IDENTITY_MISSING: [
      '{path} は暗号化されていますが、設定に復号用の鍵（identity）がありません',
      '設定の `encryption.identity` に秘密鍵への参照を指定してください。age コマンドで手動復号することもできます。',
    ],
    NOT_ENCRYPTED: [
      '{path} は暗号化されていないため、試す鍵がありません',
      'バックアップを暗号化するには設定に `encryption` を追加してください。既存のものは暗号化し直されません。',
    ],
    IDENTITY_WRONG: [
      '設定の鍵（identity）は {path} に合いません',
      '`encryption.identity` に、いずれかの recipient の秘密鍵を指定してください。1 つのファイルに古い鍵も含めて複数書けます。',
    ],
    SIGNATURE_MISSING: [
      '{path} には署名がありませんが、設定は署名を求めています',
      '誰が削除したか確認してください。署名を設定する前のバックアップは、手動か、`signing` のない設定でリストアできます。',
    ],
    SIGNATURE_WRONG: [
      '{path} の署名は設定のどの公開鍵とも一致しません',
      'バックアップが改変された可能性があります。確認できるまでリストアしないでください。古い鍵の署名なら、その公開鍵を `signing.publicKeys` に加えてください。',
    ],
    SIGNING_KEY_WRONG: [
      '署名鍵 {reference} は使えません',
      'PEM 形式の Ed25519 秘密鍵（openssl genpkey -algorithm ed25519）で、その公開鍵が `signing.publicKeys` にある必要があります。',
    ],
    SANDBOX_FAILED: [
      'リストアテスト用の一時サーバーで失敗しました',
      'バックアップ自体は正しい可能性がありますが、確認できていません。ワーカーの空き容量、ロケール、拡張を確認してください。',
    ],
    SANDBOX_MISSING: [
      'このワーカーでは、バックアップを読むプログラムをサンドボックス内で実行できません（HOZEN_SANDBOX が require です）',
      'bubblewrap をインストールし（Debian: apt-get install bubblewrap）、ワーカーがユーザー名前空間を使えるようにしてください（docs/operations.md）。HOZEN_SANDBOX=auto ならサンドボックスなしで続行し、その旨を報告します。',
    ],
    APPROVAL_MISSING: [
      '元の場所への復元 {id} は承認されていません: {what}',
      '2 人目の DBA が計画を承認します: hozen approve ID --plan HASH。期限切れの場合は、もう一度復元を要求してください。',
    ],
    PLAN_CHANGED: [
      '元の場所への復元の内容が、承認されたものと異なります。',
      '承認後にデータベース、サーバー、バックアップのいずれかが変わりました。計画を確認し、もう一度要求してください。',
    ],
    SAFETY_BACKUP_FAILED: [
      '置き換えられるもののバックアップに失敗しました: {what}',
      '何も変更していません。失敗の原因を確認し（hozen runs）、もう一度復元を要求してください。',
    ],
    TOKEN_MISSING: [
      'この環境ではトークンが必要ですが、指定されていないか、不明または期限切れです。',
      'HOZEN_TOKEN に自分のトークンを設定してください。作成は DBA が行います: hozen token create NAME --role viewer|operator|dba',
    ],
    ROLE_MISSING: [
      '{name} の役割は {role} です。この操作には {needed} が必要です。',
      '必要な役割を持つ人に依頼するか、DBA に別のトークンを作成してもらってください: hozen token create',
    ],
    SECRET_UNAVAILABLE: [
      'シークレット {reference} を読めません',
      '参照先の環境変数が存在するか、ファイルが読めるか確認してください。',
    ],
    TIMED_OUT: [
      '許された {minutes} 分を超えました',
      '`timeoutMinutes` を延ばすか、サーバーや保存先が遅い原因を調べてください。',
    ],
    ABANDONED: [
      'この実行中にワーカーが {attempts} 回停止しました',
      'ワーカーのログで停止の原因(メモリー、再起動など)を調べてください。',
    ],
    CANCELLED: ['取り消されました', '準備ができたら、もう一度開始してください。'],
    LEASE_LOST: ['このワーカーは担当を失いました', '別のワーカーが引き継いでいます。操作は不要です。'],
    RESTORE_IMPOSSIBLE: [
      'バックアップを {target} に復元できません: {what}',
      '妨げになっているものを取り除いてから、もう一度要求してください。一覧: hozen restore … --plan',
    ],
    RESTORE_UNFINISHED: [
      'データディレクトリ {path} の復元が途中で止まりました: {what}',
      'この状態ではサーバーは起動しません。このバックアップまたは別のバックアップから --delta でもう一度復元してください。正しい部分は書き直されません。',
    ],
    RECOVERY_FAILED: [
      '復元したサーバーは {point} までログを再生できませんでした',
      'サーバーのメッセージが続きます。フォルダーには何も残っていません。別の時点を指定するか、別のバックアップから始めてください。到達できる時点: hozen restore … --plan',
    ],
    MAINTENANCE_BACKUP_FAILED: [
      'メンテナンス前のバックアップに失敗しました: {reason}',
      'データベースには何も変更していません。先にバックアップを直してから、もう一度要求してください。',
    ],
    MAINTENANCE_TYPE_UNSUPPORTED: ['種別「{type}」のメンテナンスはまだ使えません', '指定できる種別: {allowed}'],
    MAINTENANCE_IMPOSSIBLE: [
      '対象「{target}」のメンテナンスは実行できません',
      '何も変更していません。上に示した点（データベース名、権限、接続先のサーバー）を直して、もう一度要求してください。',
    ],
    MAINTENANCE_STEP_FAILED: [
      'メンテナンスの手順 {steps} 件のうち {failed} 件が失敗しました',
      'ほかの手順は完了しています。上に示した点を直してから（重複した値がある一意インデックスは、重複を取り除くまで再構築できません）、もう一度要求してください。各手順は GET /maintenance/{run} で確認できます。',
    ],
    DIAGNOSIS_FAILED: [
      '対象「{target}」の状態を診断できませんでした',
      '手動で診断してください。何も変更していません。',
    ],
    BROKER_UNSUITABLE: [
      'NATS サーバー {version} では必要な機能が使えません: {what}',
      'JetStream を有効にした nats-server 2.9 以降を使ってください。',
    ],
    SCHEMA_NEWER: [
      '{service} のテーブルは新しい版で作られています(不明なマイグレーション {migration})',
      '新しい版のサービスを起動するか、更新前のテーブルを戻してください。',
    ],
    SETTINGS_INVALID: [
      '設定が不足しているか誤っています: {what}',
      '示された環境変数またはオプションを直して、起動し直してください。',
    ],
    PORT_TAKEN: ['ポート {port} は使用中です', '使っているものを止めるか、別のポートを選んでください。'],
    SERVER_START_FAILED: ['{server} が起動しませんでした', '上のログが示す原因を取り除いて、起動し直してください。'],
    SERVICE_UNREACHABLE: [
      '{url} のサービスが応答しません',
      '動いていますか。`hozen up` ですべて起動するか、{variable} に接続先を指定してください。',
    ],
    ALREADY_RUNNING: [
      'プロセス {pid} がデータフォルダー {home} をすでに使っています',
      'そのまま使うか、Ctrl-C で止めるか、HOZEN_HOME に別のフォルダーを指定してください。',
    ],
    FILE_UNREADABLE: ['ファイル {path} を読めません', 'パスと権限を確認してください。'],
    NOT_FOUND: ['{what}「{id}」はありません', '`hozen {list}` で一覧を確認してください。'],
    INTERNAL: ['予期しないエラーが起きました', 'Hozen の不具合です。この実行のログを添えて報告してください。'],
  },
  notices: noticesJa,
};
