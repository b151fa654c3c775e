import { conforms } from '../conformance/conforms.js';
import { mysqlLogical } from '../conformance/subjects/mariadb-logical.js';

conforms(mysqlLogical, { sentences: ['restored', 'hostile'], large: [] });
