import type { WarningTexts } from './en.js';

export const warningsJa: WarningTexts = {
  'copy.later': '2 つ目の保存先 {path} へのコピーはまだありません。後で作成します: {reason}',
  'reason.attempt-ended': 'コピーを始めた試行が終了したため。',
  'proof.not-read':
    '成果物は暗号化されており、終了した試行が作成したものです。設定に復号用の identity がないため、暗号化ファイルの SHA-256 だけを確認し、リストア検証は行っていません。',
  'proof.not-restored':
    'バックアップを読み戻し、破損がないことを確認しましたが、リストア検証はできませんでした: {reason}',
  'restore.known-bad':
    'リストアの依頼者は、検証で実行 {run} のバックアップが不良と判明していることを承知のうえで指定しました',
  'restore.let-in': '出所を確認できない次の内容を、リストアの依頼者が許可しました: {names}',
  'sandbox.missing':
    'バックアップを読むプログラムをサンドボックスなしで実行しました。ワーカーでサンドボックスを使えません: {reason}',
  'proof.not-true': 'バックアップは元データと一致していますが、データが満たすべき条件を満たしていません: {reason}',
  'proof.damaged':
    'サーバーのページチェックサムが一致しません。データが破損しています。正常なバックアップができるまで、古いバックアップは削除しません。',
  'size.more':
    'バックアップのサイズが直近 {count} 回より {percent} % 大きくなっています(平均 {usual} に対して {size})。データの欠落や二重ロードがないか確認してください。',
  'size.less':
    'バックアップのサイズが直近 {count} 回より {percent} % 小さくなっています(平均 {usual} に対して {size})。データの欠落や二重ロードがないか確認してください。',
  'more-in-manifest': 'ほか {count} 件(マニフェストに記載)',
  'full-instead': '{level} バックアップの代わりにフルバックアップを作成しました: {reason}。',
  'copied-instead': '以前のバックアップを合成できないため、サーバーからファイルをコピーしました: {reason}。',
  'reason.newest-is-full': '最新のバックアップがすでにフルバックアップです',
  'reason.no-earlier': '基になる以前のバックアップがありません',
  'reason.chain-long': 'チェーンの長さが {chain} で、maxChain は {most} です',
  'reason.moved': '{path} は設定の保存先にもうありません',
  'reason.manifest-missing': '{path} のマニフェストがありません',
  'names.more': '{names}、ほか {more} 件',
  'paths.unreadable': '読み取れず、バックアップに含まれないパス({count} 件): {names}。',
  'paths.refused': '読み取れず(権限なし、またはアーカイブ済み)、バックアップに含まれないパス({count} 件): {names}。',
  'paths.vanished': 'バックアップ中に消えたパス({count} 件): {names}。',
  'paths.changed': '読み取り中に変更され、新旧の内容が混在している可能性があるパス({count} 件): {names}。',
  'paths.replaced': '読み取り中に置換または削除され、バックアップでは途中で切れているパス({count} 件): {names}。',
  'paths.elsewhere':
    '別のファイルシステムにあり、バックアップに含まれないパス(crossFilesystems: true で対象になります)({count} 件): {names}。',
  'paths.ours': 'バックアップの作成先にあり、バックアップに含まれないパス({count} 件): {names}。',
  'paths.missing': '対象に指定されているが存在しないパス({count} 件): {names}。',
  'paths.binary': 'テキストではなく、バックアップに含まれないパス(files 方式なら対象になります)({count} 件): {names}。',
  'paths.too-large': 'maxFileKilobytes を超え、バックアップに含まれないパス({count} 件): {names}。',
  'paths.no-plain-file':
    'ファイル、フォルダー、リンクのいずれでもなく、バックアップに含まれないパス({count} 件): {names}。',
  'paths.name-of-git': 'Git の予約名で、バックアップに含まれないパス({count} 件): {names}。',
  'tags.refused': '{count} 個のオブジェクトのタグを読み取れず(s3:GetObjectTagging)、バックアップに含まれていません。',
  'log.before-unreadable': '前のログを読み取れないため、このログは前のログにつながりません: {reason}',
  'log.gap-wal':
    'ログに欠落があります: {reason}。{from}({fromLsn})から、{toLsn} より後の次のフルバックアップまでの時点にはリストアできません。',
  'log.gap-binlog':
    'ログに欠落があります: {reason}。{from}({fromFile})より後、{toFile} より前に書き込まれた内容は、ログからリストアできません。',
  'log.archive-short': 'WAL アーカイブでは欠落を補えません: {reason}',
  'log.from-archive': '{first} から {last} までの WAL はサーバーにもうないため、アーカイブから取得しました。',
  'slot.nobody-receives':
    'この設定の WAL は常時受信する必要がありますが、現在受信しているワーカーがありません。ワーカーが稼働しているか、ログにエラーがないか確認してください。',
  'slot.no-limit':
    'サーバーはこのバックアップのために WAL を無制限に保持します。バックアップが止まるとディスクがあふれます。max_slot_wal_keep_size をディスクに余裕のある値に設定してください。',
  'whose.log': 'このログ',
  'whose.receiver': 'この設定のレシーバー',
  'remedy.log': 'ログの取得間隔を短く',
  'remedy.receiver': '受信が追いつかない原因を確認',
  'slot.lost':
    'サーバーが{whose}のスロットを無効にしました(wal_status: lost)。max_slot_wal_keep_size を増やすか、{remedy}してください。',
  'slot.unreserved':
    '{whose}のスロットは間もなく無効になります(wal_status: unreserved、保持量 {kept})。次のチェックポイントで、どのログにもない WAL が失われます。max_slot_wal_keep_size を増やすか、{remedy}してください。',
  'slot.near-limit':
    '{whose}のスロットは {kept} を保持しており、あと {safe} で無効になります(max_slot_wal_keep_size)。この値を増やすか、{remedy}してください。',
  'slot.extended':
    '{whose}のスロットは WAL を {kept} 保持しており、max_wal_size を超えています(wal_status: extended)。',
  'slot.unlimited':
    '{whose}のスロットは上限なしで WAL を {kept} 保持しています。{remedy}し、ディスクがあふれる前に max_slot_wal_keep_size を設定してください。',
  'slot.unlimited-left':
    '{whose}のスロットは上限なしで WAL を {kept} 保持しており、ディスクの空きは {free} です。{remedy}し、ディスクがあふれる前に max_slot_wal_keep_size を設定してください。',
  'archive.not-there':
    'サーバーは {file} をアーカイブ済みとしていますが、{location} にありません。archive_command を確認し、hozen wal check を実行してください。',
  'archive.unreadable': 'WAL アーカイブを確認できません: {reason}',
  'archive.failing':
    'サーバーが {file} のアーカイブに失敗しています(archive_command、最終失敗 {at}、失敗 {count} 回、最後に成功したもの: {last})。以後の WAL がすべて残り、ディスクがあふれます。原因はサーバーのログを確認してください。',
  'tables.not-transactional':
    '次のテーブルはトランザクション非対応のため、ほかと同じ時点の内容ではありません: {names}。',
  'tables.without-history':
    '次のテーブルには行の履歴 (システムバージョニング) がありますが、ダンプには現在の行だけが含まれます。履歴も残すにはサーバーのファイルをコピーしてください: {names}。',
  'views.unusable':
    '次のビューは必要なテーブル、列、関数またはユーザーが存在せず、サーバー自身でも使えないため、リストアされません。修正または削除してください。定義はバックアップ内の {file} にあります: {names}。',
  'tables.unusable':
    '次のテーブルは、マージ元が存在しないか、再作成できないファイル名のため、バックアップに含まれません(名前を変更するか削除してください): {names}。',
  'folders.no-databases':
    'サーバーはデータディレクトリ内の次のフォルダーをデータベースとして扱っています(ignore_db_dirs を設定するか、移動してください)。バックアップには含まれません: {names}。',
  'server.no-binlog': 'サーバーのバイナリログが無効です。このバックアップより後の変更はリストアできません。',
  'users.left-out': 'サーバーが名前解決をしないため使われていない次のユーザーは、バックアップに含まれません: {names}。',
  'users.rights-lost':
    'すでに存在しないテーブル、列、ルーチンに対する権限は含まれていません。該当するアカウント: {names}',
  'transaction.open':
    'トランザクションが {seconds} 秒前から開いたままです(プロセス {pid}、ユーザー {user}、データベース {database})。',
  'database.interrupted': 'データベース「{database}」は DROP DATABASE が中断されているため、対象外です。',
  'database.closed': 'データベース「{database}」は接続を許可していないため、対象外です。',
  'server.standby': 'サーバーはスタンバイです。UNLOGGED テーブルの内容はバックアップに含まれません。',
  'parts.nothing': '{pattern} に該当するものがないため、何も除外されません。',
  'parts.tables': 'データベース「{database}」のテーブルとビュー {count} 個を、設定に従って除外しました。',
  'parts.without-rows': 'データベース「{database}」で定義のみ(行なし)のもの: {names}。',
  'parts.large-objects': 'データベース「{database}」は一部だけが指定されているため、ラージオブジェクトは含まれません。',
  'parts.needs': 'データベース「{database}」で、除外されたものに依存するため同じく除外したもの: {names}。',
  'file.config-unreadable': '設定ファイル {path} は読み取れないため、バックアップに含まれません。',
  'file.name-long': 'ファイル {path} は名前が長すぎるため、バックアップに含まれません。',
  'restore.archiving-off':
    'リストアしたサーバーはアーカイブを行いません。元のサーバーの WAL に混ざらないよう、postgresql.auto.conf の最後に archive_mode = off を設定してあります。再びアーカイブするには、archive_command を確認し、初回起動の前にそこを「on」に書き換えてください。起動後の場合は ALTER SYSTEM SET archive_mode = on、再起動、新しいフルバックアップの順に行います。',
  'restore.not-shut-down':
    'そこのサーバーは正常に停止されていません。最後に書き込まれた内容は、ログを取得していない限り、ほかのどこにもありません。',
  'restore.beyond-last-log':
    '指定の時点は最後のログより後です。それより後に終了したトランザクションが WAL アーカイブにあれば到達できますが、それはアーカイブを読んで初めて分かります。なければ何もリストアされません。その場合は最新の時点を指定してください。',
  'restore.whole-seconds':
    'バイナリログの時刻はサーバーの時計による秒単位です。指定した秒のうちにコミットされた内容は含まれません。GTID または位置を指定すれば正確です。',
  'restore.kept-tree':
    '{name} にあったものは {kept} に残っています。そのファイルを開いていたプログラムは、そちらに書き込み続けます。不要になったら削除してください。',
  'restore.kept-postgres':
    '以前の「{name}」は「{kept}」として残してあり、アプリケーションからは接続できません。不要になったら DROP DATABASE してください。',
  'restore.kept-mariadb':
    '以前の「{name}」はイベントを除いて「{kept}」として残してあります。全体への権限を持たないユーザーには、そこでの権限はありません。不要になったら DROP DATABASE してください。',
  'restore.program-not-kept': '{program} を「{kept}」に残せませんでした: {reason}',
  'restore.stays-different': 'すでにあり、バックアップのものとは異なりますが、そのまま残します: {name}。',
  'restore.owners-not-set':
    'ワーカーが root ではないため、ファイルの所有者を復元できませんでした。すべてワーカーのユーザーの所有です。',
  'restore.attributes-not-set': 'ファイルシステムが対応していないため、ACL または拡張属性を復元できませんでした。',
  'restore.devices-not-set': 'ワーカーに作成する権限がないため、デバイスノードを復元できませんでした。',
  'restore.statistics-incomplete': '統計情報が完全ではありません: {what}。ANALYZE を実行してください。',
  'what.table-of': 'データベース「{database}」のテーブル {table}: {reason}',
  'what.database': 'データベース「{database}」: {reason}',
  'restore.users-not-restored':
    'ユーザー、ロール、およびその権限はリストアされません。バックアップ内の users.sql にあります。',
  'restore.other-series': 'サーバーのバージョン系列が異なるため、行はバックアップと比較しますが、定義は比較しません。',
  'restore.other-case':
    'サーバーの lower_case_table_names が異なります。テーブル名の大文字・小文字が変わったり、名前が重複したりすることがあります。',
  'restore.renamed': 'データベース「{name}」自体の設定と権限は、名前「{as}」ではリストアされません。',
  'restore.not-in-backup': 'データベース「{name}」は、設定によりバックアップに含まれていません。',
  'restore.every-server-has':
    'データベース「{name}」はどのサーバーにもあるため、バックアップの内容は「{as}」に入れます。',
  'restore.superuser-made': 'ロール「{role}」を作成します。サーバー上で何でもできるロールです。',
  'restore.role-stays': 'ロール「{role}」はすでにあり、バックアップのものとは異なります。そのまま残します。',
  'what.dump-of-postgres':
    'バックアップは PostgreSQL のダンプです。PostgreSQL の対象とそのデータベースを指定してください',
  'what.copy-of-postgres':
    'バックアップはファイルのコピーです。対象とデータベースではなく、新しいディレクトリを指定してください',
  'what.log-of-postgres': 'バックアップはログです。代わりに、ファイルのコピーを特定の時点にリストアしてください',
  'what.copy-of-mariadb':
    'バックアップは MariaDB サーバーのファイルのコピーです。対象とデータベースではなく、新しいディレクトリを指定してください',
  'what.binary-log':
    'バックアップはバイナリログです。代わりに、ファイルのコピーまたはダンプを特定の時点にリストアしてください',
  'what.dump-of-mariadb':
    'バックアップは MariaDB のダンプです。MariaDB の対象とそのデータベース、または新しいディレクトリを指定してください',
  'what.tree':
    'バックアップはファイルツリーです。対象ではなく、新しいディレクトリ(バケットのバックアップならバケット)を指定してください',
  'what.other-flavour': 'バックアップは {from} のもので、サーバーは {to} です。{from} の対象を指定してください',
  'what.in-place-of-mysql':
    'MySQL のデータベースは置き換えられません。別の名前でリストアしてください(--database 名前=別の名前)',
  'what.account-refused': 'サーバーがアカウント {name} をバックアップのとおりに受け付けません',
  'what.parts-of-postgres': 'スキーマやテーブルを選べるのは PostgreSQL のダンプだけです',
  'what.no-server': 'サーバーではありません。新しいディレクトリを指定してください',
  'what.point-of-mariadb': 'MariaDB サーバーの時点は、時刻、最新、GTID、またはバイナリログの位置で指定します',
  'what.point-of-postgres':
    'PostgreSQL サーバーの時点は、時刻、最新、LSN、トランザクション、またはリストアポイントで指定します',
  'what.tree-without-log': 'ファイルツリーにはログがありません。バックアップの時点の状態にだけリストアできます',
  'what.log-begins-later':
    'コピーは {lsn}({at})で終わり、ログは {start} から始まります。次を実行してください: {command}',
  'what.no-later-log':
    'コピーは {lsn}({at})で終わり、それより後のログがありません。ログの設定(postgres-wal)を実行してください',
  'what.locks':
    '{database} の {tables} 個のテーブルは比較の際にすべてロックされます: max_locks_per_transaction を {locks} 以上に設定し、サーバーを再起動してください',
  'what.sql-whole':
    '形式 sql のバックアップからはデータベース単位でだけリストアできます。一部だけのリストアには形式 archive の構成が必要です',
  'what.only-utf8': 'テーブルのリストアは UTF8 から UTF8 の間だけで、{encoding} ではできません',
  'what.process': 'プロセス {pid}({folder})',
  'what.room': '空き {free}、必要 {needed}',
  'what.needs-no-approval': '置き換えではないため、承認は不要です',
  'what.asked-by-same': '{by} 自身が依頼したため、別の人の承認が必要です',
  'what.approved-already': 'すでに承認されています',
  'what.not-waiting': '状態が {state} です',
  'what.other-plan': '確認された計画が現在のものと異なります',
  'what.too-late': '承認の期限が過ぎています',
  'what.nobody-approved': '期限内に承認されませんでした',
};
