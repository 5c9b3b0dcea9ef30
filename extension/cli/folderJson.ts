/** A folder's routing as JSON, `moescope-folder` version 1, as the README documents it. */
import { expertOffsets, filesOf, layerCounts, layerTokens, tokensOf } from '../analysis/folder/domains.ts';
import { SECTIONS } from '../analysis/sections/all.ts';
import { subjectOfFolder } from '../analysis/sections/subject.ts';
import type { FolderOutcome } from '../client/folderRun.ts';

const FORMAT = 'moescope-folder';
const VERSION = 1;

/** Piece by piece; what was not routed has no domains. */
export function* folderJson(name: string, { routing, tally, ended }: FolderOutcome): Iterable<string> {
  const shapes = routing?.model.moeLayers ?? [];
  const offsets = expertOffsets(shapes);
  const head = {
    format: FORMAT,
    version: VERSION,
    name,
    model: routing && {
      name: routing.model.name,
      architecture: routing.model.architecture,
      precision: routing.model.precision,
      provider: routing.model.provider,
    },
    complete: ended === undefined,
    tally,
    layers: shapes.map(({ layer, stack, experts, k }) => ({ layer, ...(stack ? { stack } : {}), experts, k })),
    domains: (routing?.domains ?? []).map((domain) => ({
      name: domain.name,
      files: filesOf(domain),
      tokens: tokensOf(domain),
      layers: shapes.map((_, i) => ({
        tokens: layerTokens(domain, i),
        counts: Array.from(layerCounts(domain, offsets[i]!, offsets[i + 1]!)),
      })),
    })),
    files: routing?.files ?? [],
  };
  yield JSON.stringify(head).slice(0, -1);
  yield ',"sections":[';
  const subject = routing && subjectOfFolder(name, routing);
  let first = true;
  for (const { id, title, make } of subject ? SECTIONS : []) {
    yield `${first ? '' : ','}${JSON.stringify({ id, title, ...make(subject!, {}) })}`;
    first = false;
  }
  yield ']}\n';
}
