/** A folder's routing as JSON, `moescope-folder` version 1, as the README documents it. */
import { sectionJson } from '../analysis/export/json.ts';
import type { Report } from '../analysis/export/report.ts';
import { expertOffsets, filesOf, layerCounts, layerTokens, tokensOf } from '../analysis/folder/domains.ts';
import type { Unseen } from '../analysis/folder/sentences.ts';
import type { FolderOutcome } from '../client/folderRun.ts';
import type { Written } from '../protocol/written.ts';

const FORMAT = 'moescope-folder';
const VERSION = 1;

/** One line. A folder of which nothing was routed has no model, no domains and no sections. */
export function folderJson(
  name: string,
  { routing, tally, ended }: FolderOutcome,
  unseen: Unseen,
  report: Report | undefined,
  by: Written,
): string {
  const shapes = routing?.model.moeLayers ?? [];
  const offsets = expertOffsets(shapes);
  const made = {
    format: FORMAT,
    version: VERSION,
    ...by,
    name,
    model: routing ? { name: routing.model.name, architecture: routing.model.architecture } : null,
    precision: routing?.model.precision ?? null,
    provider: routing?.model.provider ?? null,
    complete: ended === undefined,
    tally,
    unseen,
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
    sections: report?.sections.map(sectionJson) ?? [],
  };
  return `${JSON.stringify(made)}\n`;
}
