import { conforms } from '../conforms.js';
import { mariadbBinlog } from '../subjects/mariadb-binlog.js';

conforms(mariadbBinlog);
