/** The analyst: a worker thread of the extension host that computes what would block it for longer than a frame. */
import '../protocol/childLanguage.ts';
import { parentPort } from 'node:worker_threads';
import { GROUPS } from '../analysis/sections/all.ts';
import type { FromAnalyst, ToAnalyst } from '../protocol/analyst.ts';
import { Analyst } from './analyst.ts';

const port = parentPort!;
const analyst = new Analyst();

port.on('message', (message: ToAnalyst) => {
  switch (message.type) {
    case 'subject':
      analyst.take(message.id, message.subject);
      break;
    case 'forget':
      analyst.forget(message.id);
      break;
    case 'ask':
      port.postMessage(answerTo(message));
      break;
  }
});

const sections = GROUPS.flatMap(({ title: group, sections: kinds }) =>
  kinds.map(({ id, title, files = {} }) => ({ id, title, group, files: Object.keys(files) })),
);
port.postMessage({ type: 'ready', sections } satisfies FromAnalyst);

function answerTo({ request, subject, question }: Extract<ToAnalyst, { type: 'ask' }>): FromAnalyst {
  try {
    return { type: 'answer', request, answer: analyst.answer(subject, question) };
  } catch (error) {
    return { type: 'failed', request, stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
