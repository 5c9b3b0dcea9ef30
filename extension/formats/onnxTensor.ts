import * as l10n from '@vscode/l10n';
import { create } from '@bufbuild/protobuf';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { refuseLfsPointer } from './lfsPointer.ts';
import {
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType as Type,
  type TensorProto,
} from './onnx_pb.ts';

/** Bits of an element, by type. Strings have none. */
const BITS: Readonly<Record<number, number>> = {
  [Type.FLOAT]: 32,
  [Type.UINT8]: 8,
  [Type.INT8]: 8,
  [Type.UINT16]: 16,
  [Type.INT16]: 16,
  [Type.INT32]: 32,
  [Type.INT64]: 64,
  [Type.STRING]: 0,
  [Type.BOOL]: 8,
  [Type.FLOAT16]: 16,
  [Type.DOUBLE]: 64,
  [Type.UINT32]: 32,
  [Type.UINT64]: 64,
  [Type.COMPLEX64]: 64,
  [Type.COMPLEX128]: 128,
  [Type.BFLOAT16]: 16,
  [Type.FLOAT8E4M3FN]: 8,
  [Type.FLOAT8E4M3FNUZ]: 8,
  [Type.FLOAT8E5M2]: 8,
  [Type.FLOAT8E5M2FNUZ]: 8,
  [Type.UINT4]: 4,
  [Type.INT4]: 4,
  [Type.FLOAT4E2M1]: 4,
  [Type.FLOAT8E8M0]: 8,
  [Type.UINT2]: 2,
  [Type.INT2]: 2,
};

/** Bytes that a tensor of that shape takes; undefined when its type or shape cannot be. */
export function bytesOf({ dims, dataType }: TensorProto): number | undefined {
  let elements = 1;
  for (const dim of dims) {
    if (dim < 0n || dim > Number.MAX_SAFE_INTEGER) return undefined;
    elements *= Number(dim);
  }
  const bits = BITS[dataType];
  const bytes = bits === undefined ? NaN : Math.ceil((elements * bits) / 8);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Where a tensor's bytes lie. */
interface Place {
  /** Relative path, parts joined by slashes. */
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export function setExternal(tensor: TensorProto, { location, offset, length }: Place): void {
  const entries = { location, offset: String(offset), length: String(length) };
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
  tensor.rawData = new Uint8Array();
  tensor.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
}

/** The files that a model's external data may lie in. */
export class ExternalFiles {
  /** Real path of the folder that they all lie in. */
  readonly root: string;
  /** The model's own folder, as the user named it, and its real path. */
  readonly #folder: string;
  readonly #real: string;
  /** Folder of a Hugging Face cache whose files those of this model are links to. */
  readonly #blobs: string | undefined;
  readonly #found = new Map<string, { readonly location: string; readonly size: number }>();

  private constructor(folder: string, real: string, repository: string | undefined) {
    this.root = repository ?? real;
    this.#folder = folder;
    this.#real = real;
    this.#blobs = repository && join(repository, 'blobs');
  }

  /** @param path of the model's ONNX file */
  static async of(path: string): Promise<ExternalFiles> {
    const folder = dirname(path);
    const real = await realpath(folder);
    // <repository>/snapshots/<revision>/… links into <repository>/blobs.
    const parts = real.split(sep);
    const at = parts.lastIndexOf('snapshots');
    const repository = at > 0 && at < parts.length - 1 ? parts.slice(0, at).join(sep) : undefined;
    const cached = repository !== undefined && (await isFolder(join(repository, 'blobs')));
    return new ExternalFiles(folder, real, cached ? repository : undefined);
  }

  /**
   * Checks where a tensor's external data lies, and makes its location relative to the root.
   *
   * @throws UserError `weights-invalid` when it leads out of the model's folder or beyond its file, `weights-missing`
   */
  async place(tensor: TensorProto): Promise<void> {
    const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const named = entries.get('location') ?? '';
    const { location, size } = await this.#find(named, tensor.name);
    const offset = wholeNumber(entries.get('offset') ?? '0');
    const needed = bytesOf(tensor)!;
    const length = wholeNumber(entries.get('length') ?? String(needed));
    if (!(length === needed && offset + length <= size)) {
      throw new UserError(
        'weights-invalid',
        l10n.t`The tensor ${tensor.name} does not lie in ${named} as the model says: that file has ${size} bytes.`,
      );
    }
    setExternal(tensor, { location, offset, length });
  }

  async #find(named: string, tensor: string): Promise<{ readonly location: string; readonly size: number }> {
    const known = this.#found.get(named);
    if (known) return known;
    const outside = (): UserError =>
      new UserError(
        'weights-invalid',
        l10n.t`The model asks for its tensor ${tensor} in ${JSON.stringify(named)}, which is not a file of its own folder.`,
      );
    const path = normalize(named);
    // ONNX Runtime takes locations that begin with a star for addresses in memory.
    const led = path === '' || path.startsWith('..') || path.startsWith('*') || path.includes('\0');
    if (led || named === '' || isAbsolute(path) || /^[a-z]:/i.test(path)) throw outside();
    const file = join(this.#folder, path);
    const real = await realpath(file).catch(() => undefined);
    const size = real === undefined ? undefined : await fileSize(real);
    if (real === undefined || size === undefined) {
      throw new UserError(
        'weights-missing',
        l10n.t`${basename(file)}, which holds the model's weights, is missing in ${this.#folder}.`,
      );
    }
    if (!isWithin(real, this.#real) && !(this.#blobs !== undefined && isWithin(real, this.#blobs))) throw outside();
    await refuseLfsPointer(file, size, 'weights-missing');
    const found = { location: relative(this.root, real).split(sep).join('/'), size };
    this.#found.set(named, found);
    return found;
  }
}

function isWithin(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}

async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path);
  return found.isFile() ? found.size : undefined;
}

/** NaN for anything else. */
function wholeNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : NaN;
}
