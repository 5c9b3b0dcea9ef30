/** The decoder thread: answers of servers into columns. */
import '../protocol/childLanguage.ts';
import { parentPort } from 'node:worker_threads';
import { isUserError, messageOf } from '../protocol/errors.ts';
import { decodeReply } from './decode.ts';
import type { FromDecoder, ToDecoder } from './decoder.ts';

const port = parentPort!;
port.on('message', ({ request, body, context }: ToDecoder) => {
  let answer: FromDecoder;
  try {
    answer = { request, reply: decodeReply(body, context) };
  } catch (error) {
    const code = isUserError(error) ? error.code : 'internal';
    answer = { request, error: { code, message: messageOf(error) } };
  }
  const columns = 'reply' in answer ? (answer.reply.columns ?? []) : [];
  port.postMessage(
    answer,
    columns.map(({ chosen }) => chosen.buffer),
  );
});
