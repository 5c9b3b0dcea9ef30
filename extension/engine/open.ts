import { snapshotOf } from '../formats/hubCache.ts';
import { findOnnxFile } from '../formats/onnxFolder.ts';
import type { ModelRequest } from '../protocol/engine.ts';
import type { OpenModel, OpenOptions } from './model.ts';
import { openCheckpoint } from './openCheckpoint.ts';
import { openOnnx } from './openOnnx.ts';

/** Opens what a path means: an ONNX file, a folder with one, a checkpoint, or a repository of the hub's cache. Throws UserError. */
export async function openModel(named: ModelRequest, options: OpenOptions): Promise<OpenModel> {
  const request = { ...named, folder: await snapshotOf(named.folder) };
  const file = await findOnnxFile(request.folder);
  return file === undefined ? openCheckpoint(request, options) : openOnnx(request, file, options);
}
