import type { Subject } from './subject.ts';

/** What is made of a subject alone, whatever the controls say, is made once. */
export function once<T>(make: (subject: Subject) => T): (subject: Subject) => T {
  const made = new WeakMap<Subject, { readonly value: T }>();
  return (subject) => {
    let known = made.get(subject);
    if (!known) made.set(subject, (known = { value: make(subject) }));
    return known.value;
  };
}
