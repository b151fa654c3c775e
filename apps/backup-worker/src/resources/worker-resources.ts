import type { ResourcesSpec, ResourceUseView } from '@hozen/contracts';
import { withChildLimits, type ChildLimits } from '@hozen/dbms';
import { CpuGroups } from './cpu-groups.js';
import { CpuPace } from './cpu-pace.js';
import type { Pace } from './pace.js';
import { RateLimit } from './rate-limit.js';

/** Where programs are not in a control group, they give way to whatever else wants the processors. */
const NICENESS = 10;

/** What one run may take, while it runs. */
export interface Governor extends AsyncDisposable {
  /** Which means are used. */
  use: ResourceUseView;
  /** What an artefact is written with. */
  pace: Pace;
  /** Programs that `work` starts are held to the limits. */
  around<T>(work: () => T): T;
}

/** For work whose time is measured: it gives way to others, and has what they leave. */
export function givingWay(spec: ResourcesSpec): ChildLimits {
  return { ...niceTo(spec), ...ioOf(spec) };
}

function niceTo({ cpuPercent }: ResourcesSpec): ChildLimits {
  return cpuPercent < 100 ? { niceness: NICENESS } : {};
}

function ioOf({ ioClass, ioLevel }: ResourcesSpec): ChildLimits {
  if (ioClass === 'idle') return { io: { class: ioClass } };
  return ioClass === 'best-effort' ? { io: { class: ioClass, level: ioLevel } } : {};
}

/** The means that this process has, shared by its runs. */
export class WorkerResources {
  private constructor(
    private readonly groups: CpuGroups | undefined,
    private readonly pace = new CpuPace(),
  ) {}

  /** @param cgroup folder of a control group that is delegated to us, `auto` for our own, `off` for none */
  static async find(cgroup: string): Promise<WorkerResources> {
    return new WorkerResources(
      cgroup === 'off' ? undefined : await CpuGroups.open(cgroup === 'auto' ? undefined : cgroup),
    );
  }

  /**
   * @param name of the run and its epoch
   * @param signal ends all waiting
   */
  async govern(spec: ResourcesSpec, name: string, signal: AbortSignal): Promise<Governor> {
    const { cpuPercent, ioClass, ioLevel, readBytesPerSecond, writeBytesPerSecond } = spec;
    const isLimited = cpuPercent < 100;
    const group = isLimited ? await this.groups?.make(name, cpuPercent).catch(() => undefined) : undefined;
    const share = isLimited ? this.pace.join(cpuPercent) : undefined;
    const limits = { ...(group ? { cgroup: group.path } : niceTo(spec)), ...ioOf(spec) };
    return {
      use: {
        cpu: group ? 'cgroup' : isLimited ? 'niceness' : 'unlimited',
        cpuPercent,
        ioClass,
        ...(ioClass === 'best-effort' ? { ioLevel } : {}),
        ...(readBytesPerSecond === undefined ? {} : { readBytesPerSecond }),
        ...(writeBytesPerSecond === undefined ? {} : { writeBytesPerSecond }),
      },
      pace: {
        ...(share ? { cpu: () => this.pace.keep(signal) } : {}),
        ...(readBytesPerSecond === undefined ? {} : { read: new RateLimit(readBytesPerSecond, signal) }),
        ...(writeBytesPerSecond === undefined ? {} : { write: () => new RateLimit(writeBytesPerSecond, signal) }),
      },
      around: (work) => withChildLimits(limits, work),
      async [Symbol.asyncDispose]() {
        share?.[Symbol.dispose]();
        await group?.[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.groups?.[Symbol.asyncDispose]();
  }
}
