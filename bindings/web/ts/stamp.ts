// What a message says of its own life.

import { bytes, count, exactly, fields, millis, needsModule, oneOf } from "./checks.js";
import { invalid } from "./errors.js";
import type { Bytes } from "./shapes.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/**
 * When a message's life ends. `ttl` is in milliseconds, at least a second, and counts in whole seconds, at most 2^32 − 1 of
 * them.
 */
export type Policy =
  | { readonly kind: "afterSend"; readonly ttl: number }
  | { readonly kind: "afterRead"; readonly ttl: number }
  | { readonly kind: "onClose"; readonly ttl?: undefined };

/** How long the messages of a conversation live, as somebody has set it. */
export interface Setting {
  /** Counts the changes: from 1 to 2^63 − 1. */
  readonly version: bigint;
  /** How long messages live; absent is an explicit *off*. */
  readonly policy: Policy | undefined;
  /** Who made it, as it says: 8 bytes. */
  readonly by: Uint8Array;
}

/** How often a message may be opened: `once` is "view once". */
export type Opens = "unlimited" | "once" | "twice";

const OPENS: readonly Opens[] = ["unlimited", "once", "twice"];
const POLICIES = ["", "afterSend", "afterRead", "onClose"];

interface Fields {
  readonly bytes: Uint8Array;
  readonly setting: { readonly setting: Setting; readonly change: boolean } | undefined;
  readonly ownPolicy: Policy | undefined;
  readonly opens: Opens;
}

/** Fields on their way into a stamp, which nobody else makes. */
class Wrapped {
  readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
  }
}

let fieldsOf: (stamp: Stamp) => Fields | undefined;

/**
 * What a message says about its own life: the conversation's setting, repeated in every message so that loss heals, and what
 * holds for this message alone (docs/protocol.md §8). It never changes: what changes it gives another one.
 */
export class Stamp {
  readonly #fields: Fields;

  static {
    fieldsOf = (stamp) => (#fields in stamp ? stamp.#fields : undefined);
  }

  /** @internal */
  constructor(fields: unknown) {
    if (!(fields instanceof Wrapped)) throw invalid("stamps are made by static methods");
    this.#fields = fields.fields;
  }

  /**
   * A stamp from its encoding, 1 to 26 bytes.
   *
   * @throws `malformed`
   */
  static decode(encoded: Uint8Array): Stamp {
    const given = bytes(encoded, "encoded");
    needsModule();
    return stampFrom(read(module.read_stamp(given)));
  }

  /** One that says nothing. */
  static none(): Stamp {
    return Stamp.decode(NONE);
  }

  /** Its bytes, in their only encoding. */
  encode(): Bytes {
    return checked(this).bytes.slice();
  }

  /** The conversation's setting as the sender knows it; absent if none was ever made. */
  get setting(): Setting | undefined {
    return checked(this).setting?.setting;
  }

  /** Whether this very message is the change of the setting. */
  get isChange(): boolean {
    return checked(this).setting?.change ?? false;
  }

  /** The message's own policy; absent if the setting alone holds. */
  get ownPolicy(): Policy | undefined {
    return checked(this).ownPolicy;
  }

  /** How often the message may be opened. */
  get opens(): Opens {
    return checked(this).opens;
  }

  /** The same with a policy of this message's own. */
  withPolicy(policy: Policy): Stamp {
    return but(this, ...policyOf(policy), undefined, false);
  }

  /** The same, to be opened so often. */
  withOpens(opens: Opens): Stamp {
    return but(this, 0, 0, oneOf(opens, OPENS, "opens"), false);
  }

  /** The same, in the message that is the change of the setting, for clients that show it. */
  announcingChange(): Stamp {
    return but(this, 0, 0, undefined, true);
  }
}

/** @internal What the module says of a stamp. */
export function stampFrom(raw: object): Stamp {
  return new Stamp(new Wrapped(raw as Fields));
}

/** @internal Its encoding; that of one that says nothing, if there is none. */
export function stampBytes(stamp: unknown): Uint8Array {
  return stamp === undefined ? NONE : checked(stamp).bytes;
}

function but(stamp: unknown, policy: number, seconds: number, opens: number | undefined, change: boolean): Stamp {
  return stampFrom(read(module.change_stamp(checked(stamp).bytes, policy, seconds, opens, change)));
}

function checked(stamp: unknown): Fields {
  const fields = typeof stamp === "object" && stamp !== null ? fieldsOf(stamp as Stamp) : undefined;
  if (fields === undefined) throw invalid("stamp must be a Stamp");
  return fields;
}

const NONE = new Uint8Array(2);

/** @internal The number of a policy's kind, and its seconds. */
export function policyOf(policy: Policy | undefined): [kind: number, seconds: number] {
  if (policy === undefined) return [0, 0];
  const { kind, ttl } = fields(policy, "policy");
  const place = oneOf(kind, POLICIES, "policy.kind");
  if (place === 0) throw invalid("policy.kind must be one of afterSend, afterRead, onClose");
  if (place === 3) return [place, 0];
  const seconds = Math.floor(millis(ttl, "policy.ttl") / 1_000);
  if (seconds < 1) throw invalid("policy.ttl must be a second at least");
  return [place, count(seconds, "the seconds of policy.ttl")];
}

/** @internal */
export function settingOf(setting: Setting): [version: bigint, kind: number, seconds: number, by: Uint8Array] {
  const { version, policy, by } = fields(setting, "setting");
  if (typeof version !== "bigint" || version < 1n || version >= 1n << 63n) {
    throw invalid("setting.version must be a bigint from 1 to 2^63 - 1");
  }
  return [version, ...policyOf(policy), exactly(by, 8, "setting.by")];
}
