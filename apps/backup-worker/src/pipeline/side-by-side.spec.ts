import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sideBySide } from './side-by-side.js';
import { Slots } from './slots.js';

describe('work side by side', () => {
  it('is begun in its order, no more at a time than are wanted', async () => {
    const begun: number[] = [];
    let [now, most] = [0, 0];
    await sideBySide([1, 2, 3, 4, 5], 2, undefined, async (item) => {
      begun.push(item);
      most = Math.max(most, ++now);
      await turn();
      now--;
    });
    expect({ begun, most }).toEqual({ begun: [1, 2, 3, 4, 5], most: 2 });
  });

  it('ends with what failed first, once all have ended, and begins nothing more', async () => {
    const ended: string[] = [];
    const works = sideBySide(['waits', 'fails', 'never'], 2, undefined, async (item, signal) => {
      if (item === 'fails') throw new Error('the first');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await turn();
      ended.push(item);
      throw new Error('because of it');
    });
    await expect(works).rejects.toThrow('the first');
    expect(ended).toEqual(['waits']);
  });

  it('ends with the reason of its signal', async () => {
    const outer = new AbortController();
    const begun: number[] = [];
    const works = sideBySide([1, 2], 1, outer.signal, async (item) => {
      begun.push(item);
      outer.abort(new Error('cancelled'));
      await turn();
    });
    await expect(works).rejects.toThrow('cancelled');
    expect(begun).toEqual([1]);
  });
});

describe('work in places', () => {
  it('takes those that nobody wants, and gives all of them back', async () => {
    const slots = new Slots(4);
    const end = Promise.withResolvers<void>();
    const one = slots.use(() => end.promise);
    const given: number[] = [];
    const note = (places: number) => {
      given.push(places);
      return Promise.resolve();
    };
    await slots.useUpTo(8, note);
    await slots.useUpTo(2, note);
    end.resolve();
    await one;
    await slots.useUpTo(8, note);
    expect(given).toEqual([3, 2, 4]);
  });

  it('gives them back when it fails, to those who wait', async () => {
    const slots = new Slots(2);
    const failing = slots.useUpTo(2, async () => {
      await turn();
      throw new Error('no luck');
    });
    const waiting = Promise.all([slots.use(() => Promise.resolve('one')), slots.use(() => Promise.resolve('other'))]);
    await expect(failing).rejects.toThrow('no luck');
    expect(await waiting).toEqual(['one', 'other']);
  });
});
