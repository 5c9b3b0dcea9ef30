import { describe, expect, it, vi } from 'vitest';
import { FirstUse } from '../../extension/host/firstUse.ts';

/** A part that tells whether it was disposed. */
function part(): { readonly dispose: () => void; readonly disposed: () => boolean } {
  let disposed = false;
  return { dispose: () => (disposed = true), disposed: () => disposed };
}

describe('a part that is loaded when it is first needed', () => {
  it('is loaded once, however often it is asked for, and not before', async () => {
    const load = vi.fn(() => Promise.resolve(part()));
    const use = new FirstUse(load);
    expect(load).not.toHaveBeenCalled();
    const [one, other] = await Promise.all([use.get(), use.get()]);
    expect(one).toBe(other);
    expect(await use.get()).toBe(one);
    expect(load).toHaveBeenCalledTimes(1);
    use.dispose();
    expect(one.disposed()).toBe(true);
  });

  it('may be tried again when loading it fails', async () => {
    const made = part();
    const load = vi
      .fn<() => Promise<typeof made>>()
      .mockRejectedValueOnce(new Error('no file'))
      .mockResolvedValue(made);
    const use = new FirstUse(load);
    await expect(use.get()).rejects.toThrow('no file');
    expect(await use.get()).toBe(made);
  });

  it('is disposed where its owner went while it was loaded', async () => {
    const made = part();
    const use = new FirstUse(() => Promise.resolve(made));
    const asked = use.get();
    use.dispose();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
    expect(made.disposed()).toBe(true);
  });
});
