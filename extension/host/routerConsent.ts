import * as l10n from '@vscode/l10n';
import { window, type Memento, type QuickPickItem } from 'vscode';
import * as v from 'valibot';
import { candidateShape, candidateText } from '../analysis/routerText.ts';
import type { InspectorClient } from '../client/inspectorClient.ts';
import { modelName } from '../formats/modelName.ts';
import { fileVersion, findOnnxFile } from '../formats/onnxFolder.ts';
import type { RouterFinding } from '../protocol/routers.ts';

const KEY = 'onnxRouters';
/** Answers kept; the oldest go first. */
const MAX_KEPT = 50;

/** By the path that was opened: the version of the file that the answer is about, and the routers that were agreed on. */
const schema = v.fallback(v.record(v.string(), v.object({ version: v.string(), router: v.string() })), {});

/** Shows once for each ONNX file what was found in it, and keeps the answer for as long as the file stays as it is. */
export class RouterConsent {
  readonly #memento: Memento;
  readonly #inspector: InspectorClient;

  constructor(memento: Memento, inspector: InspectorClient) {
    this.#memento = memento;
    this.#inspector = inspector;
  }

  /** The routers that were agreed on for a model; undefined for a checkpoint, or where nobody was asked yet. */
  agreed(path: string): string | undefined {
    return this.#kept[path]?.router;
  }

  /** Whether the user agrees, now or before, to what was found; a checkpoint needs no agreement. Throws UserError. */
  async settle(path: string): Promise<boolean> {
    const file = await findOnnxFile(path);
    if (file === undefined || this.#kept[path]?.version === (await fileVersion(file))) return true;
    const finding = await this.#inspector.routers(path, new AbortController().signal);
    if (!finding) return true;
    const router = await ask(modelName(path), finding);
    if (router === undefined) return false;
    const others = Object.entries(this.#kept).filter(([other]) => other !== path);
    const entries = [...others, [path, { version: finding.version, router }]].slice(-MAX_KEPT);
    await this.#memento.update(KEY, Object.fromEntries(entries));
    return true;
  }

  get #kept(): v.InferOutput<typeof schema> {
    return v.parse(schema, this.#memento.get(KEY));
  }
}

async function ask(name: string, { candidates, producer }: RouterFinding): Promise<string | undefined> {
  const [only, ...others] = candidates;
  if (others.length > 0) {
    const items = candidates.map((candidate): QuickPickItem & { id: string } => {
      return { id: candidate.id, label: candidateShape(candidate), detail: candidateText(candidate) };
    });
    const title = l10n.t`${name} may have its routers in more than one place: which lead to experts?`;
    return (await window.showQuickPick(items, { title, ignoreFocusOut: true }))?.id;
  }
  const detail = l10n.t`Written by ${producer}. Found by the structure of the graph: ${candidateText(only)}`;
  const message = l10n.t`${name}: ${candidateShape(only)}. Are these its routers?`;
  const use = l10n.t`Use`;
  return (await window.showInformationMessage(message, { modal: true, detail }, use)) === use ? only.id : undefined;
}
