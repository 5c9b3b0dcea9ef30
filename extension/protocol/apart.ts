/**
 * Plain data with large columns, for a way that carries messages of a bounded size only: the data goes ahead with a mark in the
 * place of each column, and columns follow in pieces.
 */

/** Numbers of a column. */
export type Column = Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

const TYPES = { Float32Array, Float64Array, Int32Array, Uint8Array, Uint16Array, Uint32Array } as const;

/** What the columns are, by the number on their mark. */
export interface ColumnShape {
  readonly type: keyof typeof TYPES;
  readonly length: number;
}

export interface Apart {
  /** The data with marks. */
  readonly marked: unknown;
  readonly columns: readonly ColumnShape[];
}

/** No field of any data is called so. */
const MARK = '$column';

/** Takes data apart. What holds the same column twice has the same mark twice. */
export function takeApart(data: object): { readonly apart: Apart; readonly columns: readonly Column[] } {
  const columns: Column[] = [];
  const marks = new Map<Column, object>();
  const marked = mapped(data, (value) => {
    if (!isColumn(value)) return undefined;
    const mark = marks.get(value) ?? { [MARK]: columns.push(value) - 1 };
    marks.set(value, mark);
    return mark;
  });
  return { apart: { marked, columns: columns.map(shapeOf) }, columns };
}

/** The data, with columns in the place of their marks. */
export function putTogether({ marked }: Apart, columns: readonly Column[]): unknown {
  return mapped(marked, (value) => (MARK in value ? columns[Number(value[MARK])] : undefined));
}

/** An empty column in memory that threads share: none of them copies it when it is sent the column. Throws RangeError. */
export function sharedColumn({ type, length }: ColumnShape): Column {
  const { BYTES_PER_ELEMENT: bytes } = TYPES[type];
  const Columns: new (memory: SharedArrayBuffer) => Column = TYPES[type];
  return new Columns(new SharedArrayBuffer(length * bytes));
}

/** A column's bytes, where they lie. */
export function bytesOf(column: Column): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

function isColumn(value: object): value is Column {
  return ArrayBuffer.isView(value);
}

function shapeOf(column: Column): ColumnShape {
  return { type: column.constructor.name as ColumnShape['type'], length: column.length };
}

/** A copy in which some objects stand as others; what is one object in the data is one in the copy. */
function mapped(
  value: unknown,
  replace: (value: object) => object | undefined,
  known = new Map<object, object>(),
): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const made = known.get(value) ?? replace(value);
  if (made) return made;
  const copy: object = Array.isArray(value) ? [] : {};
  known.set(value, copy);
  for (const [key, item] of Object.entries(value)) Object.assign(copy, { [key]: mapped(item, replace, known) });
  return copy;
}
