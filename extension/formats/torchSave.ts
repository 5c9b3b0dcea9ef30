/** What torch.save writes: a zip with a pickle, data.pkl, that refers to the tensors' numbers, one entry each. */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import { gather, readIntegers, type IntegerArray } from './npy.ts';
import { readPickle, type Pickled, type PickledTensor } from './pickle.ts';
import { readZip, type ZipEntry } from './zip.ts';

export interface TorchFile {
  readonly value: Pickled;
  /** A tensor's numbers in C order. Throws UserError `trace-invalid` where its type is not one of numbers. */
  readonly tensor: (tensor: PickledTensor) => IntegerArray;
}

/** Items of storages, as numpy names them; a bfloat16 or complex is nothing that counts come in. */
const TYPES: Readonly<Record<string, string>> = {
  ByteStorage: 'u1',
  BoolStorage: 'u1',
  CharStorage: 'i1',
  ShortStorage: 'i2',
  IntStorage: 'i4',
  LongStorage: 'i8',
  FloatStorage: 'f4',
  DoubleStorage: 'f8',
};
const PICKLE = /^[^/]+\/data\.pkl$/;

/** Whether a zip's entries are those of torch.save. */
export function isTorchSave(entries: readonly ZipEntry[]): boolean {
  return entries.some(({ name }) => PICKLE.test(name));
}

/** @throws UserError `trace-invalid` naming what is wrong */
export function readTorchSave(bytes: Uint8Array): TorchFile {
  const entries = new Map(readZip(bytes).map((entry) => [entry.name, entry]));
  const pickle = [...entries.keys()].find((name) => PICKLE.test(name));
  if (pickle === undefined) throw invalid(l10n.t`it has no data.pkl`);
  const folder = pickle.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`)?.read();
  const bigEndian = order !== undefined && Buffer.from(order).toString('latin1').trim() === 'big';
  return {
    value: readPickle(entries.get(pickle)!.read()),
    tensor: ({ storage, offset, shape, strides }) => {
      const type = TYPES[storage.type];
      if (type === undefined) throw invalid(l10n.t`it has a tensor of ${storage.type}`);
      const entry = entries.get(`${folder}data/${storage.key}`);
      if (!entry) throw invalid(l10n.t`its tensor ${storage.key} is missing`);
      const items = readIntegers(entry.read(), type, bigEndian);
      if (items.length < storage.items) throw invalid(l10n.t`its tensor ${storage.key} is cut off`);
      // A view can repeat what it views; counts never do.
      if (shape.reduce((all, n) => all * n, 1) > items.length)
        throw invalid(l10n.t`it has a tensor larger than its data`);
      return { shape, values: gather(items, offset, shape, strides) };
    },
  };
}

function invalid(what: string): UserError {
  return new UserError('trace-invalid', l10n.t`This PyTorch file cannot be read: ${what}.`);
}
