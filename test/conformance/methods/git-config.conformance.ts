import { conforms } from '../conforms.js';
import { gitConfig } from '../subjects/git-config.js';

conforms(gitConfig);
