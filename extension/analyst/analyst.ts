import type { CapacityLimit } from '../protocol/intervention.ts';
import { FATE, layerLimits, tokensHit, type LayerLimits } from '../analysis/limits.ts';
import { figureFile, reportFiles } from '../analysis/export/files.ts';
import { reportOf } from '../analysis/export/report.ts';
import { makeFile, makeSection } from '../analysis/sections/all.ts';
import type { Subject } from '../analysis/sections/subject.ts';
import type { Answers, DroppedLayer, Question, SlotFate } from '../protocol/analyst.ts';
import { NO_EXPERT } from '../protocol/trace.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { wantedAt } from '../analysis/load.ts';

/** A subject with what is expensive to know of it. */
interface Known {
  readonly subject: Subject;
  limits?: { readonly limit: CapacityLimit; readonly layers: readonly LayerLimits[] };
}

/** Answers questions about the subjects that it was given. Throws on questions about others. */
export class Analyst {
  readonly #known = new Map<string, Known>();

  take(id: string, subject: Subject): void {
    this.#known.set(id, { subject });
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  answer(id: string, question: Question): Answers[Question['kind']] {
    const known = this.#known.get(id);
    if (!known) throw new Error(`No subject ${id}`);
    switch (question.kind) {
      case 'section': {
        const section = makeSection(question.id, known.subject, question.set);
        if (!section) throw new Error(`No section ${question.id}`);
        return section;
      }
      case 'file': {
        const file = makeFile(question.id, question.action, known.subject, question.set);
        if (!file) throw new Error(`No file of ${question.id}: ${question.action}`);
        return file;
      }
      case 'figure': {
        const section = makeSection(question.section, known.subject, question.set);
        const figure = section?.figures.find(({ id }) => id === question.figure);
        if (!figure) throw new Error(`No figure ${question.figure} of ${question.section}`);
        return figureFile(figure, question.format);
      }
      case 'export':
        return reportFiles(
          [{ ...reportOf(known.subject, question.settings), by: writtenNow(__dirname) }],
          question.format,
          question.palette,
        );
      case 'dropped':
        return limitsOf(known, question.limit).map(droppedOf);
      case 'fate':
        return limitsOf(known, question.limit).map((limits, layer) =>
          fatesOf(known.subject, limits, layer, question.token),
        );
    }
  }
}

function limitsOf(known: Known, limit: CapacityLimit): readonly LayerLimits[] {
  const { limits, subject } = known;
  if (limits?.limit.factor === limit.factor && limits.limit.policy === limit.policy) return limits.layers;
  const { trace } = subject;
  const layers = trace?.layers.map((layer) => layerLimits(layer, trace.routed, limit)) ?? [];
  known.limits = { limit, layers };
  return layers;
}

function droppedOf(limits: LayerLimits): DroppedLayer {
  const { capacity, fate } = limits;
  return fate.some((end) => end !== FATE.NONE) ? { capacity, ...tokensHit(limits) } : { capacity };
}

function fatesOf({ trace }: Subject, limits: LayerLimits, position: number, token: number): SlotFate[] {
  const layer = trace!.layers[position]!;
  const { k, capacity, fate, place, movedTo } = limits;
  if (token >= fate.length / k) return [];
  return Array.from({ length: k }, (_, j): SlotFate | undefined => {
    const slot = token * k + j;
    const end = fate[slot];
    if (end === FATE.NONE) return undefined;
    const to = movedTo[slot]!;
    return {
      expert: layer.chosen[wantedAt(layer, token, j)]!,
      fate: end === FATE.KEPT ? 'kept' : end === FATE.MOVED ? 'moved' : 'dropped',
      place: place[slot]!,
      capacity,
      ...(to === NO_EXPERT ? {} : { movedTo: to }),
    };
  }).filter((slot) => slot !== undefined);
}
