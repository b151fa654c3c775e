import type { ErrorCode } from '../errors/catalogue.js';
import type { TextCatalogue } from './en.js';
import { noticesZh } from './notices/zh.js';

export const zh: TextCatalogue<ErrorCode> = {
  errors: {
    REQUEST_INVALID: ['请求内容无效', '请按所列原因修正字段后重新发布。'],
    CONFIG_UNKNOWN: [
      '没有名为“{config}”的备份配置',
      '用 `hozen configs` 查看列表，或用 `hozen apply -f backups.yaml` 创建。',
    ],
    CONFIG_INVALID: ['配置内容无效', '请修正上面列出的字段后重新应用。'],
    LEVEL_UNSUPPORTED: ['方式 {method} 不支持“{level}”级别的备份', '可用的级别：{allowed}'],
    OUTSIDE_WINDOW: [
      '现在不在配置“{config}”的执行时间窗口 {window} 之内',
      '请等待窗口，或使用 `overrideWindow: true`（`hozen backup --override-window`）；该操作会被记录。',
    ],
    TARGET_UNREACHABLE: [
      '无法连接目标“{target}”的服务器 {host}:{port}',
      '请检查 PostgreSQL 是否运行、listen_addresses 和防火墙是否允许本节点访问，以及目标中的地址。',
    ],
    TARGET_CONNECTION_LOST: ['与目标“{target}”的连接中断', '服务器重启或网络故障，请查看此时刻的服务器日志。'],
    TARGET_NOT_READY: ['目标“{target}”的服务器尚未接受连接', '正在启动、关闭或连接数已满，会自动重试。'],
    TARGET_REFUSED: ['目标“{target}”拒绝了备份所需的操作', '服务器说明了原因，通常也说明了处理方法；系统会重试。'],
    TARGET_LOCKED: [
      '未能在规定时间内获得目标“{target}”上的锁',
      '请用 pg_blocking_pids 找到持锁会话并结束它，或在没有结构变更时备份。',
    ],
    TARGET_AUTH_FAILED: [
      '目标“{target}”拒绝用户“{user}”登录',
      '请检查用户名、目标引用的密钥，以及服务器的 pg_hba.conf。',
    ],
    TARGET_RIGHTS_MISSING: [
      '用户“{user}”无权读取目标“{target}”的全部内容',
      '整个集群的备份需要超级用户，或能读取所有对象和 pg_authid 的角色。',
    ],
    TARGET_REPLICATION_MISSING: [
      '用户“{user}”无权复制目标“{target}”的文件',
      '请以超级用户在目标上执行：ALTER ROLE "{user}" REPLICATION;',
    ],
    TARGET_UNSUITABLE: [
      '无法复制目标“{target}”：{setting} 为 {value}，必须为 {needed}',
      '请修改该设置（ALTER SYSTEM SET …，然后重启服务器），或改用方法 postgres-logical。',
    ],
    PARTS_UNMATCHED: [
      '目标“{target}”中没有配置所指定的对象：{what}',
      '请更正配置中的 `include` 和 `exclude`（双引号以外的名称按小写处理），或创建缺少的对象。',
    ],
    TARGET_FOLDER_MISSING: [
      '目标“{target}”的文件夹 {path} 不存在',
      '请检查目标中的路径，以及工作节点上应挂载的内容是否已挂载。',
    ],
    TARGET_FOLDER_UNREADABLE: [
      '无法读取目标“{target}”的文件夹 {path}',
      '请给工作节点的用户读取权限（或以 root 运行），并查看后面的说明。',
    ],
    REPOSITORY_UNREACHABLE: ['无法连接仓库 {repository}', '请检查地址，以及工作进程与仓库服务器之间的网络。'],
    REPOSITORY_BUSY: [
      '每次要推送时，仓库 {repository} 都已有新的提交',
      '请减少同时向该分支推送的配置，或为此配置使用单独的分支。',
    ],
    REPOSITORY_REFUSED: [
      '仓库 {repository} 拒绝了请求：{reason}',
      '请检查密钥或密码、已知主机密钥、仓库的所有者，以及该分支是否允许推送。',
    ],
    TOOL_MISSING: [
      '找不到 PostgreSQL {major} 的程序 {tool}',
      '请安装（Debian：apt-get install postgresql-client-{major}），或把 HOZEN_PG_BIN_{major} 设为其目录。',
    ],
    TOOL_TOO_OLD: [
      '服务器是 PostgreSQL {server}，而这里最新的客户端是 {client}',
      '请在工作节点安装 {server} 或更新的客户端；旧的 pg_dump 不能读取新的服务器。',
    ],
    PROGRAM_MISSING: ['找不到程序 {tool}', '请按上面的说明在工作节点上安装。'],
    PROGRAM_TOO_OLD: [
      '{tool} 的版本是 {client}，而服务器是 {server}',
      '请在工作节点上安装与服务器同一版本系列或更新的程序。',
    ],
    TOOL_UNPATCHED: ['{tool} {version} 存在已知安全漏洞', '请把 PostgreSQL 客户端软件包升级到 {minimum} 或更高版本。'],
    TOOL_FAILED: ['{tool} 以 {exit} 结束', '请按上面它自己的信息排除原因后重新运行。'],
    DISK_FULL: ['{path} 所在磁盘已满', '请释放空间或把存储移到更大的磁盘，然后重新运行。'],
    DISK_TOO_SMALL: ['{path} 剩余 {free}，但需要 {needed}（预计大小的两倍）', '请释放空间或选择其他存储路径。'],
    STORAGE_UNWRITABLE: ['无法写入存储目录 {path}', '请给工作节点的用户写权限，并确认以读写方式挂载。'],
    STORAGE_IO: ['读写 {path} 失败', '请检查磁盘或挂载；会自动重试。'],
    STORAGE_CONFLICT: ['{path} 处已有另一个备份', '没有覆盖任何内容。两个配置不能同时使用相同的名称和存储路径。'],
    STORAGE_REFUSED: [
      '存储拒绝了 {path}（{reason}）',
      '请检查存储桶是否存在，以及密钥、其权限和有效期；原因是服务商的答复。',
    ],
    STORAGE_CLOCK_SKEW: [
      '本机时钟与 {path} 处存储的时钟相差 {seconds} 秒',
      '请校准工作节点的时钟（NTP）。在此之前存储会拒绝所有请求。',
    ],
    WAL_INVALID: ['{path} 不是其名称所示的 WAL 文件', '没有归档。请查明是谁写入的；服务器会保留该文件并再次请求。'],
    WAL_CONFLICT: [
      'WAL 归档 {path} 中已有 {name}，但内容不同',
      '没有覆盖任何内容。可能有两台服务器归档到同一位置，或者本服务器被回退：请为它指定单独的 WAL 归档（另一路径或前缀），并做一次全量备份。',
    ],
    WAL_FOREIGN: [
      'WAL 归档 {path} 属于集群 {theirs}；这里是 {ours}',
      '没有归档。每个集群都要有自己的 WAL 归档；pg_upgrade 或 initdb 之后要换新的。',
    ],
    WAL_GAP: [
      'WAL 归档 {path} 中没有 {name}，但有它前后的 WAL',
      '恢复在此停止，而不是悄悄提前结束。如果服务器的 pg_wal 中还有该文件，请归档它；否则请恢复到缺口之前，或从之后的全量备份恢复：hozen wal list',
    ],
    STORAGE_TOO_LARGE: [
      '{path} 处的备份超出了 {parts} 个 {partSize} 的分段',
      '读取期间数据库远远超出预期大小。请重新运行；如果服务商接受更多分段，请调高 maxParts。',
    ],
    COMPRESSION_FAILED: ['压缩数据失败', '会自动重试；若持续出现，请检查内存和 Node。'],
    ARTEFACT_MISSING: ['{path} 已不存在', '请查明是谁删除了它；备份会重新执行。'],
    ARTEFACT_CORRUPT: [
      '{path} 的内容与写入时不同：{what}',
      '磁盘或传输改变了它。不要使用该文件，请检查存储；备份会重新执行。',
    ],
    ASSERTION_FAILED: [
      '数据必须满足的条件在备份中不成立：{what}。',
      '备份与当时的数据一致。请确认从何时开始；较早的备份中可能还有缺失的内容。',
    ],
    CONTENT_DIFFERS: ['恢复的内容与备份不一致：{what}', '不要使用该备份，请检查所列对象；备份会重新执行。'],
    IDENTITY_MISSING: [
      '{path} 已加密，而其配置没有指定用于解密的私钥（identity）',
      '请在配置的 `encryption.identity` 中引用私钥；也可以用 age 手动解密该文件。',
    ],
    NOT_ENCRYPTED: [
      '{path} 未加密：没有可试的密钥',
      '若要加密备份，请在其配置中设置 `encryption`；已有的备份不会重新加密。',
    ],
    IDENTITY_WRONG: [
      '配置中的私钥（identity）与 {path} 不匹配',
      '请把 `encryption.identity` 设为某个 recipient 的私钥。一个文件可以包含多个私钥，包括旧的。',
    ],
    SIGNATURE_MISSING: [
      '{path} 没有签名，而其配置要求签名',
      '请查明是谁删除了签名。启用签名之前的备份可以手动恢复，或通过没有 `signing` 的配置恢复。',
    ],
    SIGNATURE_WRONG: [
      '{path} 的签名与配置中的任何公钥都不匹配',
      '备份可能被人改动过，查明之前不要恢复。如果是旧密钥签名的，请把旧公钥加入 `signing.publicKeys`。',
    ],
    SIGNING_KEY_WRONG: [
      '签名密钥 {reference} 无法使用',
      '它必须是 PEM 格式的 Ed25519 私钥（openssl genpkey -algorithm ed25519），且其公钥在 `signing.publicKeys` 中。',
    ],
    SANDBOX_FAILED: [
      '用于恢复测试的临时服务器失败',
      '备份本身可能是好的，但未被证明。请检查工作节点的空间、区域设置和扩展。',
    ],
    SANDBOX_MISSING: [
      '本工作节点无法在沙箱中运行读取备份的程序，而 HOZEN_SANDBOX 设为 require',
      '请安装 bubblewrap（Debian：apt-get install bubblewrap），并允许工作节点使用用户命名空间（docs/operations.md）。设为 HOZEN_SANDBOX=auto 时会在没有沙箱的情况下继续，并予以说明。',
    ],
    APPROVAL_MISSING: [
      '就地恢复 {id} 未获批准：{what}。',
      '由第二位 DBA 批准方案：hozen approve ID --plan HASH。若已过期，请重新请求恢复。',
    ],
    PLAN_CHANGED: [
      '就地恢复将要执行的内容与批准的不同。',
      '批准之后数据库、服务器或备份发生了变化。请查看方案并重新请求。',
    ],
    SAFETY_BACKUP_FAILED: [
      '对将被替换内容的备份没有成功：{what}。',
      '没有任何更改。请查看失败原因（hozen runs），然后重新请求恢复。',
    ],
    TOKEN_MISSING: [
      '此环境需要令牌，但没有提供，或令牌未知、已过期。',
      '请把 HOZEN_TOKEN 设为您的令牌。令牌由 DBA 创建：hozen token create NAME --role viewer|operator|dba。',
    ],
    ROLE_MISSING: [
      '{name} 的角色是 {role}，此操作需要 {needed}。',
      '请让拥有该角色的人操作，或请 DBA 为您另建令牌：hozen token create。',
    ],
    SECRET_UNAVAILABLE: ['无法读取密钥 {reference}', '请检查引用的环境变量是否存在、文件是否可读。'],
    TIMED_OUT: ['超过了允许的 {minutes} 分钟', '请提高 `timeoutMinutes`，或查明服务器或存储缓慢的原因。'],
    ABANDONED: ['执行期间工作节点意外终止了 {attempts} 次', '请查看工作节点日志，找出终止原因（内存、重启等）。'],
    CANCELLED: ['已取消', '准备好后请重新开始。'],
    LEASE_LOST: ['该工作节点失去了租约', '其他工作节点已接管，无需操作。'],
    RESTORE_IMPOSSIBLE: [
      '无法将备份恢复到 {target}：{what}',
      '请先排除障碍再重新请求。查看全部：hozen restore … --plan',
    ],
    RESTORE_UNFINISHED: [
      '数据目录 {path} 只恢复了一部分：{what}',
      '现在服务器无法在此启动。请用 --delta 从此备份或其他备份再次恢复；已正确的部分不会重写。',
    ],
    RECOVERY_FAILED: [
      '恢复出的服务器未能将日志重放到 {point}',
      '后面是服务器自己的说明。文件夹中没有留下任何内容。请指定另一个时间点，或从另一个备份开始；可到达的时间点见 hozen restore … --plan',
    ],
    MAINTENANCE_BACKUP_FAILED: ['维护前的安全备份失败：{reason}', '数据库没有任何改动。请先修复备份，再重新请求。'],
    MAINTENANCE_TYPE_UNSUPPORTED: ['尚不支持“{type}”类型的维护', '可用的类型：{allowed}'],
    MAINTENANCE_IMPOSSIBLE: [
      '目标“{target}”的维护无法执行',
      '没有做任何更改。请改正上面指出的问题（数据库名、权限、所连的服务器），然后重新请求。',
    ],
    MAINTENANCE_STEP_FAILED: [
      '{steps} 个维护步骤中有 {failed} 个失败',
      '其余步骤已完成。请改正上面指出的问题（含重复值的唯一索引须先去重才能重建），然后重新请求；各步骤见 GET /maintenance/{run}。',
    ],
    DIAGNOSIS_FAILED: ['无法诊断目标“{target}”的状态', '请人工检查服务器；没有任何改动。'],
    BROKER_UNSUITABLE: [
      'NATS 服务器 {version} 缺少所需功能：{what}',
      '请使用启用 JetStream 的 nats-server 2.9 或更高版本。',
    ],
    SCHEMA_NEWER: [
      '{service} 的表由更新的版本创建（未知迁移 {migration}）',
      '请启动更新版本的服务，或恢复升级前的表。',
    ],
    SETTINGS_INVALID: ['设置缺失或错误：{what}', '请修正所列环境变量或选项后重新启动。'],
    PORT_TAKEN: ['端口 {port} 已被占用', '请停止占用它的程序，或选择其他端口。'],
    SERVER_START_FAILED: ['{server} 未能启动', '请按上面的日志排除原因后重新启动。'],
    SERVICE_UNREACHABLE: [
      '{url} 的服务没有响应',
      '它在运行吗？用 `hozen up` 启动全部服务，或在 {variable} 中指定地址。',
    ],
    ALREADY_RUNNING: [
      '进程 {pid} 正在使用数据目录 {home}',
      '直接使用它、按 Ctrl-C 停止它，或把 HOZEN_HOME 设为其他目录。',
    ],
    FILE_UNREADABLE: ['无法读取文件 {path}', '请检查路径和权限。'],
    NOT_FOUND: ['没有{what}“{id}”', '用 `hozen {list}` 查看列表。'],
    INTERNAL: ['发生意外错误', '这是 Hozen 的缺陷，请附上本次运行的日志报告。'],
  },
  notices: noticesZh,
};
