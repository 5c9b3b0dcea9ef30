/**
 * Imported by a child process or a worker thread before all else, so that sentences that modules hold as constants are in the
 * host's language, too.
 */
import process from 'node:process';
import { speakAsParent } from './language.ts';

speakAsParent(process.env);
