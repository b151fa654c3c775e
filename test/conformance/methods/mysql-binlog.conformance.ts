import { conforms } from '../conforms.js';
import { mysqlBinlog } from '../subjects/mariadb-binlog.js';

conforms(mysqlBinlog);
