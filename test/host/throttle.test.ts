import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Throttle } from '../../extension/host/throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('acts at once, then once an interval', () => {
  const action = vi.fn();
  const throttle = new Throttle(100, action);
  throttle.request();
  expect(action).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 9; i++) {
    vi.advanceTimersByTime(10);
    throttle.request();
  }
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10);
  expect(action).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1000);
  expect(action).toHaveBeenCalledTimes(2);
  throttle.request();
  expect(action).toHaveBeenCalledTimes(3);
});

test('the last request is never lost', () => {
  const seen: number[] = [];
  let value = 0;
  const throttle = new Throttle(50, () => seen.push(value));
  for (value = 1; value <= 5; value++) throttle.request();
  vi.advanceTimersByTime(50);
  expect(seen.at(-1)).toBe(6);
});

test('a request that can wait longer does, until one comes that cannot', () => {
  const action = vi.fn();
  const throttle = new Throttle(50, action);
  throttle.request();
  throttle.request(500);
  vi.advanceTimersByTime(100);
  expect(action).toHaveBeenCalledTimes(1);
  throttle.request(200);
  throttle.request(500);
  vi.advanceTimersByTime(99);
  expect(action).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(action).toHaveBeenCalledTimes(2);
  throttle.request(500);
  vi.advanceTimersByTime(100);
  throttle.request();
  expect(action).toHaveBeenCalledTimes(3);
  vi.advanceTimersByTime(1000);
  expect(action).toHaveBeenCalledTimes(3);
});

test('after the end nothing happens', () => {
  const action = vi.fn();
  const throttle = new Throttle(50, action);
  throttle.request();
  throttle.request();
  throttle.dispose();
  throttle.request();
  vi.advanceTimersByTime(1000);
  expect(action).toHaveBeenCalledTimes(1);
});
