// Reports of abuse: a recipient proves to a moderator what she was sent, and nothing else.

import { MOST_BYTES, bytes, count, exactly, fields, needsModule } from "./checks.js";
import { Handle, held, wrap } from "./handle.js";
import type { Bytes, Suite } from "./shapes.js";
import { stampFrom, type Stamp } from "./stamp.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** A message in a report. */
export interface ReportEntry {
  /** What came with the message: `Received.evidence`, or of one's own `Encrypted.evidence`. */
  readonly evidence: Uint8Array;
  /** The body, just as it came. */
  readonly body: Uint8Array;
  /** What the carrier said of the delivery: from whom, for whom, when. At most 1 KiB. */
  readonly context: Uint8Array;
  /** The carrier's postmark for it, 32 bytes. */
  readonly postmark: Uint8Array;
}

/** What was delivered, beyond doubt for who trusts the carrier. */
export interface ProvenMessage {
  readonly suite: Suite;
  readonly stamp: Stamp | "malformed";
  readonly body: Bytes;
  readonly context: Bytes;
  /** 32 bytes of the message that only this content has. */
  readonly commitment: Bytes;
}

/** The carrier's key, with which it postmarks what it delivers: for servers in JavaScript. */
export class ServerKey extends Handle {
  /** Takes the key. Fill your own copy with zeros. */
  constructor(secret: Uint8Array) {
    const checked = exactly(secret, 32, "secret");
    super(wrap(() => module.RawServerKey.take(checked)));
  }

  /**
   * What the carrier adds to a message that it delivers under this context, 32 bytes.
   *
   * @throws `malformed`, `unsupported` of what is no message; `too_large` of the context
   */
  postmark(message: Uint8Array, context: Uint8Array): Bytes {
    return held<module.RawServerKey>(this, ServerKey).postmark(bytes(message, "message"), bytes(context, "context"));
  }
}

function entryOf(entry: ReportEntry): [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  const { evidence, body, context, postmark } = fields(entry, "entry");
  return [
    bytes(evidence, "entry.evidence"), bytes(body, "entry.body"), bytes(context, "entry.context"),
    exactly(postmark, 32, "entry.postmark"),
  ];
}

/** Up to 1,000 messages that are shown to a moderator. */
export class Report extends Handle {
  /**
   * Begins with a message.
   *
   * @throws `malformed`, `unsupported` of the evidence; `other_body` of a body that is not that of the message; `too_large`
   */
  static of(entry: ReportEntry): Report {
    const checked = entryOf(entry);
    return new Report(wrap(() => module.RawReport.of(...checked)));
  }

  /** @throws `malformed`, `unsupported` */
  static decode(encoded: Uint8Array): Report {
    const checked = bytes(encoded, "encoded", 2 * MOST_BYTES);
    return new Report(wrap(() => module.RawReport.decode(checked)));
  }

  /**
   * One message more.
   *
   * @throws as `of`; `too_large` of a report that is full
   */
  push(entry: ReportEntry): void {
    const checked = entryOf(entry);
    rawReport(this).push(...checked);
  }

  /** Its bytes, for the moderator alone. */
  encode(): Bytes {
    return rawReport(this).encode();
  }

  /** How many messages it has. */
  get length(): number {
    return rawReport(this).entries();
  }

  /** The context that a message claims, to find the server key by. Nothing is proved by it. */
  claimedContext(place: number): Bytes | undefined {
    return rawReport(this).claimed_context(count(place, "place"));
  }

  /**
   * What was delivered.
   *
   * @throws `unproven`: it was not delivered so, or under another key; `malformed`, `unsupported`
   */
  verify(place: number, key: ServerKey): ProvenMessage {
    const raw = rawReport(this);
    const proven = read<Omit<ProvenMessage, "stamp"> & { stamp: object | undefined }>(
      raw.verify(count(place, "place"), held<module.RawServerKey>(key, ServerKey, "key")),
    );
    return { ...proven, stamp: proven.stamp === undefined ? "malformed" : stampFrom(proven.stamp) };
  }
}

/**
 * What a message commits to, 32 bytes: the carrier may keep it in place of the message.
 *
 * @throws `malformed`, `unsupported`
 */
export function commitmentOf(message: Uint8Array): Bytes {
  const checked = bytes(message, "message");
  needsModule();
  return module.commitment(checked);
}

/**
 * The same, by the evidence.
 *
 * @throws `malformed`, `unsupported`
 */
export function commitmentOfEvidence(evidence: Uint8Array): Bytes {
  const checked = bytes(evidence, "evidence");
  needsModule();
  return module.evidence_commitment(checked);
}

function rawReport(it: unknown): module.RawReport {
  return held(it, Report);
}
