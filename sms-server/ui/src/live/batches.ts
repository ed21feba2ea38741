/**
 * Collects values, and hands them over together at most every `ms`: 10,000 events a minute are then
 * four short tasks a second. More than `cap` values in one go are not worth drawing one by one:
 * `overflow` is called in their place.
 */
export class Batches<T> {
  private waiting: T[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private overflowed = false;

  constructor(
    private readonly deliver: (values: T[]) => void,
    private readonly overflow: () => void,
    private readonly ms = 250,
    private readonly cap = 2000,
  ) {}

  add(value: T): void {
    if (this.waiting.length < this.cap) this.waiting.push(value);
    else this.overflowed = true;
    this.timer ??= setTimeout(() => this.flush(), this.ms);
  }

  /** Forgets what waits. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = [];
    this.overflowed = false;
  }

  private flush(): void {
    const [values, overflowed] = [this.waiting, this.overflowed];
    this.clear();
    if (overflowed) this.overflow();
    else this.deliver(values);
  }
}
