import { conforms } from '../conforms.js';
import { files } from '../subjects/files.js';

conforms(files);
